"""What arrived from other nodes, in the one order in which it was committed: customs goes on from where it stood."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, insert, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.certificates import CertificateRow, StatusChangeRow
from registry.store.clarifications import ClarificationRow
from registry.store.database import Row

_ORDER = text("SELECT pg_advisory_xact_lock(hashtextextended('arrivals', 0))")


class Arrival(Row):
    """A certificate that was delivered here, or what its body said of it later: numbered from 1 without a gap.

    `at` is when it was; `came_at` when its message came, as our receipt says: what is judged again, or comes back after
    a restore, was seen by then.
    """

    __tablename__ = "arrival"
    __table_args__ = (
        Index(
            "uq_arrival_delivered",
            "certificate",
            unique=True,
            postgresql_where="change IS NULL AND clarification IS NULL",
        ),
        CheckConstraint("change IS NULL OR clarification IS NULL", name="one_thing"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    came_at: Mapped[datetime]
    certificate: Mapped[str] = mapped_column(ForeignKey("certificate.id"))
    change: Mapped[str | None] = mapped_column(ForeignKey("status_change.digest"), unique=True)
    clarification: Mapped[str | None] = mapped_column(ForeignKey("clarification.digest"), unique=True)


@dataclass(frozen=True, slots=True)
class News:
    """What is to be numbered: a certificate, and the digest of the change or the clarification where it is one."""

    certificate: str
    change: str | None = None
    clarification: str | None = None


Arrived = tuple[Arrival, CertificateRow, StatusChangeRow | None, ClarificationRow | None]
"""An arrival, its certificate, and what was said of that, where it is this that arrived."""


def number(tx: Session, news: Sequence[tuple[News, datetime]], at: datetime) -> None:
    """Give numbers to what arrived, each with when its message came, as the last thing of a transaction that waits.

    The lock is held until the commit is seen, so whoever reads a number has seen every smaller one. Nothing may be
    waited for after it: two transactions would wait for each other.
    """
    if not news:
        return
    tx.execute(_ORDER)
    last = tx.scalar(select(func.max(Arrival.seq))) or 0
    rows = [
        {
            "seq": seq,
            "at": at,
            "came_at": came,
            "certificate": each.certificate,
            "change": each.change,
            "clarification": each.clarification,
        }
        for seq, (each, came) in enumerate(news, last + 1)
    ]
    tx.execute(insert(Arrival), rows)


def arrival(tx: Session, seq: int) -> Arrival | None:
    """Return an arrival by its number."""
    return tx.get(Arrival, seq)


def after(tx: Session, seq: int, *, presented_in: str, limit: int) -> Sequence[Arrived]:
    """Return what arrived after a number, in order, of certificates that are presented in a country."""
    query = (
        select(Arrival, CertificateRow, StatusChangeRow, ClarificationRow)
        .join(CertificateRow, CertificateRow.id == Arrival.certificate)
        .outerjoin(StatusChangeRow, StatusChangeRow.digest == Arrival.change)
        .outerjoin(ClarificationRow, ClarificationRow.digest == Arrival.clarification)
        .where(Arrival.seq > seq, CertificateRow.presented_in == presented_in)
        .order_by(Arrival.seq)
        .limit(limit)
    )
    return [(row[0], row[1], row[2], row[3]) for row in tx.execute(query)]
