"""A text in the languages that this registry speaks: Russian, which is the form's own, English and Uzbek."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trilingual:
    """One text in all three; the Uzbek in Latin script, its letters oʻ and gʻ with U+02BB, its stop ʼ with U+02BC."""

    ru: str
    en: str
    uz: str
