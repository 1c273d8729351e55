"""What a bundle carries of certificates that are presented in a country and have not expired."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.core.certificate.outside import Outside
from registry.store.certificates import CertificateRow, StatusChangeRow, outside
from registry.store.clarifications import ClarificationRow


@dataclass(frozen=True, slots=True)
class Unexpired:
    """What a bundle says of one certificate."""

    digest: str
    logged: bool
    recorded_at: datetime
    outside: Outside | None


def unexpired(tx: Session, presented_in: str, at: datetime) -> Sequence[Unexpired]:
    """Return what a bundle for a country carries, oldest first."""
    query = (
        select(
            CertificateRow.digest,
            CertificateRow.proof.is_not(None),
            CertificateRow.recorded_at,
            CertificateRow.registered_on,
            CertificateRow.due_on,
        )
        .where(CertificateRow.presented_in == presented_in, CertificateRow.valid_until >= at)
        .order_by(CertificateRow.recorded_at, CertificateRow.digest)
    )
    return [Unexpired(row[0], row[1], row[2], outside(row[3], row[4])) for row in tx.execute(query)]


def changes_for(tx: Session, presented_in: str, at: datetime) -> Sequence[str]:
    """Return every change of status of unexpired certificates for a country."""
    return tx.scalars(
        select(StatusChangeRow.envelope)
        .join(CertificateRow, CertificateRow.id == StatusChangeRow.certificate)
        .where(CertificateRow.presented_in == presented_in, CertificateRow.valid_until >= at)
        .order_by(StatusChangeRow.digest)
    ).all()


def clarifications_for(tx: Session, presented_in: str, at: datetime) -> Sequence[str]:
    """Return every clarification of unexpired certificates for a country, as it was signed."""
    return tx.scalars(
        select(ClarificationRow.envelope)
        .join(CertificateRow, CertificateRow.id == ClarificationRow.certificate)
        .where(CertificateRow.presented_in == presented_in, CertificateRow.valid_until >= at)
        .order_by(ClarificationRow.digest)
    ).all()
