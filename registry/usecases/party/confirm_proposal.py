"""Two people: what one operator proposed, another confirms, and once; the acts alone say who proposed.

What they compare is a digest that came by another way than the proposal, spoken and typed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import Refused
from registry.core.tlog.entry import Kind
from registry.store import acts, parties
from registry.store.acts import Act
from registry.store.parties import Role
from registry.usecases.party.identify_party import Party


@dataclass(eq=False)
class SameOperator(Refused):
    """Whoever proposed it does not confirm it."""

    code: ClassVar[str] = "same-operator"

    def __str__(self) -> str:
        return "whoever proposed it cannot confirm it: another operator does"


def find_proposals(tx: Session, subject: str, kind: Kind, *, since: Act | None = None) -> Sequence[Act]:
    """Return who proposed just this, oldest first, after the act `since`: what was confirmed before is used up.

    What was proposed by someone who is no operator any more does not count.
    """
    operators = {who.id for who in parties.holders(tx, Role.OPERATOR)}
    proposed = [act for act in acts.about(tx, subject, kind) if act.person in operators]
    return [act for act in proposed if since is None or act.seq > since.seq]


def by_another(proposals: Sequence[Act], by: Party) -> Act:
    """Return the newest of these proposals that another than `by` made; raises `SameOperator`."""
    others = [act for act in proposals if act.person != by.person]
    if not others:
        raise SameOperator
    return others[-1]


def spoken(digest: str) -> str:
    """Return a digest in groups of four, as it is read out over a telephone."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))


def heard(text: str) -> str:
    """Return the digest that someone typed as they heard it: neither spaces nor capitals matter."""
    return "".join(text.split()).lower()
