"""A text in the languages that this registry speaks: Russian, which is the form's own, English and Uzbek."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Trilingual:
    """One text in all three; the Uzbek in Latin script, its letters oʻ and gʻ with U+02BB, its stop ʼ with U+02BC."""

    ru: str
    en: str
    uz: str

    def and_(self, more: Self) -> Self:
        """Return this text with another after it."""
        return type(self)(f"{self.ru} {more.ru}", f"{self.en} {more.en}", f"{self.uz} {more.uz}")
