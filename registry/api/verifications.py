"""Customs asks: is this certificate genuine and in force? The answer is kept as an act."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints, ValidationError, WithJsonSchema, model_validator
from sqlalchemy.orm import Session

from registry.api.bodies import Body
from registry.api.call import CallDep, LookDep, Reply
from registry.api.limits import StrictRoute
from registry.api.operation import Reach, operation
from registry.api.paging import Page, PlaceDep
from registry.api.problems import INVALID, Problem, write_problem
from registry.api.spelled import Day, HexId, written_errors
from registry.api.verification_views import BulkAnswer, BulkView, VerificationView
from registry.core.agreement import NotAgreed
from registry.core.envelope.jose import MAX_ENVELOPE, MalformedEnvelope
from registry.core.errors import NotFound
from registry.core.record import MalformedRecord
from registry.core.tlog.entry import Kind
from registry.store import acts, peers
from registry.store.parties import Role
from registry.usecases.party.identify_party import Party
from registry.usecases.trust.sign_for_body import CertificateNotFound
from registry.usecases.verification import verify_certificate, verify_held
from registry.usecases.verification.read_number import NumberNotLatin
from registry.usecases.verification.verify_certificate import NumberAmbiguous, Question
from registry.usecases.verification.verify_held import TooManyVerifications

router = APIRouter(prefix="/api/v1/verifications", tags=["verifications"], route_class=StrictRoute)
ASKERS = (Role.CUSTOMS, Role.IMPORTER)
MOST_QUESTIONS = 1_000


class VerificationNotFound(NotFound):
    """No such verification of the asker's organisation."""

    code = "verification-not-found"

    def __str__(self) -> str:
        return "there is no such verification"


