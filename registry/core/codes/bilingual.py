"""A text in the two languages that every part of this registry can show: Russian, the form's own, and English."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bilingual:
    """One text in both languages."""

    ru: str
    en: str
