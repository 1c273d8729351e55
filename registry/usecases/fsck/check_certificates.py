"""Ask whether certificates, changes of status and the records of issuing are what was signed, logged and delivered.

Nobody signed `organisation` and `principal` of a certificate: they are compared with its application. When a delivered
certificate was recorded is this node's own word.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import aliased

from registry.core.application.lifecycle import Part
from registry.core.certificate.clarification import Clarification
from registry.core.certificate.credential import Certificate
from registry.core.certificate.status_change import StatusChange
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import RegistryError
from registry.core.identifiers import node_did
from registry.core.tlog.entry import Kind
from registry.core.tlog.note import Note
from registry.core.tlog.proof import TlogProof, verify_proof
from registry.core.trust.log_policy import log_policy
from registry.store import certificates
from registry.store.acts import Act
from registry.store.applications import Application, ApplicationPerson
from registry.store.certificates import CertificateRow, Source, StatusChangeRow
from registry.store.clarifications import ClarificationRow
from registry.store.parties import Organisation
from registry.store.registrations import Registration
from registry.store.serials import NumberCounter
from registry.store.status_indices import StatusIndex
from registry.usecases.fsck.check_adopted import Adopted
from registry.usecases.fsck.survey_rows import Survey, of, read_object, readable

_ACT = (
    Act.digest.label("digest_"),
    Act.to.label("to_"),
    Act.kind.label("kind_"),
    readable(Act.at).label("at_"),
    readable(Act.private).label("private_"),
)


_DONE_BY = {
    Part.APPLICANT: (
        Kind.APPLICATION_DRAFTED,
        Kind.APPLICATION_CHANGED,
        Kind.APPLICATION_SUBMITTED,
        Kind.APPLICATION_WITHDRAWN,
        Kind.APPLICATION_ACCEPTED,
        Kind.APPLICATION_OBJECTED,
    ),
    Part.EXAMINER: (
        Kind.APPLICATION_TAKEN_UP,
        Kind.APPLICATION_SENT_BACK,
        Kind.APPLICATION_REFUSED,
        Kind.APPLICATION_DRAFT_OFFERED,
    ),
}


def check_certificates(survey: Survey, adopted: Adopted) -> None:
    """Check certificates, their changes, and what issuing leaves behind."""
    _certificates(survey, adopted)
    _said_beside(survey, adopted, _CHANGES)
    _said_beside(survey, adopted, _CLARIFICATIONS)
    _applications(survey)
    _parts(survey)
    _numbers(survey)
    _indices(survey)


def _certificates(survey: Survey, adopted: Adopted) -> None:
    """Ask whether columns are what was signed, and what was issued here has its act, and the reverse."""
    query = of(CertificateRow, *_ACT).outerjoin(Act, Act.id == CertificateRow.act).order_by(CertificateRow.id)
    for row, act in survey.rows(CertificateRow, query):
        where = f"certificate {row.id}"
        try:
            envelope = Envelope.parse(row.envelope, Typ.CERTIFICATE)
            certificate = Certificate.parse(envelope.payload)
        except RegistryError as refusal:
            survey.say(where, str(refusal))
            continue
        survey.differ(where, row, certificates.index_columns(envelope, certificate))
        wrong = adopted.signed(envelope)
        if wrong is not None:
            survey.say(where, wrong)
        if row.proof is not None:
            for unproved in _proof(row, row.proof, envelope, certificate, adopted):
                survey.say(where, f"its proof: {unproved}")
        if row.source != Source.ISSUED:
            continue
        said = {
            "certificate": certificate.id,
            "application": row.application,
            "number": certificate.subject.number,
            "signatory": certificate.subject.signatory.id,
        }
        of_it = (Kind.CERTIFICATE_ISSUED, envelope.digest, certificate.subject.presented_in, row.recorded_at, said)
        if (act.kind_, act.digest_, act.to_, act.at_, read_object(act.private_)) != of_it:
            survey.say(where, "it was issued without its act")
        survey.differ(where, row, {"signatory": certificate.subject.signatory.id})
    _lost(survey, Kind.CERTIFICATE_ISSUED, CertificateRow, "it issued a certificate that is not here")


def _proof(
    row: CertificateRow, text: str, envelope: Envelope, certificate: Certificate, adopted: Adopted
) -> Iterator[str]:
    """Check a proof that came from outside, by the agreement of its certificate, as it was when it came or is now."""
    try:
        proof = TlogProof.parse(text)
        note = Note.parse(proof.checkpoint_note)
    except RegistryError as refusal:
        yield str(refusal)
        return
    refused: RegistryError | None = None
    for beliefs in adopted.moments(row.recorded_at):
        node, agreement = (
            beliefs.node(node_did(certificate.node)),
            beliefs.agreements.get(certificate.subject.agreement),
        )
        if node is None or agreement is None:
            continue
        try:
            policy = log_policy(agreement, beliefs.lists, node)
            verify_proof(proof, policy, kind=Kind.CERTIFICATE_ISSUED, digest=envelope.digest)
        except RegistryError as refusal:
            refused = refused or refusal
            continue
        yield from adopted.unsigned_lines(note, [node.row.log.vkey], ours=False)
        return
    yield "no adopted list or agreement vouches for its log" if refused is None else str(refused)


@dataclass(frozen=True, slots=True)
class _Beside:
    """What a body signs beside a certificate: where it is kept, how it is read, its act, and how it is named."""

    table: type[StatusChangeRow] | type[ClarificationRow]
    said: type[StatusChange] | type[Clarification]
    typ: Typ
    kind: Kind
    name: str
    lost: str


_CHANGES = _Beside(
    StatusChangeRow,
    StatusChange,
    Typ.STATUS,
    Kind.CERTIFICATE_STATUS,
    "change of status",
    "it changed a status, and the change is not here",
)
_CLARIFICATIONS = _Beside(
    ClarificationRow,
    Clarification,
    Typ.CLARIFICATION,
    Kind.CERTIFICATE_CLARIFIED,
    "clarification",
    "it clarified a certificate, and that is not here",
)


def _said_beside(survey: Survey, adopted: Adopted, beside: _Beside) -> None:
    """Ask whether columns are what the body signed, of a certificate that is here, and by the act that recorded it."""
    table, about = beside.table, aliased(CertificateRow)
    query = of(table, about.digest.label("about"), about.presented_in, *_ACT).outerjoin(Act, Act.id == table.act)
    query = query.outerjoin(about, about.id == table.certificate).order_by(table.digest)
    for row, found in survey.rows(table, query):
        where = f"{beside.name} {row.digest}"
        try:
            envelope = Envelope.parse(row.envelope, beside.typ)
            said = beside.said.parse(envelope.payload)
        except RegistryError as refusal:
            survey.say(where, str(refusal))
            continue
        survey.differ(where, row, {"digest": envelope.digest, **_columns(said)})
        wrong = adopted.signed(envelope)
        if wrong is not None:
            survey.say(where, wrong)
        if found.about != said.digest:
            survey.say(where, "its certificate is not here, or is another")
        expected = (beside.kind, envelope.digest, found.presented_in, said.recorded_at)
        if row.act is not None and (found.kind_, found.digest_, found.to_, found.at_) != expected:
            survey.say(where, "its act is of another, or is not here")
    _lost(survey, beside.kind, table, beside.lost)


def _columns(said: StatusChange | Clarification) -> dict[str, object]:
    both: dict[str, object] = {"certificate": said.certificate, "recorded_at": said.recorded_at}
    if isinstance(said, Clarification):
        return both
    return {**both, "status": said.status, "effective_from": said.effective_from.day}


_Carried = type[CertificateRow] | type[StatusChangeRow] | type[ClarificationRow]


def _lost(survey: Survey, kind: Kind, table: _Carried, what: str) -> None:
    """Name the acts of a kind whose row is gone."""
    kept = select(table.act).where(table.act == Act.id).exists()
    for act in survey.tx.scalars(select(Act.id).where(Act.kind == kind, ~kept).order_by(Act.id)):
        survey.say(f"act {act}", what)


def _applications(survey: Survey) -> None:
    """Ask whether each issued application has its certificate, signed by who plays that part, and the reverse."""
    part = select(ApplicationPerson.part).where(
        ApplicationPerson.application == CertificateRow.application,
        ApplicationPerson.person == CertificateRow.signatory,
    )
    body = select(Organisation.did).where(Organisation.id == Application.body)
    query = (
        select(
            func.coalesce(Application.id, CertificateRow.application).label("id"),
            Application.state,
            CertificateRow.id.label("certificate"),
            part.scalar_subquery().label("part"),
            Application.organisation == CertificateRow.organisation,
            Application.principal == CertificateRow.principal,
            body.scalar_subquery() == CertificateRow.body,
            Application.changed_at == CertificateRow.recorded_at,
        )
        .outerjoin_from(Application, CertificateRow, CertificateRow.application == Application.id, full=True)
        .where((Application.state == "issued") | CertificateRow.application.is_not(None))
        .order_by("id")
    )
    for row in survey.stream(query):
        where = f"application {row.id}"
        if row.state != "issued" or row.certificate is None:
            survey.say(where, "it is issued without a certificate, or the reverse")
        elif not all(row[4:]):
            survey.say(where, f"its organisation, principal, body or time is not that of {row.certificate}")
        if row.certificate is not None and row.part != "signatory":
            survey.say(where, "who signed does not play that part")


def _parts(survey: Survey) -> None:
    """Ask whether who plays which part in an application is what the acts say: the rule of three different people."""
    said = [(kind, part.value) for part, kinds in _DONE_BY.items() for kind in kinds]
    done = (
        select(Act.subject, Act.person, case(dict(said), value=Act.kind).label("part"))
        .where(Act.kind.in_([kind for kind, _ in said]), Act.person.is_not(None))
        .distinct()
        .subquery()
    )
    same = (ApplicationPerson.application == done.c.subject) & (ApplicationPerson.person == done.c.person)
    by_signing = done.c.part.is_(None) & (ApplicationPerson.part == Part.SIGNATORY)
    query = (
        select(func.coalesce(ApplicationPerson.application, done.c.subject).label("application"))
        .outerjoin_from(done, ApplicationPerson, same, full=True)
        .where(done.c.part.is_distinct_from(ApplicationPerson.part), ~by_signing)
        .distinct()
        .order_by("application")
    )
    for row in survey.stream(query):
        survey.say(f"application {row.application}", "who plays which part is not what the acts on it say")


def _numbers(survey: Survey) -> None:
    """Ask whether each number that was allotted is a certificate's; a restore leaves some unused for ever."""
    restored = survey.tx.scalar(select(Act.id).where(Act.kind == Kind.LOG_RECOVERED).limit(1)) is not None
    ahead = Registration.serial > func.coalesce(NumberCounter.last, 0)  # the counter has not come to it yet
    counted = (
        select(CertificateRow.body, CertificateRow.year, func.count().label("issued"))
        .outerjoin(Registration, Registration.certificate == CertificateRow.id)
        .outerjoin(
            NumberCounter, (NumberCounter.body == CertificateRow.body) & (NumberCounter.year == CertificateRow.year)
        )
        .where(CertificateRow.source != Source.DELIVERED, ahead.is_not(True))
        .group_by(CertificateRow.body, CertificateRow.year)
        .subquery()
    )
    query = select(
        func.coalesce(NumberCounter.body, counted.c.body).label("body"),
        func.coalesce(NumberCounter.year, counted.c.year).label("year"),
        func.coalesce(NumberCounter.last, 0).label("last"),
        func.coalesce(counted.c.issued, 0).label("issued"),
    ).outerjoin_from(
        NumberCounter,
        counted,
        (counted.c.body == NumberCounter.body) & (counted.c.year == NumberCounter.year),
        full=True,
    )
    for row in survey.stream(query.order_by("body", "year")):
        if row.last < row.issued or (row.last > row.issued and not restored):
            survey.say(f"numbers of {row.body} in {row.year}", "a number was allotted and not used, or the reverse")


def _indices(survey: Survey) -> None:
    """Ask whether each drawn index of a status list is a certificate's, and the reverse."""
    own = select(CertificateRow.status_list.label("list"), CertificateRow.status_index.label("index"))
    own = own.where(CertificateRow.source != Source.DELIVERED)
    drawn = select(StatusIndex.list, StatusIndex.index)
    for one, other, what in (
        (own, drawn, "it is a certificate's, and was not drawn"),
        (drawn, own, "it was drawn, and is no certificate's"),
    ):
        for row in survey.stream(select(one.except_(other).subquery()).order_by("list", "index")):
            survey.say(f"status index {row.list}/{row.index}", what)
