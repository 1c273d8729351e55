"""Hold the database beside the guard: what is behind is a backup, and then nothing that is numbered is issued."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from sqlalchemy import Select, Text, cast, func, select
from sqlalchemy.orm import Session

from registry.core.errors import Unavailable
from registry.store import beliefs, channel, checkpoints, epochs, log
from registry.store.checkpoints import LogCheckpoint, LogPublished
from registry.store.epochs import Direction
from registry.store.guard import (
    GuardBroken,
    GuardMissing,
    Mark,
    of_forgotten,
    of_log,
    of_published,
    of_received,
    of_sent,
    of_shown,
)
from registry.store.messages import MessageIn, MessageOut
from registry.store.witness import WitnessHead
from registry.usecases.channel.deliver_message import ChannelBehind
from registry.usecases.tlog.extend_log import LogBehind, check_not_behind

Marks = Mapping[str, Mark]
Numbered: TypeAlias = Select[int, bytes] | Select[int, str]


@dataclass(eq=False)
class ReceivedBehind(Unavailable):
    """The database holds less of what a node sent than was acknowledged: it is a backup, and annulments may be lost."""

    code: ClassVar[str] = "received-behind"
    from_: str

    def __str__(self) -> str:
        return (
            f"this database does not hold all that {self.from_} sent and this node acknowledged: it was restored from "
            "a backup. Run registry log recover, which asks the peer for it"
        )


BEHIND = (LogBehind, ChannelBehind, ReceivedBehind, GuardMissing, GuardBroken)
"""What keeps a node from issuing: its database is a backup, or whether it is one cannot be told."""


@dataclass(eq=False)
class WitnessForgot(Unavailable):
    """The guard was lost, and what the witness's key cosigned nobody knows: it is silent until it has a new one."""

    code: ClassVar[str] = "witness-forgot"
    clause: ClassVar[str | None] = "c2sp.org/tlog-witness, persistence"
    name: str

    def __str__(self) -> str:
        return (
            f"the guard of this node was lost, and with it what the key of {self.name} cosigned: this witness is "
            "silent until it has a new key (registry keys witness --next, then a list of a new epoch)"
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """One mark beside what the database holds of the same thing."""

    what: str
    marked: int
    held: int
    behind: bool


def compare(tx: Session, marks: Marks, witness_name: str) -> list[Standing]:
    """Return each mark beside what is held: what a mark names must stand here, under its digest.

    Of a log that was witnessed only the last checkpoint is here, which may be newer than the mark. A witness key that
    was replaced has no say any more, and is left out; one whose marks were lost is behind whatever is held. What we
    sent beyond the end of an epoch that is over is left out too: it does not stand, and that epoch numbers no more.
    """
    found = []
    for what, mark in sorted(marks.items()):
        if what == of_forgotten(witness_name):
            found.append(Standing(what, mark.number, 0, behind=True))
            continue
        numbered = _numbered(what, witness_name)
        if numbered is None:
            continue
        rows = numbered.subquery()
        number, digest = rows.c
        newest = tx.scalar(select(func.max(number))) or 0
        known = tx.scalar(select(digest).where(number == mark.number))
        same = (known.hex() if isinstance(known, bytes) else known) == mark.digest
        passed = what.startswith("witness ") and newest > mark.number
        behind = mark.number > 0 and not same and not passed
        if not behind or not _does_not_stand(tx, what, mark):
            found.append(Standing(what, mark.number, newest, behind=behind))
    return found


def check_caught_up(tx: Session, marks: Marks, origin: str) -> None:
    """Check that what was signed of the log, and every message that was sent or acknowledged, stands here.

    A number that is given by a backup was given before. Raises `LogBehind`, `ChannelBehind`, `ReceivedBehind`.
    """
    check_not_behind(tx, marks.get(of_log(origin)))
    for each in compare(tx, {what: mark for what, mark in marks.items() if what.startswith("sent ")}, ""):
        if each.behind:
            raise ChannelBehind(each.what.split(" ")[-1], each.held, each.marked)
    for peer in beliefs.lost(tx, marks):
        raise ReceivedBehind(peer)


def silent_witness(tx: Session, marks: Marks, witness_name: str) -> list[str]:
    """Return the logs of which our witness, under its present key, may have cosigned more than it remembers."""
    own = {what: mark for what, mark in marks.items() if what.startswith(f"witness {witness_name} ")}
    behind = [each.what for each in compare(tx, own, witness_name) if each.behind]
    return ["every log" if what == of_forgotten(witness_name) else what.rpartition(" of ")[2] for what in behind]


def check_remembers(marks: Marks, witness_name: str) -> None:
    """Check that the marks of our witness's key were never lost. Raises `WitnessForgot`."""
    if of_forgotten(witness_name) in marks:
        raise WitnessForgot(witness_name)


def marks_of(tx: Session, origin: str, witness_name: str) -> dict[str, Mark]:
    """Return the marks of a guard that is begun anew beside a database that is not behind.

    What was numbered may all have been shown. What our witness cosigned is never begun anew: everyone may be asked
    what it was, and nobody has to tell, so that the key under which it did is forgotten.
    """
    marks = {of_forgotten(witness_name): Mark(1, "")}
    head = log.head(tx)
    if head is not None:
        known = Mark(head.size, head.root.hex())
        marks |= {of_log(origin): known, of_shown(origin): known}
    published = checkpoints.checkpoint(tx, checkpoints.published_size(tx))
    if published is not None:
        marks[of_published(origin)] = Mark(published.size, published.root.hex())
    for peer in channel.peers(tx):
        for what, position in ((of_sent, channel.sent(tx, peer)), (of_received, channel.received(tx, peer))):
            marks[what(peer, position.epoch)] = Mark(position.seq, position.digest)
    return marks


def _does_not_stand(tx: Session, what: str, mark: Mark) -> bool:
    """Tell whether a mark is of a message of ours beyond the end of its epoch, as this database holds that end."""
    match what.split(" "):
        case ["sent", epoch, "to", peer]:
            ended = epochs.end(tx, Direction.SENT, peer, int(epoch))
            return ended is not None and mark.number > ended
        case _:
            return False


def _numbered(what: str, witness_name: str) -> Numbered | None:
    """Return the numbers and digests that stand here of what has a mark, in columns that can always be read."""
    match what.split(" "):
        case ["log" | "shown", _]:
            return select(LogCheckpoint.size, LogCheckpoint.root)
        case ["published", _]:
            published = select(LogPublished.size, LogCheckpoint.root)
            return published.join(LogCheckpoint, LogCheckpoint.size == LogPublished.size)
        case ["witness", name, "of", origin] if name == witness_name:
            return select(WitnessHead.size, WitnessHead.root).where(WitnessHead.origin == origin)
        case ["sent", epoch, "to", peer]:
            sent = select(MessageOut.seq, MessageOut.digest)
            return sent.where(MessageOut.to == peer, cast(MessageOut.epoch, Text) == epoch)
        case ["received", epoch, "from", peer]:
            taken = select(MessageIn.seq, MessageIn.digest)
            return taken.where(MessageIn.from_ == peer, cast(MessageIn.epoch, Text) == epoch)
        case _:
            return None
