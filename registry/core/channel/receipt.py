"""The signed answer to a message: the same receipt for the same message, for ever (formats 10)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from registry.core.canonical import JsonObject
from registry.core.channel.message import Message
from registry.core.envelope.jose import Envelope
from registry.core.errors import Unprocessable
from registry.core.identifiers import HEX_128, HEX_256
from registry.core.record import decode, encode


class Outcome(StrEnum):
    """What became of a message; follows the verdict."""

    ACCEPTED = "accepted"
    ACCEPTED_WITH_WARNINGS = "accepted_with_warnings"
    REFUSED = "refused"


@dataclass(eq=False)
class ReceiptNotOurs(Unprocessable):
    """The receipt is not the peer's answer to the message that was sent."""

    code: ClassVar[str] = "receipt-not-ours"
    reason: str

    def __str__(self) -> str:
        return f"the receipt does not answer the message: {self.reason}"


@dataclass(frozen=True, slots=True)
class ReceiptFinding:
    """One thing that the receiver found."""

    check: str
    outcome: str
    code: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as the receiving node signs it."""

    env: str
    issuer: str
    message: Annotated[str, HEX_128]
    seq: int
    digest: Annotated[str, HEX_256]
    outcome: Outcome
    received_at: datetime
    next_seq: int
    findings: tuple[ReceiptFinding, ...] = ()

    @classmethod
    def parse(cls, payload: JsonObject) -> Self:
        """Read a receipt; raises `MalformedRecord`."""
        return decode(cls, payload)

    def encode(self) -> JsonObject:
        """Write the receipt as the object that is signed."""
        return encode(self)

    def check_answers(self, sent: Envelope, message: Message, kid_did: str) -> None:
        """Check that this is the peer's receipt for `message`; raises `ReceiptNotOurs`."""
        if self.env != message.env or self.issuer != message.to or kid_did != message.to:
            raise ReceiptNotOurs("it is not from the node that the message went to")
        if (self.message, self.seq, self.digest) != (message.id, message.seq, sent.digest):
            raise ReceiptNotOurs("it is for another message")
        if self.next_seq <= message.seq:
            raise ReceiptNotOurs("it asks for a message that it acknowledges")
