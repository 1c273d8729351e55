"""End what a backup brought to life again: a leaf says that someone was refused, and no longer whom (decision 0040)."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.tlog.entry import Kind
from registry.store import parties, tokens
from registry.store.acts import Draw
from registry.usecases.party import grant_mandate
from registry.usecases.party.identify_party import Party
from registry.usecases.party.register_party import revoke_token

OF_TOKENS = frozenset({Kind.TOKEN_REVOKED, Kind.PERSON_CHANGED, Kind.OPERATORS_BEGUN})
"""Each may have ended a token, or taken a role from who holds one."""
OF_MANDATES = frozenset({Kind.MANDATE_REVOKED})


def end_powers(
    tx: Session, lost: Iterable[Kind], unseen: int, today: date, *, by: Party, at: datetime, draw: Draw
) -> dict[str, Json]:
    """End every token but those of who recovers, and every mandate, where the act that ended one of them is lost.

    What `unseen` entries were that are given up nobody knows, so each may have been such an act. Who recovers is left
    alone with a token, and confirms nothing: the owner of the database makes operators anew.
    """
    counted = Counter(kind for kind in lost if kind in OF_TOKENS | OF_MANDATES)
    ended, mandates = 0, list[Json]()
    if unseen or counted.keys() & OF_TOKENS:
        for token, person, _ in tokens.living(tx, at):
            if person.id != by.person:
                revoke_token(tx, token.id, by=by.actor, at=at, draw=draw)
                ended += 1
    if unseen or counted.keys() & OF_MANDATES:
        for mandate in parties.living_mandates(tx, today):
            grant_mandate.revoke(tx, mandate.id, by=by.actor, at=at, draw=draw)
            mandates.append(
                {
                    "mandate": mandate.id,
                    "principal": mandate.principal,
                    "agent": mandate.agent,
                    "schemes": list(mandate.schemes),
                    "until": mandate.until.isoformat(),
                }
            )
    return {
        "revocations_lost": {kind.value: count for kind, count in sorted(counted.items())},
        "tokens_ended": ended,
        "mandates_ended": mandates,
    }
