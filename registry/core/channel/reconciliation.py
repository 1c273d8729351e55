"""What two nodes say of a month, each from its own data, and where they differ (formats 10; decision 0026).

A month of a direction ends at a message: the last that carried what the log of the issuing node took in before midnight
in UTC. Numbers are the same at both ends, so nothing that was on its way at midnight is in two months, or in none.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Self

from registry.core import canonical
from registry.core.canonical import JsonObject
from registry.core.certificate.lifecycle import Standing
from registry.core.channel.message import FIRST, LARGEST_EPOCH
from registry.core.identifiers import CERTIFICATE, HEX_128, HEX_256, Digest
from registry.core.record import MalformedRecord, decode, encode

PART_BYTES = 400_000
"""Entries of one part: signed within a message they take a third more, and a message may have a million bytes."""
MAX_PARTS = 100
_MONTH = re.compile(r"([12][0-9]{3})-(0[1-9]|1[0-2])")
_YEAR = 12


class Side(StrEnum):
    """Of which end of a direction a statement speaks."""

    ISSUED = "issued"
    """By the node that issued: what its log and its registry hold for the other country."""
    DELIVERED = "delivered"
    """By the node that it was delivered to: what stands there of it."""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month in UTC, written `2026-10`."""

    year: int
    month: int

    @classmethod
    def of(cls, at: datetime) -> Self:
        """Return the month that an instant is in."""
        inside = at.astimezone(UTC)
        return cls(inside.year, inside.month)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2026-10`; raises `MalformedRecord`."""
        found = _MONTH.fullmatch(text)
        if found is None:
            raise MalformedRecord("", "is not a month, as 2026-10")
        return cls(int(found[1]), int(found[2]))

    def encode(self) -> str:
        """Write it as it is signed."""
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def start(self) -> datetime:
        """The midnight with which it begins."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def next(self) -> "Month":
        """The month that follows."""
        return Month(self.year, self.month + 1) if self.month < _YEAR else Month(self.year + 1, 1)

    @property
    def end(self) -> datetime:
        """The midnight with which it is over."""
        return self.next.start


@dataclass(frozen=True, slots=True)
class Through:
    """The last message of the month: with what stands before it the month is whole."""

    epoch: int
    seq: int
    digest: Annotated[str, HEX_256]

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among all messages of the direction."""
        return self.epoch, self.seq


@dataclass(frozen=True, slots=True)
class SeenLog:
    """The log of the issuing node: that it published, or as it was mirrored, at the size that the issuer named."""

    size: int
    root: Annotated[str, HEX_256]


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate that was issued, changed or clarified in the month, and how it stood at the end of it.

    Changes and clarifications are those of the month; `standing` follows from all up to its end.
    """

    certificate: Annotated[str, CERTIFICATE]
    digest: Annotated[str, HEX_256]
    new: bool
    standing: Standing
    changes: tuple[Annotated[str, HEX_256], ...] = ()
    clarifications: tuple[Annotated[str, HEX_256], ...] = ()


@dataclass(frozen=True, slots=True)
class StatementPart:
    """The body of a message: a statement, or the part of one that fits."""

    month: Month
    side: Side
    part: int
    parts: int
    nonce: Annotated[str, HEX_128]
    """A digest of a month in which nothing happened could be guessed without it, and the leaf tells the digest."""
    through: Through
    log: SeenLog | None = None
    """Absent only where the receiver's mirror has not reached what the issuer named."""
    entries: tuple[Entry, ...] = ()

    @classmethod
    def parse(cls, body: JsonObject) -> Self:
        """Read the body of a message; raises `MalformedRecord`."""
        part = decode(cls, body)
        if not 1 <= part.part <= part.parts <= MAX_PARTS:
            raise MalformedRecord("part", "is not one of its parts")
        if not FIRST <= part.through.epoch <= LARGEST_EPOCH:
            raise MalformedRecord("through.epoch", "is not the number of an epoch")
        ids = [entry.certificate for entry in part.entries]
        if ids != sorted(set(ids)):
            raise MalformedRecord("entries", "are not in order, each certificate once")
        if part.log is None and part.side is Side.ISSUED:
            raise MalformedRecord("log", "is missing")
        if part.log is not None and part.log.size < 1:
            raise MalformedRecord("log", "is of an empty log, in which nothing was issued")
        return part

    def encode(self) -> JsonObject:
        """Write the part as the body that is signed within a message."""
        return encode(self)

    @property
    def digest(self) -> Digest:
        """What the leaf of the act names: SHA-256 of the body."""
        return Digest(canonical.digest(canonical.encode(self.encode())))

    def continues(self, other: "StatementPart") -> bool:
        """Whether both are of one statement."""
        return replace(self, part=1, entries=()) == replace(other, part=1, entries=())


@dataclass(frozen=True, slots=True)
class Statement:
    """All that one node says of one direction in one month."""

    month: Month
    side: Side
    through: Through
    log: SeenLog | None
    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, parts: Sequence[StatementPart]) -> "Statement | None":
        """Put a statement together from its parts in order; None while one is missing."""
        if not parts or len(parts) != parts[0].parts:
            return None
        first = parts[0]
        entries = tuple(entry for part in parts for entry in part.entries)
        return cls(first.month, first.side, first.through, first.log, entries)

    def cut(self, nonce: str, *, bytes_: int = PART_BYTES) -> Sequence[StatementPart]:
        """Return the statement in as few parts as fit in messages: one at least."""
        pieces = list(_pieces(self.entries, bytes_))
        return [
            StatementPart(self.month, self.side, number, len(pieces), nonce, self.through, self.log, tuple(piece))
            for number, piece in enumerate(pieces, 1)
        ]


class Code(StrEnum):
    """How two statements of one direction differ."""

    NOT_DELIVERED = "not-delivered"
    """The issuer issued a certificate that the receiver does not hold of this month."""
    NOT_ISSUED = "not-issued"
    """The receiver holds a certificate that the issuer does not know as issued in this month."""
    OTHER_DIGEST = "other-digest"
    """Both hold a certificate of this id, and it is not the same one."""
    OTHER_STANDING = "other-standing"
    """Both hold it, and it does not stand the same at the end of the month."""
    CHANGE_NOT_DELIVERED = "change-not-delivered"
    CHANGE_NOT_ISSUED = "change-not-issued"
    CLARIFICATION_NOT_DELIVERED = "clarification-not-delivered"
    CLARIFICATION_NOT_ISSUED = "clarification-not-issued"
    OTHER_CHANNEL = "other-channel"
    """The month does not end at the same message."""
    OTHER_LOG = "other-log"
    """What the receiver mirrored is not the log that the issuer published."""
    LOG_NOT_SEEN = "log-not-seen"
    """The receiver could not mirror the log as far as the issuer published it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on which the two ends do not agree: about which certificate, and what each of them says."""

    code: Code
    certificate: str | None = None
    issued: str | None = None
    delivered: str | None = None

    def encode(self) -> JsonObject:
        """Write the difference as it is kept; what is absent is absent."""
        return encode(self)


def compare(issued: Statement, delivered: Statement) -> Sequence[Difference]:
    """Return how the two statements of a direction differ, by certificate: at both ends it is the same answer."""
    found = list(_ends(issued, delivered))
    ours = {entry.certificate: entry for entry in issued.entries}
    theirs = {entry.certificate: entry for entry in delivered.entries}
    for certificate in sorted(ours.keys() | theirs.keys()):
        found += _entries(certificate, ours.get(certificate), theirs.get(certificate))
    return found


def _ends(issued: Statement, delivered: Statement) -> Iterator[Difference]:
    """Compare where the month ends in the channel, and what was seen of the log."""
    ends = [f"{each.epoch}.{each.seq} {each.digest}" for each in (issued.through, delivered.through)]
    if ends[0] != ends[1]:
        yield Difference(Code.OTHER_CHANNEL, None, *ends)
    assert issued.log is not None
    if delivered.log is None:
        yield Difference(Code.LOG_NOT_SEEN, None, _log(issued.log))
    elif delivered.log != issued.log:
        yield Difference(Code.OTHER_LOG, None, _log(issued.log), _log(delivered.log))


def _entries(certificate: str, issued: Entry | None, delivered: Entry | None) -> Iterator[Difference]:
    """Compare what is said of one certificate; what is not held at all has no changes to miss."""
    mine, other = (None if each is None else each.digest for each in (issued, delivered))
    if issued is not None and delivered is not None and mine != other:
        yield Difference(Code.OTHER_DIGEST, certificate, mine, other)
        return
    news = [each is not None and each.new for each in (issued, delivered)]
    if news[0] != news[1]:
        yield Difference(Code.NOT_DELIVERED if news[0] else Code.NOT_ISSUED, certificate, mine, other)
        if issued is None or delivered is None:
            return
    for name, codes in _BESIDE.items():
        one, two = (set(() if each is None else getattr(each, name)) for each in (issued, delivered))
        yield from (Difference(codes[0], certificate, digest) for digest in sorted(one - two))
        yield from (Difference(codes[1], certificate, None, digest) for digest in sorted(two - one))
    if issued is not None and delivered is not None and issued.standing is not delivered.standing:
        yield Difference(Code.OTHER_STANDING, certificate, issued.standing, delivered.standing)


_BESIDE = {
    "changes": (Code.CHANGE_NOT_DELIVERED, Code.CHANGE_NOT_ISSUED),
    "clarifications": (Code.CLARIFICATION_NOT_DELIVERED, Code.CLARIFICATION_NOT_ISSUED),
}


def _log(seen: SeenLog) -> str:
    return f"{seen.size} {seen.root}"


def _pieces(entries: Iterable[Entry], bytes_: int) -> Iterator[list[Entry]]:
    piece: list[Entry] = []
    room = bytes_
    for entry in entries:
        size = len(canonical.encode(encode(entry)))
        if piece and size > room:
            yield piece
            piece, room = [], bytes_
        piece.append(entry)
        room -= size
    yield piece
