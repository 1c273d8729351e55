"""Certificates: as a view, as the signed file, and the proof that the log holds them; annulment by two people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from registry.api.bodies import Body, LocalDay, Text
from registry.api.call import CallDep, LookDep, Reply
from registry.api.issuer import issuer_of
from registry.api.limits import StrictRoute
from registry.api.operation import Reach, operation
from registry.api.outside import RegistrationView
from registry.api.paging import Page, PlaceDep
from registry.api.problems import FaceProblem
from registry.core import canonical
from registry.core.calendar import MalformedTime, read_day, write_instant
from registry.core.certificate.credential import Certificate
from registry.core.certificate.search_terms import exporter_term, heading_term, importer_term
from registry.core.certificate.status_change import StatusChange
from registry.core.envelope.jose import Envelope, Typ
from registry.core.identifiers import certificate_id, log_origin
from registry.core.verification.presentation import Presentation
from registry.store import certificate_search, certificates, channel, registrations
from registry.store.certificate_search import Standing
from registry.store.certificates import Annulment, CertificateRow, StatusChangeRow
from registry.store.channel import MessageOut
from registry.store.parties import Role
from registry.usecases import change_status
from registry.usecases.change_status import (
    AlreadyAnnulled,
    AnnulmentOpen,
    CertificateNotFound,
    DateOutside,
    NothingProposed,
    SamePerson,
)
from registry.usecases.compare_guard import BEHIND, check_caught_up
from registry.usecases.identify_party import Party
from registry.usecases.issue_certificate import SignerMissing
from registry.usecases.read_log import prove
from registry.usecases.verify_certificate import normal_number

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
DAY = r"^\d{4}-\d\d-\d\d$"
NodePath = Annotated[str, Path(max_length=253, description="Name of the issuing node, as `by.registry.example`.")]
BodyPath = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,32}$", description="Code of the body.")]
YearPath = Annotated[int, Path(ge=2000, le=9999)]
NumberPath = Annotated[str, Path(max_length=60)]


class StatusView(BaseModel):
    """A change of status, with its two times."""

    status: str
    reason: str
    effective_from: str
    recorded_at: str

    @classmethod
    def of(cls, row: StatusChangeRow) -> "StatusView":
        """Render a row by reading what was signed."""
        change = StatusChange.parse(Envelope.parse(row.envelope, Typ.STATUS).payload)
        return cls(
            status=change.status,
            reason=change.reason,
            effective_from=change.effective_from.encode(),
            recorded_at=write_instant(change.recorded_at),
        )


class DeliveryView(BaseModel):
    """Where the certificate is on its way to the other country; `proof`: whether the log's proof has come there."""

    to: str
    seq: int
    outcome: str | None
    receipted_at: str | None
    proof: Literal["delivered", "pending"]

    @classmethod
    def of(cls, sent: Sequence[MessageOut]) -> "DeliveryView | None":
        """Render the messages that carried an act."""
        if not sent:
            return None
        first, last = sent[0], sent[-1]
        at = None if first.receipted_at is None else write_instant(first.receipted_at)
        proof = "pending" if last.pending or last.receipt is None else "delivered"
        return cls(to=first.to, seq=first.seq, outcome=first.outcome, receipted_at=at, proof=proof)


class AnnulmentView(BaseModel):
    """A proposal to annul that waits for another person."""

    id: str
    certificate: str
    reason: str
    effective_from: str
    proposed_by: str
    proposed_at: str

    @classmethod
    def of(cls, row: Annulment) -> "AnnulmentView":
        """Render a row."""
        return cls(
            id=row.id,
            certificate=row.certificate,
            reason=row.reason,
            effective_from=row.effective_from.isoformat(),
            proposed_by=row.proposed_by,
            proposed_at=write_instant(row.proposed_at),
        )


class CertificateView(BaseModel):
    """A certificate; the signed text is the truth, this is a reading of it."""

    id: str
    href: str
    number: str
    digest: str
    source: str
    scheme: str
    rules_set: str
    issued_in: str
    presented_in: str
    issue_date: str
    valid_until: str
    signatory: str
    claims: dict[str, Any]
    changes: list[StatusView] | None = None
    logged: bool | None = None
    delivery: DeliveryView | None = None
    annulment: AnnulmentView | None = None
    registration: RegistrationView | None = None

    @classmethod
    def of(cls, row: CertificateRow, **more: Any) -> "CertificateView":
        """Render a row by reading what was signed."""
        certificate = Certificate.parse(Envelope.parse(row.envelope, Typ.CERTIFICATE).payload)
        subject = certificate.subject
        return cls(
            id=row.id,
            href=href_of(row.id),
            number=subject.number,
            digest=row.digest,
            source=row.source,
            scheme=subject.scheme,
            rules_set=subject.rules_set,
            issued_in=subject.issued_in,
            presented_in=subject.presented_in,
            issue_date=subject.issue_date.encode(),
            valid_until=write_instant(certificate.valid_until),
            signatory=subject.signatory.name,
            claims=dict(subject.claims),
            **more,
        )


class NamedCertificate(BaseModel):
    """Which certificate an answer is about; `href` gives all of it."""

    id: str
    href: str
    number: str
    digest: str

    @classmethod
    def of(cls, row: CertificateRow) -> "NamedCertificate":
        """Render a row."""
        return cls(id=row.id, href=href_of(row.id), number=row.number, digest=row.digest)


class AnnulmentBody(Body):
    """A proposal to annul: why, and from which local date (the date of issue: from the start)."""

    reason: Text
    effective_from: LocalDay


