"""Ask witnesses to cosign our checkpoints, and publish what met the quorum (c2sp.org/tlog-witness, formats 11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.errors import Unprocessable
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.cosignature import cosigned_at
from registry.core.tlog.merkle import prove_consistency
from registry.core.tlog.note import Note, NotSigned, SignatureLine, VerifierKey
from registry.core.tlog.policy import Policy, QuorumNotMet
from registry.core.tlog.witness import Growth
from registry.store import checkpoints, log, tasks
from registry.store.guard import Mark
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from registry.usecases.tlog.extend_log import check_not_behind

HEARTBEAT = timedelta(minutes=5)
"""After this time a witness is asked again for a checkpoint that has not grown: its word is to be fresh."""


BEHIND, AHEAD = timedelta(minutes=5), timedelta(hours=2)
"""How far the time of a cosignature may be from ours: by it the rules of revocation judge what was logged when.

An earlier time would make a certificate look older than a revocation. A later one harms its own log alone, and is what
a witness gives whose clock was set back: its times never go back.
"""


@dataclass(eq=False)
class WitnessClockOff(Unprocessable):
    """The witness dates its cosignature five minutes or more before our clock, or two hours after it."""

    code: ClassVar[str] = "witness-clock-off"
    clause: ClassVar[str | None] = "c2sp.org/tlog-cosignature@v1.0.1, Format"
    witness: str
    seconds: int

    def __str__(self) -> str:
        return f"the clock of {self.witness} is {self.seconds} seconds from ours: its cosignature is not kept"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a witness is asked: the growth from what it cosigned last, as far as we know."""

    growth: Growth
    size: int


def ask(tx: Session, key: VerifierKey, mark: Mark, *, at: datetime, old: int | None = None) -> Asked | None:
    """Return what the witness of `key` is to cosign, from `old` where it said so; None where it has nothing to do.

    Only what the guard has is asked for: a cosignature is the first that leaves this node of a checkpoint.
    """
    check_not_behind(tx, mark)
    newest = checkpoints.newest_checkpoint(tx, mark.number)
    if newest is None:
        return None
    last = checkpoints.cosigned(tx, key.name)
    if old is None:
        old = 0 if last is None else last.size
        if last is not None and (last.size > newest.size or (last.size == newest.size and at - HEARTBEAT < last.at)):
            return None
    note = Note.parse(newest.note)
    proof = prove_consistency(old, newest.size, partial(log.hashes, tx))
    return Asked(Growth(old, tuple(proof), note, Checkpoint.parse(note.text)), newest.size)


def keep_cosignature(tx: Session, asked: Asked, key: VerifierKey, answer: str, *, at: datetime) -> datetime:
    """Keep the line of the witness of `key` among those it answered; return when it cosigned.

    Raises `NotSigned` where none is its own, `WitnessClockOff`, `WrongSignature`, `MalformedNote`.
    """
    lines = tuple(SignatureLine.parse(line) for line in answer.splitlines())
    own = tuple(line for line in lines if (line.name, line.id) == (key.name, key.id))[:1]
    when = cosigned_at(Note(asked.growth.note.text, own), key)
    if when is None:
        raise NotSigned
    if not -BEHIND < when - at < AHEAD:
        raise WitnessClockOff(key.name, int((when - at).total_seconds()))
    checkpoints.keep_cosignature(tx, asked.size, key.name, own[0].encode(), when)
    tasks.close_tasks(tx, TaskKind.WITNESS_AHEAD, [_subject(asked, key)], at=at)
    return when


def publish(tx: Session, policies: Sequence[Policy], mark: Mark, *, at: datetime) -> int | None:
    """Publish the newest checkpoint that the guard has, if every policy is met; return its size where it is new.

    Without any policy nothing is: a proof lasts for ever, and one from before the first agreement has no witness.
    """
    check_not_behind(tx, mark)
    newest = checkpoints.newest_checkpoint(tx, mark.number)
    if not policies or newest is None or newest.size <= checkpoints.published_size(tx):
        return None
    note = Note.parse(_with_lines(tx, newest.size, newest.note))
    try:
        for policy in policies:
            policy.check(note)
    except QuorumNotMet:
        return None
    return newest.size if checkpoints.publish(tx, newest.size, note.encode(), at) else None


def published_note(tx: Session) -> str | None:
    """Return the newest published checkpoint under the freshest line of each witness; None while there is none."""
    newest = checkpoints.newest_published(tx)
    return None if newest is None else _with_lines(tx, newest.size, newest.note)


def note_split(tx: Session, asked: Asked, key: VerifierKey, what: str, *, at: datetime) -> bool:
    """Open a task: a witness says that our log is not the one it knows. Tells whether it is new."""
    return _open(tx, TaskKind.LOG_SPLIT, asked, key, what, at)


def note_ahead(tx: Session, asked: Asked, key: VerifierKey, size: int, *, at: datetime) -> bool:
    """Open a task: a witness has cosigned more of our log than this database holds. Tells whether it is new."""
    return _open(tx, TaskKind.WITNESS_AHEAD, asked, key, f"it has cosigned {size} entries", at)


def _open(tx: Session, kind: TaskKind, asked: Asked, key: VerifierKey, what: str, at: datetime) -> bool:
    detail: dict[str, Json] = {
        "witness": key.name,
        "size": asked.size,
        "what": what[:500],
        "note": asked.growth.note.encode(),
    }
    return tasks.open_task(tx, kind, _subject(asked, key), detail, role=Role.OPERATOR, at=at)


def _subject(asked: Asked, key: VerifierKey) -> str:
    return f"{asked.growth.checkpoint.origin} at {key.name}"


def _with_lines(tx: Session, size: int, text: str) -> str:
    """Return a note under the freshest line of each witness, none twice."""
    note = Note.parse(text)
    fresh = [SignatureLine.parse(row.line) for row in checkpoints.lines(tx, size)]
    names = {line.name for line in fresh}
    return Note(note.text, (*(line for line in note.lines if line.name not in names), *fresh)).encode()
