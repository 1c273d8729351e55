"""What a bundle carries of certificates that are presented in a country and have not expired."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from registry.core.certificate.outside import Outside
from registry.core.certificate.relation import DUPLICATES
from registry.core.tlog.entry import Kind
from registry.store.certificates import CertificateRow, StatusChangeRow, outside
from registry.store.log import LogRecovered
from registry.store.said import CHANGES, CLARIFICATIONS, Said, read_said


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


def duplicates_for(tx: Session, presented_in: str, at: datetime) -> Sequence[CertificateRow]:
    """Return the unexpired duplicates for a country, by id."""
    term = func.unnest(CertificateRow.terms).column_valued("term")
    duplicates = select(term).where(term.startswith(f"{DUPLICATES}:")).exists()
    query = select(CertificateRow).where(
        CertificateRow.presented_in == presented_in, CertificateRow.valid_until >= at, duplicates
    )
    return tx.scalars(query.order_by(CertificateRow.id)).all()


def changes_for(tx: Session, presented_in: str, at: datetime) -> Sequence[Said]:
    """Return every change of status of unexpired certificates for a country, and of what these duplicate."""
    return read_said(tx, CHANGES.where(counts_for(StatusChangeRow.certificate, presented_in, at)))


def counts_for(certificate: InstrumentedAttribute[str], presented_in: str, at: datetime) -> ColumnElement[bool]:
    """Return whether a certificate that is joined is for a country and unexpired, or one that is duplicates it."""
    duplicate = aliased(CertificateRow)
    of_original = func.encode(func.sha256(func.convert_to(certificate, "UTF8")), "hex")
    outlived = select(duplicate.id).where(
        duplicate.terms.contains(array([func.concat(f"{DUPLICATES}:", of_original)])),
        duplicate.presented_in == presented_in,
        duplicate.valid_until >= at,
    )
    unexpired = and_(CertificateRow.presented_in == presented_in, CertificateRow.valid_until >= at)
    return or_(unexpired, outlived.exists())


def clarifications_for(tx: Session, presented_in: str, at: datetime) -> Sequence[Said]:
    """Return every clarification of unexpired certificates for a country, as it was signed."""
    unexpired = and_(CertificateRow.presented_in == presented_in, CertificateRow.valid_until >= at)
    return read_said(tx, CLARIFICATIONS.where(unexpired))


def lost_bundles(tx: Session) -> int:
    """Return how many bundles were made whose acts a restore lost: their leaves were taken back."""
    kind = func.convert_from(LogRecovered.leaf, "UTF8").cast(JSONB)["kind"].astext
    return tx.scalar(select(func.count()).select_from(LogRecovered).where(kind == Kind.BUNDLE_MADE)) or 0
