"""How a certificate stands to another: three relations with three clocks, and the sheets of a set (domain 2.1)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated

from registry.core.calendar import LocalDate
from registry.core.identifiers import CERTIFICATE, HEX_128

REPLACES, DUPLICATES, DERIVED_FROM, SHEET_OF = "replaces", "duplicates", "derived_from", "sheet_of"
MAX_SHEETS = 1_000
_PLACE = re.compile(r"(?P<term>sheet_of:[0-9a-f]{64}):(?P<k>\d{1,4})/(?P<n>\d{1,4})")


@dataclass(frozen=True, slots=True)
class Relation:
    """One relation, which names another certificate, or the set that this one is sheet `k` of `n` of.

    `replaces`: issued in lieu, under a new number (S4 8.3). `duplicates`: for a lost paper, dated from `issue_date` of
    the original (S4 8.2). `sheet_of`: goods that did not fit (S5 7.1.1).
    """

    kind: Annotated[str, re.compile(r"duplicates|replaces|derived_from|sheet_of")]
    certificate: Annotated[str, CERTIFICATE] | None = None
    issue_date: LocalDate | None = field(default=None, metadata={"name": "issueDate"})
    set: Annotated[str, HEX_128] | None = None
    k: int | None = None
    n: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it says what its kind says, and nothing else."""
        sheet = (self.set, self.k, self.n)
        if self.kind == SHEET_OF:
            counted = self.k is not None and self.n is not None and 1 <= self.k <= self.n <= MAX_SHEETS
            return counted and self.set is not None and self.certificate is None and self.issue_date is None
        dated = (self.issue_date is not None) == (self.kind == DUPLICATES)
        return sheet == (None, None, None) and dated and self.certificate is not None

    @property
    def term(self) -> str:
        """What certificates of this relation are found by."""
        return related_term(self.kind, self.certificate or str(self.set))

    @property
    def terms(self) -> tuple[str, ...]:
        """All that it is found by: of a sheet its place, too, so that a set is counted without reading its sheets."""
        return (self.term, f"{self.term}:{self.k}/{self.n}") if self.kind == SHEET_OF else (self.term,)


def sheet_place(terms: Iterable[str]) -> tuple[str, int, int] | None:
    """Return of which set a certificate is a sheet (as a term), which one, and of how many, by its terms."""
    for term in terms:
        found = _PLACE.fullmatch(term)
        if found is not None:
            return found["term"], int(found["k"]), int(found["n"])
    return None


def is_duplicate(terms: Iterable[str]) -> bool:
    """Tell by its terms whether a certificate is a duplicate, which is beside its original and never in its stead."""
    return any(term.startswith(f"{DUPLICATES}:") for term in terms)


def related_term(kind: str, to: str) -> str:
    """Return the term of a relation to a certificate or a set; an id may be longer than an index has room for."""
    return f"{kind}:{sha256(to.encode()).hexdigest()}"