class QuestionBody(Body):
    """A number, or what the holder shows: a vc+jwt or its envelope, as text. `day` asks for another local day."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = None
    id: Annotated[str, StringConstraints(max_length=400)] | None = None
    certificate: Annotated[str, StringConstraints(min_length=1, max_length=MAX_ENVELOPE)] | None = None
    day: Day | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> "QuestionBody":
        if (self.number is None) == (self.certificate is None):
            raise ValueError("either a number or a certificate is asked about")
        if self.id is not None and self.number is None:
            raise ValueError("an id goes with a number that several certificates bear")
        return self

    def question(self) -> Question:
        """Return what is asked."""
        return Question(number=self.number or "", id=self.id, shown=self.certificate, day=self.day)


class HeldBody(QuestionBody):
    """What a holder asks: the file, or number and id; an agent names the importer whose mandate they have."""

    principal: HexId | None = None

    @model_validator(mode="after")
    def _names_what_is_held(self) -> "HeldBody":
        if (self.number is None) != (self.id is None):
            raise ValueError("a holder without the file names number and id")
        if self.principal is not None and self.number is None:
            raise ValueError("a principal goes with a number: whoever has the file holds it")
        return self


_QUESTIONS = {
    "type": "array",
    "minItems": 1,
    "maxItems": MOST_QUESTIONS,
    "items": {"$ref": "#/components/schemas/QuestionBody"},
}


class BulkBody(Body):
    """Questions of one declaration; each is read by itself."""

    questions: Annotated[
        list[Any], Field(min_length=1, max_length=MOST_QUESTIONS), WithJsonSchema(_QUESTIONS, mode="validation")
    ]


@router.post(
    "",
    **operation(
        VerificationView,
        NumberAmbiguous,
        MalformedEnvelope,
        MalformedRecord,
        TooManyVerifications,
        roles={Role.CUSTOMS: Reach.COUNTRY},
        status=201,
    ),
)
def verify(body: QuestionBody, call: CallDep) -> Response:
    """Verify a certificate by number or by file; a verdict is always given, and always kept.

    An officer asks about 6,000 certificates a minute at most, or what the node is set to.
    """

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        by.require(Role.CUSTOMS)
        call.node.pace.take(by.person, 1, at)
        peers.hold_adoptions(tx)  # customs is told of what it found good and a list revokes: none passes it by
        beliefs, settings = call.node.believe(tx), call.node.settings
        verification = verify_certificate.ask(
            tx,
            body.question(),
            beliefs,
            env=settings.env,
            country=settings.country,
            by=by,
            at=at,
            draw=call.node.draw,
        )
        return _made(VerificationView.of(tx, verification, beliefs, settings.env))

    return call.once(work)


@router.post("/bulk", **operation(BulkView, TooManyVerifications, roles={Role.CUSTOMS: Reach.COUNTRY}, status=201))
def verify_in_bulk(body: BulkBody, call: CallDep) -> Response:
    """Verify up to 1,000 certificates of a declaration in one call: answers in the order asked, each kept by itself.

    Each question counts towards what an officer may ask in a minute.

    A question that cannot be read or is ambiguous is answered in its place by its problem; the others get theirs.
    """
    read = [_read_question(question) for question in body.questions]

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        by.require(Role.CUSTOMS)
        call.node.pace.take(by.person, len(read), at)
        peers.hold_adoptions(tx)
        beliefs, settings = call.node.believe(tx), call.node.settings
        answers = verify_certificate.ask_all(
            tx,
            [question for question in read if isinstance(question, Question)],
            beliefs,
            env=settings.env,
            country=settings.country,
            by=by,
            at=at,
            draw=call.node.draw,
        )
        views = [
            BulkAnswer.of(next(answers)) if isinstance(question, Question) else BulkAnswer(problem=question)
            for question in read
        ]
        return Reply.of(BulkView.of(tx, views), status=201)

    return call.once(work)


HELD_REFUSALS = (
    CertificateNotFound,
    NumberNotLatin,
    TooManyVerifications,
    NotAgreed,
    MalformedEnvelope,
    MalformedRecord,
)


@router.post("/held", **operation(VerificationView, *HELD_REFUSALS, roles=[Role.IMPORTER], status=201))
def verify_held_certificate(body: HeldBody, call: CallDep) -> Response:
    """Verify a certificate that one holds: who has the file shows it, and a consignee may name number and id.

    What is another's is 404. A person asks at most 30 times a minute, refusals counted.
    """

    def count(tx: Session, by: Party, at: datetime) -> None:
        verify_held.count(tx, by=by, at=at)

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        beliefs, settings = call.node.believe(tx), call.node.settings
        verification = verify_held.verify_held(
            tx,
            body.question(),
            beliefs,
            principal=body.principal,
            env=settings.env,
            country=settings.country,
            by=by,
            at=at,
            draw=call.node.draw,
        )
        return _made(VerificationView.of(tx, verification, beliefs, settings.env))

    call.first(count)
    return call.once(work)


@router.get("", **operation(Page[VerificationView], roles=ASKERS))
def list_verifications(
    look: LookDep,
    place: PlaceDep,
    number: Annotated[
        str | None,
        Query(min_length=1, max_length=60, description="Of this number, whether or not a certificate bears it here."),
    ] = None,
) -> Response:
    """List the verifications that one's organisation asked for, newest first."""
    after = place.numbered

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        rows = verify_certificate.list_verifications(tx, number=number, after=after, limit=place.reach, by=by)
        shown, next_ = place.cut(rows, lambda row: (row.at, str(row.seq)))
        return Reply.of(Page[VerificationView](items=[VerificationView.kept(row) for row in shown], next=next_))

    return look.answer(work)


@router.get("/{id}", **operation(VerificationView, VerificationNotFound, roles=ASKERS))
def read_verification(id: HexId, look: LookDep) -> Response:
    """Read a verification that was kept."""

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        by.require(*ASKERS)
        row = acts.find(tx, id)
        if row is None or row.kind != Kind.VERIFICATION_MADE or row.organisation != by.organisation:
            raise VerificationNotFound
        return Reply.of(VerificationView.kept(row))

    return look.answer(work)


def _made(view: VerificationView) -> Reply:
    return Reply.of(view, status=201, location=f"/api/v1/verifications/{view.id}")


def _read_question(value: Any) -> Question | Problem:
    """Read one question of many; what is wrong with it is said in its place."""
    try:
        return QuestionBody.model_validate(value).question()
    except ValidationError as error:
        return Problem(**write_problem(422, "request-invalid", INVALID, errors=written_errors(error.errors())))
