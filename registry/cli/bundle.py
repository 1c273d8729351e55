"""Write the bundle that customs carries offline."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from registry.cli.console import Json, Token, new_app, opened, show, wanted_token, write_file
from registry.core.identifiers import log_origin
from registry.core.verification.bundle import Bundle
from registry.store.parties import Role
from registry.usecases.party.identify_party import identify
from registry.usecases.recovery.compare_guard import check_caught_up
from registry.usecases.verification import export_bundle

app = new_app("Write the bundle that customs carries offline. Example: registry bundle make customs.bundle")


@app.callback()
def _root() -> None:
    """Hold the command."""


@app.command()
def make(
    out: Annotated[Path, typer.Argument(help="Where to write the bundle.")],
    hours: Annotated[int, typer.Option(min=1, max=72, help="For how many hours its word on status is fresh.")] = 24,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Write lists, agreements, changes of status and what was delivered, signed by the node key."""
    with opened() as node:
        at, settings = node.now(), node.settings
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=settings.did, at=at)
            by.require(Role.OPERATOR, Role.CUSTOMS)
            check_caught_up(tx, node.guard.marks(), log_origin(settings.name))
            envelope = export_bundle.export(
                tx,
                node.pins,
                node.keyring.node,
                did=settings.did,
                env=settings.env,
                country=settings.country,
                by=by.actor,
                at=at,
                draw=node.draw,
                fresh_for=timedelta(hours=hours),
            )
            write_file(out, envelope.text)
    bundle = Bundle.parse(envelope.payload)
    show(
        {
            "bundle": str(out),
            "sequence": bundle.sequence,
            "bytes": len(envelope.text),
            "stale_after": str(bundle.stale_after),
        },
        as_json=as_json,
    )
