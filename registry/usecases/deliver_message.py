"""Make messages from what the log has numbered, in log order, and keep the receipts (formats 10, "Courier")."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.canonical import Json, JsonObject
from registry.core.channel.message import Message, MessageKind, position_after
from registry.core.channel.receipt import Outcome, Receipt, ReceiptNotOurs
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.signature import Signer
from registry.core.tlog.entry import Kind
from registry.core.verification.presentation import Presentation
from registry.store import acts, certificates, channel, log
from registry.store.acts import Act, Actor, Draw
from registry.store.channel import MessageOut
from registry.usecases.believe_peers import Beliefs
from registry.usecases.read_log import prove

CARRIED = {
    Kind.CERTIFICATE_ISSUED: MessageKind.CERTIFICATE_ISSUED,
    Kind.CERTIFICATE_STATUS: MessageKind.CERTIFICATE_STATUS,
}
BATCH = 64


@dataclass(frozen=True, slots=True)
class Sender:
    """The node that sends: its DID, environment and key."""

    did: str
    env: str
    signer: Signer


def make_messages(
    tx: Session, sender: Sender, to: str, country: str, *, at: datetime, draw: Draw, batch: int = BATCH
) -> int:
    """Make numbered, signed messages of the entries that `country` must learn of; return how many."""
    position, last = channel.sent(tx, to)
    entries = log.entries(tx, last, batch, kinds=[kind.value for kind in CARRIED], to=country)
    for index, act in entries:
        message = Message(
            env=sender.env,
            issuer=sender.did,
            id=draw(16).hex(),
            from_=sender.did,
            to=to,
            epoch=position.epoch,
            seq=position.next_seq,
            previous=position.digest,
            issued_at=at,
            kind=CARRIED[Kind(act.kind)],
            body=_body(tx, act),
        )
        envelope = seal(message.encode(), Typ.MESSAGE, sender.signer)
        tx.add(
            MessageOut(
                to=to,
                epoch=message.epoch,
                seq=message.seq,
                id=message.id,
                kind=message.kind,
                digest=envelope.digest,
                log_index=index,
                act=act.id,
                envelope=envelope.text,
                made_at=at,
            )
        )
        position = position_after(envelope, message)
    tx.flush()
    return len(entries)


def keep_receipt(
    tx: Session, sent: MessageOut, text: str, beliefs: Beliefs, *, by: Actor, at: datetime, draw: Draw
) -> Receipt:
    """Keep the peer's receipt; a refusal is an act here too. Raises `ReceiptNotOurs` and what parsing raises."""
    message_envelope = Envelope.parse(sent.envelope, Typ.MESSAGE)
    message = Message.parse(message_envelope.payload)
    envelope = Envelope.parse(text, Typ.RECEIPT)
    receipt = Receipt.parse(envelope.payload)
    peer = beliefs.node(message.to)
    if peer is None or peer.chained.kid(message.to) != envelope.kid or not envelope.is_signed_by(peer.chained.key):
        raise ReceiptNotOurs("it is not signed by the key of the node that the message went to")
    receipt.check_answers(message_envelope, message, envelope.signer)
    kept = channel.keep_receipt(tx, sent, envelope.text, receipt.outcome, at)
    if kept and receipt.outcome is Outcome.REFUSED:
        findings = [f"{finding.check}: {finding.code}" for finding in receipt.findings]
        private: dict[str, Json] = {"message": message.id, "to": message.to, "seq": message.seq, "findings": findings}
        acts.record(tx, Kind.RECEIPT_REFUSED, private, by=by, at=at, draw=draw, subject=message.id)
    return receipt


def _body(tx: Session, act: Act) -> JsonObject:
    if act.kind == Kind.CERTIFICATE_ISSUED:
        row = certificates.by_act(tx, act.id)
        proof = prove(tx, act.id)
        assert row is not None
        assert proof is not None
        return Presentation(row.envelope, proof.encode()).encode()
    change = certificates.change_by_act(tx, act.id)
    assert change is not None
    return {"change": change.envelope}
