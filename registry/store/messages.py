"""Messages, out and in, as they are kept: each with its receipt, beside it once it came and never changed."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.channel.message import Message, MessageKind
from registry.core.channel.receipt import Outcome, Receipt
from registry.core.envelope.jose import Envelope
from registry.store.database import Row, one_of


class MessageOut(Row):
    """A message of ours, made from the entry `log_index`; the receipt comes once and stays.

    One that was taken back after a restore may have lost its act, or both, where the log no longer holds its entry.

    `pending`: it carries a certificate without the proof that its log gives only when the witnesses have cosigned.
    """

    __tablename__ = "message_out"
    __table_args__ = (
        one_of("kind", MessageKind),
        one_of("outcome", Outcome),
        Index(None, "to", "epoch", "log_index", "kind", unique=True),
    )

    to: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    digest: Mapped[str]
    log_index: Mapped[int | None] = mapped_column(BigInteger)
    act: Mapped[str | None] = mapped_column(ForeignKey("act.id"))
    pending: Mapped[bool]
    envelope: Mapped[str]
    made_at: Mapped[datetime]
    receipt: Mapped[str | None]
    outcome: Mapped[str | None]
    receipted_at: Mapped[datetime | None]


class MessageIn(Row):
    """A message of the peer's as it came, with the receipt that we gave and shall give again.

    Beside the receipt, which stays what it was, stand two things that lists decide, of what was not simply accepted.
    `waits_for`: the key that signed what it carries, of which a list has yet to say what it is. `set_aside_at`: since
    when it holds up no certificate, for nobody who counts has signed it.
    """

    __tablename__ = "message_in"
    __table_args__ = (
        one_of("kind", MessageKind),
        one_of("outcome", Outcome),
        CheckConstraint(
            "outcome <> 'accepted' OR (waits_for IS NULL AND set_aside_at IS NULL)", name="accepted_is_not_open"
        ),
        Index(None, "from", "received_at", postgresql_where="waits_for IS NOT NULL AND set_aside_at IS NULL"),
    )

    from_: Mapped[str] = mapped_column("from", primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str]
    kind: Mapped[str]
    certificate: Mapped[str | None] = mapped_column(index=True)
    digest: Mapped[str]
    envelope: Mapped[str]
    receipt: Mapped[str]
    outcome: Mapped[str]
    received_at: Mapped[datetime]
    waits_for: Mapped[str | None]
    set_aside_at: Mapped[datetime | None]


def keep_sent(
    tx: Session,
    envelope: Envelope,
    message: Message,
    *,
    log_index: int | None,
    act: str | None,
    pending: bool,
    receipt: tuple[str, Receipt] | None = None,
) -> None:
    """Keep a message of ours, as it is sent or as it came back after a restore with the receipt that it had."""
    text, answer = (None, None) if receipt is None else receipt
    tx.add(
        MessageOut(
            to=message.to,
            epoch=message.epoch,
            seq=message.seq,
            id=message.id,
            kind=message.kind,
            digest=envelope.digest,
            log_index=log_index,
            act=act,
            pending=pending,
            envelope=envelope.text,
            made_at=message.issued_at,
            receipt=text,
            outcome=None if answer is None else answer.outcome,
            receipted_at=None if answer is None else answer.received_at,
        )
    )
    tx.flush()


def keep_receipt(tx: Session, message: MessageOut, receipt: str, outcome: Outcome, at: datetime) -> bool:
    """Keep the receipt of a message; tells whether it had none."""
    return (
        tx.scalar(
            update(MessageOut)
            .where(
                MessageOut.to == message.to,
                MessageOut.epoch == message.epoch,
                MessageOut.seq == message.seq,
                MessageOut.receipt.is_(None),
            )
            .values(receipt=receipt, outcome=outcome, receipted_at=at)
            .returning(MessageOut.seq)
            .execution_options(synchronize_session=False)
        )
        is not None
    )
