"""The content of a certificate of origin ST-1, in the form of 1993 or of 2009 (domain 2.1).

What a box may lack parses, and the rules judge it; only the shape is refused here. Number, countries of issue and
presentation, and certification stand beside the claims, because the credential states them once (formats 3).
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Self

from registry.core import canonical
from registry.core.canonical import Json, JsonObject
from registry.core.certificate.goods import Item
from registry.core.errors import Malformed
from registry.core.identifiers import Digest
from registry.core.product.product import Party
from registry.core.product.texts import texts, unfit
from registry.core.record import MalformedRecord, decode, encode

MAX_ITEMS = 200
MAX_NOTES = 50
MAX_COUNT = 999_999_999


@dataclass(eq=False)
class MalformedClaims(Malformed):
    """The claims are not of the shape, or hold a text not in the spelling, that is signed."""

    code: ClassVar[str] = "malformed-claims"
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path or 'the whole'} {self.reason}"


class RulesSet(StrEnum):
    """By which rules of origin a certificate is issued; the agreement chooses (S5 fn 2)."""

    CIS_1993 = "CIS-1993"
    CIS_2009 = "CIS-2009"


class NoteCode(StrEnum):
    """The official notes that box 5 knows (S4, S5)."""

    ISSUED_RETROSPECTIVELY = "ISSUED_RETROSPECTIVELY"
    DUPLICATE = "DUPLICATE"
    ISSUED_IN_LIEU = "ISSUED_IN_LIEU"
    BASED_ON = "BASED_ON"
    EXHIBITION = "EXHIBITION"
    MADE_IN_OLD_STOCK = "MADE_IN_OLD_STOCK"
    COPY = "COPY"


@dataclass(frozen=True, slots=True)
class Trader(Party):
    """The party of box 1 or 2, and the one on whose behalf it acts ("по поручению"), where that is another."""

    on_behalf_of: Party | None = None


@dataclass(frozen=True, slots=True)
class Transport:
    """Means and route of transport, as far as known (box 3)."""

    means: tuple[str, ...] = ()
    route: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """An official note of box 5, and what it refers to."""

    code: NoteCode
    number: str | None = None
    date: dt.date | None = None
    body: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """The applicant's declaration of origin (box 13 of 2009, 12 of 1993)."""

    origin_country: str
    applicant: str
    signatory: str
    date: dt.date


@dataclass(frozen=True, slots=True)
class Contract:
    """The contract of sale; under a long-term one the invoice may come later (S4, box 11)."""

    number: str
    date: dt.date
    long_term: bool


@dataclass(frozen=True, slots=True)
class Export:
    """When the goods left, and the export declaration that proves it; wanted for retrospective issue (S4 8.1)."""

    date: dt.date | None = None
    declaration: str | None = None


@dataclass(frozen=True, slots=True)
class ExpertAct:
    """The expert's conclusion that certification rests on (S5 3.15)."""

    number: str
    until: dt.date
    expert: str
    goods: str | None = None
    rules_set: RulesSet | None = None


