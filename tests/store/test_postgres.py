"""The embedded server: made once, started and stopped, killed and started again."""

import os
import shutil
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.store import postgres
from registry.store.database import APP, OWNER, Database
from registry.store.postgres import SUPERUSER, EmbeddedServerFailed, Server
from tests.kit import FOLDER

ROOT_ALONE = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL under an account of its own")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    own = FOLDER / str(os.getpid()) / "embedded"
    yield own
    running = Server.running(own)
    if running is not None:
        running.stop()
    shutil.rmtree(own, ignore_errors=True)


def rows(server: Server) -> int:
    database = Database.open(server.url(OWNER, "kept"))
    try:
        with database.begin() as tx:
            tx.execute(text("CREATE TABLE IF NOT EXISTS kept (at timestamptz DEFAULT now())"))
            tx.execute(text("INSERT INTO kept DEFAULT VALUES"))
            return int(tx.scalar(text("SELECT count(*) FROM kept")) or 0)
    finally:
        database.close()


def test_a_server_is_made_once_however_many_start_it_and_outlives_stop_and_kill(folder: Path) -> None:
    assert Server.running(folder) is None
    with ThreadPoolExecutor(3) as pool:
        servers = list(pool.map(Server.start, [folder] * 3))
    server = servers[0]
    assert servers == [server] * 3
    assert Server.running(folder) == server
    for _ in range(2):
        server.ensure_database("kept")
    assert rows(server) == 1
    server.stop()
    server.stop()
    assert Server.running(folder) is None
    assert rows(Server.start(folder)) == 2
    server.kill()
    assert rows(Server.start(folder)) == 3


def test_only_we_read_the_passwords_and_only_this_machine_reaches_the_server(folder: Path) -> None:
    server = Server.start(folder)
    assert stat.S_IMODE((folder / "server.json").stat().st_mode) == 0o600
    assert not (folder / "initdb.password").exists()
    assert not (folder / "server.json.new").exists()
    assert len(set(server.passwords.values())) == len({SUPERUSER, OWNER, APP})
    assert "listen_addresses = '127.0.0.1'" in (folder / "data" / "postgresql.conf").read_text()


def test_a_server_that_cannot_start_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "ORPHANS", 0.0)
    server = Server.start(folder)
    server.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        with pytest.raises(EmbeddedServerFailed, match="the embedded PostgreSQL cannot run: pg_ctl said"):
            Server.start(folder)
    assert Server.start(folder) == server


@ROOT_ALONE
def test_a_folder_that_is_closed_to_the_account_of_the_server_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedServerFailed) as refused:
        Server.start(closed / "postgres")
    named = next(parent for parent in (closed, *closed.parents) if not parent.stat().st_mode & 0o001)
    assert f"{named} is closed to it" in str(refused.value)
    assert not (closed / "postgres" / "server.json").exists()
