"""Applications: drafted, checked, submitted, examined, answered to, and issued on."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy.orm import Session

from registry.api.application_views import ApplicationView, FindingsView, FindingView, FormBody, PersonView
from registry.api.bodies import Body, Hex256, Reason, Text
from registry.api.call import Call, CallDep, LookDep, Reply, VersionDep
from registry.api.certificate_views import CertificateView
from registry.api.issuer import issuer_of
from registry.api.limits import StrictRoute
from registry.api.operation import EVERYONE, operation
from registry.api.paging import Page, PlaceDep, noon_of
from registry.api.proposal_views import AnnulmentView
from registry.core.agreement import NotAgreed
from registry.core.application.clock import ClockRuns, ClockStands
from registry.core.application.lifecycle import IllegalMove, State
from registry.core.certificate.claims import MalformedClaims
from registry.core.certificate.duplicate import DuplicateDiffers, DuplicateNotReplaced, DuplicateOfDuplicate
from registry.core.certificate.lifecycle import AlreadyAnnulled, SamePerson
from registry.core.envelope.jose import EnvelopeTooLarge
from registry.core.identifiers import log_origin
from registry.core.number_pattern import NumbersExhausted
from registry.core.scheme.catalogue import UnknownScheme
from registry.store import applications
from registry.store.applications import Application
from registry.store.parties import OrganisationKind, Role
from registry.usecases import (
    examine_application,
    find_application,
    issue_certificate,
    replace_certificate,
    submit_application,
)
from registry.usecases.believe_peers import read_beliefs
from registry.usecases.change_status import AnnulmentOpen
from registry.usecases.check_application import FindingsSevere, check
from registry.usecases.check_expert import ExaminerIsExpert, ExpertActMissing, SignatoryIsExpert
from registry.usecases.compare_guard import BEHIND, check_caught_up
from registry.usecases.find_application import AnotherPart, ApplicationNotFound
from registry.usecases.identify_party import Party
from registry.usecases.issue_certificate import GoodsHaveLeft, NotIssuable
from registry.usecases.keep_product import ProductNotFound
from registry.usecases.register_party import PartyNotFound
from registry.usecases.relate_certificate import InLieuIssued, NoDuplicate, RelatedElsewhere, SetNotFound, SheetTaken
from registry.usecases.replace_certificate import NothingToReplace, ReplacementNotProposed
from registry.usecases.sign_for_body import CertificateNotFound, SignerMissing
from registry.usecases.submit_application import DraftDiffers, MandateMissing

router = APIRouter(prefix="/api/v1/applications", tags=["applications"], route_class=StrictRoute)
IdPath = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


class Order(StrEnum):
    """In which order applications are listed."""

    NEWEST = "newest"
    DUE = "due"


ORDERED = "Newest first, or overdue first and then soonest due, which is what a body is shown where nothing is said."


class DraftBody(Body):
    """Which draft is meant: the digest that was offered."""

    draft: Hex256


class StopBody(Body):
    """For what the clock is stopped; an applicant's review of the draft stops it by itself."""

    why: Literal["contract", "payment", "force_majeure"]


class ObjectionBody(DraftBody):
    """An objection to a draft."""

    reason: Text


