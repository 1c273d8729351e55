"""Search what was done: by time, kind, person, organisation, subject, and by the number of a certificate."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from registry.core.verification.dossier import Place, Selection
from registry.store import acts, certificates
from registry.store.acts import Act
from registry.store.parties import Role
from registry.usecases.identify_party import Party
from registry.usecases.verify_certificate import normal_number


def search(tx: Session, selection: Selection, *, after: Place | None, limit: int, by: Party) -> Sequence[Act]:
    """Return acts, newest first, from `after` on; which of them concern a certificate is for the auditor alone."""
    by.require(Role.AUDITOR)
    return acts.page(
        tx,
        after=None if after is None else (after.at, after.seq),
        limit=limit,
        from_=selection.from_,
        until=selection.until,
        kind=selection.kind,
        organisation=selection.organisation,
        person=selection.person,
        subject=selection.subject,
        about=None if selection.number is None else _about(tx, selection.number),
    )


def place_of(act: Act) -> Place:
    """Return the place after which the search goes on."""
    return Place(act.at, act.seq)


def _about(tx: Session, number: str) -> Sequence[str]:
    """Return what the acts on a certificate are about: it, and the application that it came from.

    Bodies and decades repeat a number, so it may be several; a certificate of the other node has no application here,
    and what customs asked before a certificate came is about the number alone.
    """
    named = certificates.certificate(tx, number.strip())
    rows = [*certificates.by_number(tx, normal_number(number)), *([] if named is None else [named])]
    of_rows = [about for row in rows for about in (row.id, row.application) if about is not None]
    return [normal_number(number), *of_rows]
