"""Figures for a monitor, where they are switched on, and nowhere else (PROMISES 31)."""

import math
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from registry.node import Node
from registry.store.database import Database
from registry.store.tasks import TaskKind, open_task
from tests.api.desk import Documented, Office, assert_problem, open_office
from tests.kit import Corridor, Country, Forge
from tests.processes import environment_of, wait_until_it_answers


def metered(country: Country, database: Database | None = None) -> Country:
    settings = country.node.settings.model_copy(update={"metrics": True})
    node = Node(settings, database or country.node.database, country.node.pinned, country.clock)
    return Country(node, country.clock, country.people, country.tokens, country.database)


@pytest.fixture
def office(corridor: Corridor, documented: Documented) -> Iterator[Office]:
    with open_office(metered(corridor.by), documented) as opened:
        yield opened


def figures(office: Office) -> dict[str, float]:
    answer = office.get("/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_figures_are_given_only_where_they_are_switched_on(lasting: Office, office: Office) -> None:
    assert_problem(lasting.get("/metrics"), 404, "no-such-path")
    answer = office.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["cache-control"] == "no-store"


def test_requests_are_counted_by_route_never_by_path(office: Office) -> None:
    for id in ("0" * 32, "1" * 32):
        office.desk("exporter").get(f"/api/v1/products/{id}")
    office.get("/nowhere/at/all")
    office.http.request("BREW", "/trust-list")
    told = figures(office)
    product = '{method="GET",route="/api/v1/products/{id}",status="404"}'
    assert told[f"registry_requests_total{product}"] == 2
    assert told['registry_requests_total{method="GET",route="none",status="404"}'] == 1
    assert told['registry_requests_total{method="OTHER",route="/trust-list",status="405"}'] == 1
    assert told['registry_request_seconds_count{route="/api/v1/products/{id}"}'] == 2
    assert told['registry_request_seconds_bucket{le="+Inf",route="/api/v1/products/{id}"}'] == 2
    assert not [name for name in told if "0" * 32 in name or "nowhere" in name]


def test_the_node_tells_how_it_stands(corridor: Corridor, office: Office) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.issued()
    corridor.clock.forward(timedelta(seconds=30))
    told = figures(office)
    entries = told["registry_log_size"]
    assert (told["registry_database_up"], told["registry_log_lag_seconds"]) == (1, 30)
    assert (entries > 0, told["registry_log_published_size"]) == (True, 0)
    by.sequence()
    peer = f'{{peer="{uz.did}"}}'
    assert len(by.messages(uz)) == 1
    corridor.clock.forward(timedelta(seconds=7))
    with by.tx() as tx:
        open_task(tx, TaskKind.WITNESS_AHEAD, "x", {}, role="operator", at=by.clock())
    told = figures(office)
    assert told["registry_log_size"] == told["registry_log_published_size"] > entries
    assert (told["registry_log_lag_seconds"], told["registry_log_unpublished_seconds"]) == (0, 0)
    assert (told[f"registry_queue_messages{peer}"], told[f"registry_queue_seconds{peer}"]) == (1, 7)
    assert f"registry_peer_silence_seconds{peer}" not in told
    assert told['registry_tasks_open{kind="witness.ahead"}'] == 1
    assert told['registry_tasks_open{kind="log.split"}'] == 0
    for code in ("BY", "UZ"):
        assert told[f'registry_list_age_seconds{{country="{code}"}}'] > 0
        assert told[f'registry_list_left_seconds{{country="{code}"}}'] > 0


def test_a_witness_and_a_freshness_statement_have_their_age_from_the_first_second(
    corridor: Corridor, office: Office
) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    corridor.clock.forward(timedelta(seconds=7))
    witness = f'{{witness="{uz.node.keyring.witness.vkey.name}"}}'
    told = figures(office)
    assert told[f"registry_witness_answer_age_seconds{witness}"] == math.inf
    assert told[f"registry_witness_unanswered_seconds{witness}"] == 7
    assert told['registry_freshness_age_seconds{country="BY"}'] == math.inf
    by.witnessed(uz)
    by.states()
    corridor.clock.forward(timedelta(seconds=3))
    told = figures(office)
    assert told[f"registry_witness_answer_age_seconds{witness}"] == 3
    assert told[f"registry_witness_unanswered_seconds{witness}"] == 0
    assert told['registry_freshness_age_seconds{country="BY"}'] == 3


def test_a_word_of_the_peer_ends_its_silence(corridor: Corridor, office: Office) -> None:
    by, uz = corridor.by, corridor.uz
    uz.issued("cotton-yarn")
    uz.deliver(by)
    corridor.clock.forward(timedelta(seconds=9))
    assert figures(office)[f'registry_peer_silence_seconds{{peer="{uz.did}"}}'] == 9


def test_without_its_database_a_node_counts_on(corridor: Corridor, documented: Documented) -> None:
    nowhere = Database.open("postgresql+psycopg://registry_app:word@127.0.0.1:1/registry")
    with open_office(metered(corridor.by, nowhere), documented) as office:
        office.get("/health/live")
        told = figures(office)
    assert told["registry_database_up"] == 0
    assert told['registry_requests_total{method="GET",route="/health/live",status="200"}'] == 1
    assert "registry_log_size" not in told


def test_several_processes_count_together(forge: Forge, corridor: Corridor, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = environment_of(forge, corridor.by, tmp_path)
    environment |= {"REGISTRY_PORT": str(port), "REGISTRY_PROCESSES": "2", "REGISTRY_METRICS": "1"}
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-m", "registry.cli.main", "serve"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_it_answers(url, process, tmp_path / "log")
        for _ in range(40):
            httpx2.get(f"{url}/trust-list", timeout=30, trust_env=False)
        counted, ends = 0, time.monotonic() + 60
        while counted < 40 and time.monotonic() < ends:  # a request is counted when its answer has gone
            text = httpx2.get(f"{url}/metrics", timeout=30, trust_env=False).text
            found = re.search(r'registry_requests_total\{method="GET",route="/trust-list",status="200"\} (\d+)', text)
            counted = 0 if found is None else int(found[1])
        assert counted == 40
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
