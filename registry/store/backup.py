"""A backup of the database as one file, and the way to put it back: by the programs that PostgreSQL itself has for it.

The file holds every row as of one moment; keys are not in the database, and of tokens only their SHA-256 is. It holds
what certificates say and who is behind them: it is kept as carefully as the database.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from sqlalchemy import create_engine, inspect, make_url

from registry.core.errors import Conflict, Unavailable
from registry.store.ownership import WHOSE, DatabaseOfAnother
from registry.store.postgres import binaries

BEGINNING = "DROP OWNED BY CURRENT_USER"
"""What is put back stands alone: of what the owner has in the database now, nothing stays beside it."""
CHECK_OWN = f"""DO $$ DECLARE node text := {WHOSE}; BEGIN
    IF node <> current_setting('registry.own') THEN RAISE EXCEPTION 'database-of-another %', node; END IF;
END $$"""
"""Asked last, of the rows as they would be: where it raises, nothing was put back."""
OF_ANOTHER = re.compile(r"ERROR: +database-of-another (\S+)")
LOCKS = "-c lock_timeout=10s -c client_min_messages=warning"


@dataclass(eq=False)
class BackupFailed(Unavailable):
    """The backup could not be made, or not be put back; the database is as it was."""

    code: ClassVar[str] = "backup-failed"
    reason: str

    def __str__(self) -> str:
        return f"the database is as it was, and this could not be done: {self.reason}"


@dataclass(eq=False)
class DatabaseNotEmpty(Conflict):
    """A backup would be put over a database that holds something."""

    code: ClassVar[str] = "database-not-empty"

    def __str__(self) -> str:
        return "this database holds something: --replace puts the backup in its place"


def dump(url: str, file: Path) -> None:
    """Write a backup of the database at `url`, as its owner sees it: whole or not at all, readable by us alone.

    Raises `BackupFailed`.
    """
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        try:
            aside.touch(mode=0o600, exist_ok=False)
            _run(url, "pg_dump", "--format=custom", "--no-password", f"--file={aside}")
            with aside.open("rb") as written:
                os.fsync(written.fileno())
            aside.replace(file)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise BackupFailed(str(error)) from None


def load(url: str, file: Path, *, own: str, replace: bool) -> None:
    """Put a backup of the node called `own` into the database at `url`, in one transaction.

    Raises `BackupFailed`, `DatabaseNotEmpty`, `DatabaseOfAnother`.
    """
    if not replace and _tables(url):
        raise DatabaseNotEmpty
    with TemporaryDirectory(prefix="registry-restore-", dir=file.parent) as folder:
        # a file between the two, not a pipe: of a backup that breaks off half-way not one row is taken
        script = Path(folder) / "script.sql"
        _run(None, "pg_restore", "--no-owner", f"--file={script}", str(file))
        whole = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null")
        told = f"SELECT set_config('registry.own', '{own}', true), set_config('search_path', 'public', true)"
        steps = (f"--command={BEGINNING}", f"--file={script}", f"--command={told}", f"--command={CHECK_OWN}")
        try:
            _run(url, "psql", *whole, *steps)
        except BackupFailed as failed:
            if another := OF_ANOTHER.search(failed.reason):
                raise DatabaseOfAnother(another[1], own) from None
            raise


def _tables(url: str) -> bool:
    engine = create_engine(url)
    try:
        return bool(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def _run(url: str | None, program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL; a password goes by its environment, which no list of processes shows."""
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"} | ({} if url is None else _told(url))
    command = [str(binaries() / program), *arguments]
    done = subprocess.run(  # noqa: S603  a program that we ship
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=environment
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise BackupFailed(f"{program} said: {(said or ['nothing'])[0][:300]}")


def _told(url: str) -> dict[str, str]:
    at = make_url(url)
    told = {"host": at.host, "port": at.port, "user": at.username, "database": at.database, "password": at.password}
    named = {f"PG{name.upper()}": str(value) for name, value in {**told, **at.query}.items() if value is not None}
    return {**named, "PGOPTIONS": LOCKS}
