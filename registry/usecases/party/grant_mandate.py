"""Grant a mandate, and revoke it; each is an act of one operator."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.scheme.catalogue import SCHEMES
from registry.core.tlog.entry import Kind
from registry.store import acts, parties
from registry.store.acts import Actor, Draw
from registry.store.parties import Mandate
from registry.usecases.party.register_party import PartyNotFound, PartyWrong


def grant(
    tx: Session,
    *,
    principal: str,
    agent: str,
    schemes: Sequence[str],
    until: date,
    today: date,
    by: Actor,
    at: datetime,
    draw: Draw,
) -> Mandate:
    """Record a power of attorney (S5 3.1): the agent may act for the principal under these schemes until a day.

    `today` is the local day of this country. Raises `PartyNotFound`, `PartyWrong`.
    """
    for organisation in (principal, agent):
        if parties.organisation(tx, organisation) is None:
            raise PartyNotFound("organisation", organisation)
    if principal == agent:
        raise PartyWrong("a mandate is from one organisation to another, and this names one twice")
    unknown = sorted(set(schemes) - SCHEMES.keys())
    if unknown or not schemes:
        missing = f"there is no scheme {unknown[0][:64]!r}" if unknown else "no scheme is named"
        raise PartyWrong(f"a mandate is for schemes that exist: {missing}; there are {', '.join(sorted(SCHEMES))}")
    if until < today:
        raise PartyWrong(f"a mandate until {until} has ended: today is {today}")
    row = Mandate(
        id=draw(16).hex(), principal=principal, agent=agent, schemes=sorted(set(schemes)), until=until, granted_at=at
    )
    tx.add(row)
    tx.flush()
    private: dict[str, Json] = {
        "mandate": row.id,
        "principal": principal,
        "agent": agent,
        "schemes": row.schemes,
        "until": until.isoformat(),
    }
    acts.record(tx, Kind.MANDATE_GRANTED, private, by=by, at=at, draw=draw, subject=row.id)
    return row


def revoke(tx: Session, mandate: str, *, by: Actor, at: datetime, draw: Draw) -> None:
    """Revoke a mandate: what was submitted under it stays, nothing more can be. Raises `PartyNotFound`."""
    if parties.revoke_mandate(tx, mandate, at) is None:
        raise PartyNotFound("living mandate", mandate)
    acts.record(tx, Kind.MANDATE_REVOKED, {"mandate": mandate}, by=by, at=at, draw=draw, subject=mandate)
