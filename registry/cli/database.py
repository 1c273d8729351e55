"""Upgrade the database, check it, and stop the embedded server."""

from pathlib import Path
from typing import Annotated

import typer
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from rich.console import Console
from sqlalchemy import create_engine

from registry.cli.console import Json, new_app, show
from registry.node import owner_url
from registry.settings import Settings
from registry.store.at_work import alone
from registry.store.backup import dump, load
from registry.store.postgres import Server

app = new_app("Upgrade, check, back up, restore and stop the database. Example: registry database upgrade")
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
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it; nobody else can read it.")],
    force: Annotated[bool, typer.Option("--force", help="Over a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write every row, as of one moment, into a file, while the node works. Example: registry database backup by.dump.

    The guard and the keys are not in it: they are kept apart, and a guard is never put back.
    """
    if file.exists() and not force:
        raise typer.BadParameter(f"{file} is there already: name another, or give --force")
    with Console(stderr=True).status("writing the backup"):
        dump(owner_url(Settings.from_environment()), file)
    show({"file": str(file), "bytes": file.stat().st_size}, as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `registry database backup` wrote.", exists=True, dir_okay=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Over what the database holds now.")] = False,
    as_json: Json = False,
) -> None:
    """Put a backup of this node back, whole or not at all; stop the node first; another node's is refused.

    Example: registry database restore by.dump.

    What the node did since is behind its guard: it signs nothing before `registry log recover`.
    """
    settings = Settings.from_environment()
    url = owner_url(settings)
    with alone(url, "database restore"), Console(stderr=True).status("putting the backup back"):
        load(url, file, own=settings.name, replace=replace)
    show({"file": str(file), "version": _version(url)}, as_json=as_json)


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
