"""The witness's memory: the last checkpoint that it cosigned of each log, which only grows, and evidence of splits."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.merkle import EMPTY_ROOT, Hash
from registry.store.database import Row

MOST_EVIDENCE = 100
"""Notes of one log that are kept as evidence: the first split proves all that more of them could."""


class WitnessHead(Row):
    """The last checkpoint of a log that was cosigned here, with our line under it."""

    __tablename__ = "witness_head"

    origin: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes]
    note: Mapped[str]
    at: Mapped[datetime]


class WitnessEvidence(Row):
    """A note that its log signed and that does not continue what was cosigned, beside the one that was."""

    __tablename__ = "witness_evidence"

    digest: Mapped[str] = mapped_column(primary_key=True)
    origin: Mapped[str] = mapped_column(index=True)
    note: Mapped[str]
    against: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]


def head(tx: Session, origin: str) -> WitnessHead | None:
    """Return the last checkpoint that was cosigned of a log."""
    return tx.get(WitnessHead, origin, populate_existing=True)


def lock_head(tx: Session, origin: str) -> WitnessHead | None:
    """Return the last checkpoint of a log; until the transaction ends nobody else moves it, nor makes the first."""
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:origin, 0))"), {"origin": f"witness {origin}"})
    return head(tx, origin)


def heads(tx: Session) -> Sequence[WitnessHead]:
    """Return the last checkpoint of every log that was witnessed here."""
    return tx.scalars(select(WitnessHead).order_by(WitnessHead.origin)).all()


def root_of(known: WitnessHead | None) -> tuple[int, Hash]:
    """Return size and root of what was cosigned; those of the empty tree where nothing was."""
    return (0, EMPTY_ROOT) if known is None else (known.size, known.root)


def move_head(tx: Session, known: WitnessHead | None, to: Checkpoint, note: str, at: datetime) -> bool:
    """Record `to` as cosigned, provided that `known` is still the head; tells whether it was.

    The WHERE clause is the promise of a witness: it must not rest on how callers hold locks.
    """
    if known is None:
        first = insert(WitnessHead).values(origin=to.origin, size=to.size, root=to.root, note=note, at=at)
        return tx.scalar(first.on_conflict_do_nothing().returning(WitnessHead.size)) is not None
    moved = tx.scalar(
        update(WitnessHead)
        .where(WitnessHead.origin == to.origin, WitnessHead.size == known.size, WitnessHead.root == known.root)
        .values(size=to.size, root=to.root, note=note, at=at)
        .returning(WitnessHead.size)
        .execution_options(synchronize_session=False)
    )
    return moved is not None


def keep_evidence(tx: Session, row: WitnessEvidence) -> bool:
    """Keep a note as evidence; tells whether it is new. Past `MOST_EVIDENCE` of a log nothing more is kept."""
    kept = tx.scalar(select(func.count()).select_from(WitnessEvidence).where(WitnessEvidence.origin == row.origin))
    if (kept or 0) >= MOST_EVIDENCE or tx.get(WitnessEvidence, row.digest) is not None:
        return False
    tx.add(row)
    tx.flush()
    return True


def evidence(tx: Session, origin: str | None = None) -> Sequence[WitnessEvidence]:
    """Return what is kept as evidence, oldest first."""
    query = select(WitnessEvidence).order_by(WitnessEvidence.at, WitnessEvidence.digest)
    return tx.scalars(query if origin is None else query.where(WitnessEvidence.origin == origin)).all()
