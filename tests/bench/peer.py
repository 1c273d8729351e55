"""What a peer that crawls costs the home node: issuing beside it against issuing with no peer at all (PROMISES F2).

The worker's duties towards the peer are at it the whole time; rounds alternate, and so does which of the two begins.
"""

import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from registry.demo.desk import wait_for
from registry.store import log
from registry.store.applications import Application
from tests import kit
from tests.bench import load
from tests.processes import environment_of, wait_until_it_answers

ROUNDS = 5
ISSUES = 100
"""Requests of a round; as many again with no peer."""
DUTIES = 4
"""Connections that a worker has to one peer: courier, freshness, mirror, witness."""
DROP, PAUSE = b"a" * 125, 0.125
"""8 kbit/s."""


@dataclass
class Crawling:
    """A peer that answers everything at 8 kbit/s and never ends."""

    port: int
    connections: int = 0

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator["Crawling"]:
        stop = threading.Event()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(0.2)
            crawling = cls(listener.getsockname()[1])

            def accept() -> None:
                while not stop.is_set():
                    with suppress(TimeoutError):
                        connection, _ = listener.accept()
                        crawling.connections += 1
                        threading.Thread(target=crawl, args=(connection,), daemon=True).start()

            def crawl(connection: socket.socket) -> None:
                with connection, suppress(OSError):
                    connection.recv(65_536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/jwt\r\n\r\n")
                    while not stop.is_set():
                        connection.sendall(DROP)
                        time.sleep(PAUSE)

            thread = threading.Thread(target=accept)
            thread.start()
            try:
                yield crawling
            finally:
                stop.set()
                thread.join()


def main(rounds: int = ROUNDS) -> None:
    """Measure, and print one line."""
    forge = kit.make_forge(durable=True)
    try:
        with forge.corridor() as corridor, TemporaryDirectory() as folder, Crawling.listening() as crawling:
            measured = list(_rounds(forge, corridor, Path(folder), crawling, rounds))
    finally:
        forge.server.stop()
    p99 = statistics.median(beside.p99 / alone.p99 for beside, alone in measured)
    rate = statistics.median(beside.rate / alone.rate for beside, alone in measured)
    times = [statistics.median(each.p99 for each in side) * 1000 for side in zip(*measured, strict=True)]
    sys.stdout.write(
        f"F2 a crawling peer    p99 {p99:.2f} x   rate {rate:.2f} x   p99 {times[0]:.0f} ms beside it, "
        f"{times[1]:.0f} ms with no peer; {rounds} rounds of {ISSUES} issues\n"
    )
    sys.stdout.flush()


def _rounds(
    forge: kit.Forge, corridor: kit.Corridor, folder: Path, crawling: Crawling, rounds: int
) -> Iterator[tuple[load.Measured, load.Measured]]:
    by, uz = corridor.by, corridor.uz
    approved = [by.approved() for _ in range(2 * rounds * ISSUES)]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = environment_of(forge, by, folder) | {"REGISTRY_PORT": str(port)}
    peers = {"REGISTRY_PEERS": f"{uz.did}=http://127.0.0.1:{crawling.port}"}
    with _process("serve", folder, environment) as serving:
        wait_until_it_answers(f"http://127.0.0.1:{port}", serving, folder / "serve")

        def measure(beside: bool) -> load.Measured:  # noqa: FBT001  two sides of one comparison
            requests = [_issue(by, approved.pop()) for _ in range(ISSUES)]
            before = crawling.connections
            by.draft()  # something to number: once it is, the worker is at work
            with _process("worker", folder, environment | (peers if beside else {})):
                wait_for(lambda: _is_numbered(by) or None, "the worker numbers", 60)
                wait_for(lambda: not beside or crawling.connections >= before + DUTIES or None, "each duty crawls", 60)
                found = load.run(port, requests)
            assert set(found.statuses) == {201}, found.statuses
            return found

        for number in range(rounds):
            found = {beside: measure(beside) for beside in _order(number)}
            sys.stderr.write(f"\r{number + 1}/{rounds} rounds ")
            yield found[True], found[False]


def _order(number: int) -> Sequence[bool]:
    return (True, False) if number % 2 else (False, True)


def _issue(by: kit.Country, approved: Application) -> bytes:
    headers = {
        "Authorization": f"Bearer {by.tokens['signatory']}",
        "Idempotency-Key": secrets.token_hex(16),
        "Content-Type": "application/json",
    }
    body = json.dumps({"draft": approved.draft}).encode()
    return load.request("POST", f"/api/v1/applications/{approved.id}/issue", headers, body)


def _is_numbered(by: kit.Country) -> bool:
    with by.node.database.read() as tx:
        return log.oldest_queued(tx) is None


@contextmanager
def _process(name: str, folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of the node, and end it."""
    with (folder / name).open("ab") as file:
        words = [sys.executable, "-m", "registry.cli.main", name]
        running = subprocess.Popen(words, env=os.environ | environment, stdout=file, stderr=file, cwd=folder)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(30)
