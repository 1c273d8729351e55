"""For whoever runs or watches the node: does it live, is it ready, and what is wrong where it is not.

Anyone may read it: it names kinds and counts, never a certificate, a file or a size. `registry status` says more.
"""

import inspect
from datetime import timedelta

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from registry.api.call import NodeDep, Reply
from registry.api.limits import StrictRoute
from registry.api.operation import operation
from registry.core.errors import RegistryError
from registry.core.identifiers import log_origin
from registry.store import checkpoints, log, tasks
from registry.store.tasks import ALARMS
from registry.usecases.node.find_standstill import find_standstill
from registry.usecases.party.count_operators import count_operators
from registry.usecases.recovery.compare_guard import check_caught_up, silent_witness
from registry.usecases.trust.believe_peers import read_beliefs

router = APIRouter(prefix="/health", tags=["health"], route_class=StrictRoute)
LAG = timedelta(seconds=60)
UNWITNESSED = timedelta(minutes=2)


class Health(BaseModel):
    """What is wrong, so that the node cannot work; what must never be, or stands still, while it does; what waits."""

    ready: bool
    wrong: list[str]
    alarms: list[str] = []
    waiting: list[str] = []


@router.get("/live", **operation(Health))
def live() -> Response:
    """Tell that the process answers."""
    return Reply.of(Health(ready=True, wrong=[])).response()


@router.get("/ready", **operation(Health) | {"responses": {200: {"model": Health}, 503: {"model": Health}}})
def ready(node: NodeDep) -> Response:
    """Tell whether the node can do its work, and what is missing where it cannot."""
    wrong: list[str] = []
    alarms: list[str] = []
    waiting: list[str] = []
    try:
        with node.database.read() as tx:
            tx.execute(text("SELECT 1 FROM alembic_version"))
            beliefs = read_beliefs(tx, node.pins)
            own = beliefs.node(node.settings.did)
            oldest = log.oldest_queued(tx)
            check_caught_up(tx, node.guard.marks(), log_origin(node.settings.name))
            unpublished = checkpoints.oldest_unpublished(tx)
            silent = [] if own is None else silent_witness(tx, node.guard.marks(), own.row.witness.name)
            open_ = tasks.count_open(tx)
            at = node.now()
            operators = count_operators(tx, at)
    except RegistryError as refusal:
        wrong.append(f"{refusal.code}: {' '.join((inspect.getdoc(type(refusal)) or '').split())}")
    except ProgrammingError:
        wrong.append("the database has not the tables of this version: run registry database upgrade")
    else:
        if node.settings.country not in beliefs.lists:
            wrong.append("this country's own trust list is not published here")
        wrong.extend(
            f"the trust list of {name} has expired" for name, held in beliefs.lists.items() if held.expired(at)
        )
        if not beliefs.agreements:
            wrong.append("no agreement is in force")
        if oldest is not None and at - oldest > LAG:
            wrong.append(f"the log has not moved since {oldest.isoformat()}: is the worker running?")
        if unpublished is not None and at - unpublished > UNWITNESSED:
            names = ", ".join(sorted(beliefs.witnesses(node.settings.country)))
            waiting.append(f"no quorum has cosigned the log since {unpublished.isoformat()}; its witnesses: {names}")
        for kind, count in open_.items():
            if count:
                (alarms if kind in ALARMS else waiting).append(f"{kind}: {count} open")
        alarms.extend(find_standstill(beliefs, node.settings.country, at, node.keyring.document_kids))
        alarms.extend(operators.alarms())
        if silent:
            alarms.append(
                f"the witness of this node is silent: it may have cosigned more than is here of {', '.join(silent)}"
            )
    health = Health(ready=not wrong, wrong=wrong, alarms=alarms, waiting=waiting)
    return Reply.of(health, status=503 if wrong else 200).response()
