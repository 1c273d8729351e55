"""Search what was done: by time, kind, person, organisation, subject, and by the number of a certificate.

An act that was lost with a database, and whose leaf was taken back from a mirror, is found by what the leaf says of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy.orm import Session

from registry.core.calendar import check_period
from registry.core.tlog.entry import Leaf
from registry.core.verification.dossier import Place, Selection
from registry.store import acts, certificates, log
from registry.store.acts import Act
from registry.store.certificates import CertificateRow
from registry.store.parties import Role
from registry.usecases.party.identify_party import Party
from registry.usecases.verification.read_number import normal_number

LOST = 2**52
"""Added to the index of a lost act's leaf it tells its place among acts of one second: before those that are here."""


@dataclass(frozen=True, slots=True)
class LostAct:
    """An act of which the leaf is all that is left: who did it, about what, and its private part are lost."""

    index: int
    leaf: Leaf

    @property
    def place(self) -> Place:
        """After which place a list goes on."""
        return Place(self.leaf.at, LOST + self.index)


Found: TypeAlias = Act | LostAct


def search(tx: Session, selection: Selection, *, after: Place | None, limit: int, by: Party) -> Sequence[Found]:
    """Return acts, newest first, from `after` on; which of them concern a certificate is for the auditor alone.

    Of an act that is lost nobody knows whose it was: who asks for a person or an organisation is not shown it.

    Raises `PeriodReversed`.
    """
    by.require(Role.AUDITOR)
    check_period(selection.from_, selection.until)
    named = None if selection.number is None else _named(tx, selection.number)
    here: Sequence[Found] = acts.page(
        tx,
        after=None if after is None else (after.at, after.seq),
        limit=limit,
        from_=selection.from_,
        until=selection.until,
        kind=selection.kind,
        organisation=selection.organisation,
        person=selection.person,
        subject=selection.subject,
        about=None if named is None or selection.number is None else _about(selection.number, named),
    )
    if selection.person is not None or selection.organisation is not None:
        return here
    lost = [each for each in _lost(tx, selection, named) if after is None or _key(each) < (after.at, after.seq)]
    return sorted([*here, *lost], key=_key, reverse=True)[:limit]


def place_of(found: Found) -> Place:
    """Return the place after which the search goes on."""
    return found.place if isinstance(found, LostAct) else Place(found.at, found.seq)


def lost_act(tx: Session, id: str) -> LostAct | None:
    """Return the act of this id, or about what has this digest, where its leaf is all that is left of it."""
    return next((each for each in _leaves(tx) if id in {each.leaf.id, each.leaf.digest}), None)


def _key(found: Found) -> tuple[object, int]:
    place = place_of(found)
    return place.at, place.seq


def _leaves(tx: Session) -> Iterator[LostAct]:
    return (LostAct(row.index, Leaf.parse(row.leaf)) for row in log.recovered(tx))


def _lost(tx: Session, selection: Selection, named: Sequence[CertificateRow] | None) -> Iterator[LostAct]:
    about = _digests(tx, named)
    if selection.subject is not None:
        certificate = certificates.certificate(tx, selection.subject)
        of_subject = _digests(tx, [] if certificate is None else [certificate]) or set()
        about = of_subject if about is None else about & of_subject
    for each in _leaves(tx):
        too_early = selection.from_ is not None and each.leaf.at < selection.from_
        too_late = selection.until is not None and each.leaf.at > selection.until
        of_kind = selection.kind in {None, each.leaf.kind}
        if of_kind and not too_early and not too_late and (about is None or each.leaf.digest in about):
            yield each


def _digests(tx: Session, rows: Iterable[CertificateRow] | None) -> set[str] | None:
    """Return the digests that leaves about certificates bear; None where no certificate is asked for."""
    if rows is None:
        return None
    return {
        digest
        for row in rows
        for digest in (row.digest, *(change.digest for change in certificates.changes(tx, row.id)))
    }


def _named(tx: Session, number: str) -> Sequence[CertificateRow]:
    named = certificates.certificate(tx, number.strip())
    return [*certificates.by_number(tx, normal_number(number)), *([] if named is None else [named])]


def _about(number: str, rows: Sequence[CertificateRow]) -> Sequence[str]:
    """Return what the acts on a certificate are about: it, and the application that it came from.

    Bodies and decades repeat a number, so it may be several; a certificate of the other node has no application here,
    and what customs asked before a certificate came is about the number alone.
    """
    of_rows = [about for row in rows for about in (row.id, row.application) if about is not None]
    return [normal_number(number), *of_rows]
