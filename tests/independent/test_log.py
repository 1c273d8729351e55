"""The log that a running node serves, judged by programs of other authors: aics-tlog verifies, aics-witness cosigns."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.note import Note
from registry.core.tlog.policy import Policy
from registry.core.tlog.tile import WIDTH, Tile
from registry.peer.client import Peer
from tests.independent.conftest import NEUTRAL, SAVED, Running
from tests.independent.programs import Programs
from tests.kit import Forge
from tests.processes import environment_of

EDGES = (1, 2, 255, 256, 257, 511, 512, 513, 767, 768, 769, 1000)
"""Sizes at which tiles become full, and others."""
SCRIPT = Path(__file__).with_name("verify_pairs.py")


@pytest.fixture(params=["over HTTP", "in a folder"])
def tiles(request: pytest.FixtureRequest, running: Running, exported: Path) -> str:
    """Where the tool reads the log: what the node serves, or what `registry log export` wrote."""
    return f"{running.url}/log" if request.param == "over HTTP" else str(exported)


@pytest.fixture(scope="module")
def exported(running: Running, forge: Forge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "log"
    registry(running, forge, folder.parent, "log", "export", str(folder))
    return folder


def registry(running: Running, forge: Forge, folder: Path, *words: str) -> str:
    """Run a command of ours as the operator would."""
    done = subprocess.run(
        [sys.executable, "-m", "registry.cli.main", *words],
        env=environment_of(forge, running.country, folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def trusting(running: Running, *, quorum: int = 1) -> tuple[str, ...]:
    """Name the keys as someone who trusts the log and the neutral witness."""
    return ("--log-key", running.log_key, "--witness-key", running.witness.encode(), "--quorum", str(quorum))


def test_the_checkpoint_and_its_cosignature_verify(running: Running, programs: Programs, tiles: str) -> None:
    report = programs.tlog("verify-checkpoint", "--tiles", tiles, *trusting(running))
    assert report["ok"], report
    assert (report["origin"], report["size"]) == ("by.registry.example/log", running.published())
    assert (report["tiles_ok"], report["witnesses"], report["cosignatures"]) == (True, [NEUTRAL], 1)


def test_a_quorum_that_was_not_met_is_not_found(running: Running, programs: Programs, tiles: str) -> None:
    other = running.country.node.keyring.witness.vkey.encode()
    keys = ("--log-key", running.log_key, "--witness-key", other, "--quorum", "1")
    assert not programs.tlog("verify-checkpoint", "--tiles", tiles, *keys)["ok"]


@pytest.fixture
def reader(running: Running) -> Iterator[Peer]:
    """Our own client of any log."""
    peer = Peer.at(f"{running.url}/log")
    yield peer
    peer.close()


def test_entries_are_included(running: Running, programs: Programs, reader: Peer, tiles: str, tmp_path: Path) -> None:
    size = running.published()
    taken = tmp_path / "entry"
    for index in (0, WIDTH - 1, WIDTH, size - 1):
        report = programs.tlog(
            *("verify-inclusion", "--tiles", tiles, "--index", str(index), "--entry-out", str(taken)),
            *trusting(running),
        )
        assert report["ok"], report
        (ours,) = reader.read_entries(index, index + 1, size)
        assert taken.read_bytes() == ours
    taken.write_bytes(ours.replace(b"verification.made", b"certificate.issued"))
    wrong = ("--tiles", tiles, "--index", str(size - 1), "--leaf", str(taken))
    assert not programs.tlog("verify-inclusion", *wrong, *trusting(running))["ok"]


def test_the_log_only_grew_since_each_saved_checkpoint(
    running: Running, programs: Programs, tiles: str, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    for size in (1, 255, 256, 257, running.published()):
        old.write_text(running.saved[size - 1])
        report = programs.tlog("verify-consistency", "--tiles", tiles, "--old-checkpoint", str(old), *trusting(running))
        assert report["ok"], report
        assert (report["old_size"], report["new_size"]) == (size, running.published())
    signer = running.country.node.keyring.log
    old.write_text(signer.sign(Checkpoint(signer.vkey.name, 256, bytes(32)).encode()).encode())
    report = programs.tlog("verify-consistency", "--tiles", tiles, "--old-checkpoint", str(old), *trusting(running))
    assert not report["ok"]
    assert "history was rewritten" in report["error"]


def test_every_pair_of_a_thousand_saved_checkpoints_is_consistent(running: Running, programs: Programs) -> None:
    """PROMISES L4."""
    saved = len(running.saved)
    assert saved >= SAVED
    by_tiles = [(size, size + 1) for size in range(1, saved)] + list(itertools.combinations(EDGES, 2))
    told = {"tiles": f"{running.url}/log", "vkey": running.log_key, "notes": running.saved, "by_tiles": by_tiles}
    assert _verified(programs, told) == {"pairs": saved * (saved - 1) // 2, "wrong": []}
    signer = running.country.node.keyring.log
    forged = signer.sign(Checkpoint(signer.vkey.name, 256, bytes(32)).encode()).encode()
    told |= {"notes": [running.saved[254], forged, running.saved[-1]], "by_tiles": [(255, 256)]}
    assert _verified(programs, told) == {"pairs": 3, "wrong": [[255, 256], [256, saved], [255, 256]]}


def _verified(programs: Programs, told: dict[str, Any]) -> Any:
    done = programs.run("python", "-I", str(SCRIPT), stdin=json.dumps(told))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_file_that_is_not_the_logs_is_refused(
    running: Running, programs: Programs, exported: Path, tmp_path: Path
) -> None:
    size = running.published()
    edge = Tile(0, size // WIDTH, size % WIDTH)
    folder = tmp_path / "log"
    for path in exported.rglob("*"):
        if path.is_file():
            copy = folder / path.relative_to(exported)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    assert programs.tlog("verify-checkpoint", "--tiles", str(folder), *trusting(running))["ok"]
    whole = (folder / edge.path).read_bytes()
    (folder / edge.path).write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    assert not programs.tlog("verify-checkpoint", "--tiles", str(folder), *trusting(running))["ok"]


def test_the_neutral_witnesss_word_counts_by_our_policy(running: Running, forge: Forge, tmp_path: Path) -> None:
    note = Note.parse(httpx2.get(f"{running.url}/log/checkpoint", trust_env=False).text)
    policy = Policy.parse(registry(running, forge, tmp_path, "log", "policy"))
    cosigned = policy.check(note)
    assert cosigned.at is not None
    assert cosigned.checkpoint.size == running.published()
    assert [line.name for line in note.lines] == ["by.registry.example/log", NEUTRAL]
    assert running.witness in [witness.vkey for witness in policy.witnesses]


def test_the_witness_cosigns_what_the_log_grows_by(running: Running, programs: Programs) -> None:
    before = running.published()
    issued = running.country.issued()
    running.wait_for(lambda: running.published() > before and running.is_settled(), "the growth is cosigned")
    report = programs.tlog("verify-checkpoint", "--tiles", f"{running.url}/log", *trusting(running))
    assert report["ok"], report
    assert issued.act is not None
