"""Upgrade the database, check it, and stop the embedded server."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from rich.console import Console
from sqlalchemy import create_engine

from registry.cli.console import Json, new_app, show
from registry.core.record import encode
from registry.node import clock, owner_url
from registry.settings import Settings
from registry.signing.key_file import read_verifier
from registry.signing.keyring import LOG
from registry.store.at_work import alone
from registry.store.backup import dump, load, look
from registry.store.backup_file import Backup, Told
from registry.store.ownership import Own
from registry.store.postgres import Server

app = new_app("Upgrade, check, back up, restore and stop the database. Example: registry database upgrade")
ROOT = Path(__file__).resolve().parents[2]
NONE = "none: an older release made it, so damage to it may go unseen, and it does not say when it was taken"


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
    file: Annotated[Path, typer.Argument(help="Where to write it; nobody else can read it.", dir_okay=False)],
    force: Annotated[bool, typer.Option("--force", help="Over a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write every row, as of one moment, into a file, while the node works. Example: registry database backup by.dump.

    The guard and the keys are not in it: they are kept apart, and a guard is never put back.
    """
    if file.exists() and not force:
        raise typer.BadParameter(f"{file} is there already: name another, or give --force")
    settings = Settings.from_environment()
    own = Own(settings.did, settings.country, settings.env)
    with _telling("writing the backup") as told:
        made = dump(owner_url(settings), file, own, at=clock(settings)(), release=version("registry"), told=told)
    show({"file": str(file), "bytes": file.stat().st_size, **encode(made)}, as_json=as_json)


@app.command()
def check_backup(
    file: Annotated[Path, typer.Argument(help="What `registry database backup` wrote.", exists=True, dir_okay=False)],
    as_json: Json = False,
) -> None:
    """Read a backup whole and say what it is of; nothing is put back, and no node and no database is needed.

    Example: registry database check-backup by.dump.
    """
    with _telling("reading the backup") as told:
        found = look(file, told=told)
    show({"file": str(file), **_said(found)}, as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `registry database backup` wrote.", exists=True, dir_okay=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Over what the database holds now.")] = False,
    as_json: Json = False,
) -> None:
    """Put a backup of this node back, whole or not at all; stop the node first.

    Example: registry database restore by.dump.

    A file that is damaged, and a backup of another node, environment, country or key of the log, is refused before
    anything is touched. What the node did since is behind its guard: it signs nothing before `registry log recover`.
    """
    settings = Settings.from_environment()
    key = read_verifier(settings.keys, LOG)
    own = Own(settings.did, settings.country, settings.env, f"{key.name}+{key.id.hex()}")
    url = owner_url(settings)
    versions = [script.revision for script in ScriptDirectory.from_config(migrations()).walk_revisions()]
    with alone(url, "database restore"), _telling("putting the backup back") as told:
        found = load(url, file, own, versions=versions, replace=replace, told=told)
    show({"file": str(file), **_said(found), "version": _version(url)}, as_json=as_json)


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


def _said(backup: Backup | None) -> dict[str, Any]:
    """Return what a person is told of a backup; an older one says of itself nothing."""
    return {"checksum": NONE} if backup is None else {**encode(backup), "checksum": "agrees"}


@contextmanager
def _telling(what: str) -> Iterator[Told]:
    """Show what is done, and how many bytes of the backup that was so far."""
    with Console(stderr=True).status(what) as status:
        yield lambda done: status.update(f"{what}: {done / 1e6:,.0f} MB")


def _version(url: str) -> str | None:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
