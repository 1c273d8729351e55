"""The one spelling of a number, however people write it down."""

import unicodedata
from dataclasses import dataclass
from typing import ClassVar

from registry.core.errors import Unprocessable


@dataclass(eq=False)
class NumberNotLatin(Unprocessable):
    """Letters of the number are of another script: no certificate bears such a number, though they may look so."""

    code: ClassVar[str] = "number-not-latin"
    number: str
    letters: tuple[str, ...]

    def __str__(self) -> str:
        return f"letters of the number are not Latin, though they may look so: {', '.join(self.letters)}"


def normal_number(number: str) -> str:
    """Return the one spelling of a number: no spaces, capital letters."""
    return "".join(number.split()).upper()


def latin_number(number: str) -> str:
    """Return the one spelling of a number that a certificate may bear. Raises `NumberNotLatin`."""
    spelled = normal_number(number)
    foreign = (letter for letter in dict.fromkeys(spelled) if not letter.isascii())
    letters = tuple(f"{letter} ({unicodedata.name(letter, 'without a name')})" for letter in foreign)
    if letters:
        raise NumberNotLatin(number, letters)
    return spelled
