"""What the rules say of an application as it stands, on the day on which they are asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.agreement import NotAgreed
from registry.core.certificate.claims import Claims
from registry.core.certificate.relation import SHEET_OF
from registry.core.errors import Unprocessable
from registry.core.product.product import Product
from registry.core.rules.finding import Finding, Intake, Kept, Severity
from registry.core.scheme.catalogue import find_scheme
from registry.store import parties, products
from registry.store.applications import Application
from registry.usecases.application.place_sheet import others_of_set, place_left, relations_of
from registry.usecases.application.relate_certificate import lost_until, notes_of
from registry.usecases.trust.believe_peers import Beliefs

AT_SUBMIT = frozenset({"applicant-without-mandate", "mandate-not-registered", "mandate-expired"})
"""What was asked of whoever submitted, on that day: a power of attorney that ends later undoes nothing (S5 3.1)."""


@dataclass(eq=False)
class FindingsSevere(Unprocessable):
    """Intake found what blocks the application; each finding cites its source."""

    code: ClassVar[str] = "findings-severe"
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        severe = sum(finding.severity is Severity.SEVERE for finding in self.findings)
        return f"{severe} severe finding{'s block' if severe != 1 else ' blocks'} the application"


def check(tx: Session, row: Application, beliefs: Beliefs, *, at: datetime) -> Sequence[Finding]:
    """Return what intake finds today, severe first; nothing is submitted and nothing kept."""
    scheme, rules_set = find_scheme(row.scheme, row.rules_set)
    today = beliefs.local_day(row.issued_in, at)
    claims = Claims.parse(row.claims).noted_on(today)
    try:
        agreed = beliefs.agreed(row.scheme, row.issued_in, row.presented_in, today)[1]
    except NotAgreed:
        agreed = None
    principal = parties.organisation(tx, row.principal)
    relations = relations_of(row)
    sheet = relations.get(SHEET_OF)
    return scheme.examine(
        Intake(
            claims,
            row.scheme,
            rules_set,
            row.issued_in,
            row.presented_in,
            None if agreed is None else agreed.rules_set,
            today,
            principal_tax_id=None if principal is None else principal.tax_id,
            by_agent=row.principal != row.organisation,
            mandated=mandated(tx, row, today),
            principal_name=None if principal is None else principal.name,
            form=None if agreed is None else agreed.form,
            lost_until=lost_until(tx, relations),
            kept=_kept(tx, row, claims),
            sheet=None if sheet is None else sheet.k,
            sheets=others_of_set(tx, row),
            registered=registered_exporters(tx, claims, row.issued_in),
            related=notes_of(relations),
            place_left=place_left(tx, relations),
        )
    )


def registered_exporters(tx: Session, claims: Claims, country: str) -> dict[str, str]:
    """Return how the organisations of a country that box 1 names by their tax ids are registered here."""
    named = {party.tax_id for party in claims.exporters if party.country == country and party.tax_id is not None}
    return parties.names_by_tax_id(tx, country, named) if named else {}


def _kept(tx: Session, row: Application, claims: Claims) -> dict[str, Kept]:
    """Return the kept products that the items name, as they are today; another organisation's stays its own."""
    named = sorted({item.product for item in claims.items if item.product is not None})
    found = [kept for name in named if (kept := products.product(tx, name)) is not None]
    return {
        kept.id: Kept(Product.parse(kept.content), len(products.evidence(tx, kept.id)))
        for kept in found
        if kept.organisation in {row.organisation, row.principal}
    }


def mandated(tx: Session, row: Application, today: date) -> bool:
    """Tell whether whoever filed for another organisation has its power of attorney today."""
    if row.principal == row.organisation:
        return False
    agent, principal = row.organisation, row.principal
    return parties.mandate_for(tx, principal=principal, agent=agent, scheme=row.scheme, day=today) is not None


def refuse_severe(findings: Sequence[Finding]) -> None:
    """Refuse what a severe finding blocks; raises `FindingsSevere` with all of them."""
    if any(finding.severity is Severity.SEVERE for finding in findings):
        raise FindingsSevere(tuple(findings))


def ask_again(tx: Session, row: Application, beliefs: Beliefs, *, at: datetime) -> None:
    """Ask the rules as on the day of issue: an expert act may have ended since, and another sheet come.

    The examiner sends back what can no longer be issued as it was approved. Raises `FindingsSevere`.
    """
    refuse_severe([each for each in check(tx, row, beliefs, at=at) if each.rule not in AT_SUBMIT])
