"""One message of the channel, and what may follow what."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from registry.core.calendar import write_instant
from registry.core.canonical import JsonObject
from registry.core.envelope.jose import Envelope
from registry.core.errors import Conflict, Unprocessable
from registry.core.identifiers import HEX_128, HEX_256
from registry.core.record import MalformedRecord, decode, encode

FIRST = 1
FIRST_EPOCH = 1
LARGEST_EPOCH = 2**31 - 1
"""More than two people on each side can begin; what is larger no database keeps."""
CLOCKS_DIFFER = timedelta(minutes=5)
GENESIS = "0" * 64
"""The `previous` of the first message of an epoch."""


class MessageKind(StrEnum):
    """What a message carries; the other kinds of formats 10 come with what they speak of."""

    CERTIFICATE_ISSUED = "certificate.issued"
    CERTIFICATE_LOGGED = "certificate.logged"
    CERTIFICATE_STATUS = "certificate.status"
    CERTIFICATE_CLARIFIED = "certificate.clarified"
    RECONCILIATION = "reconciliation"
    EPOCH_BEGUN = "epoch.begun"
    """The first message of an epoch that is not the first, and no other (decision 0029)."""


@dataclass(eq=False)
class NotAddressedHere(Unprocessable):
    """The message is from or to another node, or of another environment."""

    code: ClassVar[str] = "not-addressed-here"
    reason: str

    def __str__(self) -> str:
        return f"the message is not for this channel: {self.reason}"


@dataclass(eq=False)
class MessageGap(Conflict):
    """A message is missing before this one; the sender goes on from `next_seq`."""

    code: ClassVar[str] = "message-gap"
    next_seq: int

    def __str__(self) -> str:
        return f"the next message of this channel is number {self.next_seq}"


@dataclass(eq=False)
class MessageFork(Conflict):
    """The sender signed two messages of one number: evidence of a restored or dishonest node."""

    code: ClassVar[str] = "message-fork"
    seq: int

    def __str__(self) -> str:
        return f"another message number {self.seq} was received before"


@dataclass(eq=False)
class MessageFromFuture(Unprocessable):
    """The message says that it was made later than now: a clock is wrong, and what it says of time counts nothing."""

    code: ClassVar[str] = "message-from-future"
    issued_at: datetime

    def __str__(self) -> str:
        return f"the message was made at {write_instant(self.issued_at)}, which is yet to come"


@dataclass(eq=False)
class EpochNotAgreed(Conflict):
    """The message is of an epoch that two people here have not agreed to, or have agreed to otherwise."""

    code: ClassVar[str] = "epoch-not-agreed"
    epoch: int

    def __str__(self) -> str:
        return (
            f"two people of this node have not agreed to epoch {self.epoch} of this channel as it is begun here: "
            "registry channel follow"
        )


@dataclass(eq=False)
class EpochOver(Conflict):
    """The message is of an epoch that ended before it: what it carries is sent anew in the epoch that counts."""

    code: ClassVar[str] = "epoch-over"
    epoch: int
    newest: int

    def __str__(self) -> str:
        return f"epoch {self.epoch} of this channel is over: messages are taken in epoch {self.newest}"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a direction of the channel stands: the last number and its digest."""

    epoch: int
    seq: int
    digest: Annotated[str, HEX_256]

    @classmethod
    def start(cls, epoch: int) -> Self:
        """Return the position before the first message of an epoch."""
        return cls(epoch, FIRST - 1, GENESIS)

    @property
    def next_seq(self) -> int:
        """The number that follows."""
        return self.seq + 1


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the sending node signs it."""

    env: str
    issuer: str
    id: Annotated[str, HEX_128]
    from_: str
    to: str
    epoch: int
    seq: int
    previous: Annotated[str, HEX_256]
    issued_at: datetime
    kind: MessageKind
    body: JsonObject

    @classmethod
    def parse(cls, payload: JsonObject) -> Self:
        """Read a message; raises `MalformedRecord`."""
        message = decode(cls, payload)
        if not FIRST <= message.epoch <= LARGEST_EPOCH:
            raise MalformedRecord("epoch", "is not the number of an epoch")
        begins = message.epoch > FIRST_EPOCH and message.seq == FIRST
        if begins != (message.kind is MessageKind.EPOCH_BEGUN):
            raise MalformedRecord(
                "kind", "begins an epoch, as the first message after the first epoch does and no other"
            )
        return message

    def encode(self) -> JsonObject:
        """Write the message as the object that is signed."""
        return encode(self)

    def check_address(self, *, env: str, sender: str, receiver: str, kid_did: str) -> None:
        """Check that the message is from `sender`, by its own key, to `receiver`; raises `NotAddressedHere`."""
        if self.env != env:
            raise NotAddressedHere(f"it is of {self.env}, this node of {env}")
        if self.from_ != sender or self.issuer != sender or kid_did != sender:
            raise NotAddressedHere(f"it is not from {sender}, or not signed by it")
        if self.to != receiver:
            raise NotAddressedHere(f"it is to {self.to[:100]}")

    def check_time(self, at: datetime) -> None:
        """Check that the message was not made after `at`, but for how clocks differ; raises `MessageFromFuture`."""
        if self.issued_at > at + CLOCKS_DIFFER:
            raise MessageFromFuture(self.issued_at)

    def check_follows(self, position: Position) -> None:
        """Check that the message is the next one; raises `MessageGap`, `MessageFork`, `EpochNotAgreed`, `EpochOver`."""
        if self.epoch > position.epoch:
            raise EpochNotAgreed(self.epoch)
        if self.epoch < position.epoch:
            raise EpochOver(self.epoch, position.epoch)
        if self.seq != position.next_seq:
            raise MessageGap(position.next_seq)
        if self.previous != position.digest:
            raise MessageFork(position.seq)


def position_after(envelope: Envelope, message: Message) -> Position:
    """Return the position once `message` has been taken."""
    return Position(message.epoch, message.seq, envelope.digest)
