"""A clarification mends a typo without a new number: it stands beside the certificate, whose claims stay (R09 9-2.2).

What identifies goods, parties and papers is no typo: numbers, quantities, codes, names, dates want a new certificate.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Self

from registry.core.canonical import JsonObject
from registry.core.errors import Conflict, Unprocessable
from registry.core.identifiers import HEX_128, HEX_256
from registry.core.product.names import mixes_scripts
from registry.core.product.texts import texts, unfit
from registry.core.record import decode, encode

CLAUSE = "R09 9-2.2"
_DESCRIPTION = re.compile(r"items\[\d+\]\.description")
_MENDABLE = re.compile(
    r"transport\.(?:route|means\[\d+\])"
    r"|(?:consignor_exporter|consignee_importer)(?:\.on_behalf_of)?\.address"
    r"|official_notes\[\d+\]\.text"
    rf"|{_DESCRIPTION.pattern}"
)

_AROUND = ".,:;!?()[]«»“”„"
"""Punctuation that is no part of a number where it stands before or after one."""
_MEASURES = frozenset("%‰‱°′″±")


@dataclass(eq=False)
class NotClarifiable(Unprocessable):
    """What would be clarified is no typo: it wants a certificate in lieu."""

    code: ClassVar[str] = "not-clarifiable"
    clause: ClassVar[str | None] = CLAUSE
    box: str
    reason: str

    def __str__(self) -> str:
        return f"{self.box[:100]} cannot be clarified: {self.reason}"


@dataclass(eq=False)
class ClarificationDiffers(Conflict):
    """The old text of the clarification is not what was signed there."""

    code: ClassVar[str] = "clarification-differs"
    clause: ClassVar[str | None] = CLAUSE
    box: str

    def __str__(self) -> str:
        return f"what was signed at {self.box[:100]} is another text"


@dataclass(frozen=True, slots=True)
class Clarification:
    """How one box is to be read: `old` as it was signed, `new` as it was meant."""

    env: str
    issuer: str
    certificate: str
    digest: Annotated[str, HEX_256]
    box: str
    old: str
    new: str
    reason: str
    recorded_at: datetime
    proposed_by: str
    confirmed_by: str
    nonce: Annotated[str, HEX_128]

    @classmethod
    def parse(cls, payload: JsonObject) -> Self:
        """Read a clarification; raises `MalformedRecord`."""
        return decode(cls, payload)

    def encode(self) -> JsonObject:
        """Write the clarification as the object that the body signs."""
        return encode(self)


def check_mends(claims: JsonObject, box: str, old: str, new: str) -> None:
    """Check that one text of the claims may be read as another; raises `NotClarifiable`, `ClarificationDiffers`."""
    if not _MENDABLE.fullmatch(box):
        raise NotClarifiable(box, "it is none of the texts in which a typo changes nothing")
    if dict(texts(claims)).get(box) != old:
        raise ClarificationDiffers(box)
    if new == old:
        raise NotClarifiable(box, "both texts are the same")
    if _figures(new) != _figures(old):
        raise NotClarifiable(box, "the figures in it are no typo")
    if not new:
        raise NotClarifiable(box, "the new text is empty")
    if reason := unfit(new, lines=_DESCRIPTION.fullmatch(box) is not None):
        raise NotClarifiable(box, f"the new text {reason}")
    if any(mixes_scripts(word) for word in set(new.split()) - set(old.split())):
        raise NotClarifiable(box, "the new text mixes letters of two scripts in one word")


def _figures(text: str) -> list[str]:
    """Return what has a number in it, with the signs and separators that stand in it: «1,5», «½», «-20», «%»."""
    between = (" " if letter.isspace() or (letter.isalpha() and not letter.isnumeric()) else letter for letter in text)
    words = (word.strip(_AROUND) for word in "".join(between).split())
    return [word for word in words if any(letter.isnumeric() or letter in _MEASURES for letter in word)]
