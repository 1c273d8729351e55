"""Begin a new epoch of our messages to a peer that holds others of ours than we do (formats 10; decision 0029).

That is so after a restore from which messages did not come back: what we send under their numbers is a fork to the
peer, for ever. Or what waits is signed by a key that the node has no more, and no node takes it. Two people here begin
the epoch, and two people there follow; what the peer holds of ours and we do not comes back, and what it refused is
sent anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.channel.epoch import EpochBegun
from registry.core.channel.message import Position, position_after
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Conflict
from registry.core.tlog.entry import Kind
from registry.store import acts, channel, epochs
from registry.store.acts import Draw
from registry.store.epochs import ChannelEpoch, Direction
from registry.store.parties import Role
from registry.usecases.channel.follow_epoch import proposed, said
from registry.usecases.party.identify_party import Party
from registry.usecases.recovery.recall_messages import Recalled
from registry.usecases.recovery.recover_messages import Restoring


@dataclass(eq=False)
class EpochNotNeeded(Conflict):
    """The peer holds no message of ours that is not here, and takes those that wait: the epoch goes on."""

    code: ClassVar[str] = "epoch-not-needed"
    peer: str
    seq: int

    def __str__(self) -> str:
        return f"{self.peer} holds no message of ours after number {self.seq} that is not here: the epoch goes on"


@dataclass(frozen=True, slots=True)
class Parting:
    """Where what we sent and what the peer holds of it part: the last message of both, and what only the peer holds."""

    ended: Position
    branch: Sequence[str]


def part(restoring: Restoring, peer: str, recalled: Sequence[Recalled]) -> Parting:
    """Lay what the peer gave back, from the last message that it acknowledged on, beside what is here.

    Raises `EpochNotNeeded`, `MessageGap`, `MessageFork`, and what `Restoring.read_sent` raises for what is not ours.
    """
    position = ended = channel.acknowledged(restoring.tx, peer)
    branch: list[str] = []
    for each in recalled:
        envelope, message = restoring.read_sent(peer, each.message)
        message.check_follows(position)
        position = position_after(envelope, message)
        if not branch and channel.sent_digest(restoring.tx, peer, message.epoch, message.seq) == envelope.digest:
            ended = position
        else:
            branch.append(each.message)
    if not branch and not _is_by_former_key(restoring, peer, ended):
        raise EpochNotNeeded(peer, ended.seq)
    return Parting(ended, branch)


def _is_by_former_key(restoring: Restoring, peer: str, ended: Position) -> bool:
    """Tell whether what waits for the peer is signed by a key that the node has no more: no node takes it."""
    node = restoring.beliefs.node(restoring.did)
    waiting = channel.sent_from(restoring.tx, peer, ended.epoch, ended.next_seq, 1)
    kids = {Envelope.parse(row.envelope, Typ.MESSAGE).kid for row in waiting}
    return bool(kids) and node is not None and node.chained.kid(restoring.did) not in kids


def propose(
    tx: Session, peer: str, parting: Parting, reason: str, *, by: Party, at: datetime, draw: Draw
) -> EpochBegun:
    """Record who proposes to begin an epoch, and why; return what its first message will say."""
    by.require(Role.OPERATOR)
    begun = EpochBegun(parting.ended, reason)
    private = said(Direction.SENT, peer, begun) | _branch(parting)
    acts.record(tx, Kind.EPOCH_PROPOSED, private, by=by.actor, at=at, draw=draw, subject=_subject(peer, parting.ended))
    return begun


def confirm(
    restoring: Restoring, peer: str, country: str, parting: Parting, *, by: Party
) -> tuple[ChannelEpoch, Sequence[str]]:
    """Begin the epoch that another operator proposed; return it, and which messages of the branch have no place here.

    What the peer holds of ours and we did not is taken back, and all that came after the end is sent anew, for the
    reason that was proposed. Raises `EpochNotProposed`, `SameOperator`.
    """
    by.require(Role.OPERATOR)
    tx, at = restoring.tx, restoring.at
    channel.await_courier(tx)
    proposal = proposed(tx, peer, _subject(peer, parting.ended), by)
    begun = EpochBegun(parting.ended, str(proposal.private["reason"]))
    astray = restoring.take_branch(peer, parting.branch)
    restoring.contents.finish()
    private: dict[str, Json] = said(Direction.SENT, peer, begun) | _branch(parting)
    private |= {"proposed_by": proposal.person, "astray": list(astray)}
    act = acts.record(
        tx,
        Kind.EPOCH_BEGUN,
        private,
        by=by.actor,
        at=at,
        draw=restoring.draw,
        to=country,
        digest=begun.digest,
        subject=peer,
    )
    people = (str(proposal.person), by.person)
    row = epochs.keep(tx, Direction.SENT, peer, begun, at=at, branch=parting.branch, people=people, act=act)
    return row, astray


def _branch(parting: Parting) -> dict[str, Json]:
    return {"branch": [Envelope.parse(each, Typ.MESSAGE).digest for each in parting.branch]}


def _subject(peer: str, ended: Position) -> str:
    return f"to {peer} {ended.epoch + 1} {ended.seq} {ended.digest}"
