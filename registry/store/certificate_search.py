"""Search certificates: a page of those that one may see and that meet every condition."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, case, func, select, tuple_
from sqlalchemy.orm import Session

from registry.core.certificate.lifecycle import FINAL, Standing
from registry.core.certificate.status_change import Status
from registry.store.certificates import CertificateRow, StatusChangeRow, concerns


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
