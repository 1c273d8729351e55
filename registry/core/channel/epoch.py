"""A new epoch of one direction of the channel: where the one before it ended (formats 10; decision 0029)."""

from dataclasses import dataclass
from typing import Self

from registry.core import canonical
from registry.core.canonical import JsonObject
from registry.core.channel.message import FIRST, GENESIS, Message, Position
from registry.core.identifiers import Digest
from registry.core.record import MalformedRecord, decode, encode

MAX_REASON = 1_000


@dataclass(frozen=True, slots=True)
class EpochBegun:
    """What the first message of an epoch says: the last message that both nodes hold, and why it ended there."""

    ended: Position
    reason: str

    @classmethod
    def of(cls, message: Message) -> Self:
        """Read what the first message of an epoch says; raises `MalformedRecord`."""
        begun = decode(cls, message.body)
        ended = begun.ended
        if ended.seq < FIRST - 1 or (ended.seq < FIRST) != (ended.digest == GENESIS):
            raise MalformedRecord("ended", "is not the place of a message, nor the place before the first")
        if len(begun.reason) > MAX_REASON:
            raise MalformedRecord("reason", f"is longer than {MAX_REASON} characters")
        if begun.epoch != message.epoch:
            raise MalformedRecord("ended.epoch", "is not the epoch before that of the message")
        return begun

    def encode(self) -> JsonObject:
        """Write the body that is signed within the message."""
        return encode(self)

    @property
    def epoch(self) -> int:
        """The number of the epoch that begins."""
        return self.ended.epoch + 1

    @property
    def digest(self) -> Digest:
        """What the leaf of the act names: SHA-256 of the body."""
        return Digest(canonical.digest(canonical.encode(self.encode())))
