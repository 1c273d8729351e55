"""Take back from a copy what this node signed of its log and its restored database no longer holds (PROMISES D7).

A restored log goes on only as the history that was signed, or not at all: what a witness cosigned and no copy holds is
lost, and a log without it would be another one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import Conflict, Unavailable, Unprocessable
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.cosignature import cosigned_at
from registry.core.tlog.entry import Leaf
from registry.core.tlog.merkle import Hash
from registry.core.tlog.note import Note, NotSigned, VerifierKey
from registry.core.tlog.policy import KnownWitness, lines_that_count
from registry.core.tlog.tile import growth
from registry.store import acts, checkpoints, log
from registry.store.at_work import NodeWorks
from registry.store.guard import Mark, of_log, of_published, of_shown
from registry.usecases.tlog.mirror_log import NotMirrored
from registry.usecases.trust.believe_peers import Beliefs


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
class ShownLost(Unavailable):
    """Entries that were shown to someone are gone: that nobody admits to have them does not make them unseen."""

    code: ClassVar[str] = "shown-lost"
    clause: ClassVar[str | None] = "c2sp.org/tlog-checkpoint@v1.0.0: no two checkpoints without consistency"
    held: int
    shown: int

    def __str__(self) -> str:
        return (
            f"{self.shown} entries of this log may have been shown, to a witness or to everyone, and this database and "
            f"the copies end at {self.held}: whoever has the others could prove two histories, so none of them can be "
            "given up. Look for a newer backup, or for another copy of the log (--copy URL); where there is none, "
            "this log cannot go on under its key"
        )


@dataclass(eq=False)
class UnseenLeft(Conflict):
    """What was numbered beyond this was never shown to anyone, and going on without it is for a person to say."""

    code: ClassVar[str] = "unseen-left"
    entries: int
    messages: int

    def __str__(self) -> str:
        return (
            f"{self.entries} entries were numbered here and never shown to anyone, and {self.messages} messages were "
            f"signed that no peer says it has: registry log recover --give-up-unseen {self.entries + self.messages} "
            "goes on without them"
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
    """What became of the log: from which size to which, which acts were here, and the leaves of those that were not.

    `published` is how far the restored database had published it.
    """

    since: int
    published: int
    size: int
    root: Hash
    found: Sequence[str] = ()
    lost: Mapping[int, Leaf] = field(default_factory=dict)

    @property
    def mark(self) -> Mark:
        """What the guard remembers once this stands."""
        return Mark(self.size, self.root.hex())


def read_copy(tx: Session, note: str, did: str, beliefs: Beliefs, *, at: datetime) -> Copy:
    """Judge the checkpoint of a copy of our own log, and keep of its lines those that count.

    Raises what `Policy.check` raises, and `NotMirrored`.
    """
    parsed = Note.parse(note)
    policies = beliefs.log_policies(did, at)
    if not policies:
        raise NotMirrored
    checked = [policy.check(parsed) for policy in policies]
    times = [each.at for each in checked if each.at is not None]
    known, _ = log.root_of(log.head(tx))
    witnesses = tuple(witness for policy in policies for witness in policy.witnesses)
    kept = lines_that_count(parsed, policies)
    return Copy(checked[0].checkpoint, kept, max(times, default=None), known, witnesses)


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
    published = checkpoints.published_size(tx)
    if copy is None:
        return TakenLog(size, published, size, root)
    checkpoint = copy.checkpoint
    if copy.known != size or len(entries) != max(0, checkpoint.size - size):
        raise NodeWorks
    tree, made = log.edge(tx, min(size, checkpoint.size)).grown(entries)
    if tree.root != checkpoint.root:
        raise CopyDiffers(checkpoint.size, f"its first {min(size, checkpoint.size)} entries are not those held here")
    when = copy.cosigned_at or at
    when = when if known is None else max(when, known.at)
    if not entries:
        if checkpoint.size > published and checkpoints.checkpoint(tx, checkpoint.size) is not None:
            _publish(tx, copy, when)
        return TakenLog(size, published, size, root)
    found, leaves = _sort(tx, size, entries)
    own = [line for line in copy.note.lines if line.name == checkpoint.origin][:1]
    log.take_back(tx, found, {index: leaf.encode() for index, leaf in leaves.items()})
    acts.unqueue(tx, list(found.values()))
    note = Note(copy.note.text, tuple(own)).encode()
    moved = log.append(tx, known, (), growth(made), checkpoint, note, when)
    assert moved, "the head moved under its lock"
    _publish(tx, copy, when)
    return TakenLog(size, published, checkpoint.size, checkpoint.root, list(found.values()), leaves)


def count_unseen(
    tx: Session, taken: TakenLog, marks: Mapping[str, Mark], origin: str, cosigned: Iterable[Checkpoint]
) -> int:
    """Return how many entries were numbered and are gone, none of which was ever shown to anyone.

    That nobody admits to have seen them proves nothing: the guard knows what was asked of a witness or published, and
    where it does not, all of it may have been. Raises `CopyDiffers` where the guard or a witness knows another
    history, `EntriesLost` where a witness knows more, `ShownLost` where what was shown is gone.
    """
    for seen in cosigned:
        if seen.size > taken.size:
            raise EntriesLost(taken.size, seen.size)
        if log.edge(tx, seen.size).root != seen.root:
            raise CopyDiffers(seen.size, "it is not what the witness cosigned")
    signed, shown, published = (marks.get(what(origin)) for what in (of_log, of_shown, of_published))
    for mark in (signed, shown, published):
        if mark is None or not 0 < mark.number <= taken.size:
            continue
        if log.edge(tx, mark.number).root.hex() != mark.digest:
            raise CopyDiffers(taken.size, f"the guard remembers another tree of {mark.number} entries")
    may_have = max((mark.number for mark in (shown or signed, published) if mark is not None), default=0)
    if may_have > taken.size:
        raise ShownLost(taken.size, may_have)
    return 0 if signed is None else max(0, signed.number - taken.size)


def _sort(tx: Session, first: int, entries: Sequence[bytes]) -> tuple[dict[int, str], dict[int, Leaf]]:
    """Tell the entries whose acts wait here for their number from those whose acts are lost."""
    leaves = {first + place: Leaf.parse(entry) for place, entry in enumerate(entries)}
    waiting = acts.queued_among(tx, [leaf.id for leaf in leaves.values()])
    found = {index: str(leaf.id) for index, leaf in leaves.items() if waiting.get(leaf.id) == leaf.encode()}
    return found, {index: leaf for index, leaf in leaves.items() if index not in found}


def _publish(tx: Session, copy: Copy, at: datetime) -> None:
    """Publish the checkpoint that came back as it was shown, and keep the line of each witness under it."""
    checkpoints.publish(tx, copy.checkpoint.size, copy.note.encode(), at)
    for witness in copy.witnesses:
        for line in copy.note.lines:
            if (line.name, line.id) == (witness.vkey.name, witness.vkey.id):
                when = cosigned_at(Note(copy.note.text, (line,)), witness.vkey)
                assert when is not None
                checkpoints.keep_cosignature(tx, copy.checkpoint.size, line.name, line.encode(), when)
