"""A backup made by a command while the node works, and put back by one: the guard refuses, and there is a way back."""

import json
import random
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.core.tlog.entry import Kind
from registry.store import certificates
from registry.store.database import APP, OWNER
from registry.store.postgres import binaries
from tests.backups import Desk
from tests.kit import Corridor, Forge
from tests.processes import environment_of
from tests.two_nodes.test_restored import agrees, mirrored, refuses_everything, size_of, work
from tests.usecases.recovery.restored import behind, recovered


@pytest.fixture
def desk(forge: Forge, corridor: Corridor, tmp_path: Path) -> Desk:
    return Desk(forge, corridor.by, tmp_path)


def test_the_drill_backup_more_work_restore_refusal_way_back(corridor: Corridor, desk: Desk) -> None:
    by, uz, chance = corridor.by, corridor.uz, random.Random(4)  # noqa: S311  what happens is of no matter
    _ = by.node.guard, uz.node.guard
    file = desk.folder / "by.dump"
    numbers = work(by, uz, chance, 10)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(desk.run, "database", "backup", str(file), "--json")
        while not made.done():
            numbers.append(by.issued().number)
            by.sequence()
    assert made.result().returncode == 0, made.result().stderr
    said = json.loads(made.result().stdout)
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
    for line in ("node: did:web:by.registry.example", f"log size: {said['log_size']}", "checksum: agrees"):
        assert line in put_back.stdout.splitlines()
    assert f"taken at: {said['taken_at']}" in put_back.stdout
    assert size_of(by) == said["log_size"] < signed

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
    by = corridor.by
    by.issued()
    before = by.everything()
    file = desk.dumps()
    by.issued()
    with desk.forge.breaking(by) as tx:
        tx.execute(text("CREATE TABLE stray (id int)"))
        tx.execute(text(f"ALTER TABLE stray OWNER TO {OWNER}"))
    by.node.database.close()
    desk.loads(file)
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


def test_a_backup_holds_no_token_and_no_key(corridor: Corridor, desk: Desk) -> None:
    """By hand, too: PostgreSQL reads what follows the first line."""
    first, _, archive = desk.dumps().read_bytes().partition(b"\n")
    command = [str(binaries() / "pg_restore"), "--file=-"]
    script = first + subprocess.run(command, input=archive, capture_output=True, check=True, timeout=60).stdout
    assert b"COPY public.act" in script
    assert [who for who, token in corridor.by.tokens.items() if token.encode() in script] == []
    assert b"PRIVATE KEY" not in script
    assert desk.forge.server.passwords[OWNER].encode() not in script
