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
from collections.abc import Callable, Mapping, Sequence
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
    read: "_Read"
    required: bool
    tuple_by_default: bool


_Read = Callable[[Any], Any]
"""Reads one value; a `MalformedRecord` gets its path on the way up, so that what is right pays nothing for it."""


@cache
def _members(kind: Any) -> Mapping[str, _Member]:
    hints = get_type_hints(
        kind, localns={"Json": object, "Sequence": Sequence, "Mapping": Mapping}, include_extras=True
    )
    return {
        (name := field.metadata.get("name", field.name.rstrip("_"))): _Member(
            name, field.name, _reader(_without_none(hints[field.name])), field.default is MISSING, field.default == ()
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
    try:
        record: RecordT = _record(kind)(value)
    except MalformedRecord as error:
        raise _within(path, error) from None
    return record


def encode(record: object) -> dict[str, Json]:
    """Write a record as the object that is signed: what is absent is absent."""
    shape: Any = type(record)
    members = ((member, getattr(record, member.field)) for member in _members(shape).values())
    return {
        member.name: _write(item)
        for member, item in members
        if item is not None and not (item == () and member.tuple_by_default)
    }


def _within(name: str, error: MalformedRecord) -> MalformedRecord:
    """Return the error with the member that it was met in before its path."""
    dot = "." if name and error.path and not error.path.startswith("[") else ""
    return MalformedRecord(f"{name[:60]}{dot}{error.path}", error.reason)


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


def _reader(kind: Any) -> _Read:
    """Return what reads a value of the type `kind`, made once for each member of each class."""
    if get_origin(kind) is tuple:
        return _array(_reader(get_args(kind)[0]))
    if get_origin(kind) is Mapping:
        return _object
    if is_dataclass(kind) and not hasattr(kind, "parse"):
        return _record(kind)
    if kind is int or kind is bool:
        return _exactly(kind, "is not a whole number" if kind is int else "is not true or false")
    if get_origin(kind) is Annotated:
        _, pattern, *how = get_args(kind)
        assert isinstance(pattern, re.Pattern)
        return _text(MAX_BYTES, _matching(pattern, *how))
    if kind is bytes:
        return _text(MAX_BYTES, _base64)
    if kind is datetime or kind is date:
        return _text(MAX_TEXT, read_instant if kind is datetime else read_day)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _text(MAX_TEXT, kind)
    return _text(MAX_TEXT, kind.parse if hasattr(kind, "parse") else str)


def _record(kind: Any) -> _Read:
    def read(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise MalformedRecord("", "is not an object")
        known = _members(kind)
        if value.keys() - known.keys():
            raise MalformedRecord(min(value.keys() - known.keys())[:60], "is not a member of it")
        arguments = {}
        for name, member in known.items():
            if name not in value:
                if member.required:
                    raise MalformedRecord(name, "is missing")
                continue
            try:
                arguments[member.field] = item = member.read(value[name])
            except MalformedRecord as error:
                raise _within(name, error) from None
            if member.tuple_by_default and item == ():
                raise MalformedRecord(name, "is empty, and then it is absent")
        return kind(**arguments)

    return read


def _array(read_item: _Read) -> _Read:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise MalformedRecord("", "is not an array")
        items = []
        for item in value:
            try:
                items.append(read_item(item))
            except MalformedRecord as error:
                raise _within(f"[{len(items)}]", error) from None
        return tuple(items)

    return read


def _object(value: Any) -> Any:
    if not isinstance(value, dict):
        raise MalformedRecord("", "is not an object")
    return value


def _exactly(kind: type, otherwise: str) -> _Read:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise MalformedRecord("", otherwise)
        return value

    return read


def _text(longest: int, parse: Callable[[str], Any]) -> _Read:
    def read(value: Any) -> Any:
        if not isinstance(value, str) or not 0 < len(value) <= longest:
            raise MalformedRecord("", "is not a text, is empty or too long")
        try:
            return parse(value)
        except (ValueError, Malformed) as error:
            raise MalformedRecord("", f"cannot be read: {error}") from None

    return read


def _matching(pattern: re.Pattern[str], how: str = "not spelled as it must be") -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(how)
        return text

    return parse


def _base64(text: str) -> bytes:
    """Decode padded base64; a second spelling of the same bytes is refused."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if base64.b64encode(data).decode() != text:
        raise ValueError("not the one spelling of base64")
    return data
