"""A disk that is full: what writes is refused and says so, what reads goes on, nothing is lost, and work resumes."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.demo.desk import wait_for
from tests.api.desk import Office, assert_problem, product
from tests.kit import Corridor, Country
from tests.usecases.fsck import lived

SMALL = 48 << 20
"""Bytes of the disk: a country's database takes about a third of it."""
TRIES = 300


@pytest.fixture
def disk(corridor: Corridor) -> Iterator[Path]:
    """Put the database of Minsk on a small disk of its own."""
    folder = corridor.forge.folder / "small-disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode()}")
    place = folder / "tables"
    place.mkdir()
    owner = (corridor.forge.server.folder / "data").stat()
    for path in (folder, place):
        os.chown(path, owner.st_uid, owner.st_gid)
    by = corridor.by
    _move(corridor, by, "small", f"CREATE TABLESPACE small LOCATION '{place}'")
    try:
        yield folder
    finally:
        (folder / "ballast").unlink(missing_ok=True)
        _move(corridor, by, "pg_default")
        corridor.forge.admin("DROP TABLESPACE small")
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


def _move(corridor: Corridor, country: Country, place: str, *before: str) -> None:
    country.node.database.close()
    corridor.forge.admin(*before, f'ALTER DATABASE "{country.database}" SET TABLESPACE {place}')


def test_a_full_disk_is_named_loses_nothing_and_once_there_is_room_work_goes_on(disk: Path, minsk: Office) -> None:
    exporter = minsk.desk("exporter")
    kept = [minsk.product()["id"]]
    minsk.country.sequence()
    with (disk / "ballast").open("wb") as ballast:
        ballast.write(bytes(shutil.disk_usage(disk).free))
    refused = None
    for number in range(TRIES):
        answer = exporter.post("/api/v1/products", product(), key=f"try-{number}")
        if answer.status_code != 201:
            refused = f"try-{number}"
            assert_problem(answer, 503, "database-full")
            break
        kept.append(answer.json()["id"])
    assert refused is not None, f"{TRIES} products fit on a disk that is full"

    for number in range(5):
        answer = exporter.post("/api/v1/products", product(), key=f"again-{number}")
        assert_problem(answer, 503, "database-full")
    listed = exporter.get(f"/api/v1/products/{kept[-1]}")
    assert listed.status_code == 200
    assert minsk.get("/health/live").status_code == 200

    (disk / "ballast").unlink()
    resumed = exporter.post("/api/v1/products", product(), key=refused)
    assert resumed.status_code == 201, resumed.text
    kept.append(resumed.json()["id"])
    assert minsk.issued()["number"]
    with minsk.country.node.database.read() as tx:
        held = set(tx.scalars(text("SELECT id FROM product")))
        assert tx.scalar(text("SELECT count(*) FROM reply WHERE status IS NULL")) == 0
    assert held == set(kept)
    minsk.country.sequence()
    assert lived.found(minsk.country) == []


def test_a_disk_that_fails_in_the_middle_of_a_change_loses_nothing_and_the_same_request_works_later(
    corridor: Corridor, minsk: Office
) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("without strace no disk can be made to fail")
    exporter = minsk.desk("exporter")
    kept = minsk.product()["id"]
    query = "SELECT pid FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
    superuser = corridor.forge.superuser(minsk.country.database)
    with superuser.read() as tx:
        pids = [str(pid) for pid in tx.scalars(text(query), {"name": minsk.country.database})]
    superuser.close()
    traced = [word for pid in pids for word in ("-p", pid)]
    fails = ["-e", "inject=pwrite64,pwritev,pwritev2:error=EIO"]
    tracer = subprocess.Popen([strace, "-qq", "-o", os.devnull, *traced, *fails])
    try:
        wait_for(lambda: all(map(_traced, pids)) or None, "every connection to write to a disk that fails")
        answer = exporter.post("/api/v1/products", product(), key="once")
    finally:
        tracer.terminate()
        tracer.wait(60)
    assert_problem(answer, 503, "database-unavailable")
    wait_for(lambda: exporter.get(f"/api/v1/products/{kept}").is_success or None, "the database to have recovered")
    again = exporter.post("/api/v1/products", product(), key="once")
    assert again.status_code == 201, again.text
    with minsk.country.node.database.read() as tx:
        assert set(tx.scalars(text("SELECT id FROM product"))) == {kept, again.json()["id"]}
    minsk.country.sequence()
    assert lived.found(minsk.country) == []


def _traced(pid: str) -> bool:
    """Tell whether a process is traced; one that ended is not waited for."""
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "TracerPid:\t0\n" not in status.read_text()
