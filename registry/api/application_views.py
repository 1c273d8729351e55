"""What an applicant fills in, and how applications are shown."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.orm import Session

from registry.api.beside_views import RelationView
from registry.api.bodies import Body, Object, Short
from registry.api.certificate_views import NamedCertificate
from registry.api.clocks import ClockView
from registry.api.spelled import Country, HexId
from registry.core.application.lifecycle import State
from registry.core.calendar import write_instant
from registry.core.certificate.relation import MAX_SHEETS
from registry.core.rules.finding import Finding
from registry.store import certificates, parties
from registry.store.applications import Application, ApplicationPerson
from registry.usecases.application import run_clock
from registry.usecases.application.place_sheet import Sheet, relations_of
from registry.usecases.application.relate_certificate import Related
from registry.usecases.application.submit_application import Form


class RelatedBody(Body):
    """Which certificate of one's own it would replace, or be the duplicate of: by its id."""

    kind: Literal["replaces", "duplicates"]
    certificate: Annotated[str, StringConstraints(min_length=1, max_length=400)]


class SheetBody(Body):
    """Which sheet of a set it is (form of 1993); the first that is drafted opens the set and gets its id."""

    k: Annotated[int, Field(ge=1, le=MAX_SHEETS)]
    n: Annotated[int, Field(ge=1, le=MAX_SHEETS)]
    set: HexId | None = None


class FormBody(Body):
    """What an applicant fills in; `claims` are the boxes of the form."""

    scheme: Short
    rules_set: Short
    presented_in: Country
    body: Short
    claims: Object
    principal: HexId | None = None
    single_window: bool = False
    related: RelatedBody | None = None
    sheet: SheetBody | None = None

    def form(self) -> Form:
        """Return the form as the use case takes it."""
        related, sheet = self.related, self.sheet
        return Form(
            self.scheme,
            self.rules_set,
            self.presented_in,
            self.body,
            self.claims,
            self.principal,
            self.single_window,
            None if related is None else Related(related.kind, related.certificate),
            None if sheet is None else Sheet(sheet.k, sheet.n, sheet.set),
        )


class FindingView(BaseModel):
    """What a rule found, with its source."""

    rule: str
    severity: str
    path: str
    message: dict[str, str]
    source: str

    @classmethod
    def of(cls, finding: Finding) -> "FindingView":
        """Render a finding."""
        message = {"ru": finding.message.ru, "en": finding.message.en, "uz": finding.message.uz}
        return cls(
            rule=finding.rule, severity=finding.severity, path=finding.path, message=message, source=finding.source
        )


class FindingsView(BaseModel):
    """All that intake finds; nothing was submitted."""

    findings: list[FindingView]


class PersonView(BaseModel):
    """Who plays which part in an application."""

    person: str
    part: str
    since: str

    @classmethod
    def of(cls, row: ApplicationPerson) -> "PersonView":
        """Render a row."""
        return cls(person=row.person, part=row.part, since=write_instant(row.since))


class ApplicationView(BaseModel):
    """An application; `draft` is the digest of what the examiner approved, `certificate` what was issued on it."""

    id: str
    version: int
    state: str
    scheme: str
    rules_set: str
    issued_in: str
    presented_in: str
    organisation: str
    principal: str
    body: str
    claims: dict[str, Any]
    draft: str | None
    reason: str | None
    created_at: str
    changed_at: str
    submitted_at: str | None
    single_window: bool
    relations: list[RelationView] | None = None
    clock: ClockView | None = None
    people: list[PersonView] | None = None
    findings: list[FindingView] | None = None
    certificate: NamedCertificate | None = None

    @classmethod
    def of(cls, tx: Session, row: Application, at: datetime, **more: Any) -> "ApplicationView":
        """Render a row; the body is named by its code, as in the form."""
        body, clock = parties.organisation(tx, row.body), run_clock.clock_of(row)
        assert body is not None
        assert body.code is not None
        issued = certificates.of_application(tx, row.id) if row.state == State.ISSUED else None
        return cls(
            id=row.id,
            version=row.version,
            state=row.state,
            scheme=row.scheme,
            rules_set=row.rules_set,
            issued_in=row.issued_in,
            presented_in=row.presented_in,
            organisation=row.organisation,
            principal=row.principal,
            body=body.code,
            claims=row.claims,
            draft=row.draft,
            reason=row.reason,
            created_at=write_instant(row.created_at),
            changed_at=write_instant(row.changed_at),
            submitted_at=None if row.submitted_at is None else write_instant(row.submitted_at),
            single_window=row.single_window,
            relations=[RelationView.of(each) for each in relations_of(row).values()] or None,
            certificate=None if issued is None else NamedCertificate.of(issued),
            clock=None if clock is None else ClockView.of(clock, at),
            **more,
        )
