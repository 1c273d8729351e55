"""The file of a backup: under its name only when it is whole, and refused once one bit of it is another."""

import json
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from registry.core.canonical import digest
from registry.store.backup_file import (
    Backup,
    BackupDamaged,
    BackupDiskFull,
    BackupFailed,
    BackupOfAnother,
    NotABackup,
    Told,
    opened,
    written,
)
from registry.store.ownership import Own
from tests.backups import mounted
from tests.kit import AT

BACKUP = Backup("did:web:by.registry.example", "BY", "training", AT, 41, "abc", "0.1.0", "by.registry.example/log+00ff")
OWN = Own(BACKUP.node, BACKUP.country, BACKUP.env, BACKUP.log)
ARCHIVE = b"PGDMP and every row of it\n\nsha256:"


def write(file: Path, *pieces: bytes, backup: Backup = BACKUP, told: Told = int) -> bytes:
    with written(file, backup, told) as out:
        for piece in pieces:
            out(piece)
    return file.read_bytes()


def read(file: Path) -> tuple[Backup | None, bytes]:
    with opened(file, int) as (backup, archive):
        return backup, b"".join(archive)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "64k") as folder:
        yield folder


def test_a_backup_says_what_it_is_of_in_its_first_line_and_its_sum_in_the_last(tmp_path: Path) -> None:
    raw = write(tmp_path / "by.dump", ARCHIVE[:5], ARCHIVE[5:])
    first, last = raw.split(b"\n")[0], raw.split(b"\n")[-2]
    assert json.loads(first.partition(b" ")[2]) == {
        "node": "did:web:by.registry.example",
        "country": "BY",
        "env": "training",
        "taken_at": "2026-11-21T09:30:00Z",
        "log_size": 41,
        "version": "abc",
        "release": "0.1.0",
        "log": "by.registry.example/log+00ff",
    }
    assert last.decode() == f"sha256:{digest(raw[: -len(last) - 2])}"
    assert read(tmp_path / "by.dump") == (BACKUP, ARCHIVE)


def test_a_node_that_logged_nothing_has_a_backup_too(tmp_path: Path) -> None:
    unlogged = replace(BACKUP, log=None, log_size=0)
    write(tmp_path / "by.dump", ARCHIVE, backup=unlogged)
    assert read(tmp_path / "by.dump")[0] == unlogged
    unlogged.check_own(OWN)


def test_what_an_older_release_wrote_is_read_and_is_of_nobody(tmp_path: Path) -> None:
    (tmp_path / "older.dump").write_bytes(ARCHIVE)
    assert read(tmp_path / "older.dump") == (None, ARCHIVE)


def test_each_byte_of_which_a_bit_is_another_is_found(tmp_path: Path) -> None:
    raw, file = write(tmp_path / "by.dump", ARCHIVE), tmp_path / "flipped.dump"
    for place in range(len(raw)):
        flipped = bytearray(raw)
        flipped[place] ^= 1 << place % 8
        file.write_bytes(flipped)
        with pytest.raises((BackupDamaged, NotABackup)):
            read(file)


def test_a_backup_that_is_cut_off_anywhere_or_goes_on_is_found(tmp_path: Path) -> None:
    raw, file = write(tmp_path / "by.dump", ARCHIVE), tmp_path / "cut.dump"
    for size in range(len(raw)):
        file.write_bytes(raw[:size])
        with pytest.raises((BackupDamaged, NotABackup)):
            read(file)
    for more in (b"\n", b"\0" * 512):
        file.write_bytes(raw + more)
        with pytest.raises(BackupDamaged, match="its end is missing, or something follows it"):
            read(file)
    file.write_bytes(raw + raw)
    with pytest.raises(BackupDamaged, match="its bytes do not give the checksum"):
        read(file)


@pytest.mark.parametrize("change", [ARCHIVE.swapcase(), b"0" + ARCHIVE, b""], ids=["another", "longer", "shorter"])
def test_a_backup_that_is_written_over_after_its_checksum_was_asked_is_found(tmp_path: Path, change: bytes) -> None:
    file = tmp_path / "by.dump"
    write(file, ARCHIVE)
    write(tmp_path / "other.dump", change, backup=replace(BACKUP, log_size=42))
    with opened(file, int) as (backup, archive):
        shutil.copyfile(tmp_path / "other.dump", file)
        with pytest.raises(BackupDamaged, match="it was changed while it was read"):
            b"".join(archive)
    assert backup == BACKUP