@router.get("", **operation(Page[CertificateView], MalformedTime, roles=READERS))
def list_certificates(
    look: LookDep,
    place: PlaceDep,
    number: Annotated[str | None, Query(max_length=60, description="Spaces and case do not matter.")] = None,
    importer: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="Tax id or whole name of the consignee or whom it acts for."),
    ] = None,
    exporter: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="Tax id or whole name of the consignor or whom it acts for."),
    ] = None,
    heading: Annotated[
        str | None, Query(pattern=r"^\d{4}(\d\d){0,3}$", description="HS heading, or a code of 6, 8 or 10 digits.")
    ] = None,
    issued_from: Annotated[
        str | None, Query(alias="from", pattern=DAY, description="Issued on this day or later.")
    ] = None,
    issued_until: Annotated[
        str | None, Query(alias="until", pattern=DAY, description="Issued on this day or earlier.")
    ] = None,
    status: Annotated[Standing | None, Query(description="By the changes that are held here.")] = None,
) -> Response:
    """List certificates, newest first: of one's organisation; for customs those presented here; for auditors all.

    Conditions that are named all hold.
    """
    named = ((importer, importer_term), (exporter, exporter_term), (heading, heading_term))
    terms = [term(text) for text, term in named if text is not None]
    days = [None if day is None else read_day(day) for day in (issued_from, issued_until)]

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        organisation, country = _scope(by, look.node.settings.country)
        wanted = None if number is None else normal_number(number)
        rows = certificate_search.page(
            tx,
            organisation=organisation,
            presented_in=country,
            after=place.after,
            limit=place.reach,
            number=wanted,
            terms=terms,
            issued_from=days[0],
            issued_until=days[1],
            status=status,
        )
        shown, after = place.cut(rows, lambda row: (row.recorded_at, row.id))
        return Reply.of(Page[CertificateView](items=[CertificateView.of(row) for row in shown], next=after))

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


PATH = "/{node}/{body}/{year}/{number}/annulment"
PROPOSE_REFUSALS = (CertificateNotFound, AlreadyAnnulled, AnnulmentOpen, DateOutside, MalformedTime)
CONFIRM_REFUSALS = (CertificateNotFound, AlreadyAnnulled, NothingProposed, SamePerson, SignerMissing, *BEHIND)
WITHDRAW_REFUSALS = (CertificateNotFound, AlreadyAnnulled, NothingProposed)


@router.post(PATH, **operation(AnnulmentView, *PROPOSE_REFUSALS, roles=[Role.SIGNATORY], status=201))
def propose_annulment(
    node: NodePath, body: BodyPath, year: YearPath, number: NumberPath, proposal: AnnulmentBody, call: CallDep
) -> Response:
    """Propose to annul a certificate of one's body; another person of the body confirms."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        row = change_status.propose(
            tx,
            certificate_id(node, body, year, number),
            proposal.reason,
            proposal.effective_from,
            by=by,
            at=at,
            draw=call.node.draw,
        )
        return Reply.of(AnnulmentView.of(row), status=201)

    return call.once(work)


@router.post(f"{PATH}/confirm", **operation(StatusView, *CONFIRM_REFUSALS, roles=[Role.SIGNATORY, Role.EXAMINER]))
def confirm_annulment(node: NodePath, body: BodyPath, year: YearPath, number: NumberPath, call: CallDep) -> Response:
    """Confirm the annulment that another person proposed: it is signed, and goes to the other country."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        check_caught_up(tx, call.node.guard.marks(), log_origin(call.node.settings.name))
        named = certificate_id(node, body, year, number)
        row = change_status.confirm(tx, named, issuer_of(call.node), by=by, at=at, draw=call.node.draw)
        return Reply.of(StatusView.of(row))

    return call.once(work)


@router.post(f"{PATH}/withdraw", **operation(None, *WITHDRAW_REFUSALS, roles=[Role.SIGNATORY], status=204))
def withdraw_annulment(node: NodePath, body: BodyPath, year: YearPath, number: NumberPath, call: CallDep) -> Response:
    """Withdraw an open proposal to annul."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        change_status.withdraw(tx, certificate_id(node, body, year, number), by=by, at=at, draw=call.node.draw)
        return Reply(204, b"")

    return call.once(work)


def href_of(id: str) -> str:
    """Return where this node shows a certificate."""
    return f"/api/v1/certificates/{id.removeprefix('https://').replace('/certificates/', '/', 1)}"


def _scope(by: Party, country: str) -> tuple[str | None, str | None]:
    """Return the organisation and the country of presentation that bound what a person sees."""
    by.require(*READERS)
    if Role.AUDITOR in by.roles:
        return None, None
    if Role.CUSTOMS in by.roles:
        return None, country
    return by.organisation, None


def _find(tx: Session, id: str, by: Party, country: str) -> CertificateRow:
    organisation, presented_in = _scope(by, country)
    row = certificates.certificate(tx, id) if organisation is None else certificates.seen_by(tx, id, organisation)
    if row is None or presented_in not in {None, row.presented_in}:
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
    proposal = certificates.waiting_annulment(tx, row.id) if by.organisation == row.body_organisation else None
    changes = [StatusView.of(change) for change in certificates.changes(tx, row.id)]
    delivery = None if row.act is None else DeliveryView.of(channel.for_act(tx, row.act))
    view = CertificateView.of(row, changes=changes, logged=proof is not None, delivery=delivery)
    view.annulment = None if proposal is None else AnnulmentView.of(proposal)
    outside = registrations.registration(tx, row.id)
    view.registration = None if outside is None else RegistrationView.of(outside)
    return Reply.of(view)
