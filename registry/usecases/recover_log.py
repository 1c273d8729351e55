"""Take back from a copy what this node signed of its log and its restored database no longer holds (PROMISES D7).

A restored log goes on only as the history that was signed, or not at all: what a witness cosigned and no copy holds is
lost, and a log without it would be another one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import Conflict, Unavailable, Unprocessable
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.cosignature import cosigned_at
from registry.core.tlog.entry import Leaf
from registry.core.tlog.merkle import Hash, leaf_hash, new_hashes, tree_root
from registry.core.tlog.note import Note, NotSigned, VerifierKey
from registry.core.tlog.policy import KnownWitness
from registry.store import acts, log
from registry.store.guard import Mark
from registry.usecases.believe_peers import Beliefs
from registry.usecases.mirror_log import NotMirrored


@dataclass(eq=False)
class NodeWorks(Conflict):
    """The node's worker is at the log: what is to be recovered stands still."""

    code: ClassVar[str] = "node-works"

    def __str__(self) -> str:
        return "the worker of this node runs: stop it and the server, then recover"


@dataclass(eq=False)
class CopyDiffers(Unprocessable):
    """A copy of this log is not the history that this database begins, or that the guard remembers."""

    code: ClassVar[str] = "copy-differs"
    clause: ClassVar[str | None] = "RFC 9162, 2.1.4"
    size: int
    reason: str

    def __str__(self) -> str:
        return f"the copy of {self.size} entries of this log is another history: {self.reason}; nothing was taken"


@dataclass(eq=False)
class EntriesLost(Unavailable):
    """A witness vouched for entries that neither this database nor any copy holds."""

    code: ClassVar[str] = "entries-lost"
    clause: ClassVar[str | None] = "c2sp.org/tlog-checkpoint@v1.0.0: no two checkpoints without consistency"
    held: int
    cosigned: int

    def __str__(self) -> str:
        return (
            f"a witness cosigned {self.cosigned} entries of this log, and the copies end at {self.held}: "
            f"{self.cosigned - self.held} entries are lost, and this log cannot go on under its key. "
            "Look for a newer backup, or for another copy of the log (--copy URL)"
        )