def test_a_backup_whose_beginning_is_gone_is_no_older_one(tmp_path: Path) -> None:
    """`tail -n +2` leaves what an older release wrote, and our end."""
    raw, file = write(tmp_path / "by.dump", ARCHIVE), tmp_path / "rest.dump"
    for lost in (1, 20, raw.index(b"\n"), raw.index(b"\n") + 1, raw.index(b"\n") + 10):
        file.write_bytes(raw[lost:])
        with pytest.raises(BackupDamaged, match="its first line is missing"):
            read(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04" + b"\0" * 1000, "it begins otherwise"),
        (b"SELECT 1;\n", "it begins otherwise"),
        (b"registry-backup-2 {}\n", "it begins otherwise"),
        (b"registry-backup-2 {}\n\nsha256:" + b"0" * 64 + b"\n", "it begins otherwise"),
    ],
)
def test_a_file_of_another_kind_is_no_backup(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "by.dump").write_bytes(content)
    with pytest.raises(NotABackup, match=said):
        read(tmp_path / "by.dump")


def test_what_is_whole_and_says_something_else_is_no_backup(tmp_path: Path) -> None:
    raw = write(tmp_path / "by.dump", ARCHIVE).rpartition(b"\nsha256:")[0]
    for other in (raw.replace(b'"log_size":41', b'"log_size":"41"'), raw.replace(b"\n", b"", 1)):
        (tmp_path / "by.dump").write_bytes(other + f"\nsha256:{digest(other)}\n".encode())
        with pytest.raises(NotABackup):
            read(tmp_path / "by.dump")


def test_a_medium_that_cannot_be_read_is_told_from_one_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(BackupDamaged, match="it cannot be read"):
        read(Path("/proc/self/mem"))
    with pytest.raises(BackupFailed, match="No such file"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (
            replace(BACKUP, node="did:web:uz.registry.example"),
            "node did:web:uz.registry.example, and this node",
        ),
        (replace(BACKUP, country="UZ"), "country UZ, and this node's is BY"),
        (replace(BACKUP, env="production"), "environment production, and this node's is training"),
        (replace(BACKUP, log="by.registry.example/log+11ee"), "log key by.registry.example/log.11ee, and this node's"),
    ],
)
def test_a_backup_of_another_is_told_by_what_is_another(other: Backup, said: str) -> None:
    BACKUP.check_own(OWN)
    with pytest.raises(BackupOfAnother, match=f"this backup is of the {said}"):
        other.check_own(OWN)


def test_a_backup_that_breaks_off_leaves_the_one_before_in_its_place(tmp_path: Path) -> None:
    before = write(tmp_path / "by.dump", ARCHIVE)

    def interrupt(done: int) -> None:
        assert done > 0
        assert (tmp_path / "by.dump").read_bytes() == before
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "by.dump", ARCHIVE, told=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["by.dump"]
    assert (tmp_path / "by.dump").read_bytes() == before


def test_two_that_write_one_backup_at_once_do_not_hinder_each_other(tmp_path: Path) -> None:
    """In two containers one number may be both processes'; the later to end is what stays."""
    file = tmp_path / "by.dump"
    with written(file, BACKUP, int) as first:
        first(b"PGDMP of the first")
        write(file, b"PGDMP of the second")
        assert read(file) == (BACKUP, b"PGDMP of the second")
        with pytest.raises(KeyboardInterrupt), written(file, BACKUP, int):
            raise KeyboardInterrupt
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o600}
    assert read(file) == (BACKUP, b"PGDMP of the first")
    assert [path.name for path in tmp_path.iterdir()] == ["by.dump"]


def test_what_one_that_was_killed_left_does_not_hinder_the_next(tmp_path: Path) -> None:
    with written(tmp_path / "by.dump", BACKUP, int):
        (left,) = tmp_path.iterdir()
    left.write_bytes(ARCHIVE)
    write(tmp_path / "by.dump", ARCHIVE)
    assert read(tmp_path / "by.dump") == (BACKUP, ARCHIVE)
    assert left.read_bytes() == ARCHIVE


def test_a_full_disk_is_named_and_keeps_no_half_file(small_disk: Path) -> None:
    before = write(small_disk / "by.dump", ARCHIVE)
    with pytest.raises(BackupDiskFull):
        write(small_disk / "by.dump", *[b"0" * 1000] * 100)
    assert [path.name for path in small_disk.iterdir()] == ["by.dump"]
    assert (small_disk / "by.dump").read_bytes() == before


def test_whoever_waits_is_told_how_far_it_is(tmp_path: Path) -> None:
    told: list[int] = []
    with written(tmp_path / "by.dump", BACKUP, told.append) as out:
        out(b"0" * 3_000_000)
    read_so_far: list[int] = []
    with opened(tmp_path / "by.dump", read_so_far.append):
        assert read_so_far == sorted(read_so_far)
    size = (tmp_path / "by.dump").stat().st_size
    assert (told[-1] > 3_000_000, read_so_far[-1]) == (True, size - 73)
