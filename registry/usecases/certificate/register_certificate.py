"""Register what the body's own system issued: judged as any, kept, logged, and delivered as any (DESIGN 2).

The body's system signs by the document signer that the trust list names: the node adds no certificate of its own, and
`validFrom` stays the second of signing, so that a late registration shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.application.working_year import read_calendar
from registry.core.calendar import CalendarMissing, add_working_days
from registry.core.canonical import Json, JsonObject
from registry.core.certificate.claims import Claims
from registry.core.certificate.credential import Certificate
from registry.core.certificate.outside import Outside
from registry.core.certificate.relation import SHEET_OF, Relation
from registry.core.codes.trilingual import Trilingual
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Conflict, Refused, Unprocessable
from registry.core.product.names import names_one
from registry.core.record import encode
from registry.core.rules.finding import Finding, Intake, Severity
from registry.core.scheme.catalogue import find_scheme
from registry.core.tlog.entry import Kind
from registry.core.verification.verdict import SENTENCES
from registry.store import acts, calendars, certificates, log, registrations, serials, status_indices, tasks
from registry.store.acts import Draw
from registry.store.certificates import CertificateRow, Source
from registry.store.parties import Organisation, Role
from registry.store.registrations import Registration
from registry.store.tasks import TaskKind
from registry.usecases.application.check_application import refuse_severe, registered_exporters
from registry.usecases.application.check_expert import check_examiner, check_signatory
from registry.usecases.application.place_sheet import place_left
from registry.usecases.application.relate_certificate import lost_until, notes_of
from registry.usecases.certificate.issue_certificate import LIST_LENGTH, STATUS_LIST, NotIssuable, check
from registry.usecases.certificate.relate_registered import check_relations, lock_related
from registry.usecases.party.find_exporter import exporter_of
from registry.usecases.party.identify_party import Party
from registry.usecases.trust.believe_peers import Beliefs
from registry.usecases.trust.sign_for_body import Issuer

LEEWAY = timedelta(minutes=5)
"""How far the clock of a body's system may be before ours."""
LATE = Finding(
    "registered-late",
    Severity.WARNING,
    "issueDate",
    Trilingual(
        "Сертификат зарегистрирован позже рабочего дня, следующего за днём выдачи.",
        "The certificate was registered after the working day that follows the day of issue.",
        "Sertifikat berilgan kundan keyingi ish kunidan kechroq roʻyxatga olingan.",
    ),
    "S4 App. 4; S5 4.15",
)


@dataclass(eq=False)
class IssuedByAnother(Refused):
    """The certificate is not of the body whose system registers it, or of another node."""

    code: ClassVar[str] = "issued-by-another"
    issuer: str

    def __str__(self) -> str:
        return "a body's system registers what that body issued, under the name of this node"


@dataclass(eq=False)
class NumberTaken(Conflict):
    """The number is another certificate's, or this node has allotted it: one number is never two certificates."""

    code: ClassVar[str] = "number-taken"
    number: str

    def __str__(self) -> str:
        return "the number is taken: another certificate bears it, or this node allotted it"


@dataclass(eq=False)
class StatusIndexTaken(Conflict):
    """The place in the status list is another certificate's, or outside the list."""

    code: ClassVar[str] = "status-index-taken"
    status_list: str
    index: int

    def __str__(self) -> str:
        return f"{self.index} is not a free place of the status list {STATUS_LIST} of {LIST_LENGTH} places"


@dataclass(eq=False)
class ApproversAlike(Unprocessable):
    """Whoever examined is not named, or is the one who signed: two people approve every certificate."""

    code: ClassVar[str] = "approvers-alike"
    clause: ClassVar[str | None] = "S5 3.15"

    def __str__(self) -> str:
        return "who examined and who signed are two people, each by their own name and id"


@dataclass(eq=False)
class SignedOtherwise(Conflict):
    """What is registered bears another signature: the same answer is given for the very text that was registered."""

    code: ClassVar[str] = "signed-otherwise"
    id: str

    def __str__(self) -> str:
        return "this certificate is registered with another signature than the one that is shown"


@dataclass(frozen=True, slots=True)
class Examiner:
    """Who examined in the body's own system: two people approve every certificate (S5 3.15)."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A certificate that was registered, and what was found without being in its way.

    Who examined is known to this node alone, and lost with it: one that came back after a restore has no registration.
    """

    certificate: CertificateRow
    registration: Registration | None
    outside: Outside
    findings: Sequence[Finding]


