"""Give a peer back the messages between us that it lost, each with its receipt (formats 10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.channel.message import Message
from registry.core.channel.recall import Recall, RecallRefused
from registry.core.envelope.jose import Envelope, Typ
from registry.store import channel, epochs
from registry.store.messages import MessageIn, MessageOut
from registry.usecases.channel.take_certificate import Here
from registry.usecases.trust.believe_peers import Beliefs

PAGE = 200
PAGE_CHARACTERS = 1_000_000
"""A page holds at least one message, and no more than fit in this with their receipts."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """A message as it was signed, and the receipt that answered it, where there is one."""

    message: str
    receipt: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Messages in order, and whether more follow."""

    messages: Sequence[Recalled]
    more: bool


def recall(
    tx: Session, text: str, of: str, epoch: int, from_: int, here: Here, beliefs: Beliefs, *, at: datetime
) -> Page:
    """Return a page of the messages of `of` from a number of an epoch on, to the node that signed the request.

    Beyond the end of an epoch of ours these are the ones that it held in place of others: nothing sends them again.

    Raises `RecallRefused`, `NotAddressedHere`, and what parsing raises.
    """
    envelope = Envelope.parse(text, Typ.RECALL)
    request = Recall.parse(envelope.payload)
    node = beliefs.node(request.issuer)
    if node is None or node.chained.kid(node.row.id) != envelope.kid:
        raise RecallRefused(f"no adopted list knows {envelope.kid} as the key of {request.issuer[:100]}")
    if not envelope.is_signed_by(node.chained.key) or not node.chained.valid_at(at):
        raise RecallRefused("its signature does not verify, or the key is past its dates")
    request.check_address(env=here.env, receiver=here.did)
    request.check_allowed(of, epoch, from_, at)
    rows: Sequence[MessageIn] | Sequence[MessageOut]
    if of == request.issuer:
        rows = channel.received_from(tx, of, epoch, from_, PAGE + 1)
        return _cut([Recalled(row.envelope, row.receipt) for row in rows])
    rows = channel.sent_from(tx, request.issuer, epoch, from_, PAGE + 1)
    branch = [each for each in epochs.branch(tx, request.issuer, epoch) if _seq(each) >= from_]
    return _cut([*(Recalled(row.envelope, row.receipt) for row in rows), *(Recalled(each, None) for each in branch)])


def _seq(message: str) -> int:
    return Message.parse(Envelope.parse(message, Typ.MESSAGE).payload).seq


def _cut(found: Sequence[Recalled]) -> Page:
    taken: list[Recalled] = []
    room = PAGE_CHARACTERS
    for each in found[:PAGE]:
        room -= len(each.message) + len(each.receipt or "")
        if taken and room < 0:
            break
        taken.append(each)
    return Page(taken, len(taken) < len(found))
