"""What a holder shows: the signed certificate, alone or in its envelope with the proof of the log (formats 3).

A message delivers the same envelope, with the issuing node's word where the body's own system issued it.
"""

import re
from dataclasses import dataclass, replace
from typing import Annotated, Self

from registry.core import canonical
from registry.core.canonical import Json, JsonObject
from registry.core.certificate.outside import Outside
from registry.core.envelope.jose import MAX_ENVELOPE, EnvelopeText, MalformedEnvelope
from registry.core.record import MalformedRecord, decode, encode

MAX_PRESENTATION = 4 * MAX_ENVELOPE
_BEFORE_SIGNATURE, _SIGNATURE = 2, 86
"""Parts of a compact JWS before its signature, and the characters of one by ES256 (RFC 7515, 7.1; RFC 7518, 3.4)."""
REGISTRATION = "registration"
PENDING = "pending"
"""What stands in place of a proof that the log has not given yet."""


@dataclass(frozen=True, slots=True)
class _Envelope:
    certificate: EnvelopeText
    proof: Annotated[str, re.compile(r".+", re.DOTALL)]
    nationalSignatures: tuple[str, ...]  # noqa: N815  the member's name on the wire


@dataclass(frozen=True, slots=True)
class Presentation:
    """A certificate as text, and its proof where it came along."""

    certificate: str
    proof: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a bare vc+jwt, or the envelope around one.

        A file that was copied by half is no certificate, and says nothing against the one that it was copied from.
        Raises `MalformedEnvelope`, `MalformedJson`, `MalformedRecord`.
        """
        if len(text) > MAX_PRESENTATION:
            raise MalformedRecord("", f"is longer than {MAX_PRESENTATION} characters")
        if not text.lstrip().startswith("{"):
            bare = text.strip()
            *parts, signature = bare.split(".")
            if len(parts) < _BEFORE_SIGNATURE or len(signature) < _SIGNATURE:
                raise MalformedEnvelope("it is no signed certificate, or cut off before its end")
            return cls(bare)
        return cls.of(canonical.read(text.encode(errors="surrogatepass"), longest=MAX_ENVELOPE))

    @classmethod
    def of(cls, value: Json) -> Self:
        """Read the envelope from JSON that was read strictly; raises `MalformedRecord`."""
        read = decode(_Envelope, value)
        return cls(read.certificate, None if read.proof == PENDING else read.proof)

    def proved_by(self, proof: str) -> Self:
        """Return it with a proof that came as a file of its own, in place of one that came along.

        Raises `MalformedRecord`.
        """
        if len(proof) > MAX_PRESENTATION:
            raise MalformedRecord("proof", f"is longer than {MAX_PRESENTATION} characters")
        return replace(self, proof=proof)

    def encode(self) -> JsonObject:
        """Write the envelope; the slot for national signatures is empty."""
        return encode(_Envelope(self.certificate, self.proof or PENDING, ()))


@dataclass(frozen=True, slots=True)
class Delivery:
    """The body of a message that delivers a certificate: what a holder shows, and whether it was issued outside.

    The mark is signed by the node with the message, and believed of the node that issues alone: it takes trust away.
    """

    presentation: Presentation
    outside: Outside | None = None

    @classmethod
    def of(cls, body: JsonObject) -> Self:
        """Read the body of a message; raises `MalformedRecord`."""
        envelope = {name: value for name, value in body.items() if name != REGISTRATION}
        outside = decode(Outside, body[REGISTRATION], REGISTRATION) if REGISTRATION in body else None
        return cls(Presentation.of(envelope), outside)

    def encode(self) -> JsonObject:
        """Write the body of a message."""
        mark = {} if self.outside is None else {REGISTRATION: encode(self.outside)}
        return {**self.presentation.encode(), **mark}
