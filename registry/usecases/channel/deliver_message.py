"""Make messages from what the log has numbered, in log order, and keep the receipts (formats 10, "Courier")."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.canonical import Json, JsonObject
from registry.core.channel.message import FIRST, FIRST_EPOCH, Message, MessageKind, Position, position_after
from registry.core.channel.receipt import Outcome, Receipt, ReceiptNotOurs
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.errors import Unavailable
from registry.core.signature import Signer
from registry.core.tlog.entry import Kind, Leaf
from registry.core.tlog.proof import TlogProof
from registry.core.verification.presentation import Delivery, Presentation
from registry.core.verification.verdict import Check
from registry.store import (
    acts,
    certificates,
    channel,
    checkpoints,
    clarifications,
    epochs,
    log,
    messages,
    reconciliations,
    tasks,
)
from registry.store.acts import Act, Actor, Draw
from registry.store.epochs import Direction
from registry.store.guard import Mark
from registry.store.messages import MessageOut
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from registry.usecases.tlog.read_log import prove_entry
from registry.usecases.trust.believe_peers import Beliefs

CARRIED = {
    Kind.CERTIFICATE_ISSUED: MessageKind.CERTIFICATE_ISSUED,
    Kind.CERTIFICATE_STATUS: MessageKind.CERTIFICATE_STATUS,
    Kind.CERTIFICATE_CLARIFIED: MessageKind.CERTIFICATE_CLARIFIED,
    Kind.MONTH_STATED: MessageKind.RECONCILIATION,
}
BATCH = 64
GRACE = timedelta(seconds=3)
"""How long a certificate waits for its proof: witnesses answer sooner, and then one message says it all."""


@dataclass(eq=False)
class ChannelBehind(Unavailable):
    """The database knows of fewer messages than were sent: it is a backup. A second message of a number is a fork."""

    code: ClassVar[str] = "channel-behind"
    to: str
    held: int
    sent: int

    def __str__(self) -> str:
        return (
            f"this database holds {self.held} messages to {self.to}, and {self.sent} were sent: it was restored from a "
            "backup, and nothing is sent. Run registry log recover, which asks the peer for them"
        )


@dataclass(frozen=True, slots=True)
class Sender:
    """The node that sends: its DID, environment and key."""

    did: str
    env: str
    signer: Signer


def make_messages(
    tx: Session,
    sender: Sender,
    to: str,
    country: str,
    *,
    mark: Mark | None,
    at: datetime,
    draw: Draw,
    batch: int = BATCH,
) -> int:
    """Make numbered, signed messages of the entries that `country` must learn of, in log order; return how many.

    An epoch begins with the message that says where the one before it ended, once the log has the act of it.

    A certificate whose proof waits for witnesses is sent without after `GRACE`, and `certificate.logged` follows.
    `mark` is what the guard remembers of this direction. Raises `ChannelBehind`.
    """
    position = check_caught_up(tx, to, mark)
    direction = _Direction(tx, sender, to, position, at, draw)
    made = 0
    if position.seq < FIRST and position.epoch > FIRST_EPOCH:
        begun = epochs.newest(tx, Direction.SENT, to)
        assert begun is not None
        index = log.index_of(tx, str(begun.act))
        if index is None:
            return 0
        direction.send(MessageKind.EPOCH_BEGUN, begun.begun.encode(), index, begun.act)
        made += 1
    published = checkpoints.published_size(tx)
    for sent in channel.pending(tx, to, published, batch):
        index = sent.log_index
        assert index is not None
        direction.send(MessageKind.CERTIFICATE_LOGGED, _logged(tx, index), index, sent.act)
        made += 1
    for index, act in islice(unsent(tx, country, to, batch), batch):
        waits = act.kind == Kind.CERTIFICATE_ISSUED and index >= published
        if waits and at < act.at + GRACE:
            break
        direction.send(CARRIED[Kind(act.kind)], _body(tx, act, index, waits=waits), index, act.id, pending=waits)
        made += 1
    return made


def unsent(tx: Session, country: str, to: str | None, batch: int) -> Iterator[tuple[int, Act]]:
    """Give what the log holds for a node and no message carried, in order; a month is stated to one node alone.

    `to` is None where no node of the country is known: then it is all that the log holds for the country.
    """
    last, more = -1 if to is None else channel.last_entry(tx, to), True
    while more:
        found = log.entries(tx, last, batch, kinds=[kind.value for kind in CARRIED], to=country)
        yield from ((index, act) for index, act in found if act.kind != Kind.MONTH_STATED or to in {act.subject, None})
        last, more = found[-1][0] if found else last, len(found) == batch


def check_caught_up(tx: Session, to: str, mark: Mark | None) -> Position:
    """Return where our direction to a node stands, as `mark` of the guard has it too; raises `ChannelBehind`."""
    position = channel.sent(tx, to)
    if mark is not None and (
        position.seq < mark.number
        or (mark.number and channel.sent_digest(tx, to, position.epoch, mark.number) != mark.digest)
    ):
        raise ChannelBehind(to, position.seq, mark.number)
    return position


@dataclass
class _Direction:
    """Our direction to one node, as it grows."""

    tx: Session
    sender: Sender
    to: str
    position: Position
    at: datetime
    draw: Draw

    def send(self, kind: MessageKind, body: JsonObject, index: int, act: str | None, *, pending: bool = False) -> None:
        """Send a message: give it its number, sign it, keep it."""
        message = Message(
            env=self.sender.env,
            issuer=self.sender.did,
            id=self.draw(16).hex(),
            from_=self.sender.did,
            to=self.to,
            epoch=self.position.epoch,
            seq=self.position.next_seq,
            previous=self.position.digest,
            issued_at=self.at,
            kind=kind,
            body=body,
        )
        envelope = seal(message.encode(), Typ.MESSAGE, self.sender.signer)
        messages.keep_sent(self.tx, envelope, message, log_index=index, act=act, pending=pending)
        self.position = position_after(envelope, message)


def keep_receipt(
    tx: Session, sent: MessageOut, text: str, beliefs: Beliefs, *, by: Actor, at: datetime, draw: Draw
) -> Receipt:
    """Keep the peer's receipt; a refusal is an act and a task, too, and what stays open there is a task.

    Raises `ReceiptNotOurs` and what parsing raises.
    """
    message_envelope = Envelope.parse(sent.envelope, Typ.MESSAGE)
    message = Message.parse(message_envelope.payload)
    envelope = Envelope.parse(text, Typ.RECEIPT)
    receipt = Receipt.parse(envelope.payload)
    peer = beliefs.node(message.to)
    if peer is None or peer.chained.kid(message.to) != envelope.kid or not envelope.is_signed_by(peer.chained.key):
        raise ReceiptNotOurs("it is not signed by the key of the node that the message went to")
    receipt.check_answers(message_envelope, message, envelope.signer)
    kept = messages.keep_receipt(tx, sent, envelope.text, receipt.outcome, at)
    if kept and receipt.outcome is Outcome.REFUSED:
        findings = [f"{finding.check}: {finding.code}" for finding in receipt.findings]
        private: dict[str, Json] = {"message": message.id, "to": message.to, "seq": message.seq, "findings": findings}
        acts.record(tx, Kind.RECEIPT_REFUSED, private, by=by, at=at, draw=draw, subject=message.id)
        tasks.open_task(tx, TaskKind.RECEIPT_REFUSED, message.id, private, role=Role.OPERATOR, at=at)
    if kept and any((each.check, each.code) == (Check.STATUS, "revoked-since") for each in receipt.findings):
        told: JsonObject = {"message": message.id, "to": message.to, "seq": message.seq}
        tasks.open_task(tx, TaskKind.SIGNER_REVOKED_UNDATED, message.id, told, role=Role.OPERATOR, at=at)
    return receipt


def _body(tx: Session, act: Act, index: int, *, waits: bool) -> JsonObject:
    if act.kind == Kind.CERTIFICATE_ISSUED:
        row = certificates.by_act(tx, act.id)
        assert row is not None
        shown = Presentation(row.envelope, None if waits else _proof(tx, index).encode())
        return Delivery(shown, row.outside).encode()
    if act.kind == Kind.CERTIFICATE_CLARIFIED:
        clarification = clarifications.by_act(tx, act.id)
        assert clarification is not None
        return {"clarification": clarification.envelope}
    if act.kind == Kind.MONTH_STATED:
        part = reconciliations.by_act(tx, act.id)
        assert part is not None
        return part.body
    change = certificates.change_by_act(tx, act.id)
    assert change is not None
    return {"change": change.envelope}


def _proof(tx: Session, index: int) -> TlogProof:
    proof = prove_entry(tx, index)
    assert proof is not None
    return proof


def _logged(tx: Session, index: int) -> JsonObject:
    """Name the certificate by its leaf, whose act a restore may have lost, and prove it."""
    proof = _proof(tx, index)
    assert proof.extra is not None
    row = certificates.by_digest(tx, str(Leaf.parse(proof.extra).digest))
    assert row is not None
    return {"certificate": row.id, "digest": row.digest, "proof": proof.encode()}
