"""A backup of the database as one file, and the way to put it back: by the programs that PostgreSQL itself has for it.

The file holds every row as of one moment; keys are not in the database, and of tokens only their SHA-256 is. It holds
what certificates say and who is behind them: it is kept as carefully as the database.
"""

import os
import re
import subprocess
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, ClassVar

from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.orm import Session

from registry.core.errors import Conflict
from registry.store.backup_file import (
    PIECE,
    Backup,
    BackupDamaged,
    BackupDiskFull,
    BackupFailed,
    BackupNewer,
    BackupOfAnother,
    Told,
    opened,
    written,
)
from registry.store.database import Database, DatabaseFull
from registry.store.ownership import SIGNED, WHOSE, DatabaseOfAnother, Own, check_own, check_replaceable
from registry.store.postgres import binaries

BEGINNING = "DROP OWNED BY CURRENT_USER"
"""What is put back stands alone: of what the owner has in the database now, nothing stays beside it."""
CHECK_OWN = f"""DO $$ DECLARE node text := {WHOSE}; signed text := {SIGNED}; BEGIN
    IF node <> current_setting('registry.own') THEN RAISE EXCEPTION 'database-of-another node %', node; END IF;
    IF signed <> current_setting('registry.log') THEN RAISE EXCEPTION 'database-of-another log %', signed; END IF;
END $$"""
"""Asked last, of the rows as they would be: where it raises, nothing was put back."""
OF_ANOTHER = re.compile(r"ERROR: +database-of-another (node|log) (\S+)")
LOCKS = "-c lock_timeout=10s -c client_min_messages=warning"
NO_ROOM = "No space left on device"
_STANDS = "coalesce((SELECT size FROM log_head), 0), (SELECT version_num FROM alembic_version)"


@dataclass(eq=False)
class DatabaseNotEmpty(Conflict):
    """A backup would be put over a database that holds something."""

    code: ClassVar[str] = "database-not-empty"

    def __str__(self) -> str:
        return "this database holds something: --replace puts the backup in its place"


def dump(url: str, file: Path, own: Own, *, at: datetime, release: str, told: Told = int) -> Backup:
    """Write a backup of the database at `url`, as its owner sees it: whole or not at all, readable by us alone.

    What its first line says is of the very moment that its rows show. Raises `BackupFailed`, `BackupDiskFull`,
    `DatabaseOfAnother`, `DatabaseUnavailable`.
    """
    database = Database.open(url)
    try:
        with database.snapshot() as tx:
            backup = _describe(tx, own, at, release)
            moment = tx.scalar(text("SELECT pg_export_snapshot()"))
            with written(file, backup, told) as write:
                _run(url, "pg_dump", "--format=custom", "--no-password", f"--snapshot={moment}", into=write)
    finally:
        database.close()
    return backup


def look(file: Path, *, told: Told = int) -> Backup | None:
    """Tell what a backup is of, once all of it was read; None: an older one, without a checksum, that can be read.

    Raises `NotABackup`, `BackupDamaged`, `BackupFailed`.
    """
    with opened(file, told) as (backup, archive):
        if backup is None:
            _write_script(archive, Path(os.devnull), backup)
    return backup


def load(
    url: str, file: Path, own: Own, *, versions: Collection[str], replace: bool, told: Told = int
) -> Backup | None:
    """Put a backup of this very node into the database at `url`, in one transaction, once all of the file was read.

    `versions`: of the tables that this release knows. Returns what it is of; None for an older one, which does not say
    so and carries no checksum: of it, only its rows are asked whose they are. Raises `NotABackup`, `BackupDamaged`,
    `BackupOfAnother`, `BackupNewer`, `BackupFailed`, `BackupDiskFull`, `DatabaseNotEmpty`, `DatabaseOfAnother`,
    `DatabaseFull`.
    """
    with opened(file, told) as (backup, archive):
        if backup is not None:
            backup.check_own(own)
            if backup.version not in versions:
                raise BackupNewer(backup.version, backup.release)
        _check_place(url, own, replace=replace)
        with TemporaryDirectory(prefix="registry-restore-", dir=file.parent) as folder:
            # a file between the two, not a pipe: of a backup that breaks off half-way not one row is taken
            script = Path(folder) / "script.sql"
            _write_script(archive, script, backup)
            _put_back(url, script, own)
    return backup


