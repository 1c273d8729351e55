"""What bodies said beside certificates, and by when others than its signer had seen each: a thief writes any date.

Seen is what this node received, or found in its mirror of a log; at the issuer's node, its own record (formats 11).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from registry.core.envelope.jose import Typ
from registry.core.tlog.entry import Kind
from registry.store.arrivals import Arrival
from registry.store.certificates import CertificateRow, Source, StatusChangeRow
from registry.store.clarifications import ClarificationRow
from registry.store.mirror import MirrorEntry, MirrorHead


@dataclass(frozen=True, slots=True)
class Said:
    """A change of status or a clarification as it was signed, and by when it was seen; None: nobody dates it."""

    text: str
    digest: str
    seen: datetime | None


def _said(
    row: type[StatusChangeRow] | type[ClarificationRow], arrived: InstrumentedAttribute[str | None], kind: Kind
) -> Select[Any]:
    logged = select(func.min(MirrorEntry.seen_at)).where(_mirrored(kind), MirrorEntry.digest == row.digest)
    own = case((CertificateRow.source != Source.DELIVERED, row.recorded_at))
    return (
        select(row.envelope, row.digest, func.least(own, Arrival.came_at, logged.scalar_subquery()))
        .join(CertificateRow, CertificateRow.id == row.certificate)
        .outerjoin(Arrival, arrived == row.digest)
        .order_by(row.recorded_at, row.digest)
    )


def _mirrored(kind: Kind) -> Any:
    return MirrorEntry.origin.in_(select(MirrorHead.origin)) & (MirrorEntry.kind == kind)


CHANGES = _said(StatusChangeRow, Arrival.change, Kind.CERTIFICATE_STATUS)
CLARIFICATIONS = _said(ClarificationRow, Arrival.clarification, Kind.CERTIFICATE_CLARIFIED)
_CHANGES_OF = CHANGES.where(StatusChangeRow.certificate == bindparam("of"))
_CLARIFICATIONS_OF = CLARIFICATIONS.where(ClarificationRow.certificate == bindparam("of"))


def read_said(tx: Session, query: Select[Any], **values: Any) -> Sequence[Said]:
    """Return what a query over `CHANGES` or `CLARIFICATIONS` finds."""
    return [Said(*row) for row in tx.execute(query, values)]


def changes(tx: Session, certificate: str) -> Sequence[Said]:
    """Return the changes of status of a certificate, oldest first."""
    return read_said(tx, _CHANGES_OF, of=certificate)


def clarifications(tx: Session, certificate: str) -> Sequence[Said]:
    """Return the clarifications of a certificate, oldest first."""
    return read_said(tx, _CLARIFICATIONS_OF, of=certificate)


def by_bodies(tx: Session, bodies: Collection[str]) -> Iterator[tuple[Typ, Said]]:
    """Give the changes of status and the clarifications of the certificates of these bodies, each with its type."""
    for typ, query in ((Typ.STATUS, CHANGES), (Typ.CLARIFICATION, CLARIFICATIONS)):
        for row in tx.execute(query.where(CertificateRow.body.in_(bodies))):
            yield typ, Said(*row)


def logged(tx: Session, digest: str, kind: Kind) -> datetime | None:
    """Return when a leaf about something was first found in a mirrored log."""
    return tx.scalar(select(func.min(MirrorEntry.seen_at)).where(_mirrored(kind), MirrorEntry.digest == digest))
