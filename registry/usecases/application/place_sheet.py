"""Place a sheet in its set: whoever is submitted first has a place, and what stands in lieu takes that of the old."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.application.lifecycle import State
from registry.core.certificate.claims import Claims, MalformedClaims
from registry.core.certificate.credential import Certificate
from registry.core.certificate.duplicate import DuplicateDiffers
from registry.core.certificate.relation import DUPLICATES, MAX_SHEETS, REPLACES, SHEET_OF, Relation
from registry.core.errors import Conflict, NotFound
from registry.core.record import decode
from registry.store import applications, certificates
from registry.store.acts import Draw
from registry.store.applications import Application
from registry.usecases.trust.sign_for_body import read

SHEET = "sheet"
"""The member of an application that names its place."""


@dataclass(eq=False)
class SetNotFound(NotFound):
    """No set of sheets with this id, or none of the one who asks."""

    code: ClassVar[str] = "sheet-set-not-found"
    set: str

    def __str__(self) -> str:
        return "there is no such set of sheets"


@dataclass(eq=False)
class SheetTaken(Conflict):
    """Another application is this sheet of the set already, or counts its sheets otherwise."""

    code: ClassVar[str] = "sheet-taken"
    clause: ClassVar[str | None] = "S5 7.1.1"
    k: int
    n: int
    application: str | None = None

    def __str__(self) -> str:
        held = "" if self.application is None else f": it is application {self.application}"
        return f"the set has a sheet {self.k} of {self.n}{held}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Which sheet of which set; the first that is drafted opens the set."""

    k: int
    n: int
    set: str | None = None


def place(tx: Session, row: Application, sheet: Sheet, old: Certificate | None, *, draw: Draw) -> Relation:
    """Return the place of a sheet, which must be free; that of `old`, which it replaces, is so (`line_of`).

    Raises `MalformedClaims`, `SetNotFound`, `SheetTaken`.
    """
    of_set = Relation(SHEET_OF, set=sheet.set or draw(16).hex(), k=sheet.k, n=sheet.n)
    if not of_set.is_whole:
        raise MalformedClaims(
            "sheet", f"is {sheet.k} of {sheet.n}: a set has 1 to {MAX_SHEETS} sheets, and k is one of them"
        )
    others = [each for each in applications.of_set(tx, str(of_set.set), row.principal) if each.id != row.id]
    if not others and sheet.set is not None and (old is None or old.relation(SHEET_OF) != of_set):
        raise SetNotFound(sheet.set)
    replaced = {} if old is None else line_of(tx, old.id)
    for each in others:
        if not _is_free(each, of_set, replaced):
            other = relations_of(each)[SHEET_OF]
            own = row.organisation in {each.organisation, each.principal}
            raise SheetTaken(other.k or 0, other.n or 0, each.id if own else None)
    return of_set


def place_of_duplicate(sheet: Sheet | None, original: Certificate) -> Relation | None:
    """Return the place of a duplicate, which is that of its original (S4 8.2). Raises `DuplicateDiffers`."""
    known = original.relation(SHEET_OF)
    if sheet is not None and (known is None or (known.k, known.n, known.set) != (sheet.k, sheet.n, sheet.set)):
        raise DuplicateDiffers(SHEET)
    return known


def place_left(tx: Session, relations: Mapping[str, Relation]) -> Relation | None:
    """Return the place in a set of what is replaced or duplicated, where these relations do not take that place."""
    named = (str(relations[kind].certificate) for kind in (REPLACES, DUPLICATES) if kind in relations)
    held = (certificates.certificate(tx, each) for each in named)
    places = (read(old).relation(SHEET_OF) for old in held if old is not None)
    return next((known for known in places if known not in {None, relations.get(SHEET_OF)}), None)


def others_of_set(tx: Session, row: Application) -> dict[int, Claims]:
    """Return what the other sheets of the set state that an application is a sheet of, by their place.

    Where one replaces another, the later counts. A mere draft may yet change and binds nobody; a duplicate says what
    its original says.
    """
    sheet = relations_of(row).get(SHEET_OF)
    if sheet is None:
        return {}
    placed: dict[int, Claims] = {}
    for each in applications.of_set(tx, str(sheet.set), row.principal):
        other = relations_of(each)
        if other[SHEET_OF].k != sheet.k and each.state != State.DRAFT and DUPLICATES not in other:
            placed[other[SHEET_OF].k or 0] = Claims.parse(each.claims)
    return placed


def line_of(tx: Session, id: str) -> dict[str, str | None]:
    """Return a certificate and all that it was issued in lieu of, newest first, with the application of each.

    Of a set they are one sheet: what replaces the last of them takes the place that the first took.
    """
    line: dict[str, str | None] = {}
    row = certificates.certificate(tx, id)
    while row is not None:
        line[row.id] = row.application
        before = read(row).relation(REPLACES)
        row = None if before is None else certificates.certificate(tx, str(before.certificate))
    return line


def check_place(tx: Session, row: Application) -> None:
    """Check at submission that no other application took the place of a sheet: sets are looked at one at a time.

    Two may draft one sheet; who submits first has the place. Raises `SheetTaken`.
    """
    relations = relations_of(row)
    sheet, replaces = relations.get(SHEET_OF), relations.get(REPLACES)
    if sheet is None or DUPLICATES in relations:
        return
    applications.lock_set(tx, str(sheet.set))
    replaced = {} if replaces is None else line_of(tx, str(replaces.certificate))
    for each in applications.of_set(tx, str(sheet.set), row.principal):
        if each.id != row.id and each.state != State.DRAFT and not _is_free(each, sheet, replaced):
            other = relations_of(each)[SHEET_OF]
            raise SheetTaken(other.k or 0, other.n or 0)


def _is_free(other: Application, sheet: Relation, replaced: Mapping[str, str | None]) -> bool:
    """Tell whether an application of the set leaves a place free: a duplicate has that of its original, and takes none.

    All sheets of a set count them alike.
    """
    relations = relations_of(other)
    held = relations[SHEET_OF]
    if held.n != sheet.n:
        return False
    return held.k != sheet.k or other.id in replaced.values() or DUPLICATES in relations


def relations_of(row: Application) -> Mapping[str, Relation]:
    """Return what an application is related to, by the kind of relation."""
    return {kind: decode(Relation, value) for kind, value in row.relations.items()}
