"""Search certificates: a page of those that one may see and that meet every condition."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby

from sqlalchemy import ColumnElement, case, func, select, tuple_
from sqlalchemy.orm import Session

from registry.core.certificate.lifecycle import FINAL, Standing
from registry.core.certificate.status_change import Status
from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.certificates import CertificateRow, Source, StatusChangeRow, concerns


def page(
    tx: Session,
    *,
    organisation: str | None,
    presented_in: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
    number: str | None = None,
    terms: Sequence[str] = (),
    issued_from: date | None = None,
    issued_until: date | None = None,
    status: Standing | None = None,
) -> Sequence[CertificateRow]:
    """Return certificates of an organisation, or presented in a country, newest first, before the position `after`.

    All `terms` are asked for, and both ends of the days of issue count.
    """
    query = select(CertificateRow).order_by(CertificateRow.recorded_at.desc(), CertificateRow.id.desc()).limit(limit)
    if organisation is not None:
        query = query.where(concerns(organisation))
    if presented_in is not None:
        query = query.where(CertificateRow.presented_in == presented_in)
    if number is not None:
        query = query.where(CertificateRow.number == number)
    if terms:
        query = query.where(CertificateRow.terms.contains(list(terms)))
    if issued_from is not None:
        query = query.where(CertificateRow.issued_on >= issued_from)
    if issued_until is not None:
        query = query.where(CertificateRow.issued_on <= issued_until)
    if status is not None:
        query = query.where(_standing() == status)
    if after is not None:
        query = query.where(tuple_(CertificateRow.recorded_at, CertificateRow.id) < after)
    return tx.scalars(query).all()


def _standing() -> ColumnElement[str]:
    """Return what a certificate is: annulled and replaced are for ever, of the other two the last recorded counts."""
    final = case((StatusChangeRow.status.in_(FINAL), 0), else_=1)
    newest = (
        select(StatusChangeRow.status)
        .where(StatusChangeRow.certificate == CertificateRow.id)
        .order_by(final, StatusChangeRow.recorded_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(func.nullif(newest, Status.REINSTATED), Standing.IN_FORCE)


def verified(tx: Session, bodies: Collection[str]) -> Iterator[tuple[CertificateRow, Sequence[Act]]]:
    """Give each delivered certificate of these bodies that was verified here, with the acts of it, oldest first."""
    query = select(CertificateRow, Act).join(Act, Act.subject == CertificateRow.id)
    query = query.where(
        CertificateRow.source == Source.DELIVERED,
        CertificateRow.body.in_(bodies),
        Act.kind == Kind.VERIFICATION_MADE,
    )
    query = query.order_by(CertificateRow.id, Act.at, Act.seq).execution_options(yield_per=100)
    for row, found in groupby(tx.execute(query), key=lambda each: each[0]):
        yield row, [each[1] for each in found]