def register(
    tx: Session, text: str, examiner: Examiner, issuer: Issuer, beliefs: Beliefs, *, by: Party, at: datetime, draw: Draw
) -> Registered:
    """Register the certificate in `text`; one that is registered already is answered as it was.

    The very certificate that the log says was issued, and that a restore lost, has its number, and is kept again.

    Raises `IssuedByAnother`, `SignedOtherwise`, `ApproversAlike`, `NotIssuable`, `NumberUnfit`, `NumberTaken`,
    `StatusIndexTaken`, `ExaminerIsExpert`, `SignatoryIsExpert`, `FindingsSevere`, `NotAgreed`, and what
    `check_relations` and parsing raise.
    """
    by.require(Role.REGISTRAR)
    envelope = Envelope.parse(text, Typ.CERTIFICATE)
    certificate = Certificate.parse(envelope.payload)
    claims, subject = Claims.parse(certificate.subject.claims), certificate.subject
    if by.code is None or (certificate.node, certificate.body) != (issuer.name, by.code):
        raise IssuedByAnother(certificate.issuer)
    lock_related(tx, certificate)
    last = serials.lock(tx, certificate.issuer, certificate.year)
    known = certificates.numbered(
        tx, country=subject.issued_in, body=certificate.issuer, year=certificate.year, number=subject.number
    )
    exporter, names = exporter_of(tx, claims), registered_exporters(tx, claims, subject.issued_in)
    if known is not None and known.digest == envelope.digest and known.outside is not None:
        if known.envelope != envelope.text:
            raise SignedOtherwise(known.id)
        before = registrations.registration(tx, known.id)
        findings = _findings(certificate, claims, exporter, beliefs, known.outside, {}, names, None, None)
        return Registered(known, before, known.outside, findings)
    if known is not None:
        raise NumberTaken(subject.number)
    if examiner.id == subject.signatory.id or names_one(examiner.name, subject.signatory.name):
        raise ApproversAlike
    check_examiner(claims, examiner.name)
    check_signatory(claims, subject.signatory.name)
    if certificate.valid_from > at + LEEWAY:
        raise NotIssuable("validity", "before-validity", "it is signed at a time that has not come")
    check(envelope, issuer, beliefs, at=max(at, certificate.valid_from))
    newest, _ = beliefs.agreed(
        subject.scheme, subject.issued_in, subject.presented_in, subject.issue_date.day, by=certificate.valid_from
    )
    if newest.id != subject.agreement:
        raise NotIssuable("agreement", "agreement-superseded", SENTENCES["agreement-superseded"])
    pattern = beliefs.agreements[subject.agreement].pattern(certificate.issuer)
    serial = pattern.serial(
        subject.number, issued_in=subject.issued_in, presented_in=subject.presented_in, year=certificate.year
    )
    if serial <= last and not log.holds_recovered(tx, Kind.CERTIFICATE_ISSUED, envelope.digest):
        raise NumberTaken(subject.number)
    if certificate.status_list != STATUS_LIST or not status_indices.take_index(
        tx, STATUS_LIST, certificate.status_index, length=LIST_LENGTH
    ):
        raise StatusIndexTaken(certificate.status_list, certificate.status_index)
    sheets = check_relations(tx, certificate, claims)
    today = subject.issue_date.offset.local_date(at).day
    registration = Registration(
        certificate=certificate.id,
        serial=serial,
        examiner=examiner.id,
        examiner_name=examiner.name,
    )
    outside = Outside(today, _due(tx, certificate, beliefs))
    relations = {relation.kind: relation for relation in subject.relations}
    left, until = place_left(tx, relations), lost_until(tx, relations)
    findings = _findings(certificate, claims, exporter, beliefs, outside, sheets, names, left, until)
    refuse_severe(findings)
    private: dict[str, Json] = {
        "certificate": certificate.id,
        "number": subject.number,
        "signatory": subject.signatory.id,
        "issued_outside": dict(told(registration, outside)),
        "findings": [finding.rule for finding in findings],
    }
    act = acts.record(
        tx,
        Kind.CERTIFICATE_ISSUED,
        private,
        by=by.actor,
        at=at,
        draw=draw,
        to=subject.presented_in,
        digest=envelope.digest,
        subject=certificate.id,
    )
    row = CertificateRow(
        source=Source.OUTSIDE,
        recorded_at=at,
        act=act,
        organisation=None if exporter is None else exporter.id,
        principal=None if exporter is None else exporter.id,
        registered_on=outside.registered_on,
        due_on=outside.due_on,
        **certificates.index_columns(envelope, certificate),
    )
    tx.add(row)
    tx.flush()
    tx.add(registration)
    tx.flush()
    tasks.close_tasks(tx, TaskKind.ENTRY_LOST, [envelope.digest], at=at)
    return Registered(row, registration, outside, findings)


def told(registration: Registration, outside: Outside) -> JsonObject:
    """Return what the act says of a registration: all of it, but the certificate that the act is about."""
    return {
        "serial": registration.serial,
        "examiner": registration.examiner,
        "examiner_name": registration.examiner_name,
        **encode(outside),
    }


def _due(tx: Session, certificate: Certificate, beliefs: Beliefs) -> date | None:
    """Return the day by which it is registered: the working day after the day of issue (S4 App. 4; S5 4.15).

    As for an application, the agreement's calendar counts before that of the node, for both states signed it.
    """
    country = certificate.subject.issued_in
    known = list(beliefs.agreements[certificate.subject.agreement].calendars)
    known += [read_calendar(row.content) for row in calendars.newest(tx, country)]
    try:
        return add_working_days(certificate.subject.issue_date.day, 1, known, country)
    except CalendarMissing:
        return None


def _findings(
    certificate: Certificate,
    claims: Claims,
    exporter: Organisation | None,
    beliefs: Beliefs,
    outside: Outside,
    sheets: Mapping[int, Claims],
    names: Mapping[str, str],
    left: Relation | None,
    until: date | None,
) -> Sequence[Finding]:
    """Ask every rule as on the day of issue, and whether it comes late, which is found and never refused."""
    subject, sheet = certificate.subject, certificate.relation(SHEET_OF)
    scheme, rules_set = find_scheme(subject.scheme, subject.rules_set)
    agreed = beliefs.agreements[subject.agreement].recognition(
        subject.scheme, subject.issued_in, subject.presented_in, subject.issue_date.day
    )
    intake = Intake(
        claims,
        subject.scheme,
        rules_set,
        subject.issued_in,
        subject.presented_in,
        agreed.rules_set,
        subject.issue_date.day,
        principal_tax_id=None if exporter is None else exporter.tax_id,
        principal_name=None if exporter is None else exporter.name,
        form=agreed.form,
        lost_until=until,
        sheet=None if sheet is None else sheet.k,
        sheets=sheets,
        registered=names,
        related=notes_of(relation.kind for relation in subject.relations),
        place_left=left,
    )
    return [*scheme.examine(intake), *([LATE] if outside.late else [])]