def _check_place(url: str, own: Own, *, replace: bool) -> None:
    """Check that no other node's rows would be replaced; raises `DatabaseNotEmpty`, `DatabaseOfAnother`."""
    if not replace and _tables(url):
        raise DatabaseNotEmpty
    database = Database.open(url)
    try:
        check_replaceable(database, own)
    finally:
        database.close()


def _describe(tx: Session, own: Own, at: datetime, release: str) -> Backup:
    if tx.scalar(text("SELECT to_regclass('log_checkpoint')")) is None:
        raise BackupFailed("it holds no tables, so there is nothing to back up")
    check_own(tx, own.name)
    signed, size, version = tx.execute(text(f"SELECT {SIGNED}, {_STANDS}")).one()
    return Backup(own.node, own.country, own.env, at, size, version, release, signed)


def _write_script(archive: Iterable[bytes], script: Path, backup: Backup | None) -> None:
    try:
        _run(None, "pg_restore", "--no-owner", f"--file={script}", given=archive)
    except BackupFailed as failed:
        if backup is None:
            raise BackupDamaged(failed.reason) from None
        raise


def _put_back(url: str, script: Path, own: Own) -> None:
    whole = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null")
    settings = {"registry.own": own.name, "registry.log": own.log or "", "search_path": "public"}
    told = ", ".join(f"set_config('{name}', {_quoted(value)}, true)" for name, value in settings.items())
    steps = (f"--command={BEGINNING}", f"--file={script}", f"--command=SELECT {told}", f"--command={CHECK_OWN}")
    try:
        _run(url, "psql", *whole, *steps)
    except BackupFailed as failed:
        match OF_ANOTHER.search(failed.reason):
            case re.Match() as found if found[1] == "node":
                raise DatabaseOfAnother("node", found[2], own.name) from None
            case re.Match() as found:
                raise BackupOfAnother("log key", found[2], own.log or "unknown") from None
        raise


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _tables(url: str) -> bool:
    engine = create_engine(url)
    try:
        return bool(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def _run(
    url: str | None,
    program: str,
    *arguments: str,
    given: Iterable[bytes] = (),
    into: Callable[[bytes], object] = len,
) -> None:
    """Run a program of PostgreSQL; a password goes by its environment, which no list of processes shows."""
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"} | ({} if url is None else _told(url))
    command = [str(binaries() / program), *arguments]
    with (
        TemporaryFile() as errors,  # not a second pipe, which nobody would empty meanwhile
        subprocess.Popen(  # noqa: S603  a program that we ship
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment
        ) as running,
    ):
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            _feed(running.stdin, given)
            for piece in iter(partial(running.stdout.read, PIECE), b""):
                into(piece)
            running.wait()
        finally:
            running.kill()  # which does nothing once it has ended
            with suppress(BrokenPipeError):
                running.stdin.close()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
    if running.returncode:
        if NO_ROOM in said:
            raise DatabaseFull if program == "psql" else BackupDiskFull
        raise BackupFailed(f"{program} said: {(said.splitlines() or ['nothing'])[0][:300]}")


def _feed(program: IO[bytes], given: Iterable[bytes]) -> None:
    """Give a program all that there is; one that ends before it took all says why, and what is given is drawn whole."""
    for piece in given:
        with suppress(BrokenPipeError):
            program.write(piece)
    with suppress(BrokenPipeError):
        program.close()


def _told(url: str) -> dict[str, str]:
    at = make_url(url)
    told = {"host": at.host, "port": at.port, "user": at.username, "database": at.database, "password": at.password}
    named = {f"PG{name.upper()}": str(value) for name, value in {**told, **at.query}.items() if value is not None}
    return {**named, "PGOPTIONS": LOCKS}
