"""Signed notes: text with signature lines under it, and the keys that sign them (c2sp.org/signed-note@v1.0.0)."""

import base64
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import ClassVar, Self

from registry.core.errors import Malformed, Unprocessable
from registry.core.signature import verify_ed25519

MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
_MARK = "\N{EM DASH}"
_NAME = re.compile(r"[^\s+\x00-\x20\ud800-\udfff]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_ID_BYTES = 4

_P = 2**255 - 19
_Y_ORDER_8 = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
_LOW_ORDER_Y = frozenset({0, 1, _P - 1, _Y_ORDER_8, _P - _Y_ORDER_8})


@dataclass(eq=False)
class MalformedNote(Malformed):
    """The text is not a signed note in its one spelling."""

    code: ClassVar[str] = "malformed-note"
    clause: ClassVar[str | None] = "c2sp.org/signed-note@v1.0.0, Format"
    reason: str

    def __str__(self) -> str:
        return f"the signed note cannot be read: {self.reason}"


@dataclass(eq=False)
class MalformedVerifierKey(Malformed):
    """The text is not a verifier key in its one spelling."""

    code: ClassVar[str] = "malformed-verifier-key"
    clause: ClassVar[str | None] = "c2sp.org/signed-note@v1.0.0, Signatures"
    reason: str

    def __str__(self) -> str:
        return f"the verifier key cannot be read: {self.reason}"


@dataclass(eq=False)
class WeakKey(Unprocessable):
    """The Ed25519 public key is one under which a signature proves nothing."""

    code: ClassVar[str] = "weak-key"
    clause: ClassVar[str | None] = "RFC 8032, 5.1.3; C2SP/CCTV ed25519"
    reason: str

    def __str__(self) -> str:
        return f"the Ed25519 key is refused: it {self.reason}"


@dataclass(eq=False)
class WrongSignature(Unprocessable):
    """A line that names a known key is not a signature by it: then nothing in the note is believed."""

    code: ClassVar[str] = "wrong-signature"
    clause: ClassVar[str | None] = "c2sp.org/signed-note@v1.0.0, Signatures"
    name: str

    def __str__(self) -> str:
        return f"the signature line of {self.name} does not verify"


@dataclass(eq=False)
class NotSigned(Unprocessable):
    """No line of the note is by a key that is known."""

    code: ClassVar[str] = "note-not-signed"
    clause: ClassVar[str | None] = "c2sp.org/signed-note@v1.0.0, Signatures"

    def __str__(self) -> str:
        return "no known key signed the note"


class KeyType(IntEnum):
    """What a key signs: the text of a note itself, or a cosignature over it (c2sp.org/tlog-cosignature)."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    MLDSA44_COSIGNATURE = 0x06

    @property
    def key_bytes(self) -> int:
        """How long a public key of this type is."""
        return 1312 if self is KeyType.MLDSA44_COSIGNATURE else 32


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name that stands on its signature lines: `<name>+<id in hex>+<base64 of type and key>`."""

    name: str
    type: KeyType
    public: bytes

    def __post_init__(self) -> None:
        assert _NAME.fullmatch(self.name)
        assert len(self.public) == self.type.key_bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the one spelling; raises `MalformedVerifierKey`, or `WeakKey`."""
        match text.split("+", 2):
            case [name, id, key] if _NAME.fullmatch(name):
                pass
            case _:
                raise MalformedVerifierKey("it is not name, id and key, joined by plus signs")
        try:
            data = read_base64(key)
            kind = KeyType(data[0] if data else 0)
        except ValueError:
            raise MalformedVerifierKey("its key is not base64 of a key of a known type") from None
        if len(data) != 1 + kind.key_bytes:
            raise MalformedVerifierKey(f"its key is not {kind.key_bytes} bytes")
        if kind is not KeyType.MLDSA44_COSIGNATURE:
            check_ed25519(data[1:])
        verifier = cls(name, kind, data[1:])
        if verifier.id.hex() != id:
            raise MalformedVerifierKey("its id is not that of its name and key")
        return verifier

    def encode(self) -> str:
        """Write the one spelling."""
        return f"{self.name}+{self.id.hex()}+{write_base64(bytes([self.type]) + self.public)}"

    @property
    def id(self) -> bytes:
        """The four bytes that signature lines begin with: a name for the key, no proof of it."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:_ID_BYTES]


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One line under a note, of whatever type of key."""

    name: str
    id: bytes
    signature: bytes

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line without its newline; raises `MalformedNote`."""
        match line.split(" "):
            case [mark, name, text] if mark == _MARK and _NAME.fullmatch(name):
                pass
            case _:
                raise MalformedNote("a signature line is not dash, name and signature")
        try:
            data = read_base64(text)
        except ValueError:
            raise MalformedNote("a signature is not in the one spelling of base64") from None
        if len(data) <= _ID_BYTES:
            raise MalformedNote("a signature line holds no signature")
        return cls(name, data[:_ID_BYTES], data[_ID_BYTES:])

    def encode(self) -> str:
        """Write the line without its newline."""
        return f"{_MARK} {self.name} {write_base64(self.id + self.signature)}"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. That it could be read says nothing about who signed it: use what `verified` returns."""

    text: str
    lines: tuple[SignatureLine, ...]

    @classmethod
    def parse(cls, note: str) -> Self:
        """Read a signed note; whatever `encode` would not write is refused. Raises `MalformedNote`."""
        if len(note) > MAX_NOTE or len(_utf8(note)) > MAX_NOTE:
            raise MalformedNote("it is larger than 1 MB")
        if _CONTROL.search(note):
            raise MalformedNote("it holds a control character")
        text, separator, under = note.rpartition("\n\n")
        if not separator or not under.endswith("\n"):
            raise MalformedNote("it is not text, an empty line and signature lines")
        lines = under.removesuffix("\n").split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise MalformedNote(f"it has more than {MAX_SIGNATURES} signature lines")
        return cls(text + "\n", tuple(SignatureLine.parse(line) for line in lines))

    def encode(self) -> str:
        """Write the note: its text, an empty line, its signature lines."""
        return f"{self.text}\n" + "".join(f"{line.encode()}\n" for line in self.lines)

    def signatures_by(self, key: VerifierKey) -> tuple[bytes, ...]:
        """Return what the lines that name `key` hold, unchecked."""
        return tuple(line.signature for line in self.lines if (line.name, line.id) == (key.name, key.id))

    def verified(self, keys: Iterable[VerifierKey]) -> str:
        """Return the text, which at least one of `keys` signed; lines of other keys are passed over.

        Raises `WrongSignature` where a line of one of `keys` does not verify, `NotSigned` where there is none.
        """
        signed = False
        for key in keys:
            assert key.type is KeyType.ED25519
            for signature in self.signatures_by(key):
                if not verify_ed25519(key.public, signature, self.text.encode()):
                    raise WrongSignature(key.name)
                signed = True
        if not signed:
            raise NotSigned
        return self.text


def sign_note(text: str, key: VerifierKey, sign: Callable[[bytes], bytes]) -> Note:
    """Sign `text` by the private half of `key`; a signer that holds another key is found before the note leaves."""
    note = Note(text, (SignatureLine(key.name, key.id, sign(text.encode())),))
    assert Note.parse(note.encode()) == note
    assert note.verified([key]) == text
    return note


def check_ed25519(public: bytes) -> None:
    """Refuse an Ed25519 key that is not canonical (y >= p) or of low order, for which anyone can make signatures.

    The points of order 1, 2, 4 and 8 are known by five values of y, whatever their sign bit; two points at which
    x = 0 has a second spelling are among them. Raises `WeakKey`.
    """
    if len(public) != KeyType.ED25519.key_bytes:
        raise WeakKey(f"is not {KeyType.ED25519.key_bytes} bytes")
    y = int.from_bytes(public, "little") & (2**255 - 1)
    if y >= _P:
        raise WeakKey("is not in canonical form")
    if y in _LOW_ORDER_Y:
        raise WeakKey("is of low order")


def read_base64(text: str) -> bytes:
    """Decode padded base64 (RFC 4648, 4); a second spelling of the same bytes is a `ValueError` too."""
    data = base64.b64decode(text, validate=True)
    if write_base64(data) != text:
        raise ValueError("not the one spelling of base64")
    return data


def write_base64(data: bytes) -> str:
    """Encode as padded base64 (RFC 4648, 4)."""
    return base64.b64encode(data).decode()


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise MalformedNote("it is not text that UTF-8 can carry") from None
