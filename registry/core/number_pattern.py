"""The numbers of certificates: how an agreement spells them, and what is no number of it."""

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from registry.core.errors import Malformed, Unprocessable

_FIELD = re.compile(r"\{(?:issued_in|presented_in|year:[124]|serial:\d)\}")
_LITERAL = re.compile(r"[A-Z0-9/-]*")


@dataclass(eq=False)
class MalformedNumberPattern(Malformed):
    """A body's number pattern is not one that numbers can be written by."""

    code: ClassVar[str] = "malformed-number-pattern"
    pattern: str

    def __str__(self) -> str:
        return f"{self.pattern[:60]!r} is not a number pattern with one {{serial:N}}"


@dataclass(eq=False)
class NumbersExhausted(Unprocessable):
    """The serial no longer fits the pattern of the body."""

    code: ClassVar[str] = "numbers-exhausted"
    pattern: str
    serial: int

    def __str__(self) -> str:
        return f"serial {self.serial} does not fit the number pattern {self.pattern}"


@dataclass(eq=False)
class NumberUnfit(Unprocessable):
    """The number is not one that the body's pattern writes for this direction and year."""

    code: ClassVar[str] = "number-unfit"
    pattern: str

    def __str__(self) -> str:
        return f"the number is not one of the pattern {self.pattern}"


@dataclass(frozen=True, slots=True)
class NumberPattern:
    """How a body writes its numbers, as `{issued_in}{presented_in}{year:1}101{serial:6}` (domain 2.1, box 4)."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern with one serial; raises `MalformedNumberPattern`."""
        serials = [field for field in _FIELD.findall(text) if field.startswith("{serial:")]
        widths = [int(field[8]) for field in serials]
        if len(widths) != 1 or not widths[0] or not _LITERAL.fullmatch(_FIELD.sub("", text)):
            raise MalformedNumberPattern(text)
        return cls(text)

    def encode(self) -> str:
        """Write the pattern."""
        return self.text

    def number(self, *, issued_in: str, presented_in: str, year: int, serial: int) -> str:
        """Write the number of the `serial`-th certificate of a year; raises `NumbersExhausted`."""

        def fill(field: re.Match[str]) -> str:
            name, _, width = field.group()[1:-1].partition(":")
            if name == "serial" and len(str(serial)) > int(width):
                raise NumbersExhausted(self.text, serial)
            match name:
                case "issued_in":
                    return issued_in
                case "presented_in":
                    return presented_in
                case "year":
                    return str(year)[-int(width) :]
                case _:
                    return str(serial).zfill(int(width))

        return _FIELD.sub(fill, self.text)

    def serial(self, number: str, *, issued_in: str, presented_in: str, year: int) -> int:
        """Return the serial, from 1 on, that `number` was written from; raises `NumberUnfit`."""
        head, _, rest = self.text.partition("{serial:")
        begins = len(NumberPattern(head).number(issued_in=issued_in, presented_in=presented_in, year=year, serial=0))
        digits = number[begins : begins + int(rest[0])]
        if digits.isascii() and digits.isdecimal() and int(digits):
            serial = int(digits)
            if self.number(issued_in=issued_in, presented_in=presented_in, year=year, serial=serial) == number:
                return serial
        raise NumberUnfit(self.text)
