"""Upgrade the database, check it, and stop the embedded server."""

from pathlib import Path
from typing import Annotated

import typer
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from registry.cli.console import Json, new_app, show
from registry.node import owner_url
from registry.settings import Settings
from registry.store.postgres import Server

app = new_app("Upgrade, check and stop the database. Example: registry database upgrade")
ROOT = Path(__file__).resolve().parents[2]


def migrations(url: str | None = None) -> Config:
    """Return the migrations' configuration, for the owner's `url`."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["url"] = url
    return config


@app.command()
def upgrade(as_json: Json = False) -> None:
    """Bring the database to the newest version; running it again changes nothing."""
    url = owner_url(Settings.from_environment())
    command.upgrade(migrations(url), "head")
    show({"version": _version(url)}, as_json=as_json)


@app.command()
def check(as_json: Json = False) -> None:
    """Tell which version the database is at, and whether it is the newest."""
    version = _version(owner_url(Settings.from_environment()))
    newest = ScriptDirectory.from_config(migrations()).get_current_head()
    show({"version": version or "none", "newest": str(newest)}, as_json=as_json)
    if version != newest:
        raise typer.Exit(1)


@app.command()
def stop(
    var: Annotated[Path, typer.Option(envvar="REGISTRY_VAR", help="Where the embedded server keeps its data.")] = Path(
        "var"
    ),
) -> None:
    """Stop the embedded server, if it runs."""
    server = Server.running(var / "postgres")
    if server is not None:
        server.stop()


def _version(url: str) -> str | None:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
