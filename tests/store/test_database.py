"""One transaction at a time, on a server that keeps what it acknowledges."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from registry.core.tlog.entry import Kind
from registry.store import acts
from registry.store.acts import Actor
from registry.store.database import APP, OWNER, Database, DatabaseUnavailable, DatabaseUnsafe
from tests.kit import AT, Corridor, Forge

WEAK = ("fsync", "full_page_writes")


@pytest.fixture
def durable(forge: Forge) -> Iterator[Forge]:
    """The server of the tests as a server of production must be."""
    forge.admin("ALTER SYSTEM RESET fsync", "SELECT pg_reload_conf()")
    yield forge
    forge.admin("ALTER SYSTEM RESET full_page_writes", "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")


def settled(forge: Forge, name: str, value: str) -> None:
    """Wait until a setting of the server is what it was set to: a reload takes its time."""
    for _ in range(500):
        database = forge.superuser("postgres")
        with database.read() as tx:
            now = tx.scalar(text("SELECT current_setting(:name)"), {"name": name})
        database.close()
        if now == value:
            return
    raise AssertionError(name)


def test_a_server_that_could_lose_what_it_acknowledged_is_refused_in_production(
    durable: Forge, corridor: Corridor
) -> None:
    url = durable.server.url(APP, corridor.by.database)
    settled(durable, "fsync", "on")
    safe = Database.open(url)
    safe.check_safe(production=True)
    safe.close()
    for name in WEAK:
        durable.admin(f"ALTER SYSTEM SET {name} = off", "SELECT pg_reload_conf()")
        settled(durable, name, "off")
        weak = Database.open(url)
        with pytest.raises(DatabaseUnsafe, match=f"{name} is off"):
            weak.check_safe(production=True)
        weak.check_safe(production=False)
        weak.close()
        durable.admin(f"ALTER SYSTEM RESET {name}", "SELECT pg_reload_conf()")
        settled(durable, name, "on")
    for whose in (f'DATABASE "{corridor.by.database}"', f"ROLE {APP}"):
        durable.admin(f"ALTER {whose} SET synchronous_commit = off")
        weak = Database.open(url)
        with pytest.raises(DatabaseUnsafe, match="synchronous_commit is off"):
            weak.check_safe(production=True)
        weak.close()
        durable.admin(f"ALTER {whose} RESET synchronous_commit")


def test_a_superuser_or_the_owner_of_the_tables_is_refused_everywhere(forge: Forge, corridor: Corridor) -> None:
    powerful = forge.superuser(corridor.by.database)
    with pytest.raises(DatabaseUnsafe, match="as a superuser"):
        powerful.check_safe(production=False)
    powerful.close()
    owner = Database.open(forge.server.url(OWNER, corridor.by.database))
    with pytest.raises(DatabaseUnsafe, match="as the owner of the tables"):
        owner.check_safe(production=False)
    owner.close()
    corridor.by.node.database.check_safe(production=False)


def break_off() -> None:
    raise ZeroDivisionError


def test_what_raises_is_rolled_back(corridor: Corridor) -> None:
    by = corridor.by
    with by.refuses(ZeroDivisionError) as refused:
        acts.record(refused.tx, Kind.BUNDLE_MADE, {}, by=Actor(by.did), at=AT, draw=by.node.draw)
        break_off()


def test_a_reading_transaction_cannot_write(corridor: Corridor) -> None:
    by = corridor.by

    def write() -> None:
        with by.node.database.read() as tx:
            acts.record(tx, Kind.BUNDLE_MADE, {}, by=Actor(by.did), at=AT, draw=by.node.draw)

    with pytest.raises(Exception, match="read-only transaction"):
        write()


def test_a_server_that_does_not_answer_is_unavailable(forge: Forge) -> None:
    for url in (
        "postgresql+psycopg://nobody:nothing@127.0.0.1:1/none",
        forge.server.url(APP, "no_such_database"),
    ):
        gone = Database.open(url)
        with pytest.raises(DatabaseUnavailable, match="the database does not answer now"), gone.read() as tx:
            tx.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable), gone.begin() as tx:
            tx.execute(text("SELECT 1"))
        gone.close()


def test_a_statement_that_takes_longer_than_patience_is_given_up(forge: Forge, corridor: Corridor) -> None:
    database = Database.open(forge.server.url(APP, corridor.by.database), patience=timedelta(milliseconds=300))
    with corridor.by.tx() as holds:
        holds.execute(text("SELECT pg_advisory_xact_lock(1)"))
        with pytest.raises(DatabaseUnavailable), database.begin() as tx:
            tx.execute(text("SELECT pg_advisory_xact_lock(1)"))
    with database.begin() as tx:
        tx.execute(text("SELECT pg_advisory_xact_lock(1)"))
    database.close()


def test_a_connection_that_was_cut_or_a_pool_that_is_empty_is_unavailable(forge: Forge, corridor: Corridor) -> None:
    small = Database.open(forge.server.url(APP, corridor.by.database), pool=1)
    small.engine.pool._timeout = 0.05  # type: ignore[attr-defined]  # ten seconds are long in a test

    def cut() -> None:
        with small.begin() as tx:
            pid = tx.scalar(text("SELECT pg_backend_pid()"))
            forge.admin(f"SELECT pg_terminate_backend({pid})")
            tx.execute(text("SELECT 1"))

    def wait() -> None:
        with small.begin() as first, small.begin() as second:
            for tx in (first, second):
                tx.execute(text("SELECT 1"))

    for work in (cut, wait):
        with pytest.raises(DatabaseUnavailable):
            work()
    with small.begin() as tx:
        assert tx.scalar(text("SELECT 1")) == 1
    small.close()


def test_times_come_back_as_utc_whatever_the_server_keeps(forge: Forge, corridor: Corridor) -> None:
    forge.admin(f"ALTER DATABASE \"{corridor.by.database}\" SET timezone = 'Asia/Tashkent'")
    issued = corridor.by.issued()
    with corridor.by.node.database.read() as tx:
        found = tx.get(type(issued), issued.id)
    assert found is not None
    assert (found.recorded_at, found.recorded_at.utcoffset()) == (AT, AT.utcoffset())


def test_a_statement_that_is_wrong_is_our_error_and_not_the_servers(corridor: Corridor) -> None:
    with pytest.raises(ProgrammingError), corridor.by.tx() as tx:
        tx.execute(text("SELECT * FROM no_such_table"))
