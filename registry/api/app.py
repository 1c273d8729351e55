"""The application: every resource, behind the limits, with problems for answers."""

from fastapi import FastAPI
from fastapi.routing import APIRoute

from registry.api import (
    acts,
    annulments,
    applications,
    certificates,
    changes,
    clarifications,
    health,
    log,
    metrics,
    peer,
    problems,
    products,
    public,
    reconciliations,
    registrations,
    tasks,
    verifications,
    witness,
)
from registry.api.limits import Limits
from registry.api.metrics import Meter
from registry.api.request_log import RequestLog
from registry.node import Node

TITLE = "Registry of mutual electronic certification"


def create_app(node: Node | None) -> FastAPI:
    """Return the JSON and protocol face of a node; without a node it can only be documented."""
    app = FastAPI(
        title=TITLE,
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.node, app.state.meter = node, Meter()
    problems.install(app)
    app.add_middleware(Limits)
    app.add_middleware(RequestLog, meter=app.state.meter)
    protocols, operator = (peer, log, witness, public), (health, metrics)
    certified = (certificates, annulments, clarifications, registrations)
    kept = (changes, acts, tasks, reconciliations)
    for resource in (products, applications, *certified, verifications, *kept, *protocols, *operator):
        app.include_router(resource.router)
    return app


def _operation(route: APIRoute) -> str:
    return route.name
