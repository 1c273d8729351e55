"""JWS compact envelopes: our own strict parser, because no library refuses every malformed JWS (formats 2).

The header has no choice in it: it is written anew from the type and the `kid`, and compared. So another `alg`, `none`,
`crit`, `jwk`, `jku`, `x5u`, `x5c`, `zip`, another order or another member cannot pass, whatever it is called.
"""

import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Annotated, ClassVar, Self

from cryptography.hazmat.primitives.asymmetric import ec

from registry.core import canonical
from registry.core.canonical import JsonObject
from registry.core.errors import Malformed, Unprocessable
from registry.core.identifiers import Digest, Kid
from registry.core.signature import ES256_BYTES, Signer, verify_es256

MAX_ENVELOPE = 1_000_000
MAX_CERTIFICATE = 600_000
"""A message carries a certificate inside its own envelope, a third larger, with its proof."""
MAX_BUNDLE = 32_000_000
MAX_FRESHNESS = 64_000
MAX_SIGNATURES = 64
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
"""Back from the alphabet of URLs; what is of the other one, or padding, becomes what is in neither."""
_KID = re.compile(r"did:web:[a-z0-9.:-]{1,300}#[A-Za-z0-9_-]{43}")


EnvelopeText = Annotated[str, re.compile(r"[A-Za-z0-9_.\n-]+")]
"""The text of an envelope, or of a joint file, as a member of another signed thing: longer than other texts may be."""


class Typ(StrEnum):
    """What an envelope is; a signature of one type never passes for another (RFC 8725, 3.11)."""

    CERTIFICATE = "vc+jwt"
    STATUS = "status+jwt"
    CLARIFICATION = "clarification+jwt"
    TRUST_LIST = "trust-list+jwt"
    AGREEMENT = "agreement+jwt"
    MESSAGE = "message+jwt"
    RECEIPT = "receipt+jwt"
    RECALL = "recall+jwt"
    BUNDLE = "bundle+jwt"
    DOSSIER = "dossier+jwt"
    FRESHNESS = "freshness+jwt"


@dataclass(eq=False)
class MalformedEnvelope(Malformed):
    """The text is not a compact JWS in the one spelling that this project writes."""

    code: ClassVar[str] = "malformed-envelope"
    clause: ClassVar[str | None] = "RFC 7515, 7.1; RFC 8725, 3"
    reason: str

    def __str__(self) -> str:
        return f"the signed envelope cannot be read: {self.reason}"


@dataclass(eq=False)
class EnvelopeTooLarge(Unprocessable):
    """What would be signed is larger than anyone would read."""

    code: ClassVar[str] = "envelope-too-large"
    size: int
    limit: int

    def __str__(self) -> str:
        return f"it would be {self.size} characters when it is signed, and {self.limit} are the most"


_LONGEST = {Typ.CERTIFICATE: MAX_CERTIFICATE, Typ.BUNDLE: MAX_BUNDLE, Typ.FRESHNESS: MAX_FRESHNESS}


def check_size(size: int, typ: Typ) -> None:
    """Check that an envelope of `size` characters may be one of type `typ`; raises `EnvelopeTooLarge`."""
    if size > _LONGEST.get(typ, MAX_ENVELOPE):
        raise EnvelopeTooLarge(size, _LONGEST.get(typ, MAX_ENVELOPE))


