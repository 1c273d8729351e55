"""Certificates: as a view, as the signed file, and the proof that the log holds them."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from sqlalchemy.orm import Session

from registry.api.beside_views import ClarificationView, StatusView
from registry.api.call import LookDep, Reply
from registry.api.certificate_views import (
    BodyPath,
    CertificateView,
    DeliveryView,
    NodePath,
    NumberPath,
    RegistrationView,
    YearPath,
)
from registry.api.limits import StrictRoute
from registry.api.operation import Reach, operation
from registry.api.paging import Page, PlaceDep, cursor
from registry.api.problems import FaceProblem
from registry.api.proposal_views import AnnulmentView, ClarificationProposalView
from registry.api.spelled import Day, Heading
from registry.core import canonical
from registry.core.calendar import PeriodReversed, check_period, read_day
from registry.core.certificate.lifecycle import Standing
from registry.core.certificate.search_terms import exporter_term, heading_term, importer_term
from registry.core.identifiers import certificate_id
from registry.core.verification.presentation import Presentation
from registry.store import annulments, certificates, channel, clarifications, registrations
from registry.store.certificate_search import Conditions, Scope, page
from registry.store.certificates import CertificateRow
from registry.store.parties import Role
from registry.usecases.party.identify_party import Party
from registry.usecases.tlog.read_log import prove
from registry.usecases.trust.sign_for_body import CertificateNotFound
from registry.usecases.verification.read_number import NumberNotLatin, latin_number

router = APIRouter(prefix="/api/v1/certificates", tags=["certificates"], route_class=StrictRoute)
READERS = {
    **dict.fromkeys((Role.EXPORTER, Role.EXAMINER, Role.SIGNATORY), Reach.ORGANISATION),
    Role.CUSTOMS: Reach.COUNTRY,
    Role.AUDITOR: Reach.NODE,
}
VC_JWT, ENVELOPE, TLOG_PROOF, JSON = (
    "application/vc+jwt",
    "application/vnd.registry.envelope+json",
    "text/vnd.tlog-proof",
    "application/json",
)


@router.get("", **operation(Page[CertificateView], PeriodReversed, NumberNotLatin, roles=READERS))
def list_certificates(
    look: LookDep,
    place: PlaceDep,
    number: Annotated[
        str | None, Query(min_length=1, max_length=60, description="Spaces and case do not matter.")
    ] = None,
    importer: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="Tax id or whole name of the consignee or whom it acts for."),
    ] = None,
    exporter: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="Tax id or whole name of the consignor or whom it acts for."),
    ] = None,
    heading: Annotated[Heading | None, Query(description="HS heading, or a code of 6, 8 or 10 digits.")] = None,
    issued_from: Annotated[Day | None, Query(alias="from", description="Issued on this day or later.")] = None,
    issued_until: Annotated[Day | None, Query(alias="until", description="Issued on this day or earlier.")] = None,
    status: Annotated[Standing | None, Query(description="By the changes that are held here.")] = None,
) -> Response:
    """List certificates, newest first: of one's organisation; for customs those presented here; for auditors all.

    Conditions that are named all hold. A page may hold fewer than were asked for, or none, and name a next: not more
    than 5,000 certificates are looked at for one, unless a number, a party, a heading or days name so few.
    """
    named = ((importer, importer_term), (exporter, exporter_term), (heading, heading_term))
    terms = [term(text) for text, term in named if text is not None]
    first, last = (None if day is None else read_day(day) for day in (issued_from, issued_until))
    check_period(first, last)
    asked = Conditions(None if number is None else latin_number(number), terms, first, last, status)

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        found = page(tx, _scope(by, look.node.settings.country), asked, after=place.after, limit=place.reach)
        shown, after = place.cut(found.rows, lambda row: (row.recorded_at, row.id))
        rest = after if found.rest is None else cursor(*found.rest)
        return Reply.of(Page[CertificateView](items=[CertificateView.of(row) for row in shown], next=rest))

    return look.answer(work)


@router.get(
    "/{node}/{body}/{year}/{number}",
    **operation(
        CertificateView, CertificateNotFound, "proof-pending", roles=READERS, gives=[VC_JWT, ENVELOPE, TLOG_PROOF]
    ),
)
def read_certificate(
    node: NodePath,
    body: BodyPath,
    year: YearPath,
    number: NumberPath,
    look: LookDep,
    accept: Annotated[str, Header(description=f"{JSON}, {VC_JWT}, {ENVELOPE} or {TLOG_PROOF}.")] = JSON,
) -> Response:
    """Read a certificate as a view, as the signed file, in its envelope with the proof, or the proof alone."""
    media_type = _negotiate(accept)

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        row = _find(tx, certificate_id(node, body, year, number), by, look.node.settings.country)
        return _render(tx, row, media_type, by)

    return look.answer(work)


def _scope(by: Party, country: str) -> Scope:
    """Return the organisation or the country of presentation that bounds what a person sees."""
    by.require(*READERS)
    if Role.AUDITOR in by.roles:
        return Scope()
    if Role.CUSTOMS in by.roles:
        return Scope(presented_in=country)
    return Scope(organisation=by.organisation)


def _find(tx: Session, id: str, by: Party, country: str) -> CertificateRow:
    scope = _scope(by, country)
    whose = scope.organisation
    row = certificates.certificate(tx, id) if whose is None else certificates.seen_by(tx, id, whose)
    if row is None or scope.presented_in not in {None, row.presented_in}:
        raise CertificateNotFound(id)
    return row


def _negotiate(accept: str) -> str:
    offered = (JSON, VC_JWT, ENVELOPE, TLOG_PROOF)
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for media_type in wanted:
        if media_type in offered:
            return media_type
        if media_type in {"*/*", "application/*"}:
            return JSON
    raise FaceProblem("not-acceptable", f"a certificate is given as {', '.join(offered)}")


def _render(tx: Session, row: CertificateRow, media_type: str, by: Party) -> Reply:
    if media_type == VC_JWT:
        return Reply(200, row.envelope.encode(), VC_JWT)
    proof = row.proof
    if proof is None and row.act is not None:
        proved = prove(tx, row.act)
        proof = None if proved is None else proved.encode()
    if media_type == TLOG_PROOF:
        if proof is None:
            raise FaceProblem("proof-pending", "no checkpoint that covers it is cosigned yet", {"Retry-After": "1"})
        return Reply(200, proof.encode(), TLOG_PROOF)
    if media_type == ENVELOPE:
        return Reply(200, canonical.encode(Presentation(row.envelope, proof).encode()), ENVELOPE)
    proposal = annulments.waiting(tx, row.id) if by.did == row.body else None
    changes = [StatusView.of(change, row) for change in certificates.changes(tx, row.id)]
    mended = [ClarificationView.of(each) for each in clarifications.of_certificate(tx, row.id)] or None
    delivery = None if row.act is None else DeliveryView.of(channel.for_act(tx, row.act))
    view = CertificateView.of(row, changes=changes, clarifications=mended, logged=proof is not None, delivery=delivery)
    view.annulment = None if proposal is None else AnnulmentView.of(proposal)
    if by.did == row.body:
        waiting = clarifications.waiting(tx, row.id)
        view.clarification = None if waiting is None else ClarificationProposalView.of(waiting)
    if row.outside is not None:
        view.registration = RegistrationView.of(row.outside, registrations.registration(tx, row.id))
    return Reply.of(view)
