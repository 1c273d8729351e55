"""Nobody restores or recovers a database under a server or worker that is at work on it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from registry.store.at_work import AT_WORK, AtWork, BeingRewritten, NodeWorks, alone
from registry.store.database import APP, OWNER, DatabaseUnavailable
from registry.store.postgres import SUPERUSER
from tests.cli.test_commands import ROOT, refused, run
from tests.kit import Corridor, Country, Forge
from tests.processes import environment_of

SHARED = text(
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = :name) AND objid = :low"
)


@contextmanager
def at_work(name: str, environment: Mapping[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{name}.log").open("wb") as log:
        command = [sys.executable, "-m", "registry.cli.main", name]
        process = subprocess.Popen(command, env=dict(environment), stdout=log, stderr=log, cwd=ROOT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def holders(forge: Forge, country: Country) -> list[int]:
    """Return the sessions that hold a share."""
    engine = create_engine(forge.server.url(SUPERUSER, country.database))
    try:
        with engine.connect() as connection:
            asked = {"name": country.database, "low": AT_WORK & 0xFFFFFFFF}
            return list(connection.scalars(SHARED, asked))
    finally:
        engine.dispose()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(what: Callable[[], bool], seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.fixture
def environment(forge: Forge, corridor: Corridor, tmp_path: Path) -> dict[str, str]:
    _ = corridor.by.node.guard
    told = environment_of(forge, corridor.by, tmp_path)
    owner = forge.server.url(OWNER, corridor.by.database)
    return told | {
        "REGISTRY_DATABASE_OWNER_URL": owner,
        "REGISTRY_PORT": str(free_port()),
        "REGISTRY_TOKEN": corridor.by.tokens["operator"],
    }


@pytest.mark.slow
def test_a_live_node_is_neither_restored_nor_recovered(
    forge: Forge, corridor: Corridor, tmp_path: Path, environment: dict[str, str]
) -> None:
    file = str(tmp_path / "by.dump")
    assert run("database", "backup", file, environment=environment).returncode == 0
    by = corridor.by
    by.draft()
    with at_work("serve", environment, tmp_path) as serve, at_work("worker", environment, tmp_path) as worker:
        wait_for(lambda: len(holders(forge, by)) == 2)
        for words in (("database", "restore", file, "--replace"), ("log", "recover")):
            done = run(*words, environment=environment)
            refused(
                done, "node-works", f"registry serve (process {serve.pid} ", f"registry worker (process {worker.pid} "
            )
        assert len(by.everything()["application"]) == 1
        lost = holders(forge, by)
        forge.admin(*(f"SELECT pg_terminate_backend({pid})" for pid in lost))
        wait_for(lambda: len(set(holders(forge, by)) - set(lost)) == 2)
        assert (serve.poll(), worker.poll()) == (None, None)
    wait_for(lambda: holders(forge, by) == [])
    done = run("database", "restore", file, "--replace", environment=environment)
    assert (done.returncode, by.everything()["application"]) == (0, []), done.stderr
    refused(run("log", "recover", environment=environment), "not-asked")


@pytest.mark.slow
def test_nothing_begins_to_work_on_a_database_that_is_being_restored(
    forge: Forge, corridor: Corridor, tmp_path: Path, environment: dict[str, str]
) -> None:
    url = forge.server.url(OWNER, corridor.by.database)
    with alone(url, "database restore"):
        for name in ("serve", "worker"):
            refused(run(name, environment=environment), "being-rewritten")
    with at_work("worker", environment, tmp_path) as worker:
        wait_for(lambda: len(holders(forge, corridor.by)) == 1)
        while True:  # the connection goes, and whoever restores is there before the worker is again
            forge.admin(*(f"SELECT pg_terminate_backend({pid})" for pid in holders(forge, corridor.by)))
            try:
                with alone(url, "database restore"):
                    assert worker.wait(20) == 1
            except NodeWorks:
                continue
            break
    assert b"being-rewritten" in (tmp_path / "worker.log").read_bytes()


def test_a_share_is_shared_and_whoever_rewrites_is_alone(forge: Forge, corridor: Corridor) -> None:
    url = forge.server.url(APP, corridor.by.database)
    one, other = AtWork(url, "serve"), AtWork(url, "worker")
    one.take()
    other.take()
    with pytest.raises(NodeWorks) as works, alone(forge.server.url(OWNER, corridor.by.database), "database restore"):
        pass
    assert [each.split(" (")[0] for each in works.value.who] == ["registry serve", "registry worker"]
    assert str(os.getpid()) in str(works.value)
    with alone(forge.server.url(OWNER, corridor.uz.database), "database restore"):
        assert one.holds()  # another database of the same server is another node's
    one.end()
    other.end()
    assert not one.holds()
    with alone(url, "log recover"):
        with pytest.raises(BeingRewritten):
            one.take()
        with pytest.raises(NodeWorks, match="registry log recover"), alone(url, "database restore"):
            pass
    one.take()
    one.end()


def test_a_share_that_was_lost_is_known_to_be(forge: Forge, corridor: Corridor) -> None:
    share = AtWork(forge.server.url(APP, corridor.by.database), "serve")
    share.take()
    forge.admin(*(f"SELECT pg_terminate_backend({pid})" for pid in holders(forge, corridor.by)))
    assert not share.holds()
    share.take()
    assert share.holds()
    share.end()
    with pytest.raises(DatabaseUnavailable):
        AtWork("postgresql+psycopg://registry_app:word@127.0.0.1:1/registry", "serve").take()
