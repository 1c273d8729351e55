"""What intake finds in an application, and how a rule is written."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeAlias

from registry.core.agreement import Form
from registry.core.certificate.claims import Claims, NoteCode, RulesSet
from registry.core.certificate.relation import Relation
from registry.core.codes.trilingual import Trilingual
from registry.core.product.product import Product


class Severity(StrEnum):
    """How much a finding weighs, heaviest first: a severe one blocks, a warning asks for a look, info only tells."""

    SEVERE = "severe"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Kept:
    """A product as the exporter keeps it today, and how many files of evidence stand with it."""

    product: Product
    files: int


@dataclass(frozen=True, slots=True)
class Intake:
    """An application as the rules see it, on the local day of the issuing country.

    `agreed_rules_set` and `form` are what the agreement in force says for scheme, direction and
    day: None where it says nothing. `principal_name` and `principal_tax_id` are those of the organisation that the
    application is for, as it is registered; `by_agent` tells whether another filed it, and `mandated` whether a power
    of attorney for that is registered and holds today. `registered` names the organisations of the issuing country that
    stand in box 1, by their tax ids. `kept` has the products that the items name. `sheet` is which
    one of a set it is, where it is one, and `sheets` what the others of that set state, as far as they are applied for.
    `related` has the notes of box 5 that follow from its relations to other certificates, and `place_left` the place in
    a set of what it replaces or duplicates, where it does not take that place. `lost_until` is the last day
    of what it duplicates.
    """

    claims: Claims
    scheme: str
    rules_set: RulesSet
    issued_in: str
    presented_in: str
    agreed_rules_set: str | None
    today: date
    principal_tax_id: str | None = None
    by_agent: bool = False
    mandated: bool = False
    principal_name: str | None = None
    form: Form | None = None
    lost_until: date | None = None
    kept: Mapping[str, Kept] = field(default_factory=dict)
    sheet: int | None = None
    sheets: Mapping[int, Claims] = field(default_factory=dict)
    registered: Mapping[str, str] = field(default_factory=dict)
    related: AbstractSet[NoteCode] = frozenset()
    place_left: Relation | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found, the member that it concerns, and the source of the rule ([Sn] of the domain)."""

    rule: str
    severity: Severity
    path: str
    message: Trilingual
    source: str


@dataclass(frozen=True, slots=True)
class Told:
    """A member that breaks a rule, and what is to be said of this one beside the text of the rule."""

    path: str
    more: Trilingual


Paths: TypeAlias = Iterable[str | Told]
"""The members that break a rule, written like `items[0].quantity.unit`; none where it is kept."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, weight, source and text, and the question that it asks."""

    code: str
    severity: Severity
    source: str
    message: Trilingual
    broken_at: Callable[[Intake], Paths]

    def __call__(self, intake: Intake) -> Iterator[Finding]:
        """Return a finding for each member that breaks the rule."""
        for found in self.broken_at(intake):
            if isinstance(found, Told):
                yield Finding(self.code, self.severity, found.path, self.message.and_(found.more), self.source)
            else:
                yield Finding(self.code, self.severity, found, self.message, self.source)


def rule(
    code: str, severity: Severity, source: str, *, ru: str, en: str, uz: str
) -> Callable[[Callable[[Intake], Paths]], Rule]:
    """Make the decorated question a rule."""

    def make(broken_at: Callable[[Intake], Paths]) -> Rule:
        return Rule(code, severity, source, Trilingual(ru, en, uz), broken_at)

    return make
