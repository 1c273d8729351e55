"""One line a request, events of security among them (PROMISES 30); a fault is one event, and nothing more (29)."""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from registry.api.app import create_app
from registry.api.limits import GUARDS
from registry.cli import told
from registry.core.tlog.entry import Kind
from registry.lines import Lines
from registry.node import Node
from registry.store import acts as act_rows
from registry.store.acts import Actor
from registry.store.database import Database
from tests.api.conftest import Served
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor


class Ear(logging.Handler):
    """Hears what is said, as it would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(Lines({}))
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.texts]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    def request(self) -> dict[str, Any]:
        (line,) = self.of("request")
        return line


@pytest.fixture
def ear() -> Iterator[Ear]:
    log, heard = logging.getLogger("registry"), Ear()
    level = log.level
    log.addHandler(heard)
    log.setLevel(logging.INFO)
    yield heard
    log.removeHandler(heard)
    log.setLevel(level)


def test_a_request_is_one_line_without_person_token_path_or_what_was_said(minsk: Office, ear: Ear) -> None:
    kept = minsk.product()
    answer = minsk.desk("exporter").get(f"/api/v1/products/{kept['id']}")
    minsk.desk("exporter").get(f"/api/v1/products/{kept['id']}?x=1")
    made, read, refused = ear.of("request")
    assert (made["method"], made["route"], made["status"]) == ("POST", "/api/v1/products", 201)
    assert (read["method"], read["route"], read["status"]) == ("GET", "/api/v1/products/{id}", 200)
    assert (read["organisation"], read["code"], read["level"]) == ("exporter", None, "info")
    assert read["request"] == answer.headers["x-request-id"] != made["request"]
    assert (refused["status"], refused["code"]) == (422, "query-unknown")
    assert 0 <= read["ms"] < 60_000
    person = minsk.country.people["exporter"]
    hidden = (minsk.country.tokens["exporter"], person.person, person.name, person.organisation_name, kept["id"], "x=1")
    assert [word for word in hidden if word in "".join(ear.texts)] == []
    assert [text for text in ear.texts if "Тракторы" in json.dumps(json.loads(text), ensure_ascii=False)] == []


@pytest.mark.parametrize(
    ("method", "path", "status", "route", "code"),
    [
        ("GET", "/nowhere/%0d%0aelse", 400, None, "request-unreadable"),
        ("TRACE", "/trust-list", 405, "/trust-list", "method-not-allowed"),
        ("GET", "/trust-list?a=1&a=2", 400, None, "query-repeated"),
        ("GET", "/docs", 404, None, "no-such-path"),
    ],
)
def test_a_refusal_of_the_face_is_a_line_too(
    lasting: Office, ear: Ear, method: str, path: str, status: int, route: str | None, code: str
) -> None:
    answer = lasting.http.request(method, path)
    assert_problem(answer, status, code)
    line = ear.request()
    assert (line["status"], line["route"], line["code"]) == (status, route, code)
    assert "else" not in ear.texts[0]


def test_a_login_that_is_denied_is_an_event_of_security(lasting: Office, ear: Ear) -> None:
    guess = "brt_" + "0" * 64
    lasting.http.get("/api/v1/products", headers={"Authorization": f"Bearer {guess}"})
    (event,) = ear.of("login.denied")
    assert (event["level"], event["who"], event["what"]) == ("warning", None, "GET /api/v1/products")
    assert event["request"] == ear.request()["request"]
    assert guess not in "".join(ear.texts)


def test_a_role_that_is_missing_is_an_event_that_says_whose(lasting: Office, ear: Ear) -> None:
    answer = lasting.desk("examiner").post("/api/v1/products", {})
    assert answer.status_code in {403, 422}
    lasting.desk("examiner").get("/api/v1/acts")
    event = ear.of("role.missing")[-1]
    assert (event["who"], event["what"]) == (lasting.country.people["examiner"].person, "GET /api/v1/acts")
    assert "person" not in ear.of("request")[-1]


def test_a_signature_says_which_key_was_used_and_for_which_request(minsk: Office, ear: Ear) -> None:
    approved = minsk.approved()
    assert ear.of("key.used") == []
    answer = minsk.issue(approved)
    signer = minsk.country.signer
    used = {(line["key"], line["request"]) for line in ear.of("key.used")}
    assert used == {(signer.kid, answer.headers["x-request-id"])}


def test_each_act_is_told_once_when_the_log_has_it_whoever_did_it(corridor: Corridor, minsk: Office, ear: Ear) -> None:
    corridor.by.sequence()
    telling = told.Telling(corridor.by.node)
    minsk.issued()
    assert telling.run() is False
    assert ear.of("act") == []
    corridor.by.sequence()
    telling.run()
    telling.run()
    acts = {line["what"]: line for line in ear.of("act")}
    assert len(ear.of("act")) == len(acts)
    issued = acts[Kind.CERTIFICATE_ISSUED]
    signatory = corridor.by.people["signatory"]
    assert (issued["who"], issued["of"]) == (signatory.person, signatory.organisation)
    assert issued["by"] == signatory.did
    assert {Kind.APPLICATION_DRAFT_OFFERED, Kind.APPLICATION_ACCEPTED} < set(acts)


def test_a_split_of_another_log_is_an_error(corridor: Corridor, ear: Ear) -> None:
    by = corridor.by
    by.sequence()
    telling = told.Telling(by.node)
    with by.tx() as tx:
        act_rows.record(tx, Kind.WITNESS_CONFLICT, {}, by=Actor(by.did), at=by.clock(), draw=by.node.draw)
    by.sequence()
    telling.run()
    (line,) = ear.of("act")
    assert (line["what"], line["level"]) == ("witness.conflict", "error")


def test_a_change_of_trust_is_told(corridor: Corridor, ear: Ear) -> None:
    country = corridor.by
    telling = told.Telling(country.node)
    country.sequence()
    telling.run()
    assert {Kind.TRUST_PUBLISHED, Kind.AGREEMENT_ADOPTED} & {line["what"] for line in ear.of("act")}
    assert Kind.TOKEN_ISSUED in {line["what"] for line in ear.of("act")}


@pytest.fixture
def broken(corridor: Corridor) -> Node:
    """A node whose clock has a fault that knows a secret."""

    def clock() -> datetime:
        raise RuntimeError("secret of /srv/keys: SELECT token FROM person")

    return Node(corridor.by.node.settings, corridor.by.node.database, corridor.by.node.pinned, clock)


def test_a_fault_of_ours_is_one_event_that_the_log_explains_once(broken: Node, ear: Ear) -> None:
    with TestClient(create_app(broken)) as http:
        answer = http.get("/health/ready")
    document = assert_problem(answer, 500, "internal-error")
    assert set(document) == {"type", "code", "title", "status", "event"}
    (line,) = ear.of("internal-error")
    assert document["event"] == line["id"] == ear.request()["request"] == answer.headers["x-request-id"]
    assert (line["fault"], ear.request()["status"]) == ("RuntimeError", 500)
    for hidden in ("secret", "SELECT", "/srv"):
        assert hidden not in answer.text
        assert hidden not in "".join(ear.texts)
    assert {name for name, _ in GUARDS} <= {name.encode() for name in answer.headers}


def test_a_fault_of_the_database_tells_neither_statement_nor_table(corridor: Corridor, ear: Ear) -> None:
    with corridor.forge.breaking(corridor.by) as tx:
        tx.execute(text("ALTER TABLE product RENAME TO product_gone"))
    with TestClient(create_app(corridor.by.node)) as http:
        headers = {"Authorization": f"Bearer {corridor.by.tokens['exporter']}"}
        answer = http.get("/api/v1/products", headers=headers)
    assert_problem(answer, 500, "internal-error")
    for hidden in ("SELECT", "product", "psycopg", "Traceback", ".py"):
        assert hidden not in answer.text
    assert ear.of("internal-error")[0]["fault"] == "ProgrammingError"
    assert "SELECT" not in "".join(ear.texts)


def test_a_database_that_is_away_fails_closed_and_names_no_address(corridor: Corridor, ear: Ear) -> None:
    nowhere = Database.open("postgresql+psycopg://registry_app:word@127.0.0.1:1/registry")
    node = Node(corridor.by.node.settings, nowhere, corridor.by.node.pinned, corridor.by.clock)
    office = corridor.by
    with TestClient(create_app(node)) as http:
        headers = {"Authorization": f"Bearer {office.tokens['exporter']}"}
        answer = http.get("/api/v1/products", headers=headers)
    document = assert_problem(answer, 503, "database-unavailable")
    assert set(document) == {"type", "code", "title", "status"}
    assert (ear.request()["status"], ear.request()["code"]) == (503, "database-unavailable")
    assert "127.0.0.1" not in "".join(ear.texts)


def test_a_process_that_serves_says_lines_and_names_no_server(served: Served, tmp_path_factory: Any) -> None:
    answer = served.office.get("/trust-list")
    assert "server" not in answer.headers
    logs = sorted(tmp_path_factory.getbasetemp().glob("served*/log"))
    asked, ends = answer.headers["x-request-id"], time.monotonic() + 60
    found: list[Mapping[str, Any]] = []
    while not found and time.monotonic() < ends:  # the line is written when the answer has gone
        lines = [json.loads(line) for line in logs[-1].read_text().splitlines(keepends=True) if line.endswith("\n")]
        found = [line for line in lines if line.get("request") == asked]
    (line,) = found
    assert (line["event"], line["route"], line["process"]) == ("request", "/trust-list", "serve")
    assert line["node"] == served.office.country.node.settings.name


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/metrics"])
def test_nothing_that_describes_the_node_is_public_by_itself(lasting: Office, path: str) -> None:
    assert_problem(lasting.get(path), 404, "no-such-path")
