"""P1, P2, P3 and F2 of the promises, and the log, each against a measure of the same run: `make bench`.

`make bench ARGS=promises`, `ARGS=peer` and `ARGS=log` measure one of them.

Figures are ratios; machines are shared, so absolute rates mean little. Rounds alternate with the ceiling's, and the
median of the rounds' ratios is what counts.
"""

import base64
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from registry.api.limits import MAX_HEADERS
from registry.core.certificate.credential import Certificate
from registry.core.envelope.jose import Envelope, Typ
from registry.core.record import encode
from registry.core.signature import verify_es256
from registry.core.verification.bundle import open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication
from registry.core.verification.verify import verify
from registry.demo.desk import wait_for
from registry.node import PIN_SUFFIX, PINS
from registry.store import certificate_search
from registry.store.certificate_search import Conditions, Scope
from registry.store.database import APP
from registry.usecases.verification.export_bundle import export
from tests import kit
from tests.bench import bare, load, log, peer

ROUNDS = 5
ISSUES, VERIFIES, OFFLINE = 80, 200, 400
"""Requests of a round."""


def main(what: str) -> None:
    """Measure what is asked for: `promises`, `peer`, `log`, or all."""
    if what in {"all", "promises"}:
        _promises()
    if what in {"all", "peer"}:
        peer.main()
    if what in {"all", "log"}:
        log.main()


def _promises() -> None:
    """Build the world, measure, and print a line a promise."""
    forge = kit.make_forge(durable=True)
    try:
        with forge.corridor() as corridor:
            sys.stdout.write(f"{ROUNDS} rounds, medians; {os.cpu_count()} cores, load generator on the same cores\n")
            _online(forge, corridor)
            _offline(corridor)
    finally:
        forge.server.stop()


