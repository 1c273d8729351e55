"""Applications: drafted, checked, submitted, examined, answered to, and issued on."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from registry.api import application_refusals as refused
from registry.api.application_views import ApplicationView, FindingsView, FindingView, FormBody, PersonView
from registry.api.bodies import Body, Reason, Text
from registry.api.call import Call, CallDep, LookDep, Reply, VersionDep
from registry.api.certificate_views import CertificateView
from registry.api.issuer import issuer_of
from registry.api.limits import StrictRoute
from registry.api.operation import EVERYONE, operation
from registry.api.paging import Page, PlaceDep, noon_of
from registry.api.proposal_views import AnnulmentView
from registry.api.spelled import Hex256, HexId
from registry.core.application.clock import ClockRuns, ClockStands
from registry.core.application.lifecycle import State
from registry.core.identifiers import log_origin
from registry.store import applications
from registry.store.applications import Application
from registry.store.parties import OrganisationKind, Role
from registry.usecases.application import examine_application, find_application, submit_application
from registry.usecases.application.check_application import check
from registry.usecases.application.check_expert import ExpertActMissing
from registry.usecases.application.find_application import ApplicationNotFound
from registry.usecases.application.submit_application import DraftDiffers
from registry.usecases.certificate import issue_certificate, replace_certificate
from registry.usecases.party.identify_party import Party
from registry.usecases.recovery.compare_guard import check_caught_up
from registry.usecases.trust.believe_peers import read_beliefs

router = APIRouter(prefix="/api/v1/applications", tags=["applications"], route_class=StrictRoute)


class Order(StrEnum):
    """In which order applications are listed."""

    NEWEST = "newest"
    DUE = "due"


ORDERED = "Newest first, or overdue first and then soonest due, which is what a body is shown where nothing is said."


class DraftBody(Body):
    """Which draft is meant: the digest that was offered."""

    draft: Hex256


class IssueBody(DraftBody):
    """Which draft is meant and, where it replaces a certificate, the `id` of the proposal that was read."""

    proposal: HexId | None = None


class StopBody(Body):
    """For what the clock is stopped; an applicant's review of the draft stops it by itself."""

    why: Literal["contract", "payment", "force_majeure"]


class ObjectionBody(DraftBody):
    """An objection to a draft."""

    reason: Text


@router.post("", **operation(ApplicationView, *refused.DRAFT, roles=[Role.EXPORTER], status=201))
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
def read_application(id: HexId, look: LookDep) -> Response:
    """Read an application, with who plays which part."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        by.require(*EVERYONE)
        row = find_application.find(tx, id, by=by)
        people = [PersonView.of(part) for part in applications.parts(tx, id)]
        return Reply.of(ApplicationView.of(tx, row, at, people=people), version=row.version)

    return look.answer(work)


@router.put(
    "/{id}",
    **operation(ApplicationView, *refused.DRAFT, *refused.MOVE, roles=[Role.EXPORTER], hides=ApplicationNotFound),
)
def change_application(id: HexId, body: FormBody, version: VersionDep, call: CallDep) -> Response:
    """Change a draft that is still as it was read."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        row = submit_application.change(tx, id, body.form(), version=version, by=by, at=at, draw=call.node.draw)
        return Reply.of(ApplicationView.of(tx, row, at), version=row.version)

    return call.once(work)


@router.get("/{id}/findings", **operation(FindingsView, ApplicationNotFound, roles=EVERYONE))
def check_application(id: HexId, look: LookDep) -> Response:
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
        *refused.SUBMIT,
        roles=[Role.EXPORTER],
        hides=ApplicationNotFound,
    ),
)
def submit(id: HexId, call: CallDep) -> Response:
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


@router.post("/{id}/withdraw", **operation(ApplicationView, *refused.MOVE, roles=[Role.EXPORTER]))
def withdraw(id: HexId, call: CallDep) -> Response:
    """Withdraw an application that is not approved yet."""
    return _moved(call, submit_application.withdraw, id)


