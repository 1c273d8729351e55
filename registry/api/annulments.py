"""Annulment by two people: one proposes, another confirms (S4 9.4)."""

from datetime import datetime

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from registry.api.beside_views import StatusView
from registry.api.bodies import Body, Text
from registry.api.call import CallDep, Reply
from registry.api.certificate_views import BodyPath, NodePath, NumberPath, YearPath
from registry.api.issuer import issuer_of
from registry.api.limits import StrictRoute
from registry.api.operation import operation
from registry.api.proposal_views import AnnulmentView, ConfirmBody
from registry.api.spelled import LocalDay
from registry.core.certificate.lifecycle import AlreadyAnnulled, ProposalDiffers, SameName, SamePerson
from registry.core.identifiers import certificate_id, log_origin
from registry.store import certificates
from registry.store.parties import Role
from registry.usecases.certificate import change_status
from registry.usecases.certificate.change_status import AnnulmentOpen, DateOutside, NothingProposed, ReplacementOpen
from registry.usecases.party.identify_party import Party
from registry.usecases.recovery.compare_guard import BEHIND, check_caught_up
from registry.usecases.trust.sign_for_body import CertificateNotFound, SignerMissing

router = APIRouter(prefix="/api/v1/certificates", tags=["certificates"], route_class=StrictRoute)


class AnnulmentBody(Body):
    """A proposal to annul: why, and from which local date (the date of issue: from the start)."""

    reason: Text
    effective_from: LocalDay


PATH = "/{node}/{body}/{year}/{number}/annulment"
PROPOSE_REFUSALS = (CertificateNotFound, AlreadyAnnulled, AnnulmentOpen, DateOutside)
CONFIRM_REFUSALS = (
    CertificateNotFound,
    AlreadyAnnulled,
    NothingProposed,
    ReplacementOpen,
    ProposalDiffers,
    SameName,
    SamePerson,
    SignerMissing,
    *BEHIND,
)
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
def confirm_annulment(
    node: NodePath, body: BodyPath, year: YearPath, number: NumberPath, read: ConfirmBody, call: CallDep
) -> Response:
    """Confirm what another person proposed, as it was read: it is signed, and goes to the other country."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        check_caught_up(tx, call.node.guard.marks(), log_origin(call.node.settings.name))
        named = certificate_id(node, body, year, number)
        issuer = issuer_of(call.node)
        row = change_status.confirm(tx, named, read.proposal, issuer, by=by, at=at, draw=call.node.draw)
        certificate = certificates.certificate(tx, named)
        assert certificate is not None
        return Reply.of(StatusView.of(row, certificate))

    return call.once(work)


@router.post(f"{PATH}/withdraw", **operation(None, *WITHDRAW_REFUSALS, roles=[Role.SIGNATORY], status=204))
def withdraw_annulment(node: NodePath, body: BodyPath, year: YearPath, number: NumberPath, call: CallDep) -> Response:
    """Withdraw an open proposal to annul or to replace."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        change_status.withdraw(tx, certificate_id(node, body, year, number), by=by, at=at, draw=call.node.draw)
        return Reply(204, b"")

    return call.once(work)
