"""Check how a certificate that was issued outside says it stands to others: as strictly as where this node relates one.

What it replaces was annulled before, by two people of the body: registering ends nothing (S4 8.3). What it is derived
from may be of a third country, and is not looked for (domain 2.1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.certificate.claims import Claims, Note
from registry.core.certificate.credential import Certificate
from registry.core.certificate.duplicate import check_duplicates
from registry.core.certificate.lifecycle import Standing
from registry.core.certificate.relation import DUPLICATES, REPLACES, SHEET_OF, Relation
from registry.core.errors import Conflict, Unprocessable
from registry.store import applications, certificates
from registry.store.certificates import Source
from registry.usecases.application.place_sheet import SheetTaken, line_of
from registry.usecases.application.relate_certificate import NOTE, RelatedElsewhere, check_relatable
from registry.usecases.trust.sign_for_body import read, standing_of


@dataclass(eq=False)
class StillInForce(Conflict):
    """What it replaces is in force: it is annulled by two people first, and then replaced."""

    code: ClassVar[str] = "still-in-force"
    clause: ClassVar[str | None] = "S4 8.3"
    certificate: str

    def __str__(self) -> str:
        return "the certificate that it would replace is in force: annul that one first"


@dataclass(eq=False)
class RelationWrong(Unprocessable):
    """What it says of the other certificate, in a relation or in box 5, is not what that one says."""

    code: ClassVar[str] = "relation-wrong"
    clause: ClassVar[str | None] = "S4 8.2-8.3"
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def lock_related(tx: Session, certificate: Certificate) -> None:
    """Lock what it names before anything else is locked, as issuing does: two never wait for each other."""
    for kind in (REPLACES, DUPLICATES):
        relation = certificate.relation(kind)
        if relation is not None:
            certificates.certificate(tx, str(relation.certificate), lock=True)


def check_relations(tx: Session, certificate: Certificate, claims: Claims) -> Mapping[int, Claims]:
    """Check each relation to what this node holds; return the claims of the other sheets of its set, by their place.

    Raises `RelatedElsewhere`, `AlreadyAnnulled`, `InLieuIssued`, `StillInForce`,
    `RelationWrong`, `SheetTaken`, `DuplicateOfDuplicate`, `DuplicateNotReplaced`, `DuplicateDiffers`.
    """
    for kind in (REPLACES, DUPLICATES):
        relation = certificate.relation(kind)
        if relation is not None:
            _check_other(tx, certificate, claims, relation)
    sheet = certificate.relation(SHEET_OF)
    return {} if sheet is None else _check_sheet(tx, certificate, sheet)


def _check_other(tx: Session, certificate: Certificate, claims: Claims, relation: Relation) -> None:
    named = str(relation.certificate)
    row = certificates.certificate(tx, named)
    if row is None or row.source == Source.DELIVERED or row.body != certificate.issuer:
        raise RelationWrong("relations", "the body has no such certificate here")
    other = read(row)
    _check_same(certificate, other)
    check_relatable(tx, relation.kind, other)
    if relation.kind == DUPLICATES:
        check_duplicates(claims, Claims.parse(other.subject.claims))
    if relation.kind == REPLACES and standing_of(tx, other.id) is not Standing.ANNULLED:
        raise StillInForce(other.id)
    issued = other.subject.issue_date
    if relation.issue_date not in {None, issued}:
        raise RelationWrong("relations", "the original was issued on another day")
    if relation.kind == DUPLICATES and certificate.valid_until != other.valid_until:
        raise RelationWrong("validUntil", "a duplicate ends when its original does")
    if Note(NOTE[relation.kind], number=other.subject.number, date=issued.day) not in claims.official_notes:
        raise RelationWrong("official_notes", "no note names the other certificate by its number and day of issue")


def _check_sheet(tx: Session, certificate: Certificate, sheet: Relation) -> Mapping[int, Claims]:
    """Check that a sheet finds its place free, in a set of the body's own system: that of what it replaces is.

    A set is applied for here, or issued there, and never both; what replaces a sheet takes its place in either, and a
    duplicate has that of its original.
    """
    replaced, duplicated = certificate.relation(REPLACES), certificate.relation(DUPLICATES)
    if replaced is None and duplicated is None and applications.has_set(tx, str(sheet.set)):
        raise RelationWrong("relations", "the set is one that was applied for here")
    sheets: dict[int, Claims] = {}
    line = {} if replaced is None else line_of(tx, str(replaced.certificate))
    for other in (read(row) for row in certificates.by_terms(tx, [sheet.term]) if row.id not in line):
        _check_same(certificate, other)
        held = other.relation(SHEET_OF)
        assert held is not None
        if held.n != sheet.n or (held.k == sheet.k and not (duplicated or other.relation(DUPLICATES))):
            raise SheetTaken(held.k or 0, held.n or 0)
        if held.k != sheet.k:
            sheets[held.k or 0] = Claims.parse(other.subject.claims)
    return sheets


def _check_same(certificate: Certificate, other: Certificate) -> None:
    """Check that both are of one body, corridor, scheme and exporter. Raises `RelatedElsewhere`."""
    for member, one, two in zip(_MEMBERS, _known(certificate), _known(other), strict=True):
        if one != two:
            raise RelatedElsewhere(member)


_MEMBERS = ("body", "presented_in", "scheme", "exporter")


def _known(certificate: Certificate) -> Sequence[object]:
    exporter = Claims.parse(certificate.subject.claims).exporters[-1]
    party = (exporter.country, exporter.tax_id or exporter.name)
    return certificate.issuer, certificate.subject.presented_in, certificate.subject.scheme, party
