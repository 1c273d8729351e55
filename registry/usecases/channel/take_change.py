"""Take what a body of the peer says beside a certificate that it delivered: a change of its status, a clarification."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.certificate import lifecycle
from registry.core.certificate.clarification import Clarification, check_mends
from registry.core.certificate.status_change import Status, StatusChange
from registry.core.channel.message import Message
from registry.core.channel.receipt import Outcome, ReceiptFinding
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Conflict, Unprocessable
from registry.core.identifiers import Digest
from registry.core.record import decode
from registry.core.scheme.catalogue import knows_suspension
from registry.core.tlog.entry import Kind
from registry.core.trust.whose_word import Whose, whose
from registry.core.verification.beside import believe_change, believe_clarification
from registry.core.verification.evidence import Trusted, earliest
from registry.core.verification.verdict import Check
from registry.core.verification.verdict import Outcome as Answer
from registry.store import certificate_locks, certificates, clarifications
from registry.store.arrivals import News
from registry.store.certificates import CertificateRow, Source
from registry.store.said import logged
from registry.usecases.certificate.change_status import keep_change
from registry.usecases.certificate.clarify_certificate import keep_clarification
from registry.usecases.trust.believe_peers import Beliefs
from registry.usecases.trust.sign_for_body import read
from registry.usecases.verification.annulled_after_use import tell_users


@dataclass(frozen=True, slots=True)
class Taken:
    """How a message was taken: what its receipt says, and what arrived with it."""

    outcome: Outcome
    findings: tuple[ReceiptFinding, ...] = ()
    certificate: str | None = None
    news: News | None = None


@dataclass(frozen=True, slots=True)
class _Change:
    change: str


@dataclass(frozen=True, slots=True)
class _Clarification:
    clarification: str


def refused(check: str, code: str) -> Taken:
    """Return a refusal, whose evidence the message itself is."""
    return Taken(Outcome.REFUSED, (ReceiptFinding(check, Answer.FAILED, code),))


def change_of(message: Message) -> Envelope:
    """Return the signed change of status that a message carries. Raises what parsing raises."""
    return Envelope.parse(decode(_Change, message.body).change, Typ.STATUS)


def clarification_of(message: Message) -> Envelope:
    """Return the signed clarification that a message carries. Raises what parsing raises."""
    return Envelope.parse(decode(_Clarification, message.body).clarification, Typ.CLARIFICATION)


def take_change(
    tx: Session,
    message: Message,
    env: str,
    beliefs: Beliefs,
    *,
    came: datetime,
    at: datetime,
    kept: Outcome | None = None,
) -> Taken:
    """Keep a change that the table of moves has; what it has not is refused, whoever signed it.

    `came` is when the message did, which may have waited since to be judged. `kept`: it was believed before a restore.
    """
    envelope = change_of(message)
    change = StatusChange.parse(envelope.payload)
    certificate_locks.lock_for_change(tx, [change.certificate])
    row = _delivered(tx, change.certificate)
    if row is None:
        return _early(message, envelope, change, beliefs)
    certificate = read(row)
    seen = _seen(tx, envelope, Kind.CERTIFICATE_STATUS, came)
    judged = envelope.text, certificate, Digest(row.digest), _trusted(env, beliefs)
    if kept is None and believe_change(*judged, seen) is None:
        undated = believe_change(*judged, {envelope.digest: change.recorded_at}) is not None
        return _unbelieved(message, envelope, row, beliefs, "change-not-believed", undated=undated)
    held = certificates.changes(tx, row.id)
    if any(known.digest == envelope.digest for known in held):
        return Taken(Outcome.ACCEPTED, (), row.id)
    standing = lifecycle.standing_after(Status(known.status) for known in held)
    try:
        lifecycle.advance(standing, change.status, pauses=knows_suspension(row.scheme))
    except (Conflict, Unprocessable) as refusal:
        return refused("status", refusal.code)
    keep_change(tx, envelope, change, None)
    tell_users(tx, row, change, at=at)
    return Taken(Outcome.ACCEPTED, (), row.id, News(row.id, envelope.digest))


def take_clarification(
    tx: Session, message: Message, env: str, beliefs: Beliefs, *, came: datetime, kept: Outcome | None = None
) -> Taken:
    """Keep a clarification that mends a typo of what was signed; what is no typo is refused, whoever signed it."""
    envelope = clarification_of(message)
    said = Clarification.parse(envelope.payload)
    row = _delivered(tx, said.certificate)
    if row is None:
        return refused("delivered", "not-delivered")
    certificate = read(row)
    try:
        check_mends(certificate.subject.claims, said.box, said.old, said.new)
    except (Conflict, Unprocessable) as refusal:
        return refused("format", refusal.code)
    seen = _seen(tx, envelope, Kind.CERTIFICATE_CLARIFIED, came)
    judged = envelope.text, certificate, Digest(row.digest), _trusted(env, beliefs)
    if kept is None and believe_clarification(*judged, seen) is None:
        undated = believe_clarification(*judged, {envelope.digest: said.recorded_at}) is not None
        return _unbelieved(message, envelope, row, beliefs, "clarification-not-believed", undated=undated)
    if clarifications.by_digest(tx, envelope.digest) is not None:
        return Taken(Outcome.ACCEPTED, (), row.id)
    keep_clarification(tx, envelope, said, None)
    return Taken(Outcome.ACCEPTED, (), row.id, News(row.id, clarification=envelope.digest))


def _delivered(tx: Session, id: str) -> CertificateRow | None:
    """Return a certificate that was delivered here, locked."""
    row = certificates.certificate(tx, id, lock=True)
    return row if row is not None and row.source == Source.DELIVERED else None


def _early(message: Message, envelope: Envelope, change: StatusChange, beliefs: Beliefs) -> Taken:
    """Refuse a change of what is not here, and keep which certificate it is about if its body may have signed it.

    A list that comes late may bring the certificate: the change counts for it then, believed or open. What is signed by
    no key of that body never does: a stolen node key would hold up what is yet to be issued.
    """
    if not _is_of_body(message, envelope, change.certificate):
        return refused("delivered", "not-delivered")
    if whose(envelope, message.from_, beliefs.lists.values()) is Whose.NOBODY:
        return refused("status", "change-not-believed")
    return replace(refused("delivered", "not-delivered"), certificate=change.certificate)


def _is_of_body(message: Message, envelope: Envelope, certificate: str) -> bool:
    """Tell whether a key signed that says to be of the body whose certificate this is, of the node that sent it."""
    node, _, code = envelope.signer.partition(":bodies:")
    return node == message.from_ and certificate.startswith(
        f"https://{node.removeprefix('did:web:')}/certificates/{code}/"
    )


def _seen(tx: Session, envelope: Envelope, kind: Kind, came: datetime) -> Mapping[str, datetime]:
    return earliest((envelope.digest, at) for at in (came, logged(tx, envelope.digest, kind)))


def _trusted(env: str, beliefs: Beliefs) -> Trusted:
    return Trusted(env, None, beliefs.lists, beliefs.agreements, None)


def _unbelieved(
    message: Message, envelope: Envelope, row: CertificateRow, beliefs: Beliefs, code: str, *, undated: bool
) -> Taken:
    """Refuse what the body did not sign; a signer of a list that is yet to come is judged again then.

    What a revoked key signed, and nobody is known to have seen before, is open: its body may have meant it.
    """
    if undated:
        open_ = ReceiptFinding(Check.STATUS, Answer.UNKNOWN, "revoked-since")
        return Taken(Outcome.ACCEPTED_WITH_WARNINGS, (open_,), row.id)
    by_whom = whose(envelope, message.from_, beliefs.lists.values())
    if by_whom is Whose.OPEN and _is_of_body(message, envelope, row.id):
        open_ = ReceiptFinding(Check.STATUS, Answer.UNKNOWN, "signer-unknown")
        return Taken(Outcome.ACCEPTED_WITH_WARNINGS, (open_,), row.id)
    return refused("status", code)
