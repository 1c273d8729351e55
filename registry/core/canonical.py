"""The bytes that get signed, and the one strict reader of JSON.

Signed JSON is RFC 8785 (JCS) over a subset: ASCII keys, no floats, no nulls, integers within 2^53-1, text in NFC.
Within that subset orjson with sorted keys writes the same bytes as JCS (a property test holds it to `rfc8785`).
"""

import json
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, NoReturn, TypeAlias

import orjson

from registry.core.errors import Malformed

Json: TypeAlias = "str | int | bool | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]

MAX_DEPTH = 32
MAX_KEYS = 1_000
MAX_STRING = 10_000
MAX_INTEGER = 2**53 - 1
BOM = b"\xef\xbb\xbf"
_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[][{}]', re.DOTALL)
"""A string, taken to the end where it has none (else each quote would be tried anew), or a bracket."""
_NESTED = (dict, list)
_FLAT = {str, bool}
_PLAIN = {str, bool, int, *_NESTED}
_UNFIT = re.compile("[\0\ud800-\udfff]")


@dataclass(eq=False)
class MalformedJson(Malformed):
    """The text is not the strict JSON (RFC 8259) that this node reads."""

    code: ClassVar[str] = "malformed-json"
    clause: ClassVar[str | None] = "RFC 8259; RFC 7493 (I-JSON)"
    reason: str

    def __str__(self) -> str:
        return f"the JSON cannot be read: {self.reason}"


@dataclass(eq=False)
class NotCanonical(Malformed):
    """The text is JSON, but not in the one spelling that is signed."""

    code: ClassVar[str] = "not-canonical"
    clause: ClassVar[str | None] = "RFC 8785"
    reason: str

    def __str__(self) -> str:
        return f"the signed JSON is not in its one spelling: {self.reason}"


def read(data: bytes, *, longest: int = MAX_STRING) -> Json:
    """Read JSON from a stranger: one value, each key once, no number but whole ones, no text that UTF-8 cannot carry.

    Raises `MalformedJson`. Bytes are the caller's to limit; depth, keys and length of a text are limited here.
    """
    if data.startswith(BOM):
        raise MalformedJson("it starts with a byte order mark")
    if _depth(data) > MAX_DEPTH:
        raise MalformedJson(f"it is nested more than {MAX_DEPTH} deep")
    try:
        value: Json = _READER.decode(data.decode())
    except UnicodeDecodeError:
        raise MalformedJson("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise MalformedJson(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    _walk_text(value, longest)
    return value


def encode(value: Json) -> bytes:
    """Write the canonical bytes of `value` (RFC 8785, within the subset that this project signs)."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def parse(data: bytes) -> JsonObject:
    """Read an object that was signed: exactly what `encode` writes, without floats and nulls, text in NFC.

    Re-encoding finds duplicate keys, spaces, other escapes and other orders at once. Raises `NotCanonical`.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise NotCanonical("it is not JSON") from None
    if not isinstance(value, dict):
        raise NotCanonical("it is not an object")
    if not (_is_plain(value) and _is_normal(data, value)):
        raise NotCanonical(
            "it holds a float, a null, an integer beyond 2^53-1, a key beyond ASCII, text with NUL or not in NFC, "
            "or is too deep"
        )
    if encode(value) != data:
        raise NotCanonical("it does not re-encode to itself")
    return value


def digest(data: bytes) -> str:
    """Return SHA-256 of `data` in lower-case hex."""
    return sha256(data).hexdigest()


def _depth(data: bytes) -> int:
    """Return how deep the brackets outside strings nest, without recursion, stopping beyond `MAX_DEPTH`."""
    depth = deepest = 0
    for token in _BRACKET.finditer(data):
        match token.group():
            case b"[" | b"{":
                depth += 1
                deepest = max(deepest, depth)
            case b"]" | b"}":
                depth -= 1
        if deepest > MAX_DEPTH:
            break
    return deepest


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    if len(pairs) > MAX_KEYS:
        raise MalformedJson(f"an object has more than {MAX_KEYS} members")
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("a key stands twice in one object")
    return members


def _integer(text: str) -> int:
    if text == "-0" or len(text) > 17 or abs(number := int(text)) > MAX_INTEGER:  # noqa: PLR2004  17 = sign and 16 digits
        raise MalformedJson("an integer is beyond 2^53-1, or is -0")
    return number


def _no_float(text: str) -> NoReturn:
    raise MalformedJson(f"{text[:20]} is not a whole number; quantities are written as text")


_READER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float
)


def _walk_text(value: Json, longest: int) -> None:
    for text in _texts(value):
        if len(text) > longest:
            raise MalformedJson(f"a text is longer than {longest} characters")
        if _UNFIT.search(text):
            raise MalformedJson("a text holds NUL or half of a surrogate pair")


def _is_plain(value: dict[str, Json]) -> bool:
    """Tell whether `value` holds only what this project signs: text, whole numbers, booleans, arrays, objects."""
    level: list[dict[str, Json] | list[Json]] = [value]
    for _ in range(MAX_DEPTH):
        below: list[dict[str, Json] | list[Json]] = []
        for each in level:
            parts: Collection[Json] = each
            if isinstance(each, dict):
                if not "".join(each).isascii():
                    return False
                parts = each.values()
            kinds = set(map(type, parts))
            if kinds <= _FLAT:
                continue
            if not kinds <= _PLAIN:
                return False
            if int in kinds and any(isinstance(part, int) and abs(part) > MAX_INTEGER for part in parts):
                return False
            below += [part for part in parts if isinstance(part, _NESTED)]
        if not below:
            return True
        level = below
    return False


def _is_normal(data: bytes, value: Json) -> bool:
    """Tell whether each text is in NFC and without NUL.

    What is in NFC as a whole is so in each part (Unicode Annex 15). An accent after an escape makes the reverse false.
    """
    if b"\\u0000" not in data and unicodedata.is_normalized("NFC", data.decode()):
        return True
    return all("\0" not in text and unicodedata.is_normalized("NFC", text) for text in _texts(value))


def _texts(value: Json) -> Iterator[str]:
    """Return every text: keys and values."""
    pending: list[Json] = [value]
    while pending:
        match pending.pop():
            case str() as text:
                yield text
            case list() as items:
                pending.extend(items)
            case dict() as members:
                pending.extend(members.keys())
                pending.extend(members.values())
