"""Take a certificate of the peer, and the proof that follows where its log was not witnessed: judged, then kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy.orm import Session

from registry.core.certificate.claims import Claims
from registry.core.certificate.credential import Certificate
from registry.core.channel.message import Message
from registry.core.channel.receipt import Outcome, ReceiptFinding
from registry.core.envelope.jose import Envelope, Typ
from registry.core.identifiers import CERTIFICATE, HEX_256, node_did
from registry.core.record import decode
from registry.core.verification.evidence import Trusted
from registry.core.verification.presentation import Delivery, Presentation
from registry.core.verification.verdict import Check, Indication
from registry.core.verification.verdict import Outcome as Answer
from registry.core.verification.verify import ON_ARRIVAL, verify
from registry.store import certificates
from registry.store.arrivals import News
from registry.store.certificates import CertificateRow, Source
from registry.usecases.application.read_evidence import read_evidence
from registry.usecases.channel.take_change import Taken, refused
from registry.usecases.trust.believe_peers import Beliefs


@dataclass(frozen=True, slots=True)
class Here:
    """The node that judges: its DID, environment and country."""

    did: str
    env: str
    country: str


@dataclass(frozen=True, slots=True)
class _Logged:
    certificate: Annotated[str, CERTIFICATE]
    digest: Annotated[str, HEX_256]
    proof: str


def take_certificate(
    tx: Session,
    message: Message,
    country: str,
    here: Here,
    beliefs: Beliefs,
    *,
    at: datetime,
    kept: Outcome | None = None,
) -> Taken:
    """Keep a certificate that its signature vouches for; what can never be good is refused.

    `kept`: it was so before a restore, and is again: what newer lists find of it is for verdicts to say. Raises what
    parsing raises.
    """
    delivery = Delivery.of(message.body)
    presentation = delivery.presentation
    trusted = Trusted(here.env, here.country, beliefs.lists, beliefs.agreements, at, adopted=beliefs.adopted)
    verdict = verify(presentation, trusted, read_evidence(tx), at=at, asked=ON_ARRIVAL)
    findings = tuple(
        ReceiptFinding(finding.check, finding.outcome, finding.code)
        for finding in verdict.findings
        if finding.outcome is not Answer.PASSED and finding.code != "not-reached"
    )
    if kept is None and verdict.indication is Indication.TOTAL_FAILED:
        return Taken(Outcome.REFUSED, findings)
    signature = verdict.finding(Check.SIGNATURE)
    if kept is None and (signature is None or signature.outcome is not Answer.PASSED):
        return Taken(Outcome.ACCEPTED_WITH_WARNINGS, findings)
    envelope = Envelope.parse(presentation.certificate, Typ.CERTIFICATE)
    certificate = Certificate.parse(envelope.payload)
    Claims.parse(certificate.subject.claims)
    if certificate.subject.issued_in != country or node_did(certificate.node) != message.from_:
        return refused("agreement", "issued-elsewhere")
    logged = verdict.finding(Check.LOG)
    proved = kept is Outcome.ACCEPTED or (logged is not None and logged.outcome is Answer.PASSED)
    proof = presentation.proof if proved else None
    held, news = certificates.certificate(tx, certificate.id), None
    if held is not None and held.digest != envelope.digest:
        return refused("delivered", "other-digest")
    if held is None:
        news = News(certificate.id)
        tx.add(
            CertificateRow(
                source=Source.DELIVERED,
                recorded_at=at,
                proof=proof,
                registered_on=None if delivery.outside is None else delivery.outside.registered_on,
                due_on=None if delivery.outside is None else delivery.outside.due_on,
                **certificates.index_columns(envelope, certificate),
            )
        )
    elif held.proof is None:
        held.proof = proof
    tx.flush()
    if kept is not None:
        return Taken(kept, (), certificate.id, news)
    return Taken(Outcome.ACCEPTED_WITH_WARNINGS if findings else Outcome.ACCEPTED, findings, certificate.id, news)


def take_proof(
    tx: Session, message: Message, here: Here, beliefs: Beliefs, *, at: datetime, kept: Outcome | None = None
) -> Taken:
    """Keep the proof of a certificate that came without; one that cannot be judged yet is judged again later.

    `kept`: it was before a restore, and is again.
    """
    logged = decode(_Logged, message.body)
    row = certificates.certificate(tx, logged.certificate, lock=True)
    if row is None or row.digest != logged.digest:
        open_ = ReceiptFinding(Check.DELIVERED, Answer.UNKNOWN, "not-delivered")
        return Taken(Outcome.ACCEPTED_WITH_WARNINGS, (open_,), logged.certificate)
    trusted = Trusted(here.env, here.country, beliefs.lists, beliefs.agreements, at, adopted=beliefs.adopted)
    presentation = Presentation(row.envelope, logged.proof)
    finding = verify(presentation, trusted, read_evidence(tx), at=at, asked=ON_ARRIVAL).finding(Check.LOG)
    assert finding is not None
    if kept is None and finding.outcome is Answer.FAILED:
        return refused(finding.check, finding.code)
    if kept is None and finding.outcome is Answer.UNKNOWN:
        open_ = ReceiptFinding(finding.check, finding.outcome, finding.code)
        return Taken(Outcome.ACCEPTED_WITH_WARNINGS, (open_,), row.id)
    if row.proof is None:
        row.proof = logged.proof
    return Taken(Outcome.ACCEPTED, (), row.id)
