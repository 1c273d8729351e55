"""What anyone may read, as signed bytes: the trust list and agreements."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from registry.api.call import NodeDep
from registry.api.limits import StrictRoute
from registry.api.operation import operation
from registry.api.problems import FaceProblem
from registry.store import peers
from registry.usecases.believe_peers import CountryNotTrusted, read_beliefs

router = APIRouter(tags=["public"], route_class=StrictRoute)
CACHED = {"Cache-Control": "public, max-age=5", "X-Content-Type-Options": "nosniff"}
JOINT = "application/jose"
NOTE = "text/plain; charset=utf-8"


@router.get("/trust-list", **operation(None, CountryNotTrusted, gives=[JOINT]))
def read_trust_list(node: NodeDep) -> Response:
    """Give this country's trust list: one JWS of each list key, a line each."""
    with node.database.read() as tx:
        believed = read_beliefs(tx, node.pins).list_of(node.settings.country)
    return Response(believed.text, 200, CACHED, JOINT)


@router.get("/agreements/{id}", **operation(None, "agreement-not-found", gives=[JOINT]))
def read_agreement(id: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], node: NodeDep) -> Response:
    """Give an agreement as both countries signed it."""
    with node.database.read() as tx:
        row = peers.agreement(tx, id)
    if row is None:
        raise FaceProblem("agreement-not-found", "no agreement with this id is in force here")
    return Response(row.text, 200, CACHED, JOINT)
