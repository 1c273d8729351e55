"""A backup made by a command while the node works, and put back by one: the guard refuses, and there is a way back."""

import random
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.core.tlog.entry import Kind
from registry.store import certificates
from registry.store.backup import BackupFailed, DatabaseNotEmpty, dump, load
from registry.store.database import APP, OWNER
from tests.kit import Corridor, Country, Forge
from tests.processes import environment_of
from tests.two_nodes.test_restored import agrees, mirrored, refuses_everything, size_of, work
from tests.usecases.restored import behind, recovered


@dataclass
class Desk:
    """Where the operator of a country types."""

    forge: Forge
    country: Country
    folder: Path

    @property
    def owner(self) -> str:
        return self.forge.server.url(OWNER, self.country.database)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = environment_of(self.forge, self.country, self.folder)
        return subprocess.run(
            [sys.executable, "-m", "registry.cli.main", *words],
            capture_output=True,
            text=True,
            check=False,
            env=environment | {"REGISTRY_DATABASE_OWNER_URL": self.owner},
            timeout=120,
        )


@pytest.fixture
def desk(forge: Forge, corridor: Corridor, tmp_path: Path) -> Desk:
    return Desk(forge, corridor.by, tmp_path)


def test_the_drill_backup_more_work_restore_refusal_way_back(corridor: Corridor, desk: Desk) -> None:
    by, uz, chance = corridor.by, corridor.uz, random.Random(4)  # noqa: S311  what happens is of no matter
    _ = by.node.guard, uz.node.guard
    file = desk.folder / "by.dump"
    numbers = work(by, uz, chance, 10)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(desk.run, "database", "backup", str(file))
        while not made.done():
            numbers.append(by.issued().number)
    assert made.result().returncode == 0, made.result().stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    numbers += work(by, uz, chance, 30)
    signed = size_of(by)
    assert signed == mirrored(uz, by)

    refused = desk.run("database", "restore", str(file))
    assert (refused.returncode, "database-not-empty" in refused.stderr) == (1, True), refused.stderr
    assert size_of(by) == signed
    by.node.database.close()
    put_back = desk.run("database", "restore", str(file), "--replace")
    assert put_back.returncode == 0, put_back.stderr
    assert size_of(by) < signed

    refuses_everything(by, uz)
    assert "behind" in desk.run("log", "guard").stdout
    stands = desk.run("status")
    assert (stands.returncode, "registry log recover" in stands.stdout) == (1, True), stands.stdout
    done = recovered(by, uz)
    assert (behind(by), done.said["size"]) == ([], signed)
    numbers += work(by, uz, chance, 5)
    assert len(set(numbers)) == len(numbers)
    with by.node.database.read() as tx:
        assert {row.number for each in numbers for row in certificates.by_number(tx, each)} == set(numbers)
    agrees(by, uz)


def test_what_was_put_back_is_guarded_as_before(corridor: Corridor, desk: Desk) -> None:
    by, file = corridor.by, desk.folder / "by.dump"
    by.issued()
    before = by.everything()
    dump(desk.owner, file)
    by.issued()
    with desk.forge.breaking(by) as tx:
        tx.execute(text("CREATE TABLE stray (id int)"))
        tx.execute(text(f"ALTER TABLE stray OWNER TO {OWNER}"))
    by.node.database.close()
    load(desk.owner, file, own=desk.country.node.settings.name, replace=True)
    assert by.everything() == before
    by.node.database.check_safe(production=False)
    with by.node.database.read() as tx:
        assert tx.scalar(text("SELECT to_regclass('stray')")) is None
        assert (
            tx.scalar(text("SELECT has_table_privilege(:app, 'act', 'DELETE, UPDATE, TRUNCATE')"), {"app": APP})
            is False
        )
        assert tx.scalar(text("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'")) > 10
    assert by.issued().number
    assert len(by.acts(Kind.CERTIFICATE_ISSUED)) == 2


