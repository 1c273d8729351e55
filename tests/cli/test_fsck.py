"""`registry fsck`: clean is 0, anything else is 1 and a line each; public keys are all that it needs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.store.guard import Guard, Mark, of_log
from tests.kit import Corridor, Forge
from tests.processes import environment_of
from tests.usecases.fsck import lived

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lives(forge: Forge) -> Iterator[Corridor]:
    with forge.corridor() as corridor:
        lived.live(corridor)
        yield corridor


def fsck(forge: Forge, lives: Corridor, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = environment_of(forge, lives.by, folder) | {"REGISTRY_GUARD": str(folder / "guard.json")}
    del environment["REGISTRY_PASSPHRASE"]
    return subprocess.run(
        [sys.executable, "-m", "registry.cli.main", "fsck", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
        cwd=ROOT,
    )


def test_a_clean_node_exits_0_and_counts_what_was_checked(forge: Forge, lives: Corridor, tmp_path: Path) -> None:
    tiles = tmp_path / "log"
    lived.export(lives.by, tiles)
    done = fsck(forge, lives, tmp_path, "--tiles", str(tiles))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" rows checked, 0 discrepancies\n")
    done = fsck(forge, lives, tmp_path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer["discrepancies"] == []
    assert answer["checked"]["log_entry"] == answer["checked"]["act"] > 0


def test_what_does_not_agree_exits_1_and_is_one_line_each(forge: Forge, lives: Corridor, tmp_path: Path) -> None:
    tiles = tmp_path / "log"
    lived.export(lives.by, tiles)
    (tiles / "checkpoint").unlink()
    guard = Guard(tmp_path / "guard.json")
    guard.begin()
    guard.advance(of_log("by.registry.example/log"), Mark(10_000, "00"))
    with forge.breaking(lives.by) as tx:
        tx.execute(text("INSERT INTO status_index VALUES ('revocation-1', -1)"))
    done = fsck(forge, lives, tmp_path, "--tiles", str(tiles))
    assert (done.returncode, done.stderr) == (1, "")
    unused, behind, missing, count = done.stdout.splitlines()
    assert unused == "status index revocation-1/-1: it was drawn, and is no certificate's"
    assert behind.startswith("guard, log by.registry.example/log: it remembers 10000, and here is ")
    assert missing.startswith("file checkpoint: ")
    assert count.endswith(" rows checked, 3 discrepancies")
    done = fsck(forge, lives, tmp_path, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["discrepancies"][0] == {
        "where": "status index revocation-1/-1",
        "what": "it was drawn, and is no certificate's",
    }


def test_a_folder_that_is_not_there_is_misuse(forge: Forge, lives: Corridor, tmp_path: Path) -> None:
    done = fsck(forge, lives, tmp_path, "--tiles", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
