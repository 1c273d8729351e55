"""Take what the peer says of a month: kept once, to be compared with what stands here (formats 10; decision 0026)."""

from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.channel.message import Message
from registry.core.channel.receipt import Outcome
from registry.core.channel.reconciliation import Side, StatementPart
from registry.store import channel, reconciliations
from registry.store.reconciliations import MonthStatement
from registry.usecases.channel.take_change import Taken, refused

CHECK = "reconciliation"


def take_statement(tx: Session, message: Message, *, at: datetime) -> Taken:
    """Keep a part of a statement; one of a month that is not over, there and here, or was stated otherwise is refused.

    Whoever issued says where the month ends: at a message that is here, and not before where the last month ended.
    Raises what parsing raises.
    """
    part = StatementPart.parse(message.body)
    peer, month = message.from_, part.month.encode()
    if part.month.end > min(message.issued_at, at):
        return refused(CHECK, "month-not-over")
    held = reconciliations.parts(tx, peer, month, part.side, peer)
    if any(row.digest == part.digest for row in held):
        return Taken(Outcome.ACCEPTED)
    if any(row.part == part.part or not StatementPart.parse(row.body).continues(part) for row in held):
        return refused(CHECK, "stated-otherwise")
    if part.side is Side.ISSUED:
        if channel.received_digest(tx, peer, *part.through.place) != part.through.digest:
            return refused(CHECK, "other-channel")
        last = reconciliations.last_month(tx, peer, peer)
        if last is not None and last != month and not _follows(tx, peer, last, part):
            return refused(CHECK, "months-not-in-order")
    keep_part(tx, part, message, peer=peer)
    return Taken(Outcome.ACCEPTED)


def keep_part(tx: Session, part: StatementPart, message: Message, *, peer: str, act: str | None = None) -> None:
    """Keep a part of a statement as its message carried it."""
    tx.add(
        MonthStatement(
            peer=peer,
            month=part.month.encode(),
            side=part.side,
            by=message.from_,
            part=part.part,
            digest=part.digest,
            body=dict(part.encode()),
            stated_at=message.issued_at,
            act=act,
        )
    )
    tx.flush()


def _follows(tx: Session, peer: str, last: str, part: StatementPart) -> bool:
    """Tell whether a statement is of a later month than the last, and ends no earlier."""
    (before, *_) = reconciliations.parts(tx, peer, last, Side.ISSUED, peer)
    return part.month.encode() > last and part.through.place >= StatementPart.parse(before.body).through.place
