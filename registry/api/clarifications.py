"""Clarifications: a typo is mended beside the certificate, by two people and without a new number (R09 9-2.2)."""

from datetime import datetime

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from registry.api.beside_views import ClarificationView
from registry.api.bodies import Body, Short, Text
from registry.api.call import CallDep, Reply
from registry.api.certificate_views import BodyPath, NodePath, NumberPath, YearPath
from registry.api.issuer import issuer_of
from registry.api.limits import StrictRoute
from registry.api.operation import operation
from registry.api.proposal_views import ClarificationProposalView, ConfirmBody
from registry.core.certificate.clarification import ClarificationDiffers, NotClarifiable
from registry.core.certificate.lifecycle import AlreadyAnnulled, ProposalDiffers, SameName, SamePerson
from registry.core.identifiers import certificate_id, log_origin
from registry.store.parties import Role
from registry.usecases.certificate import clarify_certificate
from registry.usecases.certificate.clarify_certificate import ClarificationOpen, NothingToClarify
from registry.usecases.party.identify_party import Party
from registry.usecases.recovery.compare_guard import BEHIND, check_caught_up
from registry.usecases.trust.sign_for_body import CertificateNotFound, SignerMissing

router = APIRouter(prefix="/api/v1/certificates", tags=["certificates"], route_class=StrictRoute)
PATH = "/{node}/{body}/{year}/{number}/clarification"
OPEN_REFUSALS = (CertificateNotFound, AlreadyAnnulled)
PROPOSE_REFUSALS = (*OPEN_REFUSALS, ClarificationOpen, ClarificationDiffers, NotClarifiable)
CONFIRM_REFUSALS = (
    *OPEN_REFUSALS,
    *(NothingToClarify, ProposalDiffers, SameName, SamePerson, SignerMissing, *BEHIND),
)


class ClarificationBody(Body):
    """How a box is to be read: its path in the claims, the text as it was signed, and as it was meant."""

    box: Short
    old: Text
    new: Text
    reason: Text


@router.post(PATH, **operation(ClarificationProposalView, *PROPOSE_REFUSALS, roles=[Role.SIGNATORY], status=201))
def propose_clarification(
    node: NodePath, body: BodyPath, year: YearPath, number: NumberPath, said: ClarificationBody, call: CallDep
) -> Response:
    """Propose to mend a typo of a certificate of one's body; another person of the body confirms."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        named = certificate_id(node, body, year, number)
        words = (said.box, said.old, said.new, said.reason)
        row = clarify_certificate.propose(tx, named, *words, by=by, at=at, draw=call.node.draw)
        return Reply.of(ClarificationProposalView.of(row), status=201)

    return call.once(work)


@router.post(
    f"{PATH}/confirm", **operation(ClarificationView, *CONFIRM_REFUSALS, roles=[Role.SIGNATORY, Role.EXAMINER])
)
def confirm_clarification(
    node: NodePath, body: BodyPath, year: YearPath, number: NumberPath, read: ConfirmBody, call: CallDep
) -> Response:
    """Confirm what another person proposed, as it was read: it is signed, and goes to the other country."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        check_caught_up(tx, call.node.guard.marks(), log_origin(call.node.settings.name))
        named = certificate_id(node, body, year, number)
        issuer = issuer_of(call.node)
        row = clarify_certificate.confirm(tx, named, read.proposal, issuer, by=by, at=at, draw=call.node.draw)
        return Reply.of(ClarificationView.of(row))

    return call.once(work)


@router.post(
    f"{PATH}/withdraw", **operation(None, *OPEN_REFUSALS, NothingToClarify, roles=[Role.SIGNATORY], status=204)
)
def withdraw_clarification(
    node: NodePath, body: BodyPath, year: YearPath, number: NumberPath, call: CallDep
) -> Response:
    """Withdraw an open proposal to clarify."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        clarify_certificate.withdraw(tx, certificate_id(node, body, year, number), by=by, at=at, draw=call.node.draw)
        return Reply(204, b"")

    return call.once(work)
