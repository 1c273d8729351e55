"""Relate what is applied for to a certificate of the same exporter, or to the other sheets of a set (domain 2.1)."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Literal

from sqlalchemy.orm import Session

from registry.core.agreement import Form, Recognition
from registry.core.certificate.claims import Claims, Note, NoteCode
from registry.core.certificate.credential import Certificate
from registry.core.certificate.duplicate import DuplicateNotReplaced, DuplicateOfDuplicate, check_duplicates
from registry.core.certificate.lifecycle import FINAL, AlreadyAnnulled, Standing
from registry.core.certificate.relation import DUPLICATES, REPLACES, Relation, related_term
from registry.core.errors import Conflict, Unprocessable
from registry.core.record import encode
from registry.store import certificates, parties
from registry.store.acts import Draw
from registry.store.applications import Application
from registry.store.certificates import CertificateRow, Source
from registry.usecases.application.place_sheet import Sheet, place, place_of_duplicate, relations_of
from registry.usecases.trust.sign_for_body import CertificateNotFound, read, standing_of

NOTE = {REPLACES: NoteCode.ISSUED_IN_LIEU, DUPLICATES: NoteCode.DUPLICATE}
"""The note of box 5 that follows from a relation."""


@dataclass(eq=False)
class RelatedElsewhere(Unprocessable):
    """What it would replace or duplicate is of another corridor, scheme or body."""

    code: ClassVar[str] = "related-elsewhere"
    member: str

    def __str__(self) -> str:
        return f"the certificate that it names is of another {self.member}"


@dataclass(eq=False)
class NoDuplicate(Unprocessable):
    """What is electronic cannot be lost, and has no duplicate."""

    code: ClassVar[str] = "no-duplicate"
    clause: ClassVar[str | None] = "S7"

    def __str__(self) -> str:
        return "certificates of this direction are electronic, and have no duplicates"


@dataclass(eq=False)
class InLieuIssued(Conflict):
    """Another certificate stands in lieu of it already: what is still to be mended, is mended in that one."""

    code: ClassVar[str] = "in-lieu-issued"
    clause: ClassVar[str | None] = "S4 8.3"
    certificate: str

    def __str__(self) -> str:
        return "another certificate was issued in lieu of it"


@dataclass(frozen=True, slots=True)
class Related:
    """Which certificate is to be replaced or duplicated."""

    kind: Literal["replaces", "duplicates"]
    certificate: str


def relate(tx: Session, row: Application, related: Related | None, sheet: Sheet | None, *, by: str, draw: Draw) -> None:
    """Keep what a draft is related to, and the note of box 5 that follows from it; `by` is whose certificates count.

    A duplicate of a sheet is that sheet. Raises what `find_related`, `place` and `place_of_duplicate` raise.
    """
    relations: list[Relation] = []
    certificate, of_set = None, None
    if related is not None:
        old, certificate = find_related(tx, row, related.kind, related.certificate, organisation=by)
        issued = certificate.subject.issue_date
        dated = issued if related.kind == DUPLICATES else None
        relations.append(Relation(related.kind, old.id, issue_date=dated))
        note = Note(NOTE[related.kind], number=old.number, date=issued.day)
        row.claims = dict(Claims.parse(row.claims).noted(note).encode())
    if certificate is not None and related is not None and related.kind == DUPLICATES:
        of_set = place_of_duplicate(sheet, certificate)
    elif sheet is not None:
        of_set = place(tx, row, sheet, certificate, draw=draw)
    row.relations = write_relations(relations if of_set is None else [*relations, of_set])


def find_related(
    tx: Session, row: Application, kind: str, id: str, *, organisation: str, lock: bool = False
) -> tuple[CertificateRow, Certificate]:
    """Return the certificate that an application names, if it is the same exporter's, of the same corridor, in force.

    One that is annulled may be replaced, once (S4 8.3).

    Raises `CertificateNotFound`, `RelatedElsewhere`, and what `check_relatable` raises.
    """
    old = certificates.seen_by(tx, id, organisation, lock=lock)
    if old is None or old.source == Source.DELIVERED or old.principal != row.principal:
        raise CertificateNotFound(id)
    certificate = read(old)
    body = parties.organisation(tx, row.body)
    assert body is not None
    known, wanted = (old.presented_in, old.scheme, old.body), (row.presented_in, row.scheme, body.did)
    for member, one, other in zip(("presented_in", "scheme", "body"), known, wanted, strict=True):
        if one != other:
            raise RelatedElsewhere(member)
    check_relatable(tx, kind, certificate)
    return old, certificate


def check_relatable(tx: Session, kind: str, certificate: Certificate) -> None:
    """Check that a certificate can be replaced or duplicated; what is annulled is replaced once, and never duplicated.

    What another stands in lieu of is neither: after a restore it may be in force, for its own end is lost. A duplicate
    is neither: what stands in lieu of it would be good beside its original, for the same goods (S4 8.3).

    Raises `AlreadyAnnulled`, `InLieuIssued`, `DuplicateOfDuplicate`, `DuplicateNotReplaced`.
    """
    original = certificate.relation(DUPLICATES)
    if original is not None and kind == DUPLICATES:
        raise DuplicateOfDuplicate(certificate.id)
    if original is not None:
        raise DuplicateNotReplaced(str(original.certificate))
    standing = standing_of(tx, certificate.id)
    if standing in FINAL and (standing is not Standing.ANNULLED or kind != REPLACES):
        raise AlreadyAnnulled(standing)
    others = certificates.by_terms(tx, [related_term(REPLACES, certificate.id)])
    in_lieu = [other.id for other in others if other.body == certificate.issuer]
    if in_lieu:
        raise InLieuIssued(in_lieu[0])


def check_related(tx: Session, row: Application, *, organisation: str) -> None:
    """Check each certificate that an application names. Raises what `find_related` and `check_content` raise."""
    for relation in relations_of(row).values():
        if relation.certificate is not None:
            _, other = find_related(tx, row, relation.kind, relation.certificate, organisation=organisation)
            check_content(row, relation.kind, other)


def check_content(row: Application, kind: str, certificate: Certificate) -> None:
    """Check what an application states by the certificate that it duplicates. Raises `DuplicateDiffers`."""
    if kind == DUPLICATES:
        check_duplicates(Claims.parse(row.claims), Claims.parse(certificate.subject.claims))


def original_of(tx: Session, row: Application, agreed: Recognition, *, by: str) -> Certificate | None:
    """Return, locked, what an application duplicates: the dates of a duplicate are those of its original (S4 8.2).

    Raises `NoDuplicate` where the agreement knows no paper, and what `find_related` and `check_content` raise.
    """
    relation = relations_of(row).get(DUPLICATES)
    if relation is None:
        return None
    if agreed.form is not Form.PAPER:
        raise NoDuplicate
    _, original = find_related(tx, row, DUPLICATES, str(relation.certificate), organisation=by, lock=True)
    check_content(row, DUPLICATES, original)
    return original


def lost_until(tx: Session, relations: Mapping[str, Relation]) -> date | None:
    """Return the last day of what is duplicated, if anything."""
    relation = relations.get(DUPLICATES)
    original = None if relation is None else certificates.certificate(tx, str(relation.certificate))
    return None if original is None else read(original).last_day


def notes_of(kinds: Iterable[str]) -> AbstractSet[NoteCode]:
    """Return the notes of box 5 that follow from relations of these kinds."""
    return frozenset(NOTE[kind] for kind in kinds if kind in NOTE)


def write_relations(relations: Iterable[Relation]) -> dict[str, Any]:
    """Write relations as they are kept."""
    return {each.kind: encode(each) for each in relations}
