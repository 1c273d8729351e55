"""The witness: cosign the growth of the peer's log, and show what was cosigned (c2sp.org/tlog-witness)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from registry.api.call import NodeDep
from registry.api.limits import ANY, StrictRoute
from registry.api.operation import operation
from registry.api.public import NOTE
from registry.api.spelled import Hex256
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.note import Note
from registry.core.tlog.witness import LogSignatureMissing, LogUnknown, MalformedGrowth, NotConsistent, StaleOldSize
from registry.store.acts import Actor
from registry.store.guard import GuardBroken, GuardMissing, of_witness
from registry.usecases.recovery.compare_guard import WitnessForgot, check_remembers
from registry.usecases.tlog.extend_log import mark_of
from registry.usecases.tlog.witness_checkpoint import (
    NothingWitnessed,
    WitnessBehind,
    cosign,
    cosigned_note,
    read_growth,
)
from registry.usecases.trust.believe_peers import read_beliefs

router = APIRouter(prefix="/witness", tags=["witness"], route_class=StrictRoute)
SIZE = "text/x.tlog.size"
TEXT = "text/plain"


async def growth_text(request: Request) -> str:
    """Return the request as text; what is no UTF-8 is no request."""
    return (await request.body()).decode("utf-8", errors="replace")


REFUSALS = (MalformedGrowth, LogUnknown, LogSignatureMissing, NotConsistent)
SILENT = (WitnessBehind, WitnessForgot, GuardBroken, GuardMissing)
ADD_CHECKPOINT = operation(None, *REFUSALS, *SILENT, gives=[TEXT], reads=[ANY])
ADD_CHECKPOINT["responses"][409] = {
    "description": "The size that was cosigned last, which the proof must start from.",
    "content": {SIZE: {}},
}


@router.post("/add-checkpoint", **ADD_CHECKPOINT)
def add_checkpoint(node: NodeDep, text: Annotated[str, Depends(growth_text)]) -> Response:
    """Cosign a checkpoint that continues what was cosigned last; the log's signature is the credential.

    What is recorded is committed, and the guard has it, before the answer leaves.
    """
    cosigner = node.keyring.witness
    check_remembers(node.guard.marks(), cosigner.vkey.name)
    try:
        with node.database.begin() as tx:
            logs = read_beliefs(tx, node.pins).foreign_logs(node.settings.country)
            growth, key = read_growth(text, logs)
            what = of_witness(cosigner.vkey.name, growth.checkpoint.origin)
            answer = cosign(
                tx,
                growth,
                key,
                cosigner,
                mark=node.guard.mark(what),
                by=Actor(node.settings.did),
                at=node.now(),
                draw=node.draw,
            )
    except StaleOldSize as stale:
        return Response(f"{stale.size}\n", 409, {"Cache-Control": "no-store"}, SIZE)
    if isinstance(answer, NotConsistent):
        raise answer
    node.guard.advance(what, answer.mark)
    return Response(answer.line, 200, {"Cache-Control": "no-store"}, TEXT)


@router.get("/{origin}/checkpoint", **operation(None, NothingWitnessed, GuardBroken, GuardMissing, gives=[TEXT]))
def read_cosigned(
    origin: Annotated[Hex256, Path(description="SHA-256 of the log's origin, in hex.")],
    node: NodeDep,
) -> Response:
    """Give what was cosigned last of a log, under its line and ours; what the guard has not is not shown."""
    with node.database.read() as tx:
        note = cosigned_note(tx, origin)
    checkpoint = Checkpoint.parse(Note.parse(note).text)
    node.guard.advance(of_witness(node.keyring.witness.vkey.name, checkpoint.origin), mark_of(checkpoint))
    return Response(note, 200, {"Cache-Control": "public, max-age=5"}, NOTE)
