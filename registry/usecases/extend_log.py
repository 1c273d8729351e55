"""Number the queued acts and sign a checkpoint over them in one transaction: a crash leaves all of it or nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import Conflict
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.merkle import Hash, leaf_hash, new_hashes, tree_root
from registry.core.tlog.note import Note
from registry.store import acts, log

BATCH = 1024


@dataclass(eq=False)
class AnotherSequencer(Conflict):
    """The head moved under the sequencer's lock: another one runs, and this one stops (PROMISES L2)."""

    code: ClassVar[str] = "another-sequencer"

    def __str__(self) -> str:
        return "another sequencer extends this log"


SignNote = Callable[[str], Note]


def extend(tx: Session, origin: str, sign: SignNote, *, at: datetime, batch: int = BATCH) -> Checkpoint | None:
    """Take up to `batch` queued acts into the log; None where there is nothing, or another sequencer is at it.

    The time of a checkpoint never goes back. The rows are written, then the note is signed, then the caller commits.
    Raises `AnotherSequencer`.
    """
    if not log.try_sequencing(tx):
        return None
    queued = acts.queued(tx, batch)
    if not queued:
        return None
    known = log.head(tx, lock=True)
    if known is not None and known.origin != origin:
        raise AnotherSequencer
    size, _ = log.root_of(known)
    completed = new_hashes(size, [leaf_hash(act.leaf) for act in queued], partial(log.hashes, tx))
    fresh = {(level, index): hash_ for level, index, hash_ in completed}

    def read(wanted: Sequence[tuple[int, int]]) -> list[Hash]:
        stored = [position for position in wanted if position not in fresh]
        known_hashes = fresh | dict(zip(stored, log.hashes(tx, stored), strict=True))
        return [known_hashes[position] for position in wanted]

    grown = size + len(queued)
    checkpoint = Checkpoint(origin, grown, tree_root(grown, read))
    when = at if known is None else max(at, known.at)
    log.append(tx, queued, completed, checkpoint, sign(checkpoint.encode()).encode(), when)
    acts.unqueue(tx, [act.id for act in queued])
    if not log.move_head(tx, known, checkpoint, when):
        raise AnotherSequencer
    return checkpoint
