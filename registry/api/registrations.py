"""Registrations: certificates that a body's own system issued and signed, taken into the register as any."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, StringConstraints
from sqlalchemy.orm import Session

from registry.api.application_refusals import NOT_RELATED
from registry.api.application_views import FindingView
from registry.api.bodies import Body, Short, fit
from registry.api.call import CallDep, Reply
from registry.api.certificate_views import CertificateView, RegistrationView
from registry.api.issuer import issuer_of
from registry.api.limits import StrictRoute
from registry.api.operation import operation
from registry.core.agreement import NotAgreed
from registry.core.canonical import NotCanonical
from registry.core.certificate.claims import MalformedClaims
from registry.core.certificate.credential import MalformedCredential
from registry.core.certificate.duplicate import DuplicateDiffers
from registry.core.envelope.jose import MAX_CERTIFICATE, MalformedEnvelope
from registry.core.identifiers import log_origin
from registry.core.number_pattern import NumberUnfit
from registry.core.record import MalformedRecord
from registry.store.parties import Role
from registry.usecases.application.check_application import FindingsSevere
from registry.usecases.application.check_expert import ExaminerIsExpert, SignatoryIsExpert
from registry.usecases.application.place_sheet import SheetTaken
from registry.usecases.certificate import register_certificate
from registry.usecases.certificate.issue_certificate import NotIssuable
from registry.usecases.certificate.register_certificate import (
    ApproversAlike,
    Examiner,
    IssuedByAnother,
    NumberTaken,
    Registered,
    SignedOtherwise,
    StatusIndexTaken,
)
from registry.usecases.certificate.relate_registered import RelationWrong, StillInForce
from registry.usecases.party.identify_party import Party
from registry.usecases.recovery.compare_guard import BEHIND, check_caught_up
from registry.usecases.trust.believe_peers import read_beliefs

router = APIRouter(prefix="/api/v1/registrations", tags=["registrations"], route_class=StrictRoute)


class ExaminerBody(Body):
    """Who examined in the body's own system."""

    id: Short
    name: Annotated[Short, AfterValidator(fit)]


class RegistrationBody(Body):
    """A certificate as the body's system signed it (`application/vc+jwt`, as text), and who examined."""

    certificate: Annotated[str, StringConstraints(min_length=1, max_length=MAX_CERTIFICATE)]
    examiner: ExaminerBody


class RegisteredView(BaseModel):
    """The certificate as it stands in the register, and what was found without being in its way."""

    certificate: CertificateView
    findings: list[FindingView]

    @classmethod
    def of(cls, registered: Registered) -> "RegisteredView":
        """Render what was registered."""
        mark = RegistrationView.of(registered.outside, registered.registration)
        view = CertificateView.of(registered.certificate, registration=mark)
        return cls(certificate=view, findings=[FindingView.of(finding) for finding in registered.findings])


UNREAD = (MalformedEnvelope, NotCanonical, MalformedRecord, MalformedCredential, MalformedClaims)
RELATED = (*NOT_RELATED, StillInForce, RelationWrong, DuplicateDiffers, SheetTaken)
REFUSALS = (
    *(IssuedByAnother, ApproversAlike, NotIssuable, NotAgreed, NumberUnfit, NumberTaken, SignedOtherwise),
    *(StatusIndexTaken, *RELATED, ExaminerIsExpert, SignatoryIsExpert, FindingsSevere, *UNREAD, *BEHIND),
)


@router.post("", **operation(RegisteredView, *REFUSALS, roles=[Role.REGISTRAR], status=201))
def register_a_certificate(body: RegistrationBody, call: CallDep) -> Response:
    """Register a certificate that the body's own system issued; the same certificate again gets the same answer."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        by.require(Role.REGISTRAR)
        check_caught_up(tx, call.node.guard.marks(), log_origin(call.node.settings.name))
        beliefs, examiner = read_beliefs(tx, call.node.pins), Examiner(body.examiner.id, body.examiner.name)
        registered = register_certificate.register(
            tx, body.certificate, examiner, issuer_of(call.node), beliefs, by=by, at=at, draw=call.node.draw
        )
        view = RegisteredView.of(registered)
        return Reply.of(view, status=201, location=view.certificate.href)

    return call.once(work)
