"""Take back from the peer the messages between us, and from ours the certificates and changes that they carried.

What left this node under a number, an id and a status index is known again, so that none is ever given twice. What we
sent is believed by our own signatures; what the peer sent is taken by the same path as when it first came.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry.core.channel.epoch import EpochBegun
from registry.core.channel.message import FIRST, Message, MessageFork, MessageKind, Position, position_after
from registry.core.channel.receipt import Receipt
from registry.core.envelope.jose import Envelope, Typ
from registry.store import (
    channel,
    epochs,
    messages,
)
from registry.store.acts import Actor, Draw
from registry.store.epochs import Direction
from registry.usecases.channel.accept_message import Receiver, accept
from registry.usecases.recovery.recall_messages import Recalled
from registry.usecases.recovery.recover_contents import Contents, RecalledNotOurs, TakenMessages
from registry.usecases.trust.believe_peers import Beliefs
from registry.usecases.trust.recall_keys import is_by_node
from registry.usecases.verification import revoked_after_use


@dataclass
class Restoring:
    """One run: whose messages, and what is done on whose behalf."""

    tx: Session
    country: str
    env: str
    did: str
    beliefs: Beliefs
    by: Actor
    at: datetime
    draw: Draw

    def __post_init__(self) -> None:
        self.contents = Contents(self.tx, self.country, self.beliefs, self.by, self.at, self.draw)

    @property
    def taken(self) -> TakenMessages:
        """What came back so far."""
        return self.contents.taken

    def take_sent(self, to: str, recalled: Sequence[Recalled]) -> None:
        """Take back what we sent to a node, from what it acknowledged on; each is signed by us and follows another.

        What stands here already is passed over. What the peer holds beyond the end of an epoch is kept with the epoch
        that began since; where it holds others than ours and none began, two people begin it, which takes them back.
        Raises `RecalledNotOurs`, `NotAddressedHere`, `MessageGap`, `MessageFork`, and what parsing raises.
        """
        position, held, parted = channel.sent(self.tx, to), list[tuple[int, str]](), False
        for each in recalled:
            envelope, message = self.read_sent(to, each.message)
            here = channel.sent_digest(self.tx, to, message.epoch, message.seq)
            if message.kind is MessageKind.EPOCH_BEGUN and message.epoch > position.epoch:
                position = self._begin(message, position, held)
                held, parted = [], False
            held.append((message.seq, each.message))
            parted = parted or here not in {None, envelope.digest}
            if parted or here is not None:
                continue
            message.check_follows(position)
            index, act, pending = self.contents.keep(message)
            receipt = each.receipt
            answer = None if receipt is None else (receipt, Receipt.parse(Envelope.parse(receipt, Typ.RECEIPT).payload))
            messages.keep_sent(self.tx, envelope, message, log_index=index, act=act, pending=pending, receipt=answer)
            position = position_after(envelope, message)
            self.taken.sent += 1

    def take_branch(self, to: str, branch: Sequence[str]) -> Sequence[str]:
        """Take back what messages carried that the peer holds in place of ours; return those that have no place here.

        Such a one carries what clashes with what was done since, as a certificate whose number was given again: it is
        kept with the epoch, and a person has to look at it.
        """
        astray: list[str] = []
        for text in branch:
            envelope, message = self.read_sent(to, text)
            try:
                with self.tx.begin_nested():
                    self.contents.keep(message)
            except (IntegrityError, RecalledNotOurs):
                astray.append(envelope.digest)
        return astray

    def read_sent(self, to: str, text: str) -> tuple[Envelope, Message]:
        """Read a message of ours that came back. Raises `RecalledNotOurs`, `NotAddressedHere`, what parsing raises."""
        envelope = Envelope.parse(text, Typ.MESSAGE)
        message = Message.parse(envelope.payload)
        message.check_address(env=self.env, sender=self.did, receiver=to, kid_did=envelope.signer)
        if not is_by_node(self.tx, envelope, self.did, self.beliefs, message.issued_at):
            raise RecalledNotOurs(message.seq, "its signature is not that of a key of this node")
        return envelope, message

    def take_received(self, recalled: Sequence[Recalled], receiver: Receiver) -> None:
        """Take again what the peer sent, each with the receipt that it was given. Raises what `accept` raises.

        What came back may have been revoked since: people are told as if it had been here.
        """
        for each in recalled:
            answer = accept(
                self.tx,
                each.message,
                receiver,
                self.beliefs,
                at=self.at,
                draw=self.draw,
                given=each.receipt,
                recalled=True,
            )
            if isinstance(answer, MessageFork):
                raise answer
            self.taken.received += 1
        revoked_after_use.tell_operators(self.tx, self.beliefs, at=self.at)

    def _begin(self, message: Message, position: Position, held: Sequence[tuple[int, str]]) -> Position:
        """Keep an epoch that began since the backup, with what the peer held beyond the end of the one before.

        It follows on a message that is here. Raises `RecalledNotOurs`.
        """
        begun = EpochBegun.of(message)
        ended = begun.ended
        if begun.epoch != position.epoch + 1 or (
            ended.seq >= FIRST and channel.sent_digest(self.tx, message.to, ended.epoch, ended.seq) != ended.digest
        ):
            raise RecalledNotOurs(message.seq, "it begins an epoch that does not follow on what is here")
        branch = [text for seq, text in held if seq > ended.seq]
        self.taken.astray += self.take_branch(message.to, branch)
        epochs.keep(self.tx, Direction.SENT, message.to, begun, at=message.issued_at, branch=branch)
        return Position.start(begun.epoch)