@dataclass(frozen=True)
class Envelope:
    """A parsed JWS. That it could be read says nothing about who signed it: ask `is_signed_by`."""

    typ: Typ
    kid: Kid
    payload: JsonObject
    text: str

    @classmethod
    def parse(cls, text: str, typ: Typ) -> Self:
        """Read a compact JWS of type `typ`; whatever does not re-encode to `text` is refused."""
        if len(text) > _LONGEST.get(typ, MAX_ENVELOPE):
            raise MalformedEnvelope("it is larger than what it is may be")
        match text.split("."):
            case [head, body, signature]:
                pass
            case _:
                raise MalformedEnvelope("it is not three parts joined by dots")
        kid = _read_header(head, typ)
        if len(_decode(signature)) != ES256_BYTES:
            raise MalformedEnvelope("its signature is not 64 bytes")
        return cls(typ, kid, canonical.parse(_decode(body)), text)

    @property
    def signer(self) -> str:
        """The DID that `kid` begins with."""
        return self.kid.partition("#")[0]

    @cached_property
    def signing_input(self) -> bytes:
        """What was signed (RFC 7515, 5.1)."""
        return self.text.rpartition(".")[0].encode()

    @cached_property
    def digest(self) -> Digest:
        """SHA-256 of the signing input: never of the signature, which has two spellings (formats 2)."""
        return Digest(canonical.digest(self.signing_input))

    @property
    def payload_digest(self) -> Digest:
        """SHA-256 of the payload: the digest of a thing that several sign (formats 2)."""
        return Digest(canonical.digest(canonical.encode(self.payload)))

    def is_signed_by(self, key: ec.EllipticCurvePublicKey) -> bool:
        """Tell whether the signature is by `key`."""
        return verify_es256(key, _decode(self.text.rpartition(".")[2]), self.signing_input)


def seal(payload: JsonObject, typ: Typ, signer: Signer) -> Envelope:
    """Sign `payload` as an envelope of type `typ`; raises `EnvelopeTooLarge` for what `parse` would not read."""
    body = canonical.encode(payload)
    signing_input = f"{_encode(_header(typ, signer.kid))}.{_encode(body)}"
    check_size(len(signing_input) + len(".") + 4 * ES256_BYTES // 3 + 1, typ)
    signature = signer.sign(signing_input.encode())
    return Envelope(typ, signer.kid, canonical.parse(body), f"{signing_input}.{_encode(signature)}")


def parse_joint(text: str, typ: Typ) -> Sequence[Envelope]:
    """Read a thing that several signed: one JWS a line, sorted by kid, each kid once, one payload (formats 2)."""
    if text.count("\n") > MAX_SIGNATURES:
        raise MalformedEnvelope(f"it has more than {MAX_SIGNATURES} lines")
    envelopes = [Envelope.parse(line, typ) for line in text.removesuffix("\n").split("\n")]
    if join(envelopes) != text:
        raise MalformedEnvelope("its lines are not sorted by kid, each kid once, each line ended")
    if len({canonical.encode(envelope.payload) for envelope in envelopes}) != 1:
        raise MalformedEnvelope("its lines are signatures of different texts: all who sign, sign the same")
    return envelopes


def join(envelopes: Iterable[Envelope]) -> str:
    """Write envelopes of one payload as a file, sorted by kid, each kid once."""
    return "".join(f"{text}\n" for _, text in sorted({envelope.kid: envelope.text for envelope in envelopes}.items()))


def _header(typ: Typ, kid: str) -> bytes:
    members = {"alg": "ES256", "kid": kid, "typ": typ.value}
    if typ is Typ.CERTIFICATE:
        members["cty"] = "vc"
    return canonical.encode(members)


@lru_cache(maxsize=256)
def _read_header(head: str, typ: Typ) -> Kid:
    """Return the kid of a header, which is the same in all that one key signs."""
    header = _decode(head)
    kid = canonical.parse(header).get("kid")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise MalformedEnvelope("its kid is not a DID and a thumbprint")
    if header != _header(typ, kid):
        raise MalformedEnvelope(f"its header is not that of ES256 and {typ}")
    return Kid(kid)


def _encode(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode()


def _decode(part: str) -> bytes:
    """Decode base64url without padding; a second spelling of the same bytes is refused.

    Only the last characters can have one, in the bits that no byte takes.
    """
    try:
        text = part.encode("ascii").translate(_STANDARD)
        data = binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        raise MalformedEnvelope("a part is not base64url") from None
    rest = len(data) % 3
    if rest and _encode(data[-rest:]) != part[-rest - 1 :]:
        raise MalformedEnvelope("a part is not in the one spelling of base64url")
    return data
