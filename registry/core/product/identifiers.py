"""Identifiers of parties and goods, each checked as far as its own digits can prove it (domain 2.1)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from stdnum.by import unp
from stdnum.exceptions import ValidationError

from registry.core.errors import Unprocessable

_UNP = re.compile(r"[0-9A-Z]{9}")
_STIR = re.compile(r"[0-9]{9}")
_JSHSHIR = re.compile(r"[0-9]{14}")
_GTIN = re.compile(r"[0-9]{8}|[0-9]{12,14}")
_HS = re.compile(r"[0-9]{6}|[0-9]{8}|[0-9]{10}")
_MAX_FOREIGN = 20


class Identifier(StrEnum):
    """The identifiers that are checked."""

    UNP = "unp"
    STIR = "stir"
    JSHSHIR = "jshshir"
    TAX_ID = "tax-id"
    GTIN = "gtin"
    HS = "hs"


@dataclass(eq=False)
class InvalidIdentifier(Unprocessable):
    """An identifier is not spelled as its kind is, or its control digit disagrees."""

    code: ClassVar[str] = "invalid-identifier"
    kind: Identifier
    reason: str

    def __str__(self) -> str:
        return f"the {self.kind} {self.reason}"


def check_unp(text: str) -> None:
    """Refuse what is not a Belarusian UNP: nine characters with a control digit, letters in Latin only.

    The letters of individuals are often typed in Cyrillic, where they look the same; one spelling is stored.
    """
    if not _UNP.fullmatch(text):
        raise InvalidIdentifier(Identifier.UNP, "is not nine digits or Latin capitals")
    try:
        spelling = unp.validate(text)
    except ValidationError:
        raise InvalidIdentifier(Identifier.UNP, "does not agree with its control digit") from None
    assert spelling == text


def check_stir(text: str) -> None:
    """Refuse what is not an Uzbek STIR: nine digits; no control digit is known."""
    if not _STIR.fullmatch(text):
        raise InvalidIdentifier(Identifier.STIR, "is not nine digits")


def check_jshshir(text: str) -> None:
    """Refuse what is not an Uzbek JShShIR: 14 digits, the last being the sum of the others by 7, 3, 1, mod 10."""
    if not _JSHSHIR.fullmatch(text):
        raise InvalidIdentifier(Identifier.JSHSHIR, "is not 14 digits")
    if sum(int(digit) * (7, 3, 1)[place % 3] for place, digit in enumerate(text[:-1])) % 10 != int(text[-1]):
        raise InvalidIdentifier(Identifier.JSHSHIR, "does not agree with its control digit")


def _check_uzbek(text: str) -> None:
    """Organisations have a STIR, natural persons a JShShIR."""
    if len(text) == 14:  # noqa: PLR2004  the length of a JShShIR
        check_jshshir(text)
    else:
        check_stir(text)


_TAX_IDS: Mapping[str, Callable[[str], None]] = {"BY": check_unp, "UZ": _check_uzbek}


def check_tax_id(country: str, text: str) -> bool:
    """Refuse what is not a tax id of `country`; return whether the form of that country's tax ids is known here."""
    if check := _TAX_IDS.get(country):
        check(text)
        return True
    if len(text) > _MAX_FOREIGN or not text.isprintable() or not text.strip():
        raise InvalidIdentifier(Identifier.TAX_ID, f"is not 1 to {_MAX_FOREIGN} printable characters")
    return False


def is_natural_person(country: str, tax_id: str | None) -> bool:
    """Tell whether a tax id is that of a natural person: a UNP that begins with a letter, a JShShIR (domain 2.1)."""
    if tax_id is None:
        return False
    return tax_id[0].isalpha() if country == "BY" else country == "UZ" and _JSHSHIR.fullmatch(tax_id) is not None


def check_gtin(text: str) -> None:
    """Refuse what is not a GTIN: 8, 12, 13 or 14 digits, weighed 3 and 1 from the right, sum 0 mod 10."""
    if not _GTIN.fullmatch(text):
        raise InvalidIdentifier(Identifier.GTIN, "is not 8, 12, 13 or 14 digits")
    if sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(text))) % 10:
        raise InvalidIdentifier(Identifier.GTIN, "does not agree with its control digit")


def check_hs(text: str) -> None:
    """Refuse what is not a commodity code: HS at 6 digits, or its national continuation at 8 or 10 (TN VED)."""
    if not _HS.fullmatch(text):
        raise InvalidIdentifier(Identifier.HS, "code is not 6, 8 or 10 digits")
