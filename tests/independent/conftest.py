"""A node whose processes run, a neutral witness of another author, and a verifier of another author."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from registry.core.agreement import NeutralWitness
from registry.core.tlog.entry import Kind
from registry.core.tlog.note import Note, VerifierKey
from registry.core.tlog.policy import Policy
from registry.store import acts, checkpoints, log
from registry.store.guard import of_log
from registry.usecases.tlog.extend_log import extend, mark_of
from registry.usecases.tlog.publish_log import published_note
from tests import kit
from tests.independent import programs as installed
from tests.independent.programs import Programs
from tests.processes import environment_of, wait_until_it_answers
from tests.two_nodes.agreed import adopt_with

NEUTRAL = "neutral.example/w1"
SAVED = 1_000
"""Checkpoints that are saved, one an act (PROMISES L4)."""


@pytest.fixture(scope="session")
def programs() -> Programs:
    return installed.install()


@dataclass
class Running:
    """Minsk, served; its log is cosigned by the neutral witness alone."""

    country: kit.Country
    url: str
    witness: VerifierKey
    logs: list[Path]
    saved: list[str] = field(default_factory=list)
    """Every checkpoint that the log ever signed, oldest first, as a reader would have saved it."""

    @property
    def log_key(self) -> str:
        return self.country.node.keyring.log.vkey.encode()

    def wait_for(self, look: Callable[[], object], what: str, seconds: float = 40) -> None:
        ends = time.monotonic() + seconds
        while not look():
            told = "\n".join(path.read_text(errors="replace")[-1500:] for path in self.logs)
            assert time.monotonic() < ends, f"{what}\n{told}"
            time.sleep(0.05)

    def published(self) -> int:
        with self.country.node.database.read() as tx:
            return checkpoints.published_size(tx)

    def head(self) -> int:
        with self.country.node.database.read() as tx:
            return log.root_of(log.head(tx))[0]

    def note(self) -> str | None:
        with self.country.node.database.read() as tx:
            return published_note(tx)

    def policy(self) -> Policy:
        (policy,) = self.country.beliefs().log_policies(self.country.did, self.country.clock())
        return policy

    def is_settled(self) -> bool:
        note = self.note()
        return (
            note is not None
            and self.published() == self.head()
            and self.policy().check(Note.parse(note)).at is not None
        )


@pytest.fixture(scope="session")
def running(programs: Programs, forge: kit.Forge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("running")
    with ExitStack() as stack:
        country = stack.enter_context(forge.corridor()).by
        url, vkey, witness_log = stack.enter_context(_neutral(programs, country, folder))
        adopt_with(forge, country, NeutralWitness(vkey.name, vkey))
        saved = _grow(country, SAVED)
        (port,) = free_ports(1)
        environment = environment_of(forge, country, folder) | {
            "REGISTRY_PORT": str(port),
            "REGISTRY_WITNESSES": f"{vkey.name}={url}",
        }
        node = Running(country, f"http://127.0.0.1:{port}", vkey, [witness_log], saved)
        for name in ("serve", "worker"):
            log_file = folder / name
            node.logs.append(log_file)
            process = stack.enter_context(
                _process([sys.executable, "-m", "registry.cli.main", name], log_file, folder, environment)
            )
            if name == "serve":
                wait_until_it_answers(node.url, process, log_file)
        node.wait_for(node.is_settled, "the neutral witness has cosigned all that the log holds")
        yield node


def _grow(country: kit.Country, acts_more: int) -> list[str]:
    """Sign a checkpoint after each act, as a quiet node does; return them all."""
    signer = country.node.keyring.log
    with country.tx() as tx:
        for number in range(acts_more):
            acts.record(
                tx,
                Kind.VERIFICATION_MADE,
                {"number": number},
                by=acts.Actor(country.did),
                at=country.clock(),
                draw=country.node.draw,
            )
    what = of_log(signer.vkey.name)
    checkpoint, grown = None, True
    while grown:
        with country.tx() as tx:
            mark = country.node.guard.mark(what)
            made = extend(tx, signer.vkey.name, signer.sign, mark=mark, at=country.clock(), batch=1)
        grown, checkpoint = made is not None, made or checkpoint
    assert checkpoint is not None
    country.node.guard.advance(what, mark_of(checkpoint))
    with country.node.database.read() as tx:
        found = (checkpoints.checkpoint(tx, size) for size in range(1, checkpoint.size + 1))
        return [row.note for row in found if row is not None]


@contextmanager
def _neutral(programs: Programs, country: kit.Country, folder: Path) -> Iterator[tuple[str, VerifierKey, Path]]:
    """Run `aics-witness`, told of our log."""
    (port,) = free_ports(1)
    url, config, log_file = f"http://127.0.0.1:{port}", str(folder / "witness.json"), folder / "witness.log"
    made = programs.run("aics-witness", "init", "--config", config, "--name", NEUTRAL, "--listen", f"127.0.0.1:{port}")
    assert made.returncode == 0, made.stderr
    key = country.node.keyring.log.vkey
    told = programs.run("aics-witness", "add-log", "--config", config, "--origin", key.name, "--vkey", key.encode())
    assert told.returncode == 0, told.stderr
    (line,) = [word for word in made.stdout.split() if word.startswith(f"{NEUTRAL}+")]
    command = [str(programs.bin / "aics-witness"), "serve", "--config", config]
    with _process(command, log_file, folder, _at_the_time_of(country, folder / "moved")) as process:
        ends = time.monotonic() + 60
        while not _listens(url):
            assert process.poll() is None, log_file.read_text()
            assert time.monotonic() < ends, log_file.read_text()
            time.sleep(0.05)
        yield url, VerifierKey.parse(line), log_file


def _at_the_time_of(country: kit.Country, folder: Path) -> dict[str, str]:
    """Return the environment of a Python program of another author whose clock shows what the country's shows."""
    off = (country.clock() - datetime.now(UTC)).total_seconds()
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(f"import time\nreal = time.time\ntime.time = lambda: real() + {off}\n")
    return {**os.environ, "PYTHONPATH": str(folder)}


def _listens(url: str) -> bool:
    try:
        httpx2.get(f"{url}/", timeout=5, trust_env=False)
    except httpx2.HTTPError:
        return False
    return True


@contextmanager
def _process(
    command: list[str], log: Path, folder: Path, environment: dict[str, str] | None
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def free_ports(count: int) -> list[int]:
    """Return free ports, all held at once so that they differ."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
