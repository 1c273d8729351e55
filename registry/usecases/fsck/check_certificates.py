"""Ask whether certificates, changes of status and the records of issuing are what was signed, logged and delivered.

Nobody signed `organisation` and `principal` of a certificate: they are compared with its application. When a delivered
certificate was recorded is this node's own word.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import aliased

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
from registry.store.certificates import CertificateRow, Source, StatusChangeRow
from registry.store.clarifications import ClarificationRow
from registry.usecases.fsck.check_adopted import Adopted
from registry.usecases.fsck.survey_rows import Survey, of, read_object, readable

_ACT = (
    Act.digest.label("digest_"),
    Act.to.label("to_"),
    Act.kind.label("kind_"),
    readable(Act.at).label("at_"),
    readable(Act.private).label("private_"),
)


def check_certificates(survey: Survey, adopted: Adopted) -> None:
    """Check certificates, and what their bodies said of them later."""
    _certificates(survey, adopted)
    _said_beside(survey, adopted, _CHANGES)
    _said_beside(survey, adopted, _CLARIFICATIONS)


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
