"""Rename a body, or give it another part in its country's scheme: the next trust list says the new and the former.

Nothing changes for anybody before that list is published: what a body is, the adopted list says (S4 6.5).
"""

from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.product.names import skeleton
from registry.core.tlog.entry import Kind
from registry.core.trust.trust_list import BodyRole
from registry.store import acts, parties
from registry.store.acts import Actor, Draw
from registry.store.parties import Organisation, OrganisationKind
from registry.usecases.party.register_party import NameTaken, PartyWrong, check_texts, find_body


def rename(
    tx: Session, code: str, *, name: str | None, role: BodyRole | None, by: Actor, at: datetime, draw: Draw
) -> Organisation:
    """Give a body another name or role, or both. Raises `PartyNotFound`, `PartyWrong`, `NameTaken`."""
    row = find_body(tx, code)
    before: dict[str, Json] = {"name": row.name, "body_role": row.body_role}
    after = {"name": row.name if name is None else name, "body_role": str(role or row.body_role)}
    if after == before:
        raise PartyWrong("the body has this name and this role already")
    check_texts(name=after["name"])
    look = skeleton(after["name"])
    known = parties.organisation_by_look(tx, row.country, OrganisationKind.BODY, look)
    if known is not None and known.id != row.id:
        raise NameTaken(after["name"], known.name)
    row.name, row.body_role, row.look = after["name"], after["body_role"], look
    tx.flush()
    private: dict[str, Json] = {"organisation": row.id, "before": before, **after}
    acts.record(tx, Kind.ORGANISATION_CHANGED, private, by=by, at=at, draw=draw, subject=row.id)
    return row
