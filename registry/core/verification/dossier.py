"""What an auditor takes home: acts with their private parts, and the proofs that the log holds them (formats 11).

The node signs the whole, so that no byte of it changes unseen; each proof holds without that signature too.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from registry.core import canonical
from registry.core.agreement import CountryCode, Environment
from registry.core.calendar import MalformedTime, read_instant, write_instant
from registry.core.canonical import JsonObject
from registry.core.envelope.jose import EnvelopeText
from registry.core.identifiers import HEX_128
from registry.core.record import MalformedRecord, decode, encode
from registry.core.tlog.entry import SALT_BYTES, Kind
from registry.core.tlog.merkle import MAX_SIZE
from registry.core.trust.trust_list import DidText, Hex256

MAX_ACTS = 10_000
MAX_PRIVATE = 32_000_000
"""Bytes of private parts in one file, beyond which it is full."""
MAX_DOSSIER = 256_000_000
ProofText = Annotated[str, re.compile(r"c2sp\.org/tlog-proof@v1\n[^\x00-\x09\x0b-\x1f]+")]
"""A proof as text: one that does not hold spoils the finding of its act, and no other."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list of acts, newest first, is gone on with: after the act of this time and number."""

    at: datetime
    seq: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `<instant>/<number>`; raises `MalformedTime`."""
        at, _, number = text.partition("/")
        if not re.fullmatch(r"0|[1-9][0-9]{0,18}", number) or int(number) > MAX_SIZE:
            raise MalformedTime(text)
        return cls(read_instant(at), int(number))

    def encode(self) -> str:
        """Write the one spelling."""
        return f"{write_instant(self.at)}/{self.seq}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which acts are meant; what is absent is not asked for. `number` is a certificate's number, or its id."""

    from_: datetime | None = None
    until: datetime | None = None
    kind: Kind | None = None
    person: str | None = None
    organisation: str | None = None
    subject: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class ExportedAct:
    """An act: its public columns as the leaf has them, and its private row in the bytes that were committed to.

    `proof` carries the leaf; an act that is in no published checkpoint yet has its `leaf` instead.
    """

    id: Annotated[str, HEX_128]
    kind: Kind
    at: datetime
    by: DidText
    private: bytes
    salt: bytes
    to: CountryCode | None = None
    digest: Hex256 | None = None
    leaf: bytes | None = None
    proof: ProofText | None = None


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A leaf that was taken back after a restore: its act, with all that was private of it, is lost.

    `proof` carries the leaf; one that no published checkpoint covers stands as `leaf`.
    """

    leaf: bytes | None = None
    proof: ProofText | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """All that the node signs: what was asked for, what was found, newest first, and what it is judged by.

    `after` and `next` say where it goes on from, and where the next one does. A country may have several lists: the
    newest, and those that agreements were adopted under.
    """

    env: Environment
    node: DidText
    country: CountryCode
    made_at: datetime
    selection: Selection
    lists: tuple[EnvelopeText, ...]
    acts: tuple[ExportedAct, ...]
    agreements: tuple[EnvelopeText, ...] = ()
    taken_back: tuple[TakenBack, ...] = ()
    after: Place | None = None
    next: Place | None = None

    @property
    def statement(self) -> JsonObject:
        """What the node signs of it."""
        digest = canonical.digest(canonical.encode(encode(self)))
        return {
            "env": self.env.value,
            "issuer": self.node,
            "made_at": write_instant(self.made_at),
            "acts": len(self.acts),
            "digest": digest,
        }


@dataclass(frozen=True, slots=True)
class Dossier:
    """The file: its contents, and what the node signed of them."""

    contents: Contents
    statement: EnvelopeText

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a file: exactly what `encode` writes. Raises `NotCanonical`, `MalformedRecord`."""
        if len(data) > MAX_DOSSIER:
            raise MalformedRecord("", f"is larger than {MAX_DOSSIER} bytes")
        dossier = decode(cls, canonical.parse(data))
        for number, act in enumerate(dossier.contents.acts):
            if (act.leaf is None) == (act.proof is None):
                raise MalformedRecord(f"contents.acts[{number}]", "has both leaf and proof, or neither")
            if len(act.salt) != SALT_BYTES:
                raise MalformedRecord(f"contents.acts[{number}].salt", f"is not {SALT_BYTES} bytes")
        for number, lost in enumerate(dossier.contents.taken_back):
            if (lost.leaf is None) == (lost.proof is None):
                raise MalformedRecord(f"contents.taken_back[{number}]", "has both leaf and proof, or neither")
        return dossier

    def encode(self) -> bytes:
        """Write the file: canonical JSON."""
        return canonical.encode(encode(self))
