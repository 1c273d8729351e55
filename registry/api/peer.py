"""The peer's channel: signed messages in, signed receipts out, and back to a peer what it lost (formats 10)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from registry.api.call import NodeDep, Reply
from registry.api.issuer import receiver_of
from registry.api.limits import StrictRoute
from registry.api.operation import operation
from registry.core.canonical import NotCanonical
from registry.core.channel.message import (
    FIRST_EPOCH,
    LARGEST_EPOCH,
    EpochNotAgreed,
    EpochOver,
    Message,
    MessageFork,
    MessageFromFuture,
    MessageGap,
    NotAddressedHere,
)
from registry.core.channel.recall import RecallRefused
from registry.core.envelope.jose import Envelope, MalformedEnvelope, Typ
from registry.core.errors import Conflict
from registry.core.record import MalformedRecord
from registry.store import peers
from registry.store.guard import GuardBroken, GuardMissing, Mark, of_received
from registry.usecases.channel.accept_message import SenderUnknown, accept
from registry.usecases.recovery.recall_messages import recall
from registry.usecases.trust.believe_peers import read_beliefs

router = APIRouter(prefix="/peer", tags=["peer"], route_class=StrictRoute)
JWT = "application/jwt"


async def message_text(request: Request) -> str:
    """Return the message as text; what is no text is no message."""
    return (await request.body()).decode("ascii", errors="replace")


REFUSALS = (
    *(SenderUnknown, NotAddressedHere, MessageGap, MessageFork, MalformedEnvelope, NotCanonical, MalformedRecord),
    *(MessageFromFuture, EpochNotAgreed, EpochOver, GuardMissing, GuardBroken),
)


@router.post("/messages", **operation(None, *REFUSALS, gives=[JWT], reads=[JWT]))
def take_message(node: NodeDep, text: Annotated[str, Depends(message_text)]) -> Response:
    """Take a message of the peer, whose signature is the credential; the same message gets the same receipt.

    The guard knows of the message before its receipt leaves: what is acknowledged is never sent again.
    """
    with node.database.begin() as tx:
        peers.hold_adoptions(tx)  # what is judged again after an adoption is all that came before it
        beliefs = read_beliefs(tx, node.pins)
        receipt = accept(tx, text, receiver_of(node), beliefs, at=node.now(), draw=node.draw)
    if isinstance(receipt, Conflict):
        raise receipt
    envelope = Envelope.parse(text, Typ.MESSAGE)
    message = Message.parse(envelope.payload)
    node.guard.advance(of_received(message.from_, message.epoch), Mark(message.seq, envelope.digest))
    return Response(receipt, 200, {"Cache-Control": "no-store"}, JWT)


class RecalledView(BaseModel):
    """A message as it was signed, and the receipt that answered it, where there is one."""

    message: str
    receipt: str | None = None


class RecalledPage(BaseModel):
    """Messages in order; where there is more, it is asked for from the number after the last."""

    messages: list[RecalledView]
    more: bool


def recall_text(request: Request) -> str:
    """Return the signed request that stands in `Authorization: Bearer`; one that is not there is empty."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text if scheme.lower() == "bearer" else ""


RECALL_REFUSALS = (RecallRefused, NotAddressedHere, MalformedEnvelope, NotCanonical, MalformedRecord)


@router.get("/messages", **operation(RecalledPage, *RECALL_REFUSALS))
def recall_messages(
    node: NodeDep,
    text: Annotated[str, Depends(recall_text)],
    of: Annotated[str, Query(max_length=300, description="Whose messages: the DID of who asks, or of this node.")],
    from_: Annotated[int, Query(alias="from", ge=1, lt=2**53, description="The first number that is wanted.")],
    epoch: Annotated[int, Query(ge=1, le=LARGEST_EPOCH, description="Of which epoch of the channel.")] = FIRST_EPOCH,
) -> Response:
    """Give a peer back the messages between the two nodes, in order, a page at a time; only the two may ask.

    `Authorization: Bearer` holds a `recall+jwt` by the node key of who asks, over `{env, issuer, to, of, from, at}`
    and, beyond the first, `epoch`, as they are asked for here, at most five minutes old.
    """
    with node.database.read() as tx:
        beliefs = read_beliefs(tx, node.pins)
        page = recall(tx, text, of, epoch, from_, receiver_of(node), beliefs, at=node.now())
    messages = [RecalledView(message=each.message, receipt=each.receipt) for each in page.messages]
    return Reply.of(RecalledPage(messages=messages, more=page.more)).response()