@dataclass(frozen=True, slots=True)
class Mandate:
    """The power of attorney of an applicant who acts for another (S5 3.1)."""

    principal: str
    agent: str
    until: dt.date
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """What the applicant states and the body certifies."""

    consignor_exporter: Trader
    consignee_importer: Trader
    items: tuple[Item, ...]
    declaration: Declaration
    transport: Transport | None = None
    official_notes: tuple[Note, ...] = ()
    contract: Contract | None = None
    export: Export | None = None
    expert_act: ExpertAct | None = None
    mandate: Mandate | None = None

    @classmethod
    def parse(cls, value: JsonObject) -> Self:
        """Read exactly what `encode` writes; raises `MalformedClaims` naming the path."""
        for path, text in texts(value):
            if reason := unfit(text, lines=path.endswith("].description")):
                raise MalformedClaims(path, reason)
        try:
            claims = decode(cls, value)
        except MalformedRecord as error:
            raise MalformedClaims(error.path, error.reason) from None
        for path, reason in _beyond_bounds(claims):
            raise MalformedClaims(path, reason)
        return claims

    @classmethod
    def draft(cls, value: JsonObject, applicant: str) -> Self:
        """Read what an exporter filled in: a box left empty is absent, and the node states the applicant.

        Raises `MalformedClaims`, also where the draft names another applicant than the one who is asking.
        """
        filled = _filled(value)
        declaration = filled.get("declaration")
        if isinstance(declaration, Mapping):
            if declaration.get("applicant", applicant) != applicant:
                raise MalformedClaims("declaration.applicant", "is not the applicant who is asking")
            filled["declaration"] = {**declaration, "applicant": applicant}
        return cls.parse(filled)

    def encode(self) -> JsonObject:
        """Write the claims as the object that is signed."""
        return encode(self)

    @property
    def digest(self) -> Digest:
        """SHA-256 of the canonical bytes: what `offer_draft` fixes, and accept and issue name (formats 3)."""
        return Digest(canonical.digest(canonical.encode(self.encode())))

    @property
    def importers(self) -> tuple[Party, ...]:
        """The consignee, and whom it acts for where that is another: whoever is named declares the goods."""
        named = self.consignee_importer
        return (named,) if named.on_behalf_of is None else (named, named.on_behalf_of)

    @property
    def exporters(self) -> tuple[Party, ...]:
        """The consignor, and whom it acts for where that is another."""
        named = self.consignor_exporter
        return (named,) if named.on_behalf_of is None else (named, named.on_behalf_of)

    def noted(self, *notes: Note) -> Self:
        """Return the claims with these notes of the node in box 5, in place of any of the same code."""
        codes = {note.code for note in notes}
        kept = (note for note in self.official_notes if note.code not in codes)
        return replace(self, official_notes=(*kept, *notes))

    def noted_on(self, day: dt.date) -> Self:
        """Return the claims as a body states them on a day: goods that left before it are said so in box 5 (S4 8.1).

        A duplicate says what its original says, which was issued before they left or says so itself (S4 8.2).
        """
        left = self.export is not None and self.export.date is not None and self.export.date < day
        if not left or self.notes(NoteCode.ISSUED_RETROSPECTIVELY, NoteCode.DUPLICATE):
            return self
        return self.noted(Note(NoteCode.ISSUED_RETROSPECTIVELY))

    def notes(self, *codes: NoteCode) -> list[Note]:
        """Return the official notes that have one of `codes`."""
        return [note for note in self.official_notes if note.code in codes]


def _beyond_bounds(claims: Claims) -> Iterator[tuple[str, str]]:
    if not 1 <= len(claims.items) <= MAX_ITEMS:
        yield "items", f"are not 1 to {MAX_ITEMS}"
    for index, item in enumerate(claims.items):
        if not 1 <= item.seq <= MAX_COUNT:
            yield f"items[{index}].seq", f"is not 1 to {MAX_COUNT}"
        if item.packages is not None and not 0 <= item.packages.count <= MAX_COUNT:
            yield f"items[{index}].packages.count", f"is not 0 to {MAX_COUNT}"
    if len(claims.official_notes) > MAX_NOTES:
        yield "official_notes", f"are more than {MAX_NOTES}"
    if claims.transport == Transport():
        yield "transport", "is empty, and then it is absent"
    if claims.export == Export():
        yield "export", "is empty, and then it is absent"


def _filled(value: JsonObject) -> dict[str, Json]:
    """Return `value` without its members that are empty, or that hold only such."""
    members = {name: _filled_member(member) for name, member in value.items()}
    return {name: member for name, member in members.items() if member not in ("", [], {})}


def _filled_member(member: Json) -> Json:
    match member:
        case Mapping():
            return _filled(member)
        case list():
            return [_filled_member(item) for item in member]
        case _:
            return member
