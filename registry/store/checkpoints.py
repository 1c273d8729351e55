"""Checkpoints of our own log: signed, cosigned by witnesses, and published once they count."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row
from registry.store.log import LogEntry


class LogCheckpoint(Row):
    """Every checkpoint that was signed, by its size."""

    __tablename__ = "log_checkpoint"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes]
    note: Mapped[str]
    at: Mapped[datetime]


class LogCosignature(Row):
    """A witness's line under one of our checkpoints; it may cosign one again, with a fresher time."""

    __tablename__ = "log_cosignature"

    size: Mapped[int] = mapped_column(ForeignKey("log_checkpoint.size"), primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    line: Mapped[str]


class LogPublished(Row):
    """A checkpoint that met the quorum of witnesses, with the lines by which it first did: proofs are against these.

    Nothing of the log is shown before it stands here, and here it stands after the guard has it.
    """

    __tablename__ = "log_published"

    size: Mapped[int] = mapped_column(ForeignKey("log_checkpoint.size"), primary_key=True, autoincrement=False)
    note: Mapped[str]
    at: Mapped[datetime]


def checkpoint(tx: Session, size: int) -> LogCheckpoint | None:
    """Return the checkpoint of a size."""
    return tx.get(LogCheckpoint, size)


def newest_checkpoint(tx: Session, largest: int) -> LogCheckpoint | None:
    """Return the newest checkpoint of at most this size."""
    within = select(LogCheckpoint).where(LogCheckpoint.size <= largest)
    return tx.scalar(within.order_by(LogCheckpoint.size.desc()).limit(1))


def first_published(tx: Session, index: int) -> LogPublished | None:
    """Return the first published checkpoint that covers the entry `index`: proofs are against it for ever."""
    return tx.scalar(select(LogPublished).where(LogPublished.size > index).order_by(LogPublished.size).limit(1))


def newest_published(tx: Session) -> LogPublished | None:
    """Return the newest checkpoint that anyone may see."""
    return tx.scalar(select(LogPublished).order_by(LogPublished.size.desc()).limit(1))


def published_size(tx: Session) -> int:
    """Return how many entries anyone may see."""
    return tx.scalar(select(func.max(LogPublished.size))) or 0


def oldest_unpublished(tx: Session) -> datetime | None:
    """Return the time of the first checkpoint that waits for the quorum; None where none does."""
    return oldest_above(tx, published_size(tx))


def oldest_above(tx: Session, size: int) -> datetime | None:
    """Return the time of the first checkpoint that is larger than a size; None where there is none."""
    return tx.scalar(select(func.min(LogCheckpoint.at)).where(LogCheckpoint.size > size))


def publish(tx: Session, size: int, note: str, at: datetime) -> bool:
    """Publish a checkpoint, for ever with this note; tells whether it was not published before."""
    row = insert(LogPublished).values(size=size, note=note, at=at).on_conflict_do_nothing()
    return tx.scalar(row.returning(LogPublished.size)) is not None


def published_at(tx: Session, act: str) -> datetime | None:
    """Return when the first checkpoint that covers the leaf of an act was published; None where none is."""
    covers = select(LogPublished.at).join(LogEntry, LogPublished.size > LogEntry.index).where(LogEntry.act == act)
    return tx.scalar(covers.order_by(LogPublished.size).limit(1))


def cosigned(tx: Session, name: str) -> LogCosignature | None:
    """Return the newest line of a witness: under the largest checkpoint, the last of them."""
    query = select(LogCosignature).where(LogCosignature.name == name)
    return tx.scalar(query.order_by(LogCosignature.size.desc(), LogCosignature.at.desc()).limit(1))


def lines(tx: Session, size: int) -> Sequence[LogCosignature]:
    """Return the newest line of each witness under the checkpoint of a size, by name."""
    query = select(LogCosignature).ext(distinct_on(LogCosignature.name)).where(LogCosignature.size == size)
    return tx.scalars(query.order_by(LogCosignature.name, LogCosignature.at.desc())).all()


def keep_cosignature(tx: Session, size: int, name: str, line: str, at: datetime) -> None:
    """Keep the line of a witness under a checkpoint; the same one again changes nothing."""
    tx.execute(insert(LogCosignature).values(size=size, name=name, at=at, line=line).on_conflict_do_nothing())
