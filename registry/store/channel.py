"""Messages out and in, with their receipts: numbered without gaps, in each direction.

Of an epoch that ended, only messages up to its end stand; what those after it carried is sent anew (decision 0029).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    and_,
    func,
    select,
    text,
    union,
)
from sqlalchemy.orm import Session, aliased

from registry.core.channel.message import FIRST_EPOCH, MessageKind, Position
from registry.store import epochs
from registry.store.epochs import ChannelEpoch, Direction
from registry.store.messages import MessageIn, MessageOut

COURIER_LOCK = 0x7265675F636F75
IN_ORDER = [kind for kind in MessageKind if kind not in {MessageKind.CERTIFICATE_LOGGED, MessageKind.EPOCH_BEGUN}]
"""Kinds that are sent in the order of the log; the others come when there is reason to."""


def try_courier(tx: Session) -> bool:
    """Take the courier's lock until the transaction ends; tells whether no other courier holds it."""
    return bool(tx.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": COURIER_LOCK}))


def await_courier(tx: Session) -> None:
    """Take the courier's lock once nobody holds it: no message is made until the transaction ends."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": COURIER_LOCK})


def lock_sender(tx: Session, sender: str) -> None:
    """Take one message of a sender at a time: what follows what is decided by one transaction."""
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:sender, 0))"), {"sender": f"channel {sender}"})


def sent(tx: Session, to: str) -> Position:
    """Return where our direction to a node stands."""
    last = tx.scalar(
        select(MessageOut).where(MessageOut.to == to).order_by(MessageOut.epoch.desc(), MessageOut.seq.desc()).limit(1)
    )
    return epochs.start(tx, Direction.SENT, to, _after(last))


def acknowledged(tx: Session, to: str) -> Position:
    """Return the last message of the newest epoch to a node that it gave a receipt for."""
    epoch = sent(tx, to).epoch
    query = select(MessageOut).where(MessageOut.to == to, MessageOut.epoch == epoch, MessageOut.receipt.is_not(None))
    last = tx.scalar(query.order_by(MessageOut.seq.desc()).limit(1))
    return Position.start(epoch) if last is None else _after(last)


def stands(*, to: str | None = None, of: type[MessageOut] = MessageOut) -> ColumnElement[bool]:
    """Return whether a message of ours, to one node or to any, is not beyond the end of an epoch that is over."""
    ended = select(ChannelEpoch.epoch).where(
        ChannelEpoch.direction == Direction.SENT,
        ChannelEpoch.peer == of.to,
        ChannelEpoch.epoch == of.epoch + 1,
        ChannelEpoch.ended_seq < of.seq,
    )
    return ~ended.exists() if to is None else and_(of.to == to, ~ended.exists())


def last_entry(tx: Session, to: str) -> int:
    """Return the index of the last entry of the log that a message carried to a node; -1 where none did."""
    last = tx.scalar(select(func.max(MessageOut.log_index)).where(stands(to=to), MessageOut.kind.in_(IN_ORDER)))
    return -1 if last is None else last


def pending(tx: Session, to: str, published: int, limit: int) -> Sequence[MessageOut]:
    """Return the messages whose certificate was sent without the proof that the published log has by now, in order."""
    logged = aliased(MessageOut)
    followed = select(logged.seq).where(
        stands(to=to, of=logged),
        logged.epoch >= MessageOut.epoch,
        logged.log_index == MessageOut.log_index,
        logged.kind == MessageKind.CERTIFICATE_LOGGED,
    )
    query = select(MessageOut).where(stands(to=to), MessageOut.pending, MessageOut.log_index < published)
    return tx.scalars(query.where(~followed.exists()).order_by(MessageOut.log_index).limit(limit)).all()


def received(tx: Session, sender: str) -> Position:
    """Return where the direction from a node stands."""
    last = tx.scalar(
        select(MessageIn)
        .where(MessageIn.from_ == sender)
        .order_by(MessageIn.epoch.desc(), MessageIn.seq.desc())
        .limit(1)
    )
    return epochs.start(tx, Direction.RECEIVED, sender, _after(last))


def _after(last: MessageOut | MessageIn | None) -> Position:
    return Position.start(FIRST_EPOCH) if last is None else Position(last.epoch, last.seq, last.digest)


def received_before(tx: Session, sender: str, epoch: int, seq: int) -> MessageIn | None:
    """Return the message of this number that was taken before."""
    return tx.get(MessageIn, {"from_": sender, "epoch": epoch, "seq": seq})


def newest_words(tx: Session) -> dict[str, datetime]:
    """Return when the last message of each peer was taken."""
    return {
        row[0]: row[1]
        for row in tx.execute(select(MessageIn.from_, func.max(MessageIn.received_at)).group_by(MessageIn.from_))
    }


def queues(tx: Session) -> dict[str, tuple[int, datetime]]:
    """Return how many messages wait for the receipt of each peer, and since when the oldest of them does."""
    waiting = select(MessageOut.to, func.count(), func.min(MessageOut.made_at))
    waiting = waiting.where(MessageOut.receipt.is_(None), stands())
    return {row[0]: (row[1], row[2]) for row in tx.execute(waiting.group_by(MessageOut.to))}


def unacknowledged(tx: Session, to: str, limit: int) -> Sequence[MessageOut]:
    """Return messages without a receipt, in order."""
    return tx.scalars(
        select(MessageOut)
        .where(stands(to=to), MessageOut.receipt.is_(None))
        .order_by(MessageOut.epoch, MessageOut.seq)
        .limit(limit)
    ).all()


def sent_between(tx: Session, to: str, epoch: int, first: int, end: int) -> Sequence[MessageOut]:
    """Return the messages of these numbers, in order, with or without a receipt."""
    return tx.scalars(
        select(MessageOut)
        .where(MessageOut.to == to, MessageOut.epoch == epoch, MessageOut.seq >= first, MessageOut.seq < end)
        .order_by(MessageOut.seq)
        .limit(1000)
    ).all()


def sent_from(tx: Session, to: str, epoch: int, first: int, limit: int) -> Sequence[MessageOut]:
    """Return messages of an epoch that we sent to a node from a number on, in order."""
    query = select(MessageOut).where(stands(to=to), MessageOut.epoch == epoch, MessageOut.seq >= first)
    return tx.scalars(query.order_by(MessageOut.seq).limit(limit)).all()


def received_from(tx: Session, sender: str, epoch: int, first: int, limit: int) -> Sequence[MessageIn]:
    """Return messages of an epoch that a node sent from a number on, in order."""
    query = select(MessageIn).where(MessageIn.from_ == sender, MessageIn.epoch == epoch, MessageIn.seq >= first)
    return tx.scalars(query.order_by(MessageIn.seq).limit(limit)).all()


def peers(tx: Session) -> Sequence[str]:
    """Return every node that a message went to or came from."""
    both = union(select(MessageOut.to), select(MessageIn.from_)).subquery()
    return tx.scalars(select(both.c[0]).order_by(both.c[0])).all()


def sent_digest(tx: Session, to: str, epoch: int, seq: int) -> str | None:
    """Return the digest of the message of this number that we sent to a node."""
    return tx.scalar(
        select(MessageOut.digest).where(MessageOut.to == to, MessageOut.epoch == epoch, MessageOut.seq == seq)
    )


def received_digest(tx: Session, sender: str, epoch: int, seq: int) -> str | None:
    """Return the digest of the message of this number that a node sent."""
    return tx.scalar(
        select(MessageIn.digest).where(MessageIn.from_ == sender, MessageIn.epoch == epoch, MessageIn.seq == seq)
    )


def for_act(tx: Session, act: str) -> Sequence[MessageOut]:
    """Return the messages that carried an act: the certificate, then the proof where it came later."""
    return tx.scalars(select(MessageOut).where(MessageOut.act == act).order_by(MessageOut.to, MessageOut.seq)).all()
