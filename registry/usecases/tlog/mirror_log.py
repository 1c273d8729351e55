"""Keep a copy of the peer's log: checked entry by entry before it is kept, so that it can be served again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.errors import Malformed, NotFound, Unprocessable
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind, Leaf
from registry.core.tlog.merkle import Hash, verify_consistency
from registry.core.tlog.note import Note
from registry.core.tlog.policy import lines_that_count
from registry.core.tlog.tile import Tile, growth, write_entries
from registry.store import acts, mirror, tasks, witness
from registry.store.acts import Actor, Draw
from registry.store.mirror import MirrorEntry, MirrorHead
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from registry.store.witness import WitnessEvidence
from registry.usecases.tlog.read_log import TileNotFound
from registry.usecases.trust.believe_peers import Beliefs

STEP = 2_048
"""Entries that are taken at a time, a whole number of bundles: what is fetched before it is checked."""


@dataclass(eq=False)
class LogRewritten(Unprocessable):
    """What the log shows now does not continue what was mirrored of it: both are kept."""

    code: ClassVar[str] = "log-rewritten"
    clause: ClassVar[str | None] = "RFC 9162, 2.1.4"
    origin: str
    reason: str

    def __str__(self) -> str:
        return f"the log {self.origin} does not continue what is mirrored of it: {self.reason}"


@dataclass(eq=False)
class NotMirrored(NotFound):
    """No log with this origin is mirrored here."""

    code: ClassVar[str] = "not-mirrored"

    def __str__(self) -> str:
        return "no log with this origin is mirrored here"


@dataclass(frozen=True, slots=True)
class Shown:
    """A checkpoint that the peer serves now and its witnesses vouch for; `known` is how far the mirror is."""

    checkpoint: Checkpoint
    note: str
    cosigned_at: datetime | None
    known: int

    @property
    def end(self) -> int:
        """Up to where the next step goes: bundles are taken whole where the log has them."""
        return min(self.checkpoint.size, (self.known // STEP + 1) * STEP)


def read_shown(tx: Session, note: str, peer: str, beliefs: Beliefs, *, at: datetime) -> Shown:
    """Judge the checkpoint that a peer serves. Raises what `Policy.check` raises, `QuorumNotMet` among it."""
    parsed = Note.parse(note)
    checked = [policy.check(parsed) for policy in beliefs.log_policies(peer, at)]
    if not checked:
        raise NotMirrored
    checkpoint = checked[0].checkpoint
    times = [each.at for each in checked if each.at is not None]
    known = mirror.head(tx, checkpoint.origin)
    return Shown(
        checkpoint,
        lines_that_count(parsed, beliefs.log_policies(peer, at)).encode(),
        max(times, default=None),
        0 if known is None else known.size,
    )


def grow(tx: Session, shown: Shown, entries: Sequence[bytes], proof: Sequence[Hash], *, at: datetime) -> None:
    """Take the entries from where the mirror ends, if they lead to the checkpoint that is shown.

    Where they end before it, `proof` shows that what they make begins it. Raises `LogRewritten`, and keeps nothing.
    """
    checkpoint, origin = shown.checkpoint, shown.checkpoint.origin
    known = mirror.head(tx, origin, lock=True)
    size = 0 if known is None else known.size
    if size != shown.known:
        return
    if checkpoint.size < size:
        _check_older(tx, checkpoint, size)
        return
    tree, made = mirror.edge(tx, origin, size).grown(entries)
    try:
        if tree.size:
            verify_consistency(tree.size, checkpoint.size, tree.root, checkpoint.root, proof)
    except Unprocessable as refusal:
        raise LogRewritten(origin, str(refusal)) from None
    mirror.append(
        tx, (_row(origin, size + place, entry, at) for place, entry in enumerate(entries)), growth(made), origin
    )
    when = at if known is None else max(at, known.at)
    note, cosigned = shown.note, shown.cosigned_at
    if known is not None and tree.size == size and cosigned is not None and cosigned < (known.cosigned_at or cosigned):
        note, cosigned = known.note, known.cosigned_at  # a cache showed the same tree under an older line
    moved = mirror.move_head(tx, known, Checkpoint(origin, tree.size, tree.root), note, cosigned, when)
    assert moved, "the mirror moved under its lock"


def keep_evidence(tx: Session, shown: Shown, refusal: LogRewritten, *, by: Actor, at: datetime, draw: Draw) -> None:
    """Open a task for what the log shows now beside what was mirrored: one of the two was rewritten.

    Where the mirror reaches as far as what is shown, its entries and the two notes prove it to anyone, and are kept as
    evidence. Entries that do not lead to a larger checkpoint prove nothing: they are not signed.
    """
    origin = shown.checkpoint.origin
    known = mirror.head(tx, origin)
    size, against = (0, "") if known is None else (known.size, known.note)
    detail: dict[str, Json] = {"origin": origin, "size": shown.checkpoint.size, "note": shown.note, "against": against}
    if shown.checkpoint.size <= size:
        digest = sha256(Note.parse(shown.note).text.encode()).hexdigest()
        row = WitnessEvidence(
            digest=digest, origin=origin, note=shown.note, against=against, reason=refusal.reason, at=at
        )
        if witness.keep_evidence(tx, row):
            acts.record(tx, Kind.WITNESS_CONFLICT, detail, by=by, at=at, draw=draw, subject=origin)
    tasks.open_task(tx, TaskKind.LOG_SPLIT, origin, detail, role=Role.OPERATOR, at=at)


def find_mirror(tx: Session, digest: str) -> MirrorHead:
    """Return how far the log is mirrored whose origin has this SHA-256. Raises `NotMirrored`."""
    for head in mirror.heads(tx):
        if sha256(head.origin.encode()).hexdigest() == digest:
            return head
    raise NotMirrored


def read_mirror_tile(tx: Session, head: MirrorHead, tile: Tile) -> bytes:
    """Return the content of a tile or bundle of a mirrored log. Raises `TileNotFound`."""
    if not tile.within(head.size):
        raise TileNotFound
    if tile.level is None:
        return write_entries(mirror.entries(tx, head.origin, tile.start, tile.width))
    return mirror.content(tx, head.origin, tile)


def _check_older(tx: Session, checkpoint: Checkpoint, size: int) -> None:
    """Check that a checkpoint smaller than the mirror, as a cache may give, is of the same history."""
    if mirror.edge(tx, checkpoint.origin, checkpoint.size).root != checkpoint.root:
        raise LogRewritten(
            checkpoint.origin, f"another tree of {checkpoint.size} entries than the first of {size} here"
        )


def _row(origin: str, index: int, entry: bytes, at: datetime) -> MirrorEntry:
    try:
        leaf = Leaf.parse(entry)
    except Malformed:
        return MirrorEntry(origin=origin, index=index, entry=entry, kind=None, to=None, digest=None, seen_at=at)
    return MirrorEntry(
        origin=origin, index=index, entry=entry, kind=leaf.kind, to=leaf.to, digest=leaf.digest, seen_at=at
    )
