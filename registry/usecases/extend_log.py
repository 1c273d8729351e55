"""Number the queued acts and sign a checkpoint over them in one transaction: a crash leaves all of it or nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import Conflict, Unavailable
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.merkle import Hash, leaf_hash, new_hashes, tree_root
from registry.core.tlog.note import Note
from registry.store import acts, log
from registry.store.guard import Mark

BATCH = 1024


@dataclass(eq=False)
class AnotherSequencer(Conflict):
    """The head moved under the sequencer's lock: another one runs, and this one stops (PROMISES L2)."""

    code: ClassVar[str] = "another-sequencer"

    def __str__(self) -> str:
        return "another sequencer extends this log"


@dataclass(eq=False)
class LogBehind(Unavailable):
    """The database holds less of the log than was signed, or something else: it is a backup. Nothing is signed."""

    code: ClassVar[str] = "log-behind"
    clause: ClassVar[str | None] = "c2sp.org/tlog-checkpoint@v1.0.0: no two checkpoints without consistency"
    held: int
    signed: int

    def __str__(self) -> str:
        return (
            f"this database holds {self.held} entries of the log, and {self.signed} were signed: it was restored from "
            "a backup, and what it would sign is a second history. Run registry log recover, then start again"
        )


SignNote = Callable[[str], Note]


def extend(
    tx: Session, origin: str, sign: SignNote, *, mark: Mark | None, at: datetime, batch: int = BATCH
) -> Checkpoint | None:
    """Take up to `batch` queued acts into the log; None where there is nothing, or another sequencer is at it.

    The time of a checkpoint never goes back. The rows are written, then the note is signed, then the caller commits.
    `mark` is what the guard remembers of this log. Raises `AnotherSequencer`, `LogBehind`.
    """
    if not log.try_sequencing(tx):
        return None
    check_not_behind(tx, mark)
    queued = acts.queued(tx, batch)
    if not queued:
        return None
    known = log.head(tx, lock=True)
    if known is not None and known.origin != origin:
        raise AnotherSequencer
    size, _ = log.root_of(known)
    completed = new_hashes(size, [leaf_hash(leaf) for _, leaf in queued], partial(log.hashes, tx))
    fresh = {(level, index): hash_ for level, index, hash_ in completed}

    def read(wanted: Sequence[tuple[int, int]]) -> list[Hash]:
        stored = [position for position in wanted if position not in fresh]
        known_hashes = fresh | dict(zip(stored, log.hashes(tx, stored), strict=True))
        return [known_hashes[position] for position in wanted]

    grown = size + len(queued)
    checkpoint = Checkpoint(origin, grown, tree_root(grown, read))
    when = at if known is None else max(at, known.at)
    ids = [act for act, _ in queued]
    log.append(tx, ids, completed, checkpoint, sign(checkpoint.encode()).encode(), when)
    acts.unqueue(tx, ids)
    if not log.move_head(tx, known, checkpoint, when):
        raise AnotherSequencer
    return checkpoint


def mark_of(checkpoint: Checkpoint) -> Mark:
    """Return what the guard remembers of a checkpoint."""
    return Mark(checkpoint.size, checkpoint.root.hex())


def check_not_behind(tx: Session, mark: Mark | None) -> None:
    """Check that the log holds what was signed. Raises `LogBehind`."""
    if mark is None or mark.number == 0:
        return
    size, _ = log.root_of(log.head(tx))
    signed = log.checkpoint(tx, mark.number)
    if signed is None or signed.root.hex() != mark.digest:
        raise LogBehind(size, mark.number)
