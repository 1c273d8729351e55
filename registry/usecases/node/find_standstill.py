"""What stands still though the node works: verdicts on what another country issued, and issuing for want of a key.

The node stays ready meanwhile, for all else goes on; but nobody should learn it from the first goods at the border.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime

from registry.core.verification.verdict import SENTENCES
from registry.usecases.trust.believe_peers import Beliefs
from registry.usecases.trust.sign_for_body import NOT_HELD, next_use

NO_VERDICT = "every verdict on what {country} issued is INDETERMINATE ({code}): {why}; {do}"


def find_standstill(beliefs: Beliefs, own: str, at: datetime, held: AbstractSet[str] = frozenset()) -> list[str]:
    """Say for each other country why no verdict can be given, and for each own body why nothing can be issued.

    `held` are the kids of the document signers that this node holds.
    """
    return [*_verdicts(beliefs, own, at), *_issuing(beliefs, own, at, held)]


def _verdicts(beliefs: Beliefs, own: str, at: datetime) -> Iterator[str]:
    for country, held in sorted(beliefs.lists.items()):
        for node in held.nodes.values() if country != own else ():
            word, did = beliefs.words[node.row.id], node.row.id
            if word.behind:
                do = f"{did} names a newer one: adopt it, and where its root is another, pin that first"
                yield NO_VERDICT.format(country=country, code="list-behind", why=SENTENCES["list-behind"], do=do)
            if word.as_of is not None and not word.fresh(at):
                do = f"the last word of {did} is of {word.as_of.isoformat()}: ask its operators"
                yield NO_VERDICT.format(country=country, code="status-stale", why=SENTENCES["status-stale"], do=do)


def _issuing(beliefs: Beliefs, own: str, at: datetime, held: AbstractSet[str]) -> Iterator[str]:
    for body in beliefs.lists[own].list.bodies if own in beliefs.lists else ():
        if body.signers and not any(row.in_use(at) for row in body.signers):
            begins = next_use(body.signers, at)
            when = "the trust list names no next one" if begins is None else f"the next begins at {begins.isoformat()}"
            yield f"{body.code} can issue nothing (signer-missing): none of its document signers is in use, and {when}"
        used = [row.kid for row in body.signers if row.in_use(at)]
        if used and not held & {*used} and held & {row.kid for row in body.signers}:
            yield f"{body.code} can issue nothing (signer-missing): {NOT_HELD.format(body=body.code, kid=used[0])}"
