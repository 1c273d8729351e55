"""What anyone may read, as signed bytes: the trust list, agreements, and how fresh this node's word is."""

from fastapi import APIRouter, Response

from registry.api.call import NodeDep
from registry.api.limits import StrictRoute
from registry.api.operation import operation
from registry.api.problems import FaceProblem
from registry.api.spelled import Hex256
from registry.store import peers
from registry.usecases.channel.exchange_freshness import NothingStated, read_own
from registry.usecases.trust.believe_peers import CountryNotTrusted, read_beliefs

router = APIRouter(tags=["public"], route_class=StrictRoute)
CACHED = {"Cache-Control": "public, max-age=5", "X-Content-Type-Options": "nosniff"}
JOINT = "application/jose"
JWT = "application/jwt"
NOTE = "text/plain; charset=utf-8"


@router.get("/trust-list", **operation(None, CountryNotTrusted, gives=[JOINT]))
def read_trust_list(node: NodeDep) -> Response:
    """Give this country's trust list: one JWS of each list key, a line each."""
    with node.database.read() as tx:
        believed = read_beliefs(tx, node.pins).list_of(node.settings.country)
    return Response(believed.text, 200, CACHED, JOINT)


@router.get("/freshness", **operation(None, NothingStated, gives=[JWT]))
def read_freshness(node: NodeDep) -> Response:
    """Give what this node signed last of its newest list, agreements, checkpoint and messages, and as of when."""
    with node.database.read() as tx:
        text = read_own(tx, node.settings.did)
    return Response(text, 200, CACHED, JWT)


@router.get("/agreements/{id}", **operation(None, "agreement-not-found", gives=[JOINT]))
def read_agreement(id: Hex256, node: NodeDep) -> Response:
    """Give an agreement as both countries signed it."""
    with node.database.read() as tx:
        row = peers.agreement(tx, id)
    if row is None:
        raise FaceProblem("agreement-not-found", "no agreement with this id is in force here")
    return Response(row.text, 200, CACHED, JOINT)
