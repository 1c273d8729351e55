"""Number the queued acts and sign a checkpoint over them in one transaction: a crash leaves all of it or nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import Conflict, Unavailable
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.note import Note
from registry.core.tlog.tile import growth
from registry.store import acts, checkpoints, log
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


@dataclass(eq=False)
class LogDamaged(Unavailable):
    """The hashes that are stored are not those of the head: nothing is signed over what may be another history."""

    code: ClassVar[str] = "log-damaged"
    clause: ClassVar[str | None] = "RFC 6962, 2.1"
    size: int

    def __str__(self) -> str:
        return f"the stored tiles of the log do not lead to its head of {self.size} entries: run registry fsck"


SignNote = Callable[[str], Note]


def extend(
    tx: Session, origin: str, sign: SignNote, *, mark: Mark | None, at: datetime, batch: int = BATCH
) -> Checkpoint | None:
    """Take up to `batch` queued acts into the log; None where there is nothing, or another sequencer is at it.

    The time of a checkpoint never goes back. The note is signed, the rows are written, and then the caller commits.
    `mark` is what the guard remembers of this log. Raises `AnotherSequencer`, `LogBehind`, `LogDamaged`.
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
    size, root = log.root_of(known)
    edge = log.edge(tx, size)
    if edge.root != root:
        raise LogDamaged(size)
    grown, made = edge.grown([leaf for _, leaf in queued])
    checkpoint = Checkpoint(origin, grown.size, grown.root)
    when = at if known is None else max(at, known.at)
    ids = [act for act, _ in queued]
    if not log.append(tx, known, ids, growth(made), checkpoint, sign(checkpoint.encode()).encode(), when):
        raise AnotherSequencer
    return checkpoint


def mark_of(checkpoint: Checkpoint) -> Mark:
    """Return what the guard remembers of a checkpoint."""
    return Mark(checkpoint.size, checkpoint.root.hex())


def check_not_behind(tx: Session, mark: Mark | None) -> None:
    """Check that the log holds what was signed. Raises `LogBehind`."""
    if mark is None or mark.number == 0:
        return
    size, root = log.root_of(log.head(tx))
    if size != mark.number:
        signed = checkpoints.checkpoint(tx, mark.number)
        root = b"" if signed is None else signed.root
    if root.hex() != mark.digest:
        raise LogBehind(size, mark.number)
