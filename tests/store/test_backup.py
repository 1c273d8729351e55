"""A backup of the database: of one moment, put back whole and where it belongs, or not at all."""

import random
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.store.backup import DatabaseNotEmpty, _check_place, dump, load
from registry.store.backup_file import (
    BackupDamaged,
    BackupFailed,
    BackupNewer,
    BackupOfAnother,
    NotABackup,
)
from registry.store.database import OWNER, DatabaseUnavailable
from registry.store.ownership import DatabaseOfAnother, Own
from tests.backups import NOWHERE, VERSIONS, Desk
from tests.kit import AT, Corridor, Forge


@pytest.fixture
def desk(forge: Forge, corridor: Corridor, tmp_path: Path) -> Desk:
    return Desk(forge, corridor.by, tmp_path)


def test_the_backup_of_another_node_is_refused_before_the_database_is_asked(
    corridor: Corridor, desk: Desk, forge: Forge
) -> None:
    uz = Desk(forge, corridor.uz, desk.folder)
    file = uz.dumps("uz.dump")
    refused = desk.run("database", "restore", str(file), "--replace")
    assert (refused.returncode, "backup-of-another" in refused.stderr) == (1, True), refused.stderr
    assert "of the node did:web:uz.registry.example, and this node's is did:web:by.registry.example" in refused.stderr
    for own in (desk.own, replace(uz.own, env="production"), replace(uz.own, country="KZ")):
        with pytest.raises(BackupOfAnother):
            load(NOWHERE, file, own, versions=VERSIONS, replace=True)


@pytest.mark.parametrize("logged", [True, False])
def test_an_older_backup_of_another_node_is_refused_by_its_rows_and_changes_nothing(
    corridor: Corridor, desk: Desk, forge: Forge, *, logged: bool
) -> None:
    by, uz = corridor.by, corridor.uz
    if logged:
        uz.sequence()
    file = Desk(forge, uz, desk.folder).dumps_as_before()
    before = by.everything()
    by.node.database.close()
    refused = desk.run("database", "restore", str(file), "--replace")
    assert (refused.returncode, "database-of-another" in refused.stderr) == (1, True), refused.stderr
    assert "these rows are of the node uz.registry.example, and this node's is by.registry.example" in refused.stderr
    with pytest.raises(DatabaseOfAnother):
        desk.loads(file)
    assert by.everything() == before


def test_an_older_backup_signed_by_another_key_is_refused_by_its_rows_in_an_empty_database(
    corridor: Corridor, desk: Desk
) -> None:
    by = corridor.by
    by.sequence()
    older, other = desk.dumps_as_before(), "by.registry.example/log+00000000"
    by.node.database.close()
    desk.forge.admin(f'DROP DATABASE "{by.database}" WITH (FORCE)', f'CREATE DATABASE "{by.database}" OWNER {OWNER}')
    said = f"of the log key {desk.own.log}, and this node's is {other}"
    with pytest.raises(BackupOfAnother, match=re.escape(said)):
        desk.loads(older, own=replace(desk.own, log=other))
    desk.loads(older, replace=False)


def test_a_backup_of_tables_that_this_release_does_not_know_is_left_to_a_newer_one(desk: Desk) -> None:
    file = desk.dumps()
    with pytest.raises(BackupNewer, match=f"tables of version {VERSIONS[0]} .release 0.1.0."):
        load(NOWHERE, file, desk.own, versions=["an older one"], replace=True)


def test_a_database_of_another_node_is_not_backed_up_under_our_name(desk: Desk, corridor: Corridor) -> None:
    with pytest.raises(DatabaseOfAnother):
        dump(desk.owner, desk.folder / "by.dump", replace(desk.own, node=corridor.uz.did), at=AT, release="0.1.0")
    assert [path.name for path in desk.folder.iterdir()] == []


def test_the_rows_of_another_node_are_not_replaced_by_ours(desk: Desk, corridor: Corridor) -> None:
    file, uz = desk.dumps(), corridor.uz
    before = uz.everything()
    there = desk.forge.server.url(OWNER, uz.database)
    with pytest.raises(DatabaseOfAnother, match="rows are of the node uz"):
        load(there, file, desk.own, versions=VERSIONS, replace=True)
    assert uz.everything() == before


