import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any

import pytest

from registry.core import canonical
from registry.core.calendar import LocalDate, Offset
from registry.core.canonical import Json, JsonObject
from registry.core.record import MAX_BYTES, MAX_TEXT, MalformedRecord, decode, encode


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Inner:
    text: str


@dataclass(frozen=True, slots=True)
class Whole:
    text: str
    from_: str
    odd: str = field(metadata={"name": "@odd"})
    coded: Annotated[str, re.compile(r"[a-z]+")]
    number: int
    truth: bool
    colour: Colour
    at: datetime
    day: date
    local: LocalDate
    data: bytes
    inner: Inner
    any: JsonObject
    wanted: tuple[str, ...]
    maybe: int | None = None
    perhaps: Inner | None = None
    more: tuple[Inner, ...] = ()


FULL = Whole(
    text="ў",
    from_="f",
    odd="o",
    coded="abc",
    number=7,
    truth=False,
    colour=Colour.BLUE,
    at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    day=date(2026, 11, 21),
    local=LocalDate(date(2026, 11, 21), Offset(300)),
    data=b"\x00\xff",
    inner=Inner("i"),
    any={"a": [1, {"b": "c"}]},
    wanted=("x", "y"),
    maybe=0,
    perhaps=Inner("p"),
    more=(Inner("m"),),
)
WRITTEN: dict[str, Json] = {
    "text": "ў",
    "from": "f",
    "@odd": "o",
    "coded": "abc",
    "number": 7,
    "truth": False,
    "colour": "blue",
    "at": "2026-11-21T09:30:00Z",
    "day": "2026-11-21",
    "local": "2026-11-21+05:00",
    "data": "AP8=",
    "inner": {"text": "i"},
    "any": {"a": [1, {"b": "c"}]},
    "wanted": ["x", "y"],
    "maybe": 0,
    "perhaps": {"text": "p"},
    "more": [{"text": "m"}],
}
MAY_BE_ABSENT = {"maybe", "perhaps", "more"}


def test_a_record_is_written_and_read_back() -> None:
    assert encode(FULL) == WRITTEN
    assert decode(Whole, WRITTEN) == FULL
    assert decode(Whole, canonical.parse(canonical.encode(encode(FULL)))) == FULL


@pytest.mark.parametrize("name", WRITTEN)
def test_each_member_is_there_or_is_one_that_may_be_absent(name: str) -> None:
    less = {key: value for key, value in WRITTEN.items() if key != name}
    if name in MAY_BE_ABSENT:
        assert encode(decode(Whole, less)) == less
        return
    with pytest.raises(MalformedRecord, match=f"^{name} is missing$"):
        decode(Whole, less)


def test_an_unknown_member_is_refused_by_its_name() -> None:
    for name in ("from_", "odd", "x" * 1_000):
        with pytest.raises(MalformedRecord, match=f"{name[:60]} is not a member"):
            decode(Whole, {**WRITTEN, name: 1})


WRONG: list[tuple[str, Any]] = [
    ("text", ""),
    ("text", 7),
    ("text", None),
    ("text", "x" * (MAX_TEXT + 1)),
    ("coded", "ABC"),
    ("coded", "abc\n"),
    ("coded", ""),
    ("coded", "a" * (MAX_BYTES + 1)),
    ("number", "7"),
    ("number", True),
    ("number", None),
    ("truth", 0),
    ("truth", "false"),
    ("colour", "green"),
    ("colour", "RED"),
    ("at", "2026-11-21T09:30:00+00:00"),
    ("day", "2026-11-31"),
    ("local", "2026-11-21"),
    ("data", "AP8"),
    ("data", "AP9="),
    ("data", "AP8=\n"),
    ("data", "ў"),
    ("data", ""),
    ("inner", []),
    ("inner", {}),
    ("inner", {"text": "i", "more": 1}),
    ("inner", "i"),
    ("any", []),
    ("any", "a"),
    ("wanted", "x"),
    ("wanted", {}),
    ("wanted", ["x", 7]),
    ("maybe", None),
    ("perhaps", None),
    ("more", []),
    ("more", [{"text": ""}]),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=range(len(WRONG)))
def test_another_type_or_spelling_is_refused_with_its_path(name: str, value: Json) -> None:
    with pytest.raises(MalformedRecord) as refused:
        decode(Whole, {**WRITTEN, name: value})
    assert refused.value.path.startswith(name)
    assert refused.value.code == "malformed-record"


@pytest.mark.parametrize("value", [[], "x", 7, True, None])
def test_what_is_no_object_is_refused(value: Json) -> None:
    with pytest.raises(MalformedRecord, match=r"^the whole is not an object$"):
        decode(Whole, value)


def test_a_path_names_the_item() -> None:
    with pytest.raises(MalformedRecord, match=r"^here\.more\[1\]\.text is not a text"):
        decode(Whole, {**WRITTEN, "more": [{"text": "a"}, {"text": 1}]}, "here")


def test_an_empty_array_that_must_be_there_is_written() -> None:
    @dataclass(frozen=True, slots=True)
    class Wanted:
        items: tuple[str, ...]

    assert encode(Wanted(())) == {"items": []}
    assert decode(Wanted, {"items": []}) == Wanted(())


def test_a_text_with_a_pattern_may_be_long() -> None:
    assert decode(Whole, {**WRITTEN, "coded": "a" * 50_000}).coded == "a" * 50_000
