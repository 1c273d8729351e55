"""Applications: drafted, checked, submitted, examined, answered to, and issued on."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from registry.api.bodies import Body, Country, Hex256, HexId, Object, Reason, Short, Text
from registry.api.call import Call, CallDep, LookDep, Reply, VersionDep
from registry.api.certificates import CertificateView
from registry.api.clocks import ClockView
from registry.api.issuer import issuer_of
from registry.api.limits import StrictRoute
from registry.api.operation import EVERYONE, operation
from registry.api.paging import Page, PlaceDep, noon_of
from registry.core.agreement import NotAgreed, NumbersExhausted
from registry.core.application.clock import ClockRuns, ClockStands
from registry.core.application.lifecycle import IllegalMove, State
from registry.core.calendar import write_instant
from registry.core.certificate.claims import MalformedClaims
from registry.core.envelope.jose import EnvelopeTooLarge
from registry.core.identifiers import log_origin
from registry.core.rules.finding import Finding
from registry.core.scheme.catalogue import UnknownScheme
from registry.store import applications, parties
from registry.store.applications import Application, ApplicationPerson
from registry.store.parties import Role
from registry.usecases import examine_application, issue_certificate, run_clock, submit_application
from registry.usecases.believe_peers import read_beliefs
from registry.usecases.compare_guard import BEHIND, check_caught_up
from registry.usecases.identify_party import Party
from registry.usecases.issue_certificate import NotIssuable, SignerMissing
from registry.usecases.keep_product import ProductNotFound
from registry.usecases.register_party import PartyNotFound
from registry.usecases.submit_application import (
    AnotherPart,
    ApplicationNotFound,
    DraftDiffers,
    FindingsSevere,
    Form,
    MandateMissing,
)

router = APIRouter(prefix="/api/v1/applications", tags=["applications"], route_class=StrictRoute)
IdPath = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


class Order(StrEnum):
    """In which order applications are listed."""

    NEWEST = "newest"
    DUE = "due"


class FormBody(Body):
    """What an applicant fills in; `claims` are the boxes of the form."""

    scheme: Short
    rules_set: Short
    presented_in: Country
    body: Short
    claims: Object
    principal: HexId | None = None
    single_window: bool = False

    def form(self) -> Form:
        """Return the form as the use case takes it."""
        return Form(
            self.scheme, self.rules_set, self.presented_in, self.body, self.claims, self.principal, self.single_window
        )


class DraftBody(Body):
    """Which draft is meant: the digest that was offered."""

    draft: Hex256


class StopBody(Body):
    """For what the clock is stopped; an applicant's review of the draft stops it by itself."""

    why: Literal["contract", "payment", "force_majeure"]


class ObjectionBody(DraftBody):
    """An objection to a draft."""

    reason: Text


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
    """An application; `draft` is the digest of what the examiner approved."""

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
    clock: ClockView | None = None
    people: list[PersonView] | None = None
    findings: list[FindingView] | None = None

    @classmethod
    def of(cls, tx: Session, row: Application, at: datetime, **more: Any) -> "ApplicationView":
        """Render a row; the body is named by its code, as in the form."""
        body, clock = parties.organisation(tx, row.body), run_clock.clock_of(row)
        assert body is not None
        assert body.code is not None
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
            clock=None if clock is None else ClockView.of(clock, at),
            **more,
        )


FORM_REFUSALS = (EnvelopeTooLarge, MalformedClaims, UnknownScheme, PartyNotFound, ProductNotFound)
MOVE_REFUSALS = (ApplicationNotFound, IllegalMove, AnotherPart)


@router.post("", **operation(ApplicationView, *FORM_REFUSALS, roles=[Role.EXPORTER], status=201))
def draft_application(body: FormBody, call: CallDep) -> Response:
    """Draft an application; it can be changed until it is submitted."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        country = call.node.settings.country
        row = submit_application.draft(tx, body.form(), country=country, by=by, at=at, draw=call.node.draw)
        view = ApplicationView.of(tx, row, at)
        return Reply.of(view, status=201, version=row.version, location=f"/api/v1/applications/{row.id}")

    return call.once(work)


@router.get("", **operation(Page[ApplicationView], roles=EVERYONE))
def list_applications(
    look: LookDep,
    place: PlaceDep,
    state: Annotated[State | None, Query(description="Only in this state.")] = None,
    order: Annotated[Order, Query(description="Newest first, or overdue first and then soonest due.")] = Order.NEWEST,
) -> Response:
    """List the applications that concern one's organisation."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        by.require(*EVERYONE)
        if order is Order.DUE:
            rows = applications.page_by_due(tx, by.organisation, after=place.dated, limit=place.reach, state=state)
            shown, after = place.cut(rows, lambda row: (noon_of(row.due_on), row.id))
        else:
            rows = applications.page(tx, by.organisation, after=place.after, limit=place.reach, state=state)
            shown, after = place.cut(rows, lambda row: (row.created_at, row.id))
        return Reply.of(Page[ApplicationView](items=[ApplicationView.of(tx, row, at) for row in shown], next=after))

    return look.answer(work)


@router.get("/{id}", **operation(ApplicationView, ApplicationNotFound, roles=EVERYONE))
def read_application(id: IdPath, look: LookDep) -> Response:
    """Read an application, with who plays which part."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        by.require(*EVERYONE)
        row = submit_application.find(tx, id, by=by)
        people = [PersonView.of(part) for part in applications.parts(tx, id)]
        return Reply.of(ApplicationView.of(tx, row, at, people=people), version=row.version)

    return look.answer(work)


@router.put(
    "/{id}",
    **operation(ApplicationView, *FORM_REFUSALS, *MOVE_REFUSALS, roles=[Role.EXPORTER], hides=ApplicationNotFound),
)
def change_application(id: IdPath, body: FormBody, version: VersionDep, call: CallDep) -> Response:
    """Change a draft that is still as it was read."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        row = submit_application.change(tx, id, body.form(), version=version, by=by, at=at, draw=call.node.draw)
        return Reply.of(ApplicationView.of(tx, row, at), version=row.version)

    return call.once(work)