@router.post("/{id}/take-up", **operation(ApplicationView, *refused.EXAMINE, roles=[Role.EXAMINER]))
def take_up(id: HexId, call: CallDep) -> Response:
    """Take up a submitted application for examination."""
    return _moved(call, examine_application.take_up, id)


@router.post("/{id}/send-back", **operation(ApplicationView, *refused.EXAMINE, roles=[Role.EXAMINER]))
def send_back(id: HexId, body: Reason, call: CallDep) -> Response:
    """Send an application back to the applicant, with the reason."""
    return _moved(call, examine_application.send_back, id, body.reason)


@router.post("/{id}/refuse", **operation(ApplicationView, *refused.EXAMINE, roles=[Role.EXAMINER]))
def refuse(id: HexId, body: Reason, call: CallDep) -> Response:
    """Refuse an application for good, with the reason."""
    return _moved(call, examine_application.refuse, id, body.reason)


@router.post("/{id}/stop", **operation(ApplicationView, *refused.EXAMINE, ClockStands, roles=[Role.EXAMINER]))
def stop(id: HexId, body: StopBody, call: CallDep) -> Response:
    """Stop the legal clock until the contract or the payment is there, or for force majeure."""
    return _moved(call, examine_application.stop, id, body.why)


@router.post(
    "/{id}/resume", **operation(ApplicationView, *refused.EXAMINE, ClockRuns, ClockStands, roles=[Role.EXAMINER])
)
def resume(id: HexId, call: CallDep) -> Response:
    """Let the legal clock run again."""
    return _moved(call, examine_application.resume, id)


@router.post(
    "/{id}/offer-draft",
    **operation(ApplicationView, *refused.EXAMINE, ExpertActMissing, roles=[Role.EXAMINER]),
)
def offer_draft(id: HexId, call: CallDep) -> Response:
    """Approve the claims as they are, and offer them to the applicant."""
    return _moved(call, examine_application.offer_draft, id)


@router.post("/{id}/accept", **operation(ApplicationView, *refused.MOVE, DraftDiffers, roles=[Role.EXPORTER]))
def accept(id: HexId, body: DraftBody, call: CallDep) -> Response:
    """Accept the draft that was offered."""
    return _moved(call, submit_application.accept, id, body.draft)


@router.post("/{id}/object", **operation(ApplicationView, *refused.MOVE, DraftDiffers, roles=[Role.EXPORTER]))
def object_to(id: HexId, body: ObjectionBody, call: CallDep) -> Response:
    """Object to the draft that was offered, with the reason."""
    return _moved(call, submit_application.object_to, id, body.draft, body.reason)


@router.post(
    "/{id}/replacement",
    **operation(AnnulmentView, *refused.REPLACE, roles=[Role.SIGNATORY], hides=ApplicationNotFound, status=201),
)
def propose_replacement(id: HexId, body: Reason, call: CallDep) -> Response:
    """Propose that an approved application replaces the certificate which it names; who issues it confirms that."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        row = replace_certificate.propose(tx, id, body.reason, by=by, at=at, draw=call.node.draw)
        return Reply.of(AnnulmentView.of(row), status=201)

    return call.once(work)


@router.post(
    "/{id}/issue",
    **operation(CertificateView, *refused.ISSUE, roles=[Role.SIGNATORY], hides=ApplicationNotFound, status=201),
)
def issue(id: HexId, body: IssueBody, call: CallDep) -> Response:
    """Issue the certificate of an approved application: what was approved is what is signed."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        check_caught_up(tx, call.node.guard.marks(), log_origin(call.node.settings.name))
        beliefs = read_beliefs(tx, call.node.pins)
        issuer = issuer_of(call.node)
        row = issue_certificate.issue(
            tx, id, body.draft, issuer, beliefs, by=by, at=at, draw=call.node.draw, read=body.proposal
        )
        view = CertificateView.of(row)
        return Reply.of(view, status=201, location=view.href)

    return call.once(work)
