"""The peer's channel: signed messages in, signed receipts out (formats 10)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from registry.api.call import NodeDep
from registry.api.issuer import receiver_of
from registry.api.limits import StrictRoute
from registry.api.operation import operation
from registry.core.channel.message import MessageFork, MessageGap, NotAddressedHere
from registry.core.envelope.jose import MalformedEnvelope
from registry.core.record import MalformedRecord
from registry.usecases.accept_message import SenderUnknown, accept
from registry.usecases.believe_peers import read_beliefs

router = APIRouter(prefix="/peer", tags=["peer"], route_class=StrictRoute)
JWT = "application/jwt"


async def message_text(request: Request) -> str:
    """Return the message as text; what is no text is no message."""
    return (await request.body()).decode("ascii", errors="replace")


REFUSALS = (SenderUnknown, NotAddressedHere, MessageGap, MessageFork, MalformedEnvelope, MalformedRecord)


@router.post("/messages", **operation(None, *REFUSALS, gives=[JWT], reads=[JWT]))
def take_message(node: NodeDep, text: Annotated[str, Depends(message_text)]) -> Response:
    """Take a message of the peer, whose signature is the credential; the same message gets the same receipt."""
    with node.database.begin() as tx:
        beliefs = read_beliefs(tx, node.pins)
        receipt = accept(tx, text, receiver_of(node), beliefs, at=node.now(), draw=node.draw)
    if isinstance(receipt, MessageFork):
        raise receipt
    return Response(receipt, 200, {"Cache-Control": "no-store"}, JWT)
