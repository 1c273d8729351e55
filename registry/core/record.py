"""A frozen dataclass and its signed JSON: one reader and one writer for every type of ours that travels.

`decode` takes exactly what `encode` writes: every member known, of its type, in its one spelling, none null. A field
called `from_` is the member `from`; a field that may be absent is `T | None = None`, or a tuple with the default `()`;
metadata `name` spells a member that Python cannot. Types: text, `Annotated[str, <compiled pattern>]`, whole numbers,
booleans, `StrEnum`, `datetime` (whole seconds, `Z`), `date`, `bytes` (base64), classes with `parse` and `encode` of
text, other records, any object (`JsonObject`), and tuples of these.
"""

import base64
import binascii
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints

from registry.core.calendar import read_day, read_instant, write_instant
from registry.core.canonical import Json, JsonObject
from registry.core.errors import Malformed

MAX_TEXT = 10_000
MAX_BYTES = 4_000_000
"""Of bytes, and of a text with a pattern, which states what else it may be."""
MAX_ITEMS = 1_000_000
_NAMES_IN_JSON = {"Json": object, "Sequence": Sequence, "Mapping": Mapping}
"""The names that the alias `Json`, a text, speaks of wherever a class has a member that is any object."""

RecordT = TypeVar("RecordT")


@dataclass(eq=False)
class MalformedRecord(Malformed):
    """A member of a signed thing is missing, unknown, of another type or in another spelling."""

    code: ClassVar[str] = "malformed-record"
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path or 'the whole'} {self.reason}"


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    field: str
    type: object
    required: bool
    tuple_by_default: bool


@cache
def _members(kind: Any) -> Mapping[str, _Member]:
    hints = get_type_hints(
        kind, localns={"Json": object, "Sequence": Sequence, "Mapping": Mapping}, include_extras=True
    )
    return {
        (name := field.metadata.get("name", field.name.rstrip("_"))): _Member(
            name, field.name, _without_none(hints[field.name]), field.default is MISSING, field.default == ()
        )
        for field in fields(kind)
    }


def _without_none(hint: object) -> object:
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = [argument for argument in get_args(hint) if argument is not types.NoneType]
        return inner
    return hint


def decode(kind: type[RecordT], value: Json, path: str = "") -> RecordT:
    """Read a record of type `kind`; raises `MalformedRecord` naming the path of what is wrong."""
    if not isinstance(value, Mapping):
        raise MalformedRecord(path, "is not an object")
    shape: Any = kind  # mypy takes a class for unhashable
    known = _members(shape)
    if unknown := sorted(value.keys() - known.keys()):
        raise MalformedRecord(_join(path, unknown[0]), "is not a member of it")
    arguments: dict[str, Any] = {}
    for member in known.values():
        where = _join(path, member.name)
        if member.name in value:
            arguments[member.field] = item = _read(member.type, value[member.name], where)
            if item == () and member.tuple_by_default:
                raise MalformedRecord(where, "is empty, and then it is absent")
        elif member.required:
            raise MalformedRecord(where, "is missing")
    return kind(**arguments)


def encode(record: object) -> dict[str, Json]:
    """Write a record as the object that is signed: what is absent is absent."""
    shape: Any = type(record)
    members = ((member, getattr(record, member.field)) for member in _members(shape).values())
    return {
        member.name: _write(item)
        for member, item in members
        if item is not None and not (item == () and member.tuple_by_default)
    }


def _join(path: str, name: str) -> str:
    return f"{path}.{name[:60]}" if path else name[:60]


def _write(item: Any) -> Json:
    match item:
        case bool() | int() | str():
            return item
        case bytes():
            return base64.b64encode(item).decode()
        case datetime():
            return write_instant(item)
        case date():
            return item.isoformat()
        case tuple():
            return [_write(part) for part in item]
        case Mapping():
            members: JsonObject = item
            return members
        case _ if hasattr(item, "parse"):
            text: str = item.encode()
            return text
        case _:
            return encode(item)


def _read(kind: Any, value: Json, path: str) -> Any:
    if get_origin(kind) is tuple:
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise MalformedRecord(path, "is not an array")
        return tuple(_read(get_args(kind)[0], item, f"{path}[{index}]") for index, item in enumerate(value))
    if get_origin(kind) is Mapping:
        if not isinstance(value, dict):
            raise MalformedRecord(path, "is not an object")
        return value
    if is_dataclass(kind) and not hasattr(kind, "parse"):
        assert isinstance(kind, type)
        return decode(kind, value, path)
    if kind is int or kind is bool:
        if type(value) is not kind:
            raise MalformedRecord(path, "is not a whole number" if kind is int else "is not true or false")
        return value
    longest = MAX_BYTES if kind is bytes or get_origin(kind) is Annotated else MAX_TEXT
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise MalformedRecord(path, "is not a text, is empty or too long")
    return _read_text(kind, value, path)


def _read_text(kind: Any, text: str, path: str) -> Any:
    if get_origin(kind) is Annotated:
        _, pattern = get_args(kind)
        assert isinstance(pattern, re.Pattern)
        if not pattern.fullmatch(text):
            raise MalformedRecord(path, "is not spelled as it must be")
        return text
    try:
        if kind is datetime:
            return read_instant(text)
        if kind is date:
            return read_day(text)
        if kind is bytes:
            return _base64(text)
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return kind(text)
        return kind.parse(text) if hasattr(kind, "parse") else text
    except (ValueError, Malformed) as error:
        raise MalformedRecord(path, f"cannot be read: {error}") from None


def _base64(text: str) -> bytes:
    """Decode padded base64; a second spelling of the same bytes is refused."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if base64.b64encode(data).decode() != text:
        raise ValueError("not the one spelling of base64")
    return data
