"""Cosign the growth of another state's log: compare and record in one transaction, answer after it (PROMISES L6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import ClassVar, Protocol

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.errors import NotFound, Unavailable
from registry.core.tlog.entry import Kind
from registry.core.tlog.note import Note, SignatureLine, VerifierKey
from registry.core.tlog.witness import Growth, LogUnknown, NotConsistent, check_growth
from registry.store import acts, tasks, witness
from registry.store.acts import Actor, Draw
from registry.store.guard import Mark
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from registry.store.witness import WitnessEvidence, WitnessHead
from registry.usecases.tlog.extend_log import mark_of


@dataclass(eq=False)
class WitnessBehind(Unavailable):
    """This database remembers less than was cosigned: it is a backup. The witness is silent until it has a new key."""

    code: ClassVar[str] = "witness-behind"
    clause: ClassVar[str | None] = "c2sp.org/tlog-witness, persistence"
    origin: str
    held: int
    cosigned: int

    def __str__(self) -> str:
        return (
            f"this witness cosigned {self.origin} up to {self.cosigned}, and its database, a backup, remembers "
            f"{self.held}: it cosigns nothing of that log before it has a new key (registry keys witness --next)"
        )


@dataclass(eq=False)
class NothingWitnessed(NotFound):
    """Nothing of this log was ever cosigned here."""

    code: ClassVar[str] = "nothing-witnessed"

    def __str__(self) -> str:
        return "this witness has cosigned no checkpoint of a log with this origin"


class Cosigner(Protocol):
    """The witness's key."""

    @property
    def vkey(self) -> VerifierKey:
        """The public key with its name."""

    def cosign(self, text: str, at: datetime) -> SignatureLine:
        """Cosign the text of a checkpoint."""


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The line to answer with, and what the guard must know before the answer leaves."""

    line: str
    origin: str
    mark: Mark


def read_growth(body: str, logs: Mapping[str, VerifierKey]) -> tuple[Growth, VerifierKey]:
    """Read a request and find the key of its log. Raises `MalformedGrowth` (400), `LogUnknown` (404)."""
    growth = Growth.parse(body)
    key = logs.get(growth.checkpoint.origin)
    if key is None:
        raise LogUnknown(growth.checkpoint.origin)
    return growth, key


def cosign(
    tx: Session,
    growth: Growth,
    key: VerifierKey,
    cosigner: Cosigner,
    *,
    mark: Mark | None,
    by: Actor,
    at: datetime,
    draw: Draw,
) -> Cosigned | NotConsistent:
    """Cosign if the log grew from what was cosigned last; `NotConsistent` (422) is returned, for its evidence is kept.

    The time of a cosignature never goes back. Raises `LogSignatureMissing`, `StaleOldSize`, `WitnessBehind`.
    """
    checkpoint = growth.checkpoint
    known = witness.lock_head(tx, checkpoint.origin)
    size, root = witness.root_of(known)
    if mark is not None and (size < mark.number or (size == mark.number and root.hex() != mark.digest)):
        raise WitnessBehind(checkpoint.origin, size, mark.number)
    try:
        check_growth(growth, key, size, root)
    except NotConsistent as refusal:
        if known is not None and checkpoint.size == size and checkpoint.root != root:
            _keep_evidence(tx, growth, known, refusal, by=by, at=at, draw=draw)
        return refusal
    when = at if known is None else max(at, known.at)
    line = cosigner.cosign(growth.note.text, when)
    note = Note(growth.note.text, (*_lines_of(growth.note, key), line)).encode()
    moved = witness.move_head(tx, known, checkpoint, note, when)
    assert moved, "the head moved under its lock"
    return Cosigned(f"{line.encode()}\n", checkpoint.origin, mark_of(checkpoint))


def cosigned_note(tx: Session, digest: str) -> str:
    """Return what was cosigned last of the log whose origin has this SHA-256. Raises `NothingWitnessed`."""
    for head in witness.heads(tx):
        if sha256(head.origin.encode()).hexdigest() == digest:
            return head.note
    raise NothingWitnessed


def _lines_of(note: Note, key: VerifierKey) -> tuple[SignatureLine, ...]:
    """Return the log's own line: what others wrote under the note is theirs to vouch for."""
    return tuple(line for line in note.lines if (line.name, line.id) == (key.name, key.id))[:1]


def _keep_evidence(
    tx: Session, growth: Growth, known: WitnessHead, refusal: NotConsistent, *, by: Actor, at: datetime, draw: Draw
) -> None:
    """Keep two notes of one size with two roots: whoever sees them knows that the log's key signed both.

    A proof that fails is no evidence: anyone can send a true checkpoint with a false proof.
    """
    note, origin = growth.note.encode(), growth.checkpoint.origin
    digest = sha256(growth.note.text.encode()).hexdigest()
    row = WitnessEvidence(digest=digest, origin=origin, note=note, against=known.note, reason=refusal.reason, at=at)
    detail: dict[str, Json] = {"origin": origin, "size": known.size, "note": note, "against": known.note}
    if witness.keep_evidence(tx, row):
        acts.record(tx, Kind.WITNESS_CONFLICT, detail, by=by, at=at, draw=draw, subject=origin)
    tasks.open_task(tx, TaskKind.LOG_SPLIT, origin, detail, role=Role.OPERATOR, at=at)
