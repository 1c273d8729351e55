"""Who is at work on the database: each server and worker shares a lock on it for its life; who rewrites it is alone.

It is a session's advisory lock (PostgreSQL 18, 13.3.5) in the node's own database: seen by every role that connects to
it, untouched by a restore of its rows, and gone with the connection. A pooler that hands connections round loses it.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, text

from registry.core.errors import Conflict, Unavailable
from registry.store.database import DatabaseUnavailable, answering

AT_WORK = 0x7265675F776F726B
"""Key of the advisory lock that whoever works shares."""
_HOLDERS = text(
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND (CAST(classid AS bigint) << 32) + CAST(objid AS bigint) = :key AND objsubid = 1 ORDER BY 1"
)


@dataclass(eq=False)
class NodeWorks(Conflict):
    """Servers or workers are at the database: what is to be restored or recovered stands still."""

    code: ClassVar[str] = "node-works"
    who: list[str] = field(default_factory=lambda: ["the worker of this node"])

    def __str__(self) -> str:
        return f"at work on this database: {', '.join(self.who)}; stop each serve and worker of this node first"


@dataclass(eq=False)
class BeingRewritten(Unavailable):
    """The database is being restored or recovered: nothing else works on it meanwhile."""

    code: ClassVar[str] = "being-rewritten"

    def __str__(self) -> str:
        return "this database is being restored or recovered: start again once that is done"


class AtWork:
    """A share in the lock, on a connection of its own, under a name that whoever is refused can be told."""

    def __init__(self, url: URL | str, process: str) -> None:
        self._engine = _engine(url, process)
        self._connection: Connection | None = None

    def take(self) -> None:
        """Take a share, anew where it was lost. Raises `BeingRewritten`, `DatabaseUnavailable`."""
        self.end()
        with answering():
            self._connection = self._engine.connect()
            if self._connection.scalar(text("SELECT pg_try_advisory_lock_shared(:key)"), {"key": AT_WORK}):
                return
        self.end()
        raise BeingRewritten

    def holds(self) -> bool:
        """Tell whether the connection, and the share with it, is still there."""
        try:
            with answering():
                return self._connection is not None and self._connection.scalar(text("SELECT true")) is True
        except DatabaseUnavailable:
            return False

    def end(self) -> None:
        """Give the share back."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


@contextmanager
def alone(url: URL | str, process: str) -> Iterator[None]:
    """Hold the lock alone, without waiting for it. Raises `NodeWorks` naming who is at work, `DatabaseUnavailable`."""
    with answering():
        connection = _engine(url, process).connect()
    try:
        with answering():
            taken = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": AT_WORK})
            holders = [] if taken else list(connection.scalars(_HOLDERS, {"key": AT_WORK}))
        if not taken:
            raise NodeWorks(holders or ["another process"])
        yield
    finally:
        connection.invalidate()
        connection.close()


def _engine(url: URL | str, process: str) -> Engine:
    name = f"registry {process} (process {os.getpid()} on {socket.gethostname()[:20]})"
    told = {"application_name": name, "connect_timeout": 10}
    return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True, connect_args=told)
