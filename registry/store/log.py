"""The transparency log: entries, hashes of complete subtrees, checkpoints, and the one head, which only grows."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, SmallInteger, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.merkle import EMPTY_ROOT, Hash
from registry.store.acts import Act, QueuedAct
from registry.store.database import Row

SEQUENCER_LOCK = 0x7265675F6C6F67
"""Key of the advisory lock under which one sequencer at a time appends."""


class LogEntry(Row):
    """Which act is which leaf: the index is the head's size plus the place in the batch, never a database sequence."""

    __tablename__ = "log_entry"

    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    act: Mapped[str] = mapped_column(ForeignKey("act.id"), unique=True)


class LogHash(Row):
    """The hash of a complete subtree: level 0 are the leaves."""

    __tablename__ = "log_hash"

    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    index: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hash: Mapped[bytes]


class LogCheckpoint(Row):
    """Every checkpoint that was signed, by its size."""

    __tablename__ = "log_checkpoint"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes]
    note: Mapped[str]
    at: Mapped[datetime]


class LogHead(Row):
    """The newest size and root: one row, moved by compare-and-swap."""

    __tablename__ = "log_head"
    __table_args__ = (CheckConstraint("one = 1", name="one_row"),)

    one: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    origin: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes]
    at: Mapped[datetime]


def try_sequencing(tx: Session) -> bool:
    """Take the sequencer's lock until the transaction ends; tells whether no other sequencer holds it."""
    return bool(tx.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": SEQUENCER_LOCK}))


def head(tx: Session, *, lock: bool = False) -> LogHead | None:
    """Return the head; None while the log is empty."""
    query = select(LogHead)
    return tx.scalar(query.with_for_update() if lock else query)


def move_head(tx: Session, known: LogHead | None, to: Checkpoint, at: datetime) -> bool:
    """Move the head from what was known to `to`; tells whether nobody else had moved it.

    The WHERE clause is what makes a second history impossible: it does not rest on how callers hold locks.
    """
    if known is None:
        first = insert(LogHead).values(one=1, origin=to.origin, size=to.size, root=to.root, at=at)
        return tx.scalar(first.on_conflict_do_nothing().returning(LogHead.size)) is not None
    moved = tx.scalar(
        update(LogHead)
        .where(LogHead.origin == to.origin, LogHead.size == known.size, LogHead.root == known.root)
        .values(size=to.size, root=to.root, at=at)
        .returning(LogHead.size)
        .execution_options(synchronize_session=False)
    )
    return moved is not None


def append(
    tx: Session,
    acts: Sequence[Act],
    completed: Sequence[tuple[int, int, Hash]],
    checkpoint: Checkpoint,
    note: str,
    at: datetime,
) -> None:
    """Write the last entries up to `checkpoint`, the subtrees that they complete, and the note signed over it."""
    start = checkpoint.size - len(acts)
    tx.execute(insert(LogEntry), [{"index": start + place, "act": act.id} for place, act in enumerate(acts)])
    tx.execute(insert(LogHash), [{"level": level, "index": index, "hash": hash_} for level, index, hash_ in completed])
    tx.execute(insert(LogCheckpoint).values(size=checkpoint.size, root=checkpoint.root, note=note, at=at))


def hashes(tx: Session, wanted: Sequence[tuple[int, int]]) -> Sequence[Hash]:
    """Return the hashes of complete subtrees in the order asked, in one query."""
    rows = tx.execute(
        select(LogHash.level, LogHash.index, LogHash.hash).where(tuple_(LogHash.level, LogHash.index).in_(wanted))
    )
    found = {(row[0], row[1]): row[2] for row in rows}
    return [found[position] for position in wanted]


def oldest_queued(tx: Session) -> datetime | None:
    """Return the time of the oldest act that the log has not numbered."""
    return tx.scalar(select(func.min(Act.at)).join(QueuedAct, QueuedAct.act == Act.id))


def index_of(tx: Session, act: str) -> int | None:
    """Return the index of an act's leaf; None while the log has not numbered it."""
    return tx.scalar(select(LogEntry.index).where(LogEntry.act == act))


def first_checkpoint(tx: Session, index: int) -> LogCheckpoint | None:
    """Return the first checkpoint that covers the entry `index`: proofs are against it for ever."""
    return tx.scalar(select(LogCheckpoint).where(LogCheckpoint.size > index).order_by(LogCheckpoint.size).limit(1))


def newest_checkpoint(tx: Session) -> LogCheckpoint | None:
    """Return the newest checkpoint."""
    return tx.scalar(select(LogCheckpoint).order_by(LogCheckpoint.size.desc()).limit(1))


def entries(
    tx: Session, after: int, limit: int, *, kinds: Sequence[str] = (), to: str | None = None
) -> Sequence[tuple[int, Act]]:
    """Return numbered acts with an index above `after`, in the order of the log."""
    query = select(LogEntry.index, Act).join(Act, Act.id == LogEntry.act).where(LogEntry.index > after)
    if kinds:
        query = query.where(Act.kind.in_(kinds))
    if to is not None:
        query = query.where(Act.to == to)
    return [(row[0], row[1]) for row in tx.execute(query.order_by(LogEntry.index).limit(limit))]


def root_of(known: LogHead | None) -> tuple[int, Hash]:
    """Return size and root of the head, those of the empty tree while there is none."""
    return (0, EMPTY_ROOT) if known is None else (known.size, known.root)