@pytest.mark.parametrize("logged", [True, False])
def test_the_backup_of_another_node_is_refused_by_name_and_changes_nothing(
    corridor: Corridor, desk: Desk, forge: Forge, *, logged: bool
) -> None:
    by, uz, file = corridor.by, corridor.uz, desk.folder / "uz.dump"
    if logged:
        uz.sequence()
    dump(forge.server.url(OWNER, uz.database), file)
    before = by.everything()
    by.node.database.close()
    refused = desk.run("database", "restore", str(file), "--replace")
    assert (refused.returncode, "database-of-another" in refused.stderr) == (1, True), refused.stderr
    assert "these rows are of uz.registry.example, and this node is by.registry.example" in refused.stderr
    assert by.everything() == before


@pytest.mark.parametrize("command", ["serve", "worker", "status"])
def test_no_process_works_on_the_database_of_another_node(
    corridor: Corridor, forge: Forge, tmp_path: Path, command: str
) -> None:
    by, uz = corridor.by, corridor.uz
    environment = environment_of(forge, by, tmp_path) | {
        "REGISTRY_DATABASE_URL": forge.server.url(APP, uz.database),
        "REGISTRY_PORT": "18999",
    }
    before = uz.everything()
    done = subprocess.run(
        [sys.executable, "-m", "registry.cli.main", command],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )
    assert (done.returncode, "database-of-another" in done.stderr) == (1, True), done.stderr
    assert uz.everything() == before


def test_a_backup_holds_no_token_and_no_key(corridor: Corridor, desk: Desk, forge: Forge) -> None:
    file = desk.folder / "by.dump"
    dump(desk.owner, file)
    script = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(file)], capture_output=True, check=True, timeout=60
    ).stdout
    assert b"COPY public.act" in script
    assert [who for who, token in corridor.by.tokens.items() if token.encode() in script] == []
    assert b"PRIVATE KEY" not in script
    assert forge.server.passwords[OWNER].encode() not in script


_SCRIPT = (
    "import subprocess, sys\n"
    "from registry.store.postgres import binaries\n"
    "subprocess.run([binaries() / 'pg_restore', '--file=-', sys.argv[1]], check=True)\n"
)


def test_what_is_no_whole_backup_changes_nothing(corridor: Corridor, desk: Desk) -> None:
    by, file, half = corridor.by, desk.folder / "by.dump", desk.folder / "half.dump"
    by.issued()
    dump(desk.owner, file)
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    before = by.everything()
    for broken in (half, desk.folder / "clock"):
        broken.touch()
        with pytest.raises(BackupFailed, match="pg_restore said"):
            load(desk.owner, broken, own=desk.country.node.settings.name, replace=True)
    assert by.everything() == before
    assert sorted(path.name for path in desk.folder.iterdir()) == ["by.dump", "clock", "half.dump"]


def test_a_node_that_works_keeps_its_database(corridor: Corridor, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    by, file = corridor.by, desk.folder / "by.dump"
    dump(desk.owner, file)
    monkeypatch.setattr("registry.store.backup.LOCKS", "-c lock_timeout=100")
    with by.tx() as tx:
        tx.execute(text("SELECT 1 FROM act LIMIT 1"))
        with pytest.raises(BackupFailed, match="lock timeout"):
            load(desk.owner, file, own=desk.country.node.settings.name, replace=True)
    assert by.acts()


def test_a_backup_goes_into_an_empty_database_without_more_words(corridor: Corridor, desk: Desk) -> None:
    by, file = corridor.by, desk.folder / "by.dump"
    dump(desk.owner, file)
    with pytest.raises(DatabaseNotEmpty):
        load(desk.owner, file, own=desk.country.node.settings.name, replace=False)
    before = by.everything()
    by.node.database.close()
    desk.forge.admin(f'DROP DATABASE "{by.database}" WITH (FORCE)', f'CREATE DATABASE "{by.database}" OWNER {OWNER}')
    load(desk.owner, file, own=desk.country.node.settings.name, replace=False)
    assert by.everything() == before


def test_a_backup_that_cannot_be_written_leaves_nothing(desk: Desk) -> None:
    with pytest.raises(BackupFailed, match="No such file"):
        dump(desk.owner, desk.folder / "nowhere" / "by.dump")
    with pytest.raises(BackupFailed, match="pg_dump said") as refused:
        dump(desk.owner.replace(desk.forge.server.passwords[OWNER], "wrong"), desk.folder / "by.dump")
    assert "wrong" not in str(refused.value)
    assert [path.name for path in desk.folder.iterdir()] == []
