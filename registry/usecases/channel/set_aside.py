"""Set aside what a peer's node sent and nobody who counts has signed: it holds up no certificate (decision 0041).

A key is in its country's list before it is used (formats 8). So what came by a key is nobody's word once a list is the
newest that was signed after it came, or that the peer names as its newest after it came, and does not know that key.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.canonical import JsonObject
from registry.core.channel.message import Message, MessageKind
from registry.core.channel.receipt import Outcome
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Malformed
from registry.core.trust.freshness import CLOCK_SKEW, Word
from registry.core.trust.whose_word import Whose, whose
from registry.store import open_messages, tasks
from registry.store.messages import MessageIn
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from registry.usecases.channel.take_change import Taken
from registry.usecases.trust.believe_peers import Beliefs

SIGNED = {
    MessageKind.CERTIFICATE_ISSUED: ("certificate", Typ.CERTIFICATE),
    MessageKind.CERTIFICATE_STATUS: ("change", Typ.STATUS),
    MessageKind.CERTIFICATE_CLARIFIED: ("clarification", Typ.CLARIFICATION),
}
"""Kinds of messages that carry what a body signed, where that stands, and of which type it is."""


@dataclass(frozen=True, slots=True)
class Stands:
    """How a message stands beside its receipt: the key that it waits for, and since when it is set aside."""

    waits_for: str | None = None
    set_aside_at: datetime | None = None


def whose_word(message: Message, beliefs: Beliefs) -> tuple[Whose, str | None]:
    """Tell whose word a message carries, by these lists, and by which key; what is no signed text is nobody's.

    What stands around the text may be of a later release than this one, and what it says, too.
    """
    member, typ = SIGNED[message.kind]
    try:
        envelope = Envelope.parse(str(message.body.get(member)), typ)
    except Malformed:
        return Whose.NOBODY, None
    return whose(envelope, message.from_, beliefs.lists.values()), envelope.kid


def stand(message: Message, taken: Taken, beliefs: Beliefs, *, at: datetime) -> Stands:
    """Return how a message stands that was taken so.

    What is a body's word is judged again after every adoption. A change of what is here that was refused counts for
    nothing meanwhile, as it would have been refused on the day when its certificate was here already.
    """
    if taken.outcome is Outcome.ACCEPTED or message.kind not in SIGNED:
        return Stands()
    by_whom, kid = whose_word(message, beliefs)
    if by_whom is Whose.NOBODY:
        return Stands(set_aside_at=at)
    if by_whom is Whose.OPEN:
        return Stands(kid)
    is_void = message.kind is MessageKind.CERTIFICATE_STATUS and taken.certificate is None
    return Stands(kid, at) if is_void else Stands()


def set_aside(tx: Session, beliefs: Beliefs, *, at: datetime) -> int:
    """Set aside what waits for a key that its country's newest list would know; return how many messages that were.

    Each is a task: a node carried for a body what no body signed.
    """
    count = 0
    for believed in beliefs.lists.values():
        for node in believed.nodes.values():
            named = beliefs.words.get(node.row.id, Word()).list_as_of or believed.list.issued_at
            newest = max(named, believed.list.issued_at) - CLOCK_SKEW
            for row in open_messages.set_aside(tx, node.row.id, newest, at):
                _tell(tx, row, at)
                count += 1
    return count


def _tell(tx: Session, row: MessageIn, at: datetime) -> None:
    subject = f"{row.from_} {row.epoch} {row.seq}"
    if not tasks.was_opened(tx, TaskKind.MESSAGE_REFUSED, subject):
        detail: JsonObject = {"from": row.from_, "seq": row.seq, "findings": ["signature: signer-unknown"]}
        tasks.open_task(tx, TaskKind.MESSAGE_REFUSED, subject, detail, role=Role.OPERATOR, at=at)
