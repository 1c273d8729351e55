"""A duplicate stands for a lost paper: its boxes say what the original's say (S4 8.2)."""

from dataclasses import dataclass, replace
from typing import ClassVar

from registry.core.certificate.claims import Claims, NoteCode
from registry.core.errors import Unprocessable

_BOXES = ("consignor_exporter", "consignee_importer", "transport", "official_notes", "items", "declaration")


@dataclass(eq=False)
class DuplicateDiffers(Unprocessable):
    """A duplicate would say in a box what its original does not say."""

    code: ClassVar[str] = "duplicate-differs"
    clause: ClassVar[str | None] = "S4 8.2"
    member: str

    def __str__(self) -> str:
        return f"the {self.member} of the duplicate are not those of the original"


@dataclass(eq=False)
class DuplicateOfDuplicate(Unprocessable):
    """What would be duplicated is itself a duplicate: the original is what was lost."""

    code: ClassVar[str] = "duplicate-of-duplicate"
    clause: ClassVar[str | None] = "S4 8.2"
    certificate: str

    def __str__(self) -> str:
        return "the certificate that it names is itself a duplicate"


@dataclass(eq=False)
class DuplicateNotReplaced(Unprocessable):
    """What would be replaced is a duplicate: its original is replaced, which ends the duplicate, too."""

    code: ClassVar[str] = "duplicate-not-replaced"
    clause: ClassVar[str | None] = "S4 8.3"
    original: str

    def __str__(self) -> str:
        return "the certificate that it names is a duplicate: its original is what is to be replaced"


def check_duplicates(duplicate: Claims, original: Claims) -> None:
    """Check that the boxes of both say the same; raises `DuplicateDiffers`.

    Its own are the note that it is a duplicate, and who applied for it and when. What stands beside the boxes is of the
    application, not of the form (domain 2.1).
    """
    one, other = _form(duplicate), _form(original)
    for member in _BOXES:
        if getattr(one, member) != getattr(other, member):
            raise DuplicateDiffers(member)


def _form(claims: Claims) -> Claims:
    declared = replace(claims.declaration, signatory="", date=claims.declaration.date.min)
    notes = tuple(note for note in claims.official_notes if note.code is not NoteCode.DUPLICATE)
    items = tuple(replace(item, product=None) for item in claims.items)
    return replace(claims, declaration=declared, official_notes=notes, items=items)