@router.get("/{id}/findings", **operation(FindingsView, ApplicationNotFound, roles=EVERYONE))
def check_application(id: IdPath, look: LookDep) -> Response:
    """Ask what intake finds today, without submitting."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        by.require(*EVERYONE)
        row = submit_application.find(tx, id, by=by)
        findings = submit_application.check(tx, row, read_beliefs(tx, look.node.pins), at=at)
        return Reply.of(FindingsView(findings=[FindingView.of(finding) for finding in findings]))

    return look.answer(work)


@router.post(
    "/{id}/submit", **operation(ApplicationView, *MOVE_REFUSALS, FindingsSevere, MandateMissing, roles=[Role.EXPORTER])
)
def submit(id: IdPath, call: CallDep) -> Response:
    """Submit a draft; severe findings block it, the others go along."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        beliefs = read_beliefs(tx, call.node.pins)
        row, findings = submit_application.submit(tx, id, beliefs, by=by, at=at, draw=call.node.draw)
        views = [FindingView.of(finding) for finding in findings]
        return Reply.of(ApplicationView.of(tx, row, at, findings=views), version=row.version)

    return call.once(work)


def _moved(call: Call, move: Callable[..., Application], id: str, *words: str) -> Response:
    """Make a move of a use case, with the words that it asks for."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        row = move(tx, id, *words, by=by, at=at, draw=call.node.draw)
        return Reply.of(ApplicationView.of(tx, row, at), version=row.version)

    return call.once(work)


@router.post("/{id}/withdraw", **operation(ApplicationView, *MOVE_REFUSALS, roles=[Role.EXPORTER]))
def withdraw(id: IdPath, call: CallDep) -> Response:
    """Withdraw an application that is not approved yet."""
    return _moved(call, submit_application.withdraw, id)


@router.post("/{id}/take-up", **operation(ApplicationView, *MOVE_REFUSALS, roles=[Role.EXAMINER]))
def take_up(id: IdPath, call: CallDep) -> Response:
    """Take up a submitted application for examination."""
    return _moved(call, examine_application.take_up, id)


@router.post("/{id}/send-back", **operation(ApplicationView, *MOVE_REFUSALS, roles=[Role.EXAMINER]))
def send_back(id: IdPath, body: Reason, call: CallDep) -> Response:
    """Send an application back to the applicant, with the reason."""
    return _moved(call, examine_application.send_back, id, body.reason)


@router.post("/{id}/refuse", **operation(ApplicationView, *MOVE_REFUSALS, roles=[Role.EXAMINER]))
def refuse(id: IdPath, body: Reason, call: CallDep) -> Response:
    """Refuse an application for good, with the reason."""
    return _moved(call, examine_application.refuse, id, body.reason)


@router.post("/{id}/stop", **operation(ApplicationView, *MOVE_REFUSALS, ClockStands, roles=[Role.EXAMINER]))
def stop(id: IdPath, body: StopBody, call: CallDep) -> Response:
    """Stop the legal clock until the contract or the payment is there, or for force majeure."""
    return _moved(call, examine_application.stop, id, body.why)


@router.post(
    "/{id}/resume", **operation(ApplicationView, *MOVE_REFUSALS, ClockRuns, ClockStands, roles=[Role.EXAMINER])
)
def resume(id: IdPath, call: CallDep) -> Response:
    """Let the legal clock run again."""
    return _moved(call, examine_application.resume, id)


@router.post("/{id}/offer-draft", **operation(ApplicationView, *MOVE_REFUSALS, roles=[Role.EXAMINER]))
def offer_draft(id: IdPath, call: CallDep) -> Response:
    """Approve the claims as they are, and offer them to the applicant."""
    return _moved(call, examine_application.offer_draft, id)


@router.post("/{id}/accept", **operation(ApplicationView, *MOVE_REFUSALS, DraftDiffers, roles=[Role.EXPORTER]))
def accept(id: IdPath, body: DraftBody, call: CallDep) -> Response:
    """Accept the draft that was offered."""
    return _moved(call, submit_application.accept, id, body.draft)


@router.post("/{id}/object", **operation(ApplicationView, *MOVE_REFUSALS, DraftDiffers, roles=[Role.EXPORTER]))
def object_to(id: IdPath, body: ObjectionBody, call: CallDep) -> Response:
    """Object to the draft that was offered, with the reason."""
    return _moved(call, submit_application.object_to, id, body.draft, body.reason)


ISSUE_REFUSALS = (*MOVE_REFUSALS, DraftDiffers, NotAgreed, NumbersExhausted, NotIssuable, SignerMissing, *BEHIND)


@router.post("/{id}/issue", **operation(CertificateView, *ISSUE_REFUSALS, roles=[Role.SIGNATORY], status=201))
def issue(id: IdPath, body: DraftBody, call: CallDep) -> Response:
    """Issue the certificate of an approved application: what was approved is what is signed."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        check_caught_up(tx, call.node.guard.marks(), log_origin(call.node.settings.name))
        beliefs = read_beliefs(tx, call.node.pins)
        issuer = issuer_of(call.node)
        row = issue_certificate.issue(tx, id, body.draft, issuer, beliefs, by=by, at=at, draw=call.node.draw)
        view = CertificateView.of(row)
        return Reply.of(view, status=201, location=view.href)

    return call.once(work)
