"""kill -9 before each statement and each commit of a request in turn: asked again, it is done once and whole."""

import itertools
import multiprocessing
import os
import secrets
import signal
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerContext
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from registry.api.app import create_app
from registry.core.trust.pin import Pin
from registry.node import Node
from registry.settings import Settings
from registry.store.database import Database
from tests.api.desk import Office, product
from tests.api.test_certificates import PROPOSAL
from tests.kit import Clock
from tests.usecases.fsck import lived

TRIES = 60
"""More than any request has statements."""
Request = tuple[str, str, Any]
"""Who asks, of which path, with which body."""


def ask(
    settings: Settings, pins: Mapping[str, Pin], clock: Clock, request: Request, token: str, key: str, fatal: int
) -> None:
    """Ask in a process of its own, which ends before its `fatal`-th statement or commit, or when it has its answer."""
    assert settings.database_url is not None
    node = Node(settings, Database.open(settings.database_url.get_secret_value()), lambda: pins, clock)
    points = itertools.count(1)

    def die(*_: object) -> None:
        if next(points) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    with TestClient(create_app(node)) as http:
        event.listen(node.database.engine, "before_cursor_execute", die)
        event.listen(node.database.engine, "commit", die)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        http.post(request[1], headers=headers, json=request[2])
    die()  # the answer was there, and nobody got it


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.api.test_killed"])
    return context


def _product(_office: Office) -> Request:
    return "exporter", "/api/v1/products", product()


def _draft(office: Office) -> Request:
    return "exporter", "/api/v1/applications", office.form()


def _submit(office: Office) -> Request:
    return "exporter", f"/api/v1/applications/{office.drafted()['id']}/submit", None


def _accept(office: Office) -> Request:
    offered = office.offered()
    return "exporter", f"/api/v1/applications/{offered['id']}/accept", {"draft": offered["draft"]}


def _issue(office: Office) -> Request:
    approved = office.approved()
    return "signatory", f"/api/v1/applications/{approved['id']}/issue", {"draft": approved["draft"]}


def _confirm(office: Office) -> Request:
    path = f"{office.issued()['href']}/annulment"
    proposed = office.desk("signatory").post(path, PROPOSAL).json()
    return "examiner", f"{path}/confirm", {"proposal": proposed["id"]}


def _verify(office: Office) -> Request:
    return "officer", "/api/v1/verifications", {"number": office.issued()["number"]}


@pytest.mark.parametrize("prepare", [_product, _draft, _submit, _accept, _issue, _confirm, _verify])
def test_a_request_that_was_killed_anywhere_is_done_once_when_it_is_asked_again(
    prepare: Callable[[Office], Request], minsk: Office, processes: ForkServerContext
) -> None:
    country = minsk.country
    settings, pins, clock = country.node.settings, country.node.pins, country.clock
    for fatal in range(1, TRIES):
        request, key = prepare(minsk), secrets.token_hex(16)
        acts = len(country.acts())
        asked = (settings, pins, clock, request, country.tokens[request[0]], key, fatal)
        process = processes.Process(target=ask, args=asked)
        process.start()
        process.join(60)
        again = minsk.desk(request[0]).post(request[1], request[2], key=key)
        assert again.status_code in {200, 201}, (fatal, again.text)
        assert len(country.acts()) == acts + 1, f"killed before its statement {fatal}"
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    else:
        pytest.fail(f"it has more than {TRIES} statements, or never ends")
    assert fatal > 5
    country.sequence()
    assert lived.found(country) == []