@pytest.mark.parametrize(
    ("what", "member", "other"),
    [
        ("log key", "log", "by.registry.example/log+00000000"),
        ("country", "country", "KZ"),
        ("environment", "env", "production"),
    ],
)
def test_the_rows_of_a_node_of_our_name_that_is_another_are_not_replaced_by_ours(
    desk: Desk, what: str, member: str, other: str
) -> None:
    by = desk.country
    by.sequence()
    file, before = desk.dumps_as_before(), by.everything()
    own = replace(desk.own, **{member: other})
    with pytest.raises(
        DatabaseOfAnother, match=f"^these rows are of the {what} .*, and this node's is {re.escape(other)}"
    ):
        desk.loads(file, own=own)
    assert by.everything() == before


@pytest.mark.parametrize(
    "damage",
    [
        "ALTER TABLE log_head RENAME origin TO lost",
        "UPDATE log_checkpoint SET note = ''",
        "DROP TABLE log_checkpoint CASCADE",
        "UPDATE trust_list SET text = 'a.b.c'",
    ],
)
def test_rows_that_cannot_be_read_are_replaced(desk: Desk, damage: str) -> None:
    desk.country.sequence()
    file, before = desk.dumps(), desk.country.everything()
    with desk.forge.breaking(desk.country) as tx:
        tx.execute(text(damage))
    desk.country.node.database.close()
    desk.loads(file)
    assert desk.country.everything() == before


def test_a_database_without_tables_is_not_backed_up(desk: Desk) -> None:
    by = desk.country
    by.node.database.close()
    desk.forge.admin(f'DROP DATABASE "{by.database}" WITH (FORCE)', f'CREATE DATABASE "{by.database}" OWNER {OWNER}')
    with pytest.raises(BackupFailed, match="it holds no tables"):
        desk.dumps()


def test_a_backup_that_is_damaged_anywhere_is_refused_before_the_database_is_asked(desk: Desk) -> None:
    desk.country.issued()
    raw, chance = desk.dumps().read_bytes(), random.Random(50)  # noqa: S311  which places is of no matter
    file = desk.folder / "damaged.dump"
    for at in (chance.randrange(len(raw) * 8) for _ in range(50)):
        flipped = bytearray(raw)
        flipped[at // 8] ^= 1 << at % 8
        file.write_bytes(flipped)
        with pytest.raises((BackupDamaged, NotABackup)):
            load(NOWHERE, file, desk.own, versions=VERSIONS, replace=True)
    for size in (1, 100, 1000, len(raw) // 2, len(raw) - 74, len(raw) - 73, len(raw) - 1):
        file.write_bytes(raw[:size])
        with pytest.raises((BackupDamaged, NotABackup)):
            load(NOWHERE, file, desk.own, versions=VERSIONS, replace=True)


def test_a_backup_that_is_written_over_while_it_is_put_back_changes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    by, older = desk.country, desk.dumps("older.dump")
    by.issued()
    file, before = desk.dumps(), by.everything()
    by.node.database.close()

    def copied_over(url: str, own: Own, *, replace: bool) -> None:
        _check_place(url, own, replace=replace)
        shutil.copyfile(older, file)

    monkeypatch.setattr("registry.store.backup._check_place", copied_over)
    with pytest.raises(BackupDamaged, match="it was changed while it was read"):
        desk.loads(file)
    assert by.everything() == before


def test_a_node_that_works_keeps_its_database(corridor: Corridor, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    by, file = corridor.by, desk.dumps()
    monkeypatch.setattr("registry.store.backup.LOCKS", "-c lock_timeout=100")
    with by.tx() as tx:
        tx.execute(text("SELECT 1 FROM act LIMIT 1"))
        with pytest.raises(BackupFailed, match="lock timeout"):
            desk.loads(file)
    assert by.acts()


def test_a_backup_goes_into_an_empty_database_without_more_words(corridor: Corridor, desk: Desk) -> None:
    by, file = corridor.by, desk.dumps()
    with pytest.raises(DatabaseNotEmpty):
        desk.loads(file, replace=False)
    before = by.everything()
    by.node.database.close()
    desk.forge.admin(f'DROP DATABASE "{by.database}" WITH (FORCE)', f'CREATE DATABASE "{by.database}" OWNER {OWNER}')
    desk.loads(file, replace=False)
    assert by.everything() == before


def test_a_backup_that_cannot_be_written_leaves_nothing(desk: Desk) -> None:
    with pytest.raises(BackupFailed, match=f"the folder {desk.folder}/nowhere is not there; make it, or name another$"):
        desk.dumps(to=desk.folder / "nowhere")
    locked = desk.owner.replace(desk.forge.server.passwords[OWNER], "wrong")
    with pytest.raises(DatabaseUnavailable):
        dump(locked, desk.folder / "by.dump", desk.own, at=AT, release="0.1.0")
    assert [path.name for path in desk.folder.iterdir()] == []
