"""Take a message of the peer: verify before storing, answer with a signed receipt, the same for ever (formats 10)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.canonical import Json, JsonObject
from registry.core.channel.message import EpochNotAgreed, Message, MessageFork, MessageKind
from registry.core.channel.receipt import Outcome, Receipt, ReceiptNotOurs
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.errors import Conflict, Malformed, Refused
from registry.core.signature import Signer
from registry.core.tlog.entry import Kind
from registry.core.trust.believed_list import KnownNode
from registry.core.verification.evidence import Trusted
from registry.core.verification.verdict import Check
from registry.store import acts, arrivals, channel, open_messages, peers, tasks
from registry.store.acts import Actor, Draw
from registry.store.messages import MessageIn
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from registry.usecases.application.read_evidence import read_evidence
from registry.usecases.channel import follow_epoch
from registry.usecases.channel.set_aside import set_aside, stand
from registry.usecases.channel.take_certificate import Here, take_certificate, take_proof
from registry.usecases.channel.take_change import Taken, refused, take_change, take_clarification
from registry.usecases.channel.take_statement import take_statement
from registry.usecases.trust.believe_peers import Beliefs
from registry.usecases.trust.recall_keys import is_by_node
from registry.usecases.verification import revoked_after_use


@dataclass(eq=False)
class SenderUnknown(Refused):
    """No adopted list knows the node, or its key did not sign the message."""

    code: ClassVar[str] = "sender-unknown"
    reason: str

    def __str__(self) -> str:
        return f"the message is not taken: {self.reason}"


@dataclass(eq=False)
class JudgedOtherwise(Conflict):
    """A message that was accepted before a restore carries what cannot be read, or has no place here now."""

    code: ClassVar[str] = "judged-otherwise"
    sender: str
    seq: int
    findings: list[str]

    def __str__(self) -> str:
        return (
            f"message {self.seq} of {self.sender} was accepted before, and what it carries cannot be kept now "
            f"({', '.join(self.findings)})"
        )


@dataclass(frozen=True, slots=True)
class Receiver(Here):
    """The node that receives: it signs receipts, too."""

    signer: Signer


def accept(
    tx: Session,
    text: str,
    receiver: Receiver,
    beliefs: Beliefs,
    *,
    at: datetime,
    draw: Draw,
    given: str | None = None,
    recalled: bool = False,
) -> str | MessageFork | EpochNotAgreed:
    """Take a message and return the receipt; a fork and an epoch not agreed to are returned, not raised: both are kept.

    `given` is the receipt that a message had before a restore: it stays the answer for ever, and what it says was kept
    then is kept again, whatever newer lists say of its signer. Verdicts judge by these. What is `recalled` may be by a
    key that the sender had then.

    Raises `SenderUnknown`, `NotAddressedHere`, `MessageFromFuture`, `MessageGap`, `EpochNotAgreed`, `EpochOver`, for
    one that was given `ReceiptNotOurs` and `JudgedOtherwise`, and what parsing raises; then nothing is kept.
    """
    envelope = Envelope.parse(text, Typ.MESSAGE)
    message = Message.parse(envelope.payload)
    sender = _sender(tx, envelope, message, beliefs, at, recalled=recalled)
    message.check_address(env=receiver.env, sender=sender.row.id, receiver=receiver.did, kid_did=envelope.signer)
    message.check_time(at)
    channel.lock_sender(tx, message.from_)
    actor = Actor(receiver.did)
    before = channel.received_before(tx, message.from_, message.epoch, message.seq)
    if before is not None and before.digest == envelope.digest:
        return _answer_again(before.receipt, receiver.signer)
    before_restore = None if given is None else _read_given(tx, given, envelope, message, beliefs)
    if message.kind is MessageKind.EPOCH_BEGUN and before is None:
        not_agreed = follow_epoch.meet(tx, message, agreed=before_restore is not None, at=at)
        if not_agreed is not None:
            return not_agreed
    fork = _fork(tx, message) if before is None else MessageFork(message.seq)
    if fork is not None:
        subject = f"fork {_place(message)}"
        if not acts.page(tx, after=None, limit=1, kind=Kind.MESSAGE_REFUSED, subject=subject):
            evidence: dict[str, Json] = {"from": message.from_, "seq": message.seq, "fork": envelope.text}
            acts.record(tx, Kind.MESSAGE_REFUSED, evidence, by=actor, at=at, draw=draw, subject=subject)
            told: JsonObject = {"peer": message.from_, "epoch": message.epoch, "seq": message.seq}
            tasks.open_task(tx, TaskKind.CHANNEL_FORK, message.from_, told, role=Role.OPERATOR, at=at)
        return fork
    judged = at if before_restore is None else before_restore.received_at
    kept = None if before_restore is None else _was_kept(message, before_restore)
    taken = _take(tx, message, sender.country, receiver, beliefs, came=judged, at=judged, kept=kept)
    if taken.outcome is Outcome.REFUSED:
        codes = [f"{finding.check}: {finding.code}" for finding in taken.findings]
        private: dict[str, Json] = {"from": message.from_, "seq": message.seq, "findings": codes}
        acts.record(tx, Kind.MESSAGE_REFUSED, private, by=actor, at=at, draw=draw, subject=message.id)
        tasks.open_task(tx, TaskKind.MESSAGE_REFUSED, _place(message), private, role=Role.OPERATOR, at=at)
    _tell_undated(tx, message, taken, at=at)
    receipt = before_restore or Receipt(
        env=receiver.env,
        issuer=receiver.did,
        message=message.id,
        seq=message.seq,
        digest=envelope.digest,
        outcome=taken.outcome,
        received_at=at,
        next_seq=message.seq + 1,
        findings=taken.findings,
    )
    if receipt.outcome is Outcome.ACCEPTED and taken.outcome is not Outcome.ACCEPTED:
        raise JudgedOtherwise(message.from_, message.seq, [f"{each.check}: {each.code}" for each in taken.findings])
    answer = given or seal(receipt.encode(), Typ.RECEIPT, receiver.signer).text
    stands = stand(message, taken, beliefs, at=at)
    tx.add(
        MessageIn(
            from_=message.from_,
            epoch=message.epoch,
            seq=message.seq,
            id=message.id,
            kind=message.kind,
            certificate=taken.certificate,
            digest=envelope.digest,
            envelope=envelope.text,
            receipt=answer,
            outcome=receipt.outcome,
            received_at=receipt.received_at,
            waits_for=stands.waits_for,
            set_aside_at=stands.set_aside_at,
        )
    )
    tx.flush()
    arrivals.number(tx, [(taken.news, judged)] if taken.news else [], at)
    return answer


def judge_again(tx: Session, here: Here, beliefs: Beliefs, *, at: datetime) -> int:
    """Judge again, after an adoption, what was not simply accepted; return how many messages are accepted now.

    What customs found good, and what counted beside it, is looked at as well: where a key is revoked from before,
    customs and operators are told.

    A receipt stays what it was, but a list or an agreement that came late loses no certificate and no annulment. What
    nobody who counts has signed is set aside.
    """
    peers.lock_adoption(tx)
    judged: list[tuple[MessageIn, Taken]] = []
    known = {kid for believed in beliefs.lists.values() for kid in believed.signers}
    for row in open_messages.to_judge(tx, known):
        message = Message.parse(Envelope.parse(row.envelope, Typ.MESSAGE).payload)
        sender = beliefs.node(message.from_)
        if sender is not None:
            each = _take(tx, message, sender.country, here, beliefs, came=row.received_at, at=at)
            _tell_undated(tx, message, each, at=at)
            stands = stand(message, each, beliefs, at=at)
            row.waits_for, row.set_aside_at = stands.waits_for, stands.set_aside_at
            judged.append((row, each))
    settled = [f"{row.from_} {row.epoch} {row.seq}" for row, each in judged if each.outcome is not Outcome.REFUSED]
    tx.flush()
    set_aside(tx, beliefs, at=at)
    tasks.close_tasks(tx, TaskKind.MESSAGE_REFUSED, settled, at=at)
    arrivals.number(tx, [(each.news, row.received_at) for row, each in judged if each.news], at)
    trusted = Trusted(here.env, here.country, beliefs.lists, beliefs.agreements, at)
    revoked_after_use.tell_users(tx, beliefs, trusted, read_evidence, at=at)
    revoked_after_use.tell_operators(tx, beliefs, at=at)
    return sum(each.outcome is Outcome.ACCEPTED for _, each in judged)


def _tell_undated(tx: Session, message: Message, taken: Taken, *, at: datetime) -> None:
    """Open a task, once, where a body's word is open: its key is revoked since, and people find out whose word it was.

    No newer list or proof settles that, and the body cannot say the same again (decision 0031).
    """
    kind, subject = TaskKind.SIGNER_REVOKED_UNDATED, _place(message)
    open_ = any((finding.check, finding.code) == (Check.STATUS, "revoked-since") for finding in taken.findings)
    if open_ and not tasks.was_opened(tx, kind, subject):
        detail: JsonObject = {"from": message.from_, "seq": message.seq, "certificate": taken.certificate}
        tasks.open_task(tx, kind, subject, detail, role=Role.OPERATOR, at=at)


def _place(message: Message) -> str:
    """Return where in the channel a message stands, whatever id its sender drew for it."""
    return f"{message.from_} {message.epoch} {message.seq}"


def _answer_again(receipt: str, signer: Signer) -> str:
    """Return our receipt for a message that comes again: under the key of now, for nobody takes one of before.

    What is kept stays as it was signed.
    """
    kept = Envelope.parse(receipt, Typ.RECEIPT)
    return receipt if kept.kid == signer.kid else seal(kept.payload, Typ.RECEIPT, signer).text


def _read_given(tx: Session, text: str, sent: Envelope, message: Message, beliefs: Beliefs) -> Receipt:
    """Read the receipt that we gave for a message. Raises `ReceiptNotOurs` and what parsing raises."""
    envelope = Envelope.parse(text, Typ.RECEIPT)
    receipt = Receipt.parse(envelope.payload)
    receipt.check_answers(sent, message, envelope.signer)
    if not is_by_node(tx, envelope, message.to, beliefs, receipt.received_at):
        raise ReceiptNotOurs("it is not signed by a key of this node")
    return receipt


def _was_kept(message: Message, given: Receipt) -> Outcome | None:
    """Return how what a message carried was kept when it came, as our own receipt for it says; None where it was not.

    Of a certificate whose signature verified then, other questions may have been open.
    """
    if given.outcome is Outcome.ACCEPTED:
        return given.outcome
    open_ = {str(finding.check) for finding in given.findings}
    vouched = message.kind is MessageKind.CERTIFICATE_ISSUED and str(Check.SIGNATURE) not in open_
    return given.outcome if vouched and given.outcome is not Outcome.REFUSED else None


def _fork(tx: Session, message: Message) -> MessageFork | None:
    """Return a fork where the message does not continue what came before it; raises `MessageGap`."""
    try:
        message.check_follows(channel.received(tx, message.from_))
    except MessageFork as fork:
        return fork
    return None


def _sender(
    tx: Session, envelope: Envelope, message: Message, beliefs: Beliefs, at: datetime, *, recalled: bool
) -> KnownNode:
    node = beliefs.node(message.from_)
    if node is not None and recalled and is_by_node(tx, envelope, message.from_, beliefs, message.issued_at):
        return node
    if node is None or node.chained.kid(node.row.id) != envelope.kid:
        raise SenderUnknown(f"no adopted list knows {envelope.kid} as the key of {message.from_[:100]}")
    if not envelope.is_signed_by(node.chained.key) or not node.chained.valid_at(at):
        raise SenderUnknown("its signature does not verify, or the key is past its dates")
    return node


def _take(
    tx: Session,
    message: Message,
    country: str,
    here: Here,
    beliefs: Beliefs,
    *,
    came: datetime,
    at: datetime,
    kept: Outcome | None = None,
) -> Taken:
    try:
        if message.kind is MessageKind.CERTIFICATE_ISSUED:
            return take_certificate(tx, message, country, here, beliefs, at=at, kept=kept)
        if message.kind is MessageKind.CERTIFICATE_LOGGED:
            return take_proof(tx, message, here, beliefs, at=at, kept=kept)
        if message.kind is MessageKind.CERTIFICATE_CLARIFIED:
            return take_clarification(tx, message, here.env, beliefs, came=came, kept=kept)
        if message.kind is MessageKind.RECONCILIATION:
            return take_statement(tx, message, at=at)
        if message.kind is MessageKind.EPOCH_BEGUN:
            return Taken(Outcome.ACCEPTED)
        return take_change(tx, message, here.env, beliefs, came=came, at=at, kept=kept)
    except Malformed as refusal:
        return refused("format", refusal.code)
