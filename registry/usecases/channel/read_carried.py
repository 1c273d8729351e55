"""Read what a message of the channel carries, and of which kind of act it is."""

from dataclasses import dataclass

from registry.core.certificate.clarification import Clarification
from registry.core.certificate.credential import Certificate
from registry.core.certificate.outside import Outside
from registry.core.certificate.status_change import StatusChange
from registry.core.channel.epoch import EpochBegun
from registry.core.channel.message import Message, MessageKind
from registry.core.channel.reconciliation import StatementPart
from registry.core.envelope.jose import Envelope, Typ
from registry.core.tlog.entry import Kind
from registry.core.verification.presentation import Delivery

SAYS = {
    MessageKind.CERTIFICATE_ISSUED: Kind.CERTIFICATE_ISSUED,
    MessageKind.CERTIFICATE_LOGGED: Kind.CERTIFICATE_ISSUED,
    MessageKind.CERTIFICATE_STATUS: Kind.CERTIFICATE_STATUS,
    MessageKind.CERTIFICATE_CLARIFIED: Kind.CERTIFICATE_CLARIFIED,
    MessageKind.RECONCILIATION: Kind.MONTH_STATED,
    MessageKind.EPOCH_BEGUN: Kind.EPOCH_BEGUN,
}
"""Of which kind the act is that a message was made of."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What a message is about: a certificate, the digest of what it carries, its proof, and whether one follows.

    `outside` is the word of the node that sent it, where the body's own system issued the certificate.
    """

    certificate: object
    digest: object
    proof: str | None = None
    pending: bool = False
    outside: Outside | None = None


def read_carried(message: Message) -> Carried:
    """Read what a message carries. Raises what parsing raises."""
    if message.kind is MessageKind.CERTIFICATE_LOGGED:
        return Carried(message.body.get("certificate"), message.body.get("digest"), str(message.body.get("proof")))
    if message.kind is MessageKind.CERTIFICATE_STATUS:
        envelope = Envelope.parse(str(message.body.get("change")), Typ.STATUS)
        return Carried(StatusChange.parse(envelope.payload).certificate, envelope.digest)
    if message.kind is MessageKind.CERTIFICATE_CLARIFIED:
        envelope = Envelope.parse(str(message.body.get("clarification")), Typ.CLARIFICATION)
        return Carried(Clarification.parse(envelope.payload).certificate, envelope.digest)
    if message.kind is MessageKind.RECONCILIATION:
        return Carried(None, StatementPart.parse(message.body).digest)
    if message.kind is MessageKind.EPOCH_BEGUN:
        return Carried(None, EpochBegun.of(message).digest)
    delivery = Delivery.of(message.body)
    envelope, proof = Envelope.parse(delivery.presentation.certificate, Typ.CERTIFICATE), delivery.presentation.proof
    return Carried(Certificate.parse(envelope.payload).id, envelope.digest, proof, proof is None, delivery.outside)
