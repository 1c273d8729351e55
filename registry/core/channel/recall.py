"""What a restored node asks of its peer: the messages between the two, from a number on (formats 10)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self

from registry.core.canonical import JsonObject
from registry.core.channel.message import FIRST_EPOCH, NotAddressedHere
from registry.core.errors import Refused
from registry.core.record import decode, encode

FRESH = timedelta(minutes=5)
"""How far the time of a recall may be from now: what was overheard once is soon worth nothing."""


@dataclass(eq=False)
class RecallRefused(Refused):
    """Whoever asks has no right to these messages, or does not show it now."""

    code: ClassVar[str] = "recall-refused"
    reason: str

    def __str__(self) -> str:
        return f"the messages are not given: {self.reason}"


@dataclass(frozen=True, slots=True)
class Recall:
    """A request for the messages of one sender from a number of an epoch on, as the asking node signs it."""

    env: str
    issuer: str
    to: str
    of: str
    from_: int
    at: datetime
    epoch: int | None = None
    """Of which epoch; the first where it is absent."""

    @classmethod
    def parse(cls, payload: JsonObject) -> Self:
        """Read a request; raises `MalformedRecord`."""
        return decode(cls, payload)

    def encode(self) -> JsonObject:
        """Write the request as the object that is signed."""
        return encode(self)

    def check_address(self, *, env: str, receiver: str) -> None:
        """Check that the request is for this node; raises `NotAddressedHere`."""
        if self.env != env or self.to != receiver:
            raise NotAddressedHere(f"it is of {self.env[:100]} and to {self.to[:100]}")

    def check_allowed(self, of: str, epoch: int, from_: int, at: datetime) -> None:
        """Check that it asks for what is asked, now, and for messages between the two; raises `RecallRefused`."""
        if (self.of, self.epoch or FIRST_EPOCH, self.from_) != (of, epoch, from_):
            raise RecallRefused("what was signed is another request")
        if abs(at - self.at) > FRESH:
            raise RecallRefused("it was signed more than five minutes ago or ahead")
        if self.of not in {self.issuer, self.to}:
            raise RecallRefused("these messages are not of one of the two nodes")