def _online(forge: kit.Forge, corridor: kit.Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    approved = [by.approved() for _ in _progress(ROUNDS * ISSUES, "applications approved")]
    issued = [by.issue(by.approved()) for _ in _progress(20, "certificates issued")]
    by.deliver(uz)
    database = str(by.node.settings.database_url.get_secret_value() if by.node.settings.database_url else "")
    owner = forge.superuser(database.rpartition("/")[2])
    bare.METADATA.create_all(owner.engine)
    with owner.begin() as tx:
        for table in bare.METADATA.tables:
            tx.connection().exec_driver_sql(f"GRANT ALL ON {table} TO {APP}")
    owner.close()

    def issue(number: int) -> list[bytes]:
        mine = approved[number * ISSUES : (number + 1) * ISSUES]
        return [_post(by, f"/api/v1/applications/{row.id}/issue", "signatory", {"draft": row.draft}) for row in mine]

    def ask(_number: int) -> list[bytes]:
        return [
            _post(uz, "/api/v1/verifications", "officer", {"number": issued[place % len(issued)].number})
            for place in range(VERIFIES)
        ]

    with (
        _served(by, "registry.cli.serve:listening") as ours,
        _served(by, "tests.bench.bare:app") as ceiling,
        _served(by, "tests.bench.least:app") as least,
    ):
        plain = [load.request("POST", "/issue", {}) for _ in range(ISSUES)]
        _compare("P1 issue", lambda number: load.run(ours, issue(number)), lambda: load.run(ceiling, plain))
        _compare("   at the least", lambda _: load.run(least, plain), lambda: load.run(ceiling, plain))
        plain = [load.request("POST", "/verify", {}) for _ in range(VERIFIES)]
        with _served(uz, "registry.cli.serve:listening") as theirs:
            _compare("P2 verify online", lambda number: load.run(theirs, ask(number)), lambda: load.run(ceiling, plain))
        _compare("   at the least", lambda _: load.run(least, plain), lambda: load.run(ceiling, plain))


def _offline(corridor: kit.Corridor) -> None:
    uz = corridor.uz
    settings = uz.node.settings
    with uz.tx() as tx:
        bundle = export(
            tx,
            uz.node.pins,
            uz.node.keyring.node,
            did=settings.did,
            env=settings.env,
            country=settings.country,
            by=uz.people["officer"].actor,
            at=uz.clock(),
            draw=uz.node.draw,
        )
    opened = open_bundle(bundle.text, uz.node.pins)
    with uz.tx() as tx:
        (row,) = certificate_search.page(tx, Scope(presented_in="UZ"), Conditions(), after=None, limit=1).rows
    presentation = Presentation(row.envelope)
    head, _, signature = row.envelope.rpartition(".")
    kid = Envelope.parse(row.envelope, Typ.CERTIFICATE).kid
    key = opened.trusted.lists["BY"].signers[kid].chained.key
    raw, message = base64.urlsafe_b64decode(signature + "=="), head.encode()
    at = opened.now(uz.clock())
    assert verify(presentation, opened.trusted, opened.read, at=at).indication is Indication.TOTAL_PASSED

    def ours() -> float:
        return _rate(lambda: verify(presentation, opened.trusted, opened.read, at=at))

    def ceiling() -> float:
        return _rate(lambda: verify_es256(key, raw, message))

    def parsed() -> float:
        """Parse the same certificate beside its verification: what any verifier has to do, and no question more."""

        def work() -> None:
            Certificate.parse(Envelope.parse(row.envelope, Typ.CERTIFICATE).payload)
            verify_es256(key, raw, message)

        return _rate(work)

    rounds = [(ours(), ceiling(), parsed()) for _ in range(ROUNDS)]
    rate = statistics.median(each[0] for each in rounds)
    for name, place in (("P3 verify offline", 1), ("   beside parsing", 2)):
        ratio = statistics.median(each[0] / each[place] for each in rounds)
        best = statistics.median(each[place] for each in rounds)
        sys.stdout.write(f"{name:<20} ratio {ratio:.2f}   {rate:.0f}/s against {best:.0f}/s\n")


def _rate(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(OFFLINE):
        work()
    return OFFLINE / (time.perf_counter() - began)


def _compare(name: str, ours: Callable[[int], load.Measured], ceiling: Callable[[], load.Measured]) -> None:
    """Alternate rounds of both and print the median ratios of rate and of p99."""
    pairs = [(ours(number), ceiling()) for number in range(ROUNDS)]
    for mine, best in pairs:
        assert set(mine.statuses) == set(best.statuses) == {201}, (mine.statuses, best.statuses)
    rate = statistics.median(mine.rate / best.rate for mine, best in pairs)
    p99 = statistics.median(mine.p99 / best.p99 for mine, best in pairs)
    rates = statistics.median(mine.rate for mine, _ in pairs), statistics.median(best.rate for _, best in pairs)
    sys.stdout.write(f"{name:<20} ratio {rate:.2f}   p99 {p99:.1f} x   {rates[0]:.0f}/s against {rates[1]:.0f}/s\n")
    sys.stdout.flush()


@contextmanager
def _served(country: kit.Country, application: str) -> Iterator[int]:
    """Serve an application in a process of its own, with the node's own settings, and return its port."""
    settings = country.node.settings
    folder = settings.keys / PINS
    folder.mkdir(exist_ok=True)
    for code, pin in country.node.pins.items():
        (folder / f"{code.lower()}{PIN_SUFFIX}").write_text(json.dumps({"pin": encode(pin)}))
    clock = Path(folder / "clock")
    clock.write_text(str(int((country.clock() - datetime.now(UTC)).total_seconds())))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    assert settings.database_url is not None
    environment: Mapping[str, str] = os.environ | {
        "REGISTRY_NAME": settings.name,
        "REGISTRY_COUNTRY": settings.country,
        "REGISTRY_ENV": settings.env.value,
        "REGISTRY_KEYS": str(settings.keys),
        "REGISTRY_PASSPHRASE": kit.SECRET.decode(),
        "REGISTRY_DATABASE_URL": settings.database_url.get_secret_value(),
        "REGISTRY_CLOCK_FILE": str(clock),
        "REGISTRY_GUARD": str(settings.guard_path),
        "REGISTRY_THREADS": "8",
        "REGISTRY_CUSTOMS_PER_MINUTE": "1000000",
    }
    words = [sys.executable, "-m", "uvicorn", "--factory", application, "--port", str(port), "--no-access-log"]
    words += ["--log-level", "warning", "--h11-max-incomplete-event-size", str(MAX_HEADERS)]
    process = subprocess.Popen(words, env=environment)
    try:
        wait_for(lambda: _listens(port), f"{application} on {port}")
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool | None:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/health/live", trust_env=False).is_success or None
    except httpx2.HTTPError:
        return None


def _post(country: kit.Country, path: str, who: str, body: Any) -> bytes:
    headers = {
        "Authorization": f"Bearer {country.tokens[who]}",
        "Idempotency-Key": secrets.token_hex(16),
        "Content-Type": "application/json",
    }
    return load.request("POST", path, headers, json.dumps(body).encode())


def _progress(count: int, what: str) -> Iterator[int]:
    for number in range(count):
        if number % 20 == 0:
            sys.stderr.write(f"\r{number}/{count} {what} ")
            sys.stderr.flush()
        yield number
    sys.stderr.write(f"\r{count}/{count} {what}\n")


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["all"])
