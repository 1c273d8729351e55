"""Epochs of the channel after the first: where the one before each ended, and who agreed to it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.channel.epoch import EpochBegun
from registry.core.channel.message import Position
from registry.store.database import Row, one_of


class Direction(StrEnum):
    """Whose messages are numbered anew: ours to a peer, or those of a peer to us."""

    SENT = "sent"
    RECEIVED = "received"


class ChannelEpoch(Row):
    """An epoch that two people of this node began or followed.

    One that was taken back after a restore has no act, and nobody who is known to have confirmed it. `branch`: messages
    of ours that the peer holds after the end, and this node does not.
    """

    __tablename__ = "channel_epoch"
    __table_args__ = (
        one_of("direction", Direction),
        CheckConstraint("proposed_by <> confirmed_by", name="two_people"),
        CheckConstraint(
            "(act IS NULL) = (proposed_by IS NULL) AND (act IS NULL) = (confirmed_by IS NULL)", name="by_an_act"
        ),
    )

    direction: Mapped[str] = mapped_column(primary_key=True)
    peer: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ended_seq: Mapped[int] = mapped_column(BigInteger)
    ended_digest: Mapped[str]
    reason: Mapped[str]
    branch: Mapped[list[str]]
    begun_at: Mapped[datetime]
    proposed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    confirmed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    act: Mapped[str | None] = mapped_column(ForeignKey("act.id"), unique=True)

    @property
    def begun(self) -> EpochBegun:
        """What the first message of the epoch says."""
        return EpochBegun(Position(self.epoch - 1, self.ended_seq, self.ended_digest), self.reason)


def newest(tx: Session, direction: Direction, peer: str) -> ChannelEpoch | None:
    """Return the newest epoch of a direction; None while its first is the only one."""
    query = select(ChannelEpoch).where(ChannelEpoch.direction == direction, ChannelEpoch.peer == peer)
    return tx.scalar(query.order_by(ChannelEpoch.epoch.desc()).limit(1))


def end(tx: Session, direction: Direction, peer: str, epoch: int) -> int | None:
    """Return the number of the last message of an epoch that is over; None while no other was begun after it."""
    next_one = (ChannelEpoch.direction == direction, ChannelEpoch.peer == peer, ChannelEpoch.epoch == epoch + 1)
    return tx.scalar(select(ChannelEpoch.ended_seq).where(*next_one))


def branch(tx: Session, peer: str, epoch: int) -> Sequence[str]:
    """Return the messages of ours that a peer held in place of others beyond the end of an epoch, in order."""
    after = (ChannelEpoch.direction == Direction.SENT, ChannelEpoch.peer == peer, ChannelEpoch.epoch == epoch + 1)
    return tx.scalar(select(ChannelEpoch.branch).where(*after)) or ()


def branches(tx: Session, peer: str) -> Iterator[str]:
    """Give the messages of ours that a peer held in place of others, in order."""
    query = select(ChannelEpoch.branch).where(ChannelEpoch.peer == peer).order_by(ChannelEpoch.epoch)
    for texts in tx.scalars(query):
        yield from texts


def start(tx: Session, direction: Direction, peer: str, last: Position) -> Position:
    """Return where a direction stands whose last message is `last`: before the first of a newer epoch, if one began."""
    row = newest(tx, direction, peer)
    return last if row is None or row.epoch <= last.epoch else Position.start(row.epoch)


def keep(
    tx: Session,
    direction: Direction,
    peer: str,
    begun: EpochBegun,
    *,
    at: datetime,
    branch: Sequence[str] = (),
    people: tuple[str, str] | None = None,
    act: str | None = None,
) -> ChannelEpoch:
    """Keep an epoch that two people agreed to, who proposed it before who confirmed it, or one that came back."""
    proposed_by, confirmed_by = people or (None, None)
    row = ChannelEpoch(
        direction=direction,
        peer=peer,
        epoch=begun.epoch,
        ended_seq=begun.ended.seq,
        ended_digest=begun.ended.digest,
        reason=begun.reason,
        branch=list(branch),
        begun_at=at,
        proposed_by=proposed_by,
        confirmed_by=confirmed_by,
        act=act,
    )
    tx.add(row)
    tx.flush()
    return row
