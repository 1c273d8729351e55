"""The newest freshness statement of each node, our own among them: one row each, which only moves forward."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.trust.freshness import SentTo
from registry.store.database import READING, Row


class FreshnessRow(Row):
    """What a node signed last, and the last message that it had sent to us by then.

    `met` is the newest one by which everything had come when the next was kept, or this one where nothing was sent:
    while a message is on its way, that one counts.
    """

    __tablename__ = "freshness"

    node: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[datetime]
    epoch: Mapped[int]
    seq: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str | None]
    text: Mapped[str]
    met: Mapped[str | None]


def newest(tx: Session, node: str) -> FreshnessRow | None:
    """Return the newest statement of a node."""
    return tx.get(FreshnessRow, node, populate_existing=True)


def all_newest(tx: Session) -> Sequence[FreshnessRow]:
    """Return the newest statement of every node."""
    return tx.scalars(select(FreshnessRow).order_by(FreshnessRow.node)).all()


def move(tx: Session, node: str, text: str, *, as_of: datetime, last: SentTo, met: str | None = None) -> bool:
    """Keep a statement in place of an older one; tells whether it was newer.

    The WHERE clause is the rollback protection: two that fetch at once must not bring back the older one.
    """
    values = {"as_of": as_of, "epoch": last.epoch, "seq": last.seq, "digest": last.digest, "text": text, "met": met}
    kept = insert(FreshnessRow).values(node=node, **values)
    newer = kept.on_conflict_do_update(
        index_elements=["node"], set_=values, where=FreshnessRow.as_of < kept.excluded.as_of
    )
    return tx.scalar(newer.returning(FreshnessRow.node)) is not None


def oldest_open(tx: Session) -> timedelta | None:
    """Return for how long another transaction of this node has been open, the oldest; None where there is none.

    One that only reads a moment, as `registry fsck` does for as long as it takes, is none that may have recorded.
    """
    open_ = text(
        "SELECT clock_timestamp() - min(xact_start) FROM pg_stat_activity WHERE datname = current_database() "
        "AND usename = current_user AND pid <> pg_backend_pid() AND application_name <> :reading"
    )
    waited: timedelta | None = tx.scalar(open_, {"reading": READING})
    return waited
