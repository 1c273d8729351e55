"""What an operator is told of a backup: that it is right, and why it is not."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.core.tlog.note import KeyType
from registry.signing.key_file import NoteSigner
from registry.signing.keyring import LOG
from registry.store.backup_file import (
    BackupDamaged,
)
from tests.backups import VERSIONS, Desk, mounted
from tests.cli.test_commands import refused
from tests.kit import SECRET, Corridor, Forge
from tests.two_nodes.test_restored import size_of

DAMAGED = (
    "this backup is not as it was written, and nothing was put back: its end is missing, or something follows it. "
    "Copy it anew from where it was kept, or take an older one\n"
)
OTHER = "this file is no backup that this release reads, and nothing was put back: "


@pytest.fixture
def desk(forge: Forge, corridor: Corridor, tmp_path: Path) -> Desk:
    return Desk(forge, corridor.by, tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "1m") as folder:
        yield folder


def test_the_backup_of_a_node_of_this_name_that_was_born_anew_is_refused(corridor: Corridor, desk: Desk) -> None:
    by = corridor.by
    by.sequence()
    file, older = desk.dumps(), desk.dumps_as_before()
    anew = desk.folder / "keys"
    shutil.copytree(by.node.settings.keys, anew, ignore=shutil.ignore_patterns("log.*"))
    key = NoteSigner.make(anew, LOG, "by.registry.example/log", KeyType.ED25519, SECRET).vkey
    before = by.everything()
    by.node.database.close()
    both = f"of the log key {desk.own.log}, and this node's is {key.name}+{key.id.hex()}: "
    for each, said in (
        (file, f"registry: backup-of-another: this backup is {both}nothing was put back; look at which file"),
        (older, f"registry: database-of-another: these rows are {both}look at which database"),
    ):
        refused(desk.run("database", "restore", str(each), "--replace", REGISTRY_KEYS=str(anew)), said)
    assert by.everything() == before


def test_an_operator_who_has_a_damaged_backup_is_told_what_to_do(desk: Desk) -> None:
    by, file = desk.country, desk.dumps()
    whole = file.read_bytes()
    before = by.everything()
    by.node.database.close()
    for words, broken, said in (
        (("restore", "--replace"), whole[: len(whole) // 2], f"registry: backup-damaged: {DAMAGED}"),
        (("restore", "--replace"), b"", f"registry: not-a-backup: {OTHER}it is empty"),
        (("check-backup",), whole[:-1], f"registry: backup-damaged: {DAMAGED}"),
    ):
        file.write_bytes(broken)
        refused(desk.run("database", *words, str(file)), said)
    assert by.everything() == before


def test_what_a_backup_is_of_is_told_without_a_node(corridor: Corridor, desk: Desk) -> None:
    corridor.by.sequence()
    desk.dumps()
    desk.dumps_as_before()
    nothing = {"PATH": "/usr/bin:/bin"}
    told = [
        subprocess.run(
            [sys.executable, "-m", "registry.cli.main", "database", "check-backup", desk.folder / name],
            capture_output=True,
            text=True,
            check=False,
            env=nothing,
        )
        for name in ("by.dump", "older.dump")
    ]
    assert [done.returncode for done in told] == [0, 0], told
    assert told[0].stdout.splitlines()[1:] == [
        "node: did:web:by.registry.example",
        "country: BY",
        "env: demo",
        "taken at: 2026-11-21T09:30:00Z",
        f"log size: {size_of(corridor.by)}",
        f"version: {VERSIONS[0]}",
        "release: 0.1.0",
        f"log: {desk.own.log}",
        "checksum: agrees",
    ]
    assert told[1].stdout.splitlines()[1:] == [
        "checksum: none: an older release made it, so damage to it may go unseen, and it does not say when it was taken"
    ]


def test_a_backup_takes_the_place_of_no_folder(desk: Desk) -> None:
    done = desk.run("database", "backup", str(desk.folder), "--force")
    assert done.returncode == 2
    assert "is a directory" in done.stderr


def test_a_backup_of_an_older_release_is_put_back_and_said_to_have_no_checksum(desk: Desk) -> None:
    by = desk.country
    by.sequence()
    file, before = desk.dumps_as_before(), by.everything()
    by.issued()
    by.node.database.close()
    done = desk.run("database", "restore", str(file), "--replace")
    assert (done.returncode, "checksum: none: an older release made it" in done.stdout) == (0, True), done.stderr
    assert by.everything() == before
    whole = file.read_bytes()
    for size in (len(whole) // 2, 10):
        file.write_bytes(whole[:size])
        with pytest.raises(BackupDamaged, match="pg_restore said"):
            desk.loads(file)
    assert by.everything() == before


def test_a_disk_without_room_for_a_backup_is_named(desk: Desk, small_disk: Path) -> None:
    by, file = desk.country, Path(shutil.copy(desk.dumps(), small_disk))
    by.issued()
    before = by.everything()
    by.node.database.close()
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    for words in (("backup", str(small_disk / "new.dump")), ("restore", str(file), "--replace")):
        done = desk.run("database", *words)
        assert (done.returncode, "backup-disk-full: the disk of the backup is full" in done.stderr) == (1, True), done
        assert sorted(path.name for path in small_disk.iterdir()) == ["ballast", "by.dump"]
    assert by.everything() == before
