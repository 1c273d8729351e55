"""The engine, one transaction at a time, and what every table has in common.

A transaction opens and closes in one function body: `with database.begin() as tx`. What cannot be committed is never
answered as done.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from psycopg.errors import DiskFull
from sqlalchemy import CheckConstraint, DateTime, Engine, LargeBinary, MetaData, Text, create_engine, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session

from registry.core.errors import Unavailable

OWNER, APP = "registry_owner", "registry_app"
"""Who migrates, and who works: the app can neither change nor delete what is append-only."""
READING = "registry reads one moment"
"""How a transaction is marked on the server that is open for long and has recorded nothing, and cannot."""


@dataclass(eq=False)
class DatabaseUnavailable(Unavailable):
    """The database does not answer; nothing was acknowledged."""

    code: ClassVar[str] = "database-unavailable"

    def __str__(self) -> str:
        return "the database does not answer now"


@dataclass(eq=False)
class DatabaseFull(Unavailable):
    """The disk of the database is full: what was asked was not done, and reading goes on."""

    code: ClassVar[str] = "database-full"

    def __str__(self) -> str:
        return "the disk of the database is full: nothing was written. Once there is room, the same request works"


@dataclass(eq=False)
class DatabaseUnsafe(Unavailable):
    """The server could lose what it acknowledged, or the app has rights that make append-only worthless."""

    code: ClassVar[str] = "database-unsafe"
    reason: str

    def __str__(self) -> str:
        return f"this database is not safe to work on: {self.reason}"


class Row(DeclarativeBase):
    """The base of every table; names of constraints follow one convention, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        str: Text(),
        bytes: LargeBinary(),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(Text()),
    }


def one_of(column: str, values: type[Any]) -> CheckConstraint:
    """Return the CHECK that holds a text column to an enum."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class Database:
    """A pool of connections, and the two ways to use one."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str, *, pool: int = 8, patience: timedelta | None = None) -> Self:
        """Open a pool; nothing connects yet. A statement that takes longer than `patience` is given up."""
        options = "-c timezone=UTC"  # times come back in it, whatever the server's own is
        if patience is not None:
            options += f" -c statement_timeout={patience // timedelta(milliseconds=1)}"
        return cls(
            create_engine(
                url,
                pool_size=pool,
                max_overflow=0,
                pool_timeout=10,
                pool_pre_ping=True,
                hide_parameters=True,  # what certificates say is not for logs
                connect_args={"options": options},
            )
        )

    @contextmanager
    def begin(self, *, one_moment: bool = False) -> Iterator[Session]:
        """Open a transaction that commits when the body ends, and rolls back when it raises.

        `one_moment`: all that it reads is as it was at its first statement, however long it takes.
        """
        with answering(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            if one_moment:
                session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that cannot write."""
        with answering(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.execute(text("SET TRANSACTION READ ONLY"))
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Open a transaction that cannot write and sees one moment, however long it takes."""
        with self.read() as session:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            session.execute(text(f"SET LOCAL application_name = '{READING}'"))
            yield session

    def check_safe(self, *, production: bool) -> None:
        """Check that the server keeps what it acknowledges and that we can disarm no table; raises `DatabaseUnsafe`."""
        with self.read() as tx:
            settings = ("fsync", "synchronous_commit", "full_page_writes")
            values = {name: tx.scalar(text("SELECT current_setting(:name)"), {"name": name}) for name in settings}
            superuser = tx.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))
            owner = is_owner(tx)
        weak = [name for name, value in values.items() if value == "off"]
        if production and weak:
            raise DatabaseUnsafe(f"{', '.join(weak)} is off")
        if superuser:
            raise DatabaseUnsafe("the app is connected as a superuser, for whom no table is append-only")
        if owner:
            raise DatabaseUnsafe("the app is connected as the owner of the tables, who can disable what guards them")

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def is_owner(tx: Session) -> bool:
    """Tell whether we are connected as the owner of the tables."""
    asked = text("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('act')")
    return bool(tx.scalar(asked))


@contextmanager
def answering() -> Iterator[None]:
    """Raise `DatabaseUnavailable` for what the driver raises where the database does not answer."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        full = isinstance(error, OperationalError) and isinstance(error.orig, DiskFull)
        raise (DatabaseFull() if full else DatabaseUnavailable()) from error
