"""Certificates, issued here or delivered, and changes of their status.

The signed text is the truth; every other column is an index over it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    ScalarSelect,
    bindparam,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.certificate.credential import Certificate
from registry.core.certificate.outside import Outside
from registry.core.certificate.search_terms import search_terms
from registry.core.certificate.status_change import Status
from registry.core.envelope.jose import Envelope
from registry.store.database import Row, one_of
from registry.store.parties import Organisation


class Source(StrEnum):
    """How the certificate came to this node."""

    ISSUED = "issued"
    DELIVERED = "delivered"
    RECOVERED = "recovered"
    """Issued here, lost with the database, and taken back from the peer that it was delivered to."""
    OUTSIDE = "issued-outside"
    """Issued by the body's own system, and registered here."""


class CertificateRow(Row):
    """One certificate. Nothing of it is ever changed but the proof that came later.

    It is a body's by `body`, which was signed: a restore may have lost the row of the body, which is registered anew.
    """

    __tablename__ = "certificate"
    __table_args__ = (
        one_of("source", Source),
        Index(None, "country", "body", "year", "number", unique=True),
        Index(None, "number"),
        Index(None, "organisation", "recorded_at", "id"),
        Index(None, "principal", "recorded_at", "id"),
        Index(None, "body", "recorded_at", "id"),
        Index(None, "presented_in", "recorded_at", "id"),
        Index(None, "recorded_at", "id"),
        Index(None, "issued_on"),
        Index(None, "terms", postgresql_using="gin"),
        Index(
            "uq_certificate_own_status",
            "status_list",
            "status_index",
            unique=True,
            postgresql_where="source <> 'delivered'",
        ),
        CheckConstraint(
            "source = 'recovered' OR (source = 'issued') = (application IS NOT NULL)", name="issued_on_an_application"
        ),
        CheckConstraint(
            "source = 'recovered' OR (source = 'issued') = (signatory IS NOT NULL)", name="issued_by_a_signatory"
        ),
        CheckConstraint(
            "source NOT IN ('issued', 'issued-outside') OR (source = 'issued-outside') = (registered_on IS NOT NULL)",
            name="registered_if_outside",
        ),
        CheckConstraint("registered_on IS NOT NULL OR due_on IS NULL", name="due_if_registered"),
        ForeignKeyConstraint(
            ["application", "signatory", "part"],
            ["application_person.application", "application_person.person", "application_person.part"],
            name="fk_certificate_signatory_of_application",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    country: Mapped[str]
    body: Mapped[str]
    year: Mapped[int]
    number: Mapped[str]
    scheme: Mapped[str]
    presented_in: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    issued_on: Mapped[date]
    valid_until: Mapped[datetime]
    status_list: Mapped[str]
    status_index: Mapped[int]
    envelope: Mapped[str]
    terms: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    proof: Mapped[str | None]
    recorded_at: Mapped[datetime]
    act: Mapped[str | None] = mapped_column(ForeignKey("act.id"), unique=True)
    organisation: Mapped[str | None] = mapped_column(ForeignKey("organisation.id"))
    principal: Mapped[str | None] = mapped_column(ForeignKey("organisation.id"))
    application: Mapped[str | None] = mapped_column(ForeignKey("application.id"), unique=True)
    signatory: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    part: Mapped[str] = mapped_column(Computed("'signatory'", persisted=True))
    registered_on: Mapped[date | None]
    due_on: Mapped[date | None]

    @property
    def outside(self) -> Outside | None:
        """When it was registered, and by when that was due, where the body's own system issued it."""
        return outside(self.registered_on, self.due_on)


def outside(registered_on: date | None, due_on: date | None) -> Outside | None:
    """Return the mark of a certificate that the body's own system issued, as its columns say it."""
    return None if registered_on is None else Outside(registered_on, due_on)


class StatusChangeRow(Row):
    """A change of status as the body signed it; annulled and replaced are final, so there is one of them at most."""

    __tablename__ = "status_change"
    __table_args__ = (
        one_of("status", Status),
        Index(
            "uq_status_change_final",
            "certificate",
            unique=True,
            postgresql_where="status IN ('annulled', 'replaced')",
        ),
    )

    digest: Mapped[str] = mapped_column(primary_key=True)
    certificate: Mapped[str] = mapped_column(ForeignKey("certificate.id"), index=True)
    status: Mapped[str]
    effective_from: Mapped[date]
    recorded_at: Mapped[datetime]
    envelope: Mapped[str]
    act: Mapped[str | None] = mapped_column(ForeignKey("act.id"), unique=True)


_NUMBERED = select(CertificateRow).where(
    CertificateRow.country == bindparam("in"),
    CertificateRow.body == bindparam("of"),
    CertificateRow.year == bindparam("within"),
    CertificateRow.number == bindparam("sought"),
)


def numbered(tx: Session, *, country: str, body: str, year: int, number: str) -> CertificateRow | None:
    """Return the certificate that bears a number of a body and year."""
    return tx.scalar(_NUMBERED, {"in": country, "of": body, "within": year, "sought": number})


def index_columns(envelope: Envelope, certificate: Certificate) -> dict[str, object]:
    """Return the columns that the signed text determines: what `fsck` derives again."""
    return {
        "id": certificate.id,
        "country": certificate.subject.issued_in,
        "body": certificate.issuer,
        "year": certificate.year,
        "number": certificate.subject.number,
        "scheme": certificate.subject.scheme,
        "presented_in": certificate.subject.presented_in,
        "digest": envelope.digest,
        "issued_on": certificate.subject.issue_date.day,
        "valid_until": certificate.valid_until,
        "status_list": certificate.status_list,
        "status_index": certificate.status_index,
        "envelope": envelope.text,
        "terms": search_terms(certificate),
    }


def certificate(tx: Session, id: str, *, lock: bool = False, hold: bool = False) -> CertificateRow | None:
    """Return a certificate by its id; `hold` as `certificate_locks` does."""
    query = select(CertificateRow).where(CertificateRow.id == id)
    if lock or hold:
        query = query.with_for_update(read=hold, key_share=hold)
    return tx.scalar(query)


def seen_by(tx: Session, id: str, organisation: str, *, lock: bool = False) -> CertificateRow | None:
    """Return a certificate that `organisation` holds, filed for, or issued."""
    query = select(CertificateRow).where(CertificateRow.id == id, concerns(organisation))
    return tx.scalar(query.with_for_update() if lock else query)


_BY_NUMBER = (
    select(CertificateRow).where(CertificateRow.number == bindparam("sought")).order_by(CertificateRow.id).limit(100)
)
_CHANGES = (
    select(StatusChangeRow)
    .where(StatusChangeRow.certificate == bindparam("of"))
    .order_by(StatusChangeRow.recorded_at, StatusChangeRow.digest)
)


_BY_TERMS = (
    select(CertificateRow)
    .where(CertificateRow.terms.overlap(bindparam("any")))
    .order_by(CertificateRow.recorded_at, CertificateRow.id)
    .limit(1000)
)


def issued_since(tx: Session, body: str, day: date) -> str | None:
    """Return a certificate that a body of this country issued after a day, the first of them."""
    query = select(CertificateRow.id).where(
        CertificateRow.body == body, CertificateRow.issued_on > day, CertificateRow.source != Source.DELIVERED
    )
    return tx.scalar(query.order_by(CertificateRow.issued_on, CertificateRow.id).limit(1))


def of_application(tx: Session, application: str) -> CertificateRow | None:
    """Return what was issued on an application."""
    return tx.scalar(select(CertificateRow).where(CertificateRow.application == application))


def by_number(tx: Session, number: str, id: str | None = None, *, hold: bool = False) -> Sequence[CertificateRow]:
    """Return the certificates with this number: bodies and decades repeat them; `hold` as `certificate_locks` does."""
    query = _BY_NUMBER if id is None else _BY_NUMBER.where(CertificateRow.id == id)
    return tx.scalars(query.with_for_update(read=True, key_share=True) if hold else query, {"sought": number}).all()


def by_terms(tx: Session, terms: Sequence[str]) -> Sequence[CertificateRow]:
    """Return the certificates with any of these terms, oldest first: those of a relation, or the sheets of a set."""
    return tx.scalars(_BY_TERMS, {"any": list(terms)}).all()


def terms_in_force(tx: Session, body: str, term: str) -> Sequence[Sequence[str]]:
    """Return the terms of each certificate of a body with this term that nothing has ended."""
    ended = select(StatusChangeRow.digest).where(
        StatusChangeRow.certificate == CertificateRow.id, StatusChangeRow.status.in_(("annulled", "replaced"))
    )
    query = select(CertificateRow.terms).where(CertificateRow.terms.contains([term]), CertificateRow.body == body)
    return tx.scalars(query.where(~ended.exists()).limit(1000)).all()


def by_digest(tx: Session, digest: str) -> CertificateRow | None:
    """Return the certificate with this digest."""
    return tx.scalar(select(CertificateRow).where(CertificateRow.digest == digest))


def change_by_digest(tx: Session, digest: str) -> StatusChangeRow | None:
    """Return the change of status with this digest."""
    return tx.get(StatusChangeRow, digest)


def changes(tx: Session, certificate: str) -> Sequence[StatusChangeRow]:
    """Return the changes of status of a certificate, oldest first."""
    return tx.scalars(_CHANGES, {"of": certificate}).all()


def change_by_act(tx: Session, act: str) -> StatusChangeRow | None:
    """Return the change of status that an act recorded."""
    return tx.scalar(select(StatusChangeRow).where(StatusChangeRow.act == act))


def by_act(tx: Session, act: str) -> CertificateRow | None:
    """Return the certificate that an act issued."""
    return tx.scalar(select(CertificateRow).where(CertificateRow.act == act))


def concerns(organisation: str, row: type[CertificateRow] = CertificateRow) -> ColumnElement[bool]:
    """Return whether `organisation` holds a certificate, filed for it, or issued it."""
    return or_(row.organisation == organisation, row.principal == organisation, row.body == did_of(organisation))


def did_of(organisation: str) -> ScalarSelect[str | None]:
    """Return the DID of a body, by which what it signed is its own: whenever it was registered here, and how often."""
    return select(Organisation.did).where(Organisation.id == organisation).scalar_subquery()