@dataclass(eq=False)
class UnseenLeft(Conflict):
    """What the guard remembers beyond this reached nobody, and going on without it is for a person to say."""

    code: ClassVar[str] = "unseen-left"
    entries: int
    messages: int

    def __str__(self) -> str:
        return (
            f"{self.entries} entries and {self.messages} messages were signed here, and no witness and no peer has "
            f"seen them: registry log recover --give-up-unseen {self.entries + self.messages} goes on without them"
        )


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of this log as someone shows it: vouched for by our log key and the quorum; `known` is what is held."""

    checkpoint: Checkpoint
    note: Note
    cosigned_at: datetime | None
    known: int
    witnesses: tuple[KnownWitness, ...] = ()


@dataclass(frozen=True, slots=True)
class TakenLog:
    """What became of the log: from which size to which, which acts were here, and the leaves of those that were not."""

    since: int
    size: int
    root: Hash
    found: Sequence[str] = ()
    lost: Mapping[int, Leaf] = field(default_factory=dict)

    @property
    def mark(self) -> Mark:
        """What the guard remembers once this stands."""
        return Mark(self.size, self.root.hex())


def read_copy(tx: Session, note: str, did: str, beliefs: Beliefs) -> Copy:
    """Judge the checkpoint of a copy of our own log. Raises what `Policy.check` raises, and `NotMirrored`."""
    parsed = Note.parse(note)
    policies = beliefs.log_policies(did)
    if not policies:
        raise NotMirrored
    checked = [policy.check(parsed) for policy in policies]
    times = [each.at for each in checked if each.at is not None]
    known, _ = log.root_of(log.head(tx))
    witnesses = tuple(witness for policy in policies for witness in policy.witnesses)
    return Copy(checked[0].checkpoint, parsed, max(times, default=None), known, witnesses)


def read_cosigned(note: str, own: VerifierKey, witness: Iterable[VerifierKey]) -> Checkpoint:
    """Read what a witness says that it cosigned of our log. Raises `NotSigned`, `WrongSignature`, what parsing does."""
    parsed = Note.parse(note)
    checkpoint = Checkpoint.parse(parsed.verified([own]))
    if checkpoint.origin != own.name or all(cosigned_at(parsed, key) is None for key in witness):
        raise NotSigned
    return checkpoint


def take_back(tx: Session, copy: Copy | None, entries: Sequence[bytes], *, at: datetime) -> TakenLog:
    """Take what a copy holds and this database does not; the tree must be the one that was signed, from the beginning.

    Raises `NodeWorks`, `CopyDiffers`, and then nothing is taken.
    """
    if not log.try_sequencing(tx):
        raise NodeWorks
    known = log.head(tx, lock=True)
    size, root = log.root_of(known)
    if copy is None:
        return TakenLog(size, size, root)
    checkpoint = copy.checkpoint
    if copy.known != size or len(entries) != max(0, checkpoint.size - size):
        raise NodeWorks
    completed = new_hashes(size, [leaf_hash(entry) for entry in entries], partial(log.hashes, tx))
    fresh = {(level, index): hash_ for level, index, hash_ in completed}
    if tree_root(checkpoint.size, partial(_read, tx, fresh)) != checkpoint.root:
        raise CopyDiffers(checkpoint.size, f"its first {min(size, checkpoint.size)} entries are not those held here")
    if not entries:
        return TakenLog(size, size, root)
    found, leaves = _sort(tx, size, entries)
    when = copy.cosigned_at or at
    when = when if known is None else max(when, known.at)
    own = [line for line in copy.note.lines if line.name == checkpoint.origin]
    log.take_back(
        tx,
        found,
        {index: leaf.encode() for index, leaf in leaves.items()},
        completed,
        checkpoint,
        Note(copy.note.text, tuple(own)).encode(),
        when,
    )
    acts.unqueue(tx, list(found.values()))
    moved = log.move_head(tx, known, checkpoint, when)
    assert moved, "the head moved under its lock"
    _keep_lines(tx, copy)
    log.publish(tx, checkpoint.size, copy.note.encode(), when)
    return TakenLog(size, checkpoint.size, checkpoint.root, list(found.values()), leaves)


def count_unseen(tx: Session, taken: TakenLog, mark: Mark | None, cosigned: Iterable[Checkpoint]) -> int:
    """Return how many entries were signed and are gone, none of which any witness has vouched for.

    Raises `CopyDiffers` where the guard or a witness knows another history, `EntriesLost` where a witness knows more.
    """
    for seen in cosigned:
        if seen.size > taken.size:
            raise EntriesLost(taken.size, seen.size)
        if seen.size and tree_root(seen.size, partial(log.hashes, tx)) != seen.root:
            raise CopyDiffers(seen.size, "it is not what the witness cosigned")
    if mark is None or mark.number == 0:
        return 0
    if mark.number <= taken.size and tree_root(mark.number, partial(log.hashes, tx)).hex() != mark.digest:
        raise CopyDiffers(taken.size, f"the guard remembers another tree of {mark.number} entries")
    return max(0, mark.number - taken.size)


def _sort(tx: Session, first: int, entries: Sequence[bytes]) -> tuple[dict[int, str], dict[int, Leaf]]:
    """Tell the entries whose acts wait here for their number from those whose acts are lost."""
    leaves = {first + place: Leaf.parse(entry) for place, entry in enumerate(entries)}
    waiting = acts.queued_among(tx, [leaf.id for leaf in leaves.values()])
    found = {index: str(leaf.id) for index, leaf in leaves.items() if waiting.get(leaf.id) == leaf.encode()}
    return found, {index: leaf for index, leaf in leaves.items() if index not in found}


def _keep_lines(tx: Session, copy: Copy) -> None:
    """Keep the line of each witness under the checkpoint that came back."""
    for witness in copy.witnesses:
        for line in copy.note.lines:
            if (line.name, line.id) == (witness.vkey.name, witness.vkey.id):
                at = cosigned_at(Note(copy.note.text, (line,)), witness.vkey)
                assert at is not None
                log.keep_cosignature(tx, copy.checkpoint.size, line.name, line.encode(), at)


def _read(tx: Session, fresh: Mapping[tuple[int, int], Hash], wanted: Sequence[tuple[int, int]]) -> Sequence[Hash]:
    stored = [position for position in wanted if position not in fresh]
    known = {**fresh, **dict(zip(stored, log.hashes(tx, stored), strict=True))}
    return [known[position] for position in wanted]
