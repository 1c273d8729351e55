"""Follow a peer into a new epoch of its messages: it says where the last one ended, and two people here agree.

The peer's own two people began it (`begin_epoch`). Until it is agreed to, no message of the epoch is taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.channel.epoch import EpochBegun
from registry.core.channel.message import FIRST, EpochNotAgreed, Message, Position
from registry.core.errors import NotFound, Unprocessable
from registry.core.tlog.entry import Kind
from registry.store import acts, channel, epochs, tasks
from registry.store.acts import Act, Draw
from registry.store.epochs import ChannelEpoch, Direction
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from registry.usecases.party.confirm_proposal import by_another, find_proposals
from registry.usecases.party.identify_party import Party


@dataclass(eq=False)
class EpochNotOffered(NotFound):
    """The peer has not offered a new epoch of its messages, or not any more."""

    code: ClassVar[str] = "epoch-not-offered"
    peer: str

    def __str__(self) -> str:
        return f"{self.peer} has offered no new epoch of its messages: its own two people begin it first"


@dataclass(eq=False)
class EpochNotProposed(NotFound):
    """Nobody proposed this very end of the epoch."""

    code: ClassVar[str] = "epoch-not-proposed"
    peer: str

    def __str__(self) -> str:
        return f"nobody proposed an epoch with {self.peer} that follows on just this end of the one before: propose it"


@dataclass(eq=False)
class EpochEndDiffers(Unprocessable):
    """The message at which the peer says that its epoch ended is not here, or is another."""

    code: ClassVar[str] = "epoch-end-differs"
    peer: str
    seq: int

    def __str__(self) -> str:
        return (
            f"{self.peer} says that its epoch ended at message {self.seq}, and another or none of that number is here: "
            "do not agree, and ask there"
        )


def meet(tx: Session, message: Message, *, agreed: bool, at: datetime) -> EpochNotAgreed | None:
    """Meet the first message of an epoch: None where two people agreed to it as it is; else it waits for them.

    `agreed`: our own receipt of before a restore says so, and the epoch is kept as it was.
    """
    peer, begun = message.from_, EpochBegun.of(message)
    row = epochs.newest(tx, Direction.RECEIVED, peer)
    if row is not None and row.begun == begun:
        return None
    position = channel.received(tx, peer)
    if begun.epoch != position.epoch + 1:
        return EpochNotAgreed(begun.epoch) if begun.epoch >= position.epoch else None
    if agreed:
        epochs.keep(tx, Direction.RECEIVED, peer, begun, at=message.issued_at)
        return None
    ended: dict[str, Json] = {"seq": begun.ended.seq, "digest": begun.ended.digest}
    detail: dict[str, Json] = {"peer": peer, "epoch": begun.epoch, "ended": ended, "reason": begun.reason}
    known = _offers(tx, peer)
    tasks.close_tasks(tx, TaskKind.EPOCH_OFFERED, [each for each in known if each != _subject(peer, begun)], at=at)
    tasks.open_task(tx, TaskKind.EPOCH_OFFERED, _subject(peer, begun), detail, role=Role.OPERATOR, at=at)
    return EpochNotAgreed(begun.epoch)


def propose(tx: Session, peer: str, *, by: Party, at: datetime, draw: Draw) -> EpochBegun:
    """Record who proposes to follow what the peer offers, and return it. Raises what `offered` raises."""
    by.require(Role.OPERATOR)
    begun = offered(tx, peer)
    private = said(Direction.RECEIVED, peer, begun)
    acts.record(tx, Kind.EPOCH_PROPOSED, private, by=by.actor, at=at, draw=draw, subject=_subject(peer, begun))
    return begun


def confirm(tx: Session, peer: str, *, by: Party, at: datetime, draw: Draw) -> ChannelEpoch:
    """Agree to what another operator proposed to follow: messages of the epoch are taken from now on.

    Raises `EpochNotProposed`, `SameOperator`, and what `offered` raises.
    """
    by.require(Role.OPERATOR)
    channel.lock_sender(tx, peer)
    begun = offered(tx, peer)
    private = said(Direction.RECEIVED, peer, begun)
    proposed_by = str(proposed(tx, peer, _subject(peer, begun), by).person)
    act = acts.record(
        tx, Kind.EPOCH_FOLLOWED, private | {"proposed_by": proposed_by}, by=by.actor, at=at, draw=draw, subject=peer
    )
    people = (proposed_by, by.person)
    row = epochs.keep(tx, Direction.RECEIVED, peer, begun, at=at, people=people, act=act)
    tasks.close_tasks(tx, TaskKind.EPOCH_OFFERED, list(_offers(tx, peer)), at=at)
    tasks.close_tasks(tx, TaskKind.CHANNEL_FORK, [peer], at=at)
    return row


def offered(tx: Session, peer: str) -> EpochBegun:
    """Return what the peer offers, which must follow on what is here. Raises `EpochNotOffered`, `EpochEndDiffers`."""
    found = [begun for begun in _offers(tx, peer).values() if begun.epoch == channel.received(tx, peer).epoch + 1]
    if not found:
        raise EpochNotOffered(peer)
    ended = found[-1].ended
    if ended.seq >= FIRST and channel.received_digest(tx, peer, ended.epoch, ended.seq) != ended.digest:
        raise EpochEndDiffers(peer, ended.seq)
    return found[-1]


def proposed(tx: Session, peer: str, subject: str, by: Party) -> Act:
    """Return the newest proposal of just this by another than `by`. Raises `EpochNotProposed`, `SameOperator`.

    The subject has the number of the epoch in it, which begins once: no proposal of it counts for another.
    """
    proposals = find_proposals(tx, subject, Kind.EPOCH_PROPOSED)
    if not proposals:
        raise EpochNotProposed(peer)
    return by_another(proposals, by)


def said(direction: Direction, peer: str, begun: EpochBegun) -> dict[str, Json]:
    """Return what the acts of an epoch say."""
    ended: dict[str, Json] = {"ended_seq": begun.ended.seq, "ended_digest": begun.ended.digest}
    return {"direction": direction.value, "peer": peer, "epoch": begun.epoch, **ended, "reason": begun.reason}


def _offers(tx: Session, peer: str) -> dict[str, EpochBegun]:
    """Return what a peer offers, by the subject of its task."""
    open_ = tasks.open_tasks(tx, TaskKind.EPOCH_OFFERED)
    return {task.subject: _read(task.detail) for task in open_ if task.detail["peer"] == peer}


def _read(detail: Mapping[str, Any]) -> EpochBegun:
    ended = detail["ended"]
    return EpochBegun(Position(detail["epoch"] - 1, ended["seq"], ended["digest"]), detail["reason"])


def _subject(peer: str, begun: EpochBegun) -> str:
    """Return the subject of what a peer offers, and of agreeing to it: another end, or reason, is another offer."""
    return f"from {peer} {begun.digest}"