RELATED_REFUSALS = (
    CertificateNotFound,
    RelatedElsewhere,
    AlreadyAnnulled,
    InLieuIssued,
    DuplicateOfDuplicate,
    DuplicateNotReplaced,
)
FORM_REFUSALS = (
    EnvelopeTooLarge,
    MalformedClaims,
    UnknownScheme,
    PartyNotFound,
    ProductNotFound,
    SetNotFound,
    SheetTaken,
    *RELATED_REFUSALS,
)
MOVE_REFUSALS = (ApplicationNotFound, IllegalMove, AnotherPart)
EXAMINE_REFUSALS = (*MOVE_REFUSALS, ExaminerIsExpert)


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
    order: Annotated[Order | None, Query(description=ORDERED)] = None,
) -> Response:
    """List the applications that concern one's organisation."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        by.require(*EVERYONE)
        if (order or (Order.DUE if by.kind is OrganisationKind.BODY else Order.NEWEST)) is Order.DUE:
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
        row = find_application.find(tx, id, by=by)
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
        row = find_application.find(tx, id, by=by)
        findings = check(tx, row, read_beliefs(tx, look.node.pins), at=at)
        return Reply.of(FindingsView(findings=[FindingView.of(finding) for finding in findings]))

    return look.answer(work)


@router.post(
    "/{id}/submit",
    **operation(
        ApplicationView,
        *MOVE_REFUSALS,
        *(*RELATED_REFUSALS, SheetTaken, DuplicateDiffers),
        FindingsSevere,
        MandateMissing,
        roles=[Role.EXPORTER],
        hides=ApplicationNotFound,
    ),
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


@router.post("/{id}/take-up", **operation(ApplicationView, *EXAMINE_REFUSALS, roles=[Role.EXAMINER]))
def take_up(id: IdPath, call: CallDep) -> Response:
    """Take up a submitted application for examination."""
    return _moved(call, examine_application.take_up, id)


@router.post("/{id}/send-back", **operation(ApplicationView, *EXAMINE_REFUSALS, roles=[Role.EXAMINER]))
def send_back(id: IdPath, body: Reason, call: CallDep) -> Response:
    """Send an application back to the applicant, with the reason."""
    return _moved(call, examine_application.send_back, id, body.reason)


@router.post("/{id}/refuse", **operation(ApplicationView, *EXAMINE_REFUSALS, roles=[Role.EXAMINER]))
def refuse(id: IdPath, body: Reason, call: CallDep) -> Response:
    """Refuse an application for good, with the reason."""
    return _moved(call, examine_application.refuse, id, body.reason)


@router.post("/{id}/stop", **operation(ApplicationView, *EXAMINE_REFUSALS, ClockStands, roles=[Role.EXAMINER]))
def stop(id: IdPath, body: StopBody, call: CallDep) -> Response:
    """Stop the legal clock until the contract or the payment is there, or for force majeure."""
    return _moved(call, examine_application.stop, id, body.why)


@router.post(
    "/{id}/resume", **operation(ApplicationView, *EXAMINE_REFUSALS, ClockRuns, ClockStands, roles=[Role.EXAMINER])
)
def resume(id: IdPath, call: CallDep) -> Response:
    """Let the legal clock run again."""
    return _moved(call, examine_application.resume, id)


@router.post(
    "/{id}/offer-draft",
    **operation(ApplicationView, *EXAMINE_REFUSALS, ExpertActMissing, roles=[Role.EXAMINER]),
)
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


REPLACE_REFUSALS = (*MOVE_REFUSALS, *RELATED_REFUSALS, NothingToReplace, AnnulmentOpen)


@router.post(
    "/{id}/replacement",
    **operation(AnnulmentView, *REPLACE_REFUSALS, roles=[Role.SIGNATORY], hides=ApplicationNotFound, status=201),
)
def propose_replacement(id: IdPath, body: Reason, call: CallDep) -> Response:
    """Propose that an approved application replaces the certificate which it names; who issues it confirms that."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        row = replace_certificate.propose(tx, id, body.reason, by=by, at=at, draw=call.node.draw)
        return Reply.of(AnnulmentView.of(row), status=201)

    return call.once(work)


SIGN_REFUSALS = (
    *(DraftDiffers, DuplicateDiffers, FindingsSevere, GoodsHaveLeft, NoDuplicate, NotAgreed, NumbersExhausted),
    *(NotIssuable, SignatoryIsExpert, SignerMissing),
)
ISSUE_REFUSALS = (*MOVE_REFUSALS, *RELATED_REFUSALS, ReplacementNotProposed, SamePerson, *SIGN_REFUSALS, *BEHIND)


@router.post(
    "/{id}/issue",
    **operation(CertificateView, *ISSUE_REFUSALS, roles=[Role.SIGNATORY], hides=ApplicationNotFound, status=201),
)
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
