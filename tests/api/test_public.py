"""What anyone may read, what the peer may send, and what the operator looks at."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from registry.api.app import create_app
from registry.core.envelope.jose import Envelope, Typ, parse_joint, seal
from registry.core.tlog.entry import Kind
from registry.core.tlog.note import Note
from registry.node import Node
from registry.store import tasks
from registry.store.guard import Mark, of_forgotten, of_witness
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from tests.api.desk import Documented, Office, assert_problem, open_office
from tests.kit import Corridor, Country, Forge

JWT = {"Content-Type": "application/jwt"}


def test_anyone_reads_the_trust_list_and_the_agreement_as_they_were_signed(
    forge: Forge, corridor: Corridor, minsk: Office
) -> None:
    found = minsk.get("/trust-list")
    assert found.text == forge.lists["BY"]
    assert found.headers["cache-control"] == "public, max-age=5"
    agreement = next(iter(corridor.by.beliefs().agreements))
    found = minsk.get(f"/agreements/{agreement}")
    assert found.text == forge.agreement
    assert len(parse_joint(found.text, Typ.AGREEMENT)) == 4
    assert_problem(minsk.get(f"/agreements/{'0' * 64}"), 404, "agreement-not-found")
    assert_problem(minsk.get("/agreements/x"), 422, "request-invalid")


def test_anyone_reads_how_fresh_the_word_of_the_node_is(corridor: Corridor, minsk: Office) -> None:
    assert_problem(minsk.get("/freshness"), 404, "freshness-not-stated")
    corridor.by.sequence()
    said = corridor.by.states()
    found = minsk.get("/freshness")
    assert (found.text, found.headers["content-type"]) == (said, "application/jwt")
    assert found.headers["cache-control"] == "public, max-age=5"


def test_a_node_without_its_own_root_has_no_list_to_show(corridor: Corridor, documented: Documented) -> None:
    country = corridor.by
    node = Node(country.node.settings, country.node.database, dict, country.clock)
    unpinned = Country(node, country.clock, {}, {}, country.database)
    with open_office(unpinned, documented) as office:
        assert office.get("/health/ready").json()["wrong"] == [
            (
                "agreement-not-believed: The agreement is of another environment, names a country without a list, or a "
                "signature is in no such list."
            )
        ]
    with corridor.forge.breaking(country) as tx:
        tx.execute(text("DELETE FROM agreement"))
    with open_office(unpinned, documented) as office:
        assert_problem(office.get("/trust-list"), 503, "country-not-trusted")
        assert office.get("/health/ready").json()["wrong"][:2] == [
            "this country's own trust list is not published here",
            "no agreement is in force",
        ]


def test_anyone_reads_the_newest_checkpoint(corridor: Corridor, minsk: Office) -> None:
    assert_problem(minsk.get("/log/checkpoint"), 404, "log-empty")
    corridor.by.sequence()
    assert_problem(minsk.get("/log/checkpoint"), 404, "log-empty")
    corridor.by.witnessed(corridor.uz)
    found = minsk.get("/log/checkpoint")
    (policy,) = corridor.uz.beliefs().log_policies(corridor.by.did, corridor.by.clock())
    assert policy.check(Note.parse(found.text)).checkpoint.size == len(corridor.by.acts())
    assert found.headers["content-type"] == "text/plain; charset=utf-8"


def test_ready_says_what_is_wrong_when_the_worker_does_not_run(corridor: Corridor, minsk: Office) -> None:
    assert minsk.get("/health/live").json() == {"ready": True, "wrong": [], "alarms": [], "waiting": []}
    corridor.by.sequence()
    assert minsk.get("/health/ready").json() == {"ready": True, "wrong": [], "alarms": [], "waiting": []}
    minsk.product()
    corridor.clock.forward(timedelta(minutes=2))
    behind = minsk.get("/health/ready")
    assert (behind.status_code, behind.json()["ready"]) == (503, False)
    assert behind.json()["wrong"] == ["the log has not moved since 2026-11-21T09:30:00+00:00: is the worker running?"]
    corridor.by.sequence()
    assert minsk.get("/health/ready").status_code == 200
    corridor.clock.forward(timedelta(days=60))
    assert minsk.get("/health/ready").json()["wrong"] == [
        "the trust list of BY has expired",
        "the trust list of UZ has expired",
    ]


def test_ready_tells_what_must_never_be_though_the_node_works(corridor: Corridor, minsk: Office) -> None:
    by = corridor.by
    by.sequence()
    witness = by.node.keyring.witness.vkey.name
    by.node.guard.advance(of_witness(witness, "uz.registry.example/log"), Mark(9, "ff"))
    by.node.guard.advance(of_witness("by.registry.example/witness-0", "uz.registry.example/log"), Mark(9, "ff"))
    with by.tx() as tx:
        tasks.open_task(tx, TaskKind.LOG_SPLIT, "uz.registry.example/log", role=Role.AUDITOR, detail={}, at=by.clock())
    told = minsk.get("/health/ready")
    assert told.status_code == 200
    assert told.json()["alarms"] == [
        "log.split: 1 open",
        "the witness of this node is silent: it may have cosigned more than is here of uz.registry.example/log",
    ]
    by.node.guard.advance(of_forgotten(witness), Mark(1, ""))
    assert minsk.get("/health/ready").json()["alarms"][-1].endswith("of every log, uz.registry.example/log")


def test_ready_names_what_stands_still_while_the_rest_of_the_node_works(corridor: Corridor, minsk: Office) -> None:
    by, uz = corridor.by, corridor.uz
    uz.issued("cotton-yarn")
    uz.deliver(by)
    by.sequence()
    by.witnessed(uz)
    assert minsk.get("/health/ready").json()["alarms"] == []
    corridor.clock.forward(timedelta(hours=25))
    told = minsk.get("/health/ready")
    assert told.status_code == 200
    (line,) = told.json()["alarms"]
    assert line.startswith("every verdict on what UZ issued is INDETERMINATE (status-stale): ")


def test_ready_says_that_fewer_than_two_operators_can_act(corridor: Corridor, minsk: Office) -> None:
    by = corridor.by
    by.sequence()
    with by.tx() as tx:
        tx.execute(text("UPDATE token SET revoked_at = :at"), {"at": by.clock()})
    told = minsk.get("/health/ready")
    assert told.status_code == 200
    (line,) = told.json()["alarms"]
    assert line.startswith("fewer than two operators hold a living token (0 of them): ")


def test_ready_says_that_the_database_was_not_upgraded(forge: Forge, corridor: Corridor, minsk: Office) -> None:
    with forge.breaking(corridor.by) as tx:
        tx.execute(text("ALTER TABLE alembic_version RENAME TO alembic_gone"))
    behind = minsk.get("/health/ready")
    assert (behind.status_code, behind.json()["ready"]) == (503, False)
    assert "registry database upgrade" in behind.json()["wrong"][0]


def test_the_peer_gets_the_same_receipt_for_the_same_message(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    minsk.issued()
    corridor.by.sequence()
    message = corridor.by.messages(corridor.uz)[0]
    first, again = (tashkent.http.post("/peer/messages", content=message, headers=JWT) for _ in range(2))
    assert first.status_code == 200
    assert first.headers["content-type"] == "application/jwt"
    assert first.content == again.content
    assert_problem(minsk.http.post("/peer/messages", content=message, headers=JWT), 422, "not-addressed-here")


def test_a_message_before_its_time_names_the_one_that_is_missing(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    minsk.issued()
    minsk.issued()
    corridor.by.sequence()
    _, second = corridor.by.messages(corridor.uz)
    answer = tashkent.http.post("/peer/messages", content=second, headers=JWT)
    assert assert_problem(answer, 409, "message-gap")["next_seq"] == 1


@pytest.mark.parametrize("message", [b"", b"x", b"\xff", b"a.b.c", "сообщение".encode(), b"." * 999_999])
def test_what_is_no_message_is_malformed(lasting: Office, message: bytes) -> None:
    answer = lasting.http.post("/peer/messages", content=message, headers=JWT)
    assert_problem(answer, 400, "malformed-envelope")


def test_a_message_by_nobody_is_refused(corridor: Corridor, minsk: Office, tashkent: Office) -> None:
    minsk.issued()
    minsk.issued()
    corridor.by.sequence()
    first, second = corridor.by.messages(corridor.uz)
    forged = first.rpartition(".")[0] + "." + second.rpartition(".")[2]
    answer = tashkent.http.post("/peer/messages", content=forged, headers=JWT)
    assert_problem(answer, 403, "sender-unknown")


def test_two_messages_of_one_number_are_a_fork_that_is_kept(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    minsk.issued()
    corridor.by.sequence()
    message = corridor.by.messages(corridor.uz)[0]
    assert tashkent.http.post("/peer/messages", content=message, headers=JWT).status_code == 200
    other = Envelope.parse(message, Typ.MESSAGE).payload | {"id": "0" * 32}  # type: ignore[operator]  # it is a dict
    fork = seal(other, Typ.MESSAGE, corridor.by.node.keyring.node).text
    answer = tashkent.http.post("/peer/messages", content=fork, headers=JWT)
    assert_problem(answer, 409, "message-fork")
    refused = corridor.uz.acts(Kind.MESSAGE_REFUSED)
    assert [act.private["fork"] for act in refused] == [fork]


def test_a_fault_of_ours_is_told_by_its_event_and_nothing_else(
    corridor: Corridor, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> datetime:
        raise RuntimeError("secret of the machine")

    node = Node(corridor.by.node.settings, corridor.by.node.database, corridor.by.node.pinned, broken)
    with TestClient(create_app(node), raise_server_exceptions=False) as http:
        answer = http.get("/health/ready")
    document = assert_problem(answer, 500, "internal-error")
    assert "secret" not in answer.text
    assert document["event"] in document["title"]
    assert document["event"] in [getattr(record, "members", {}).get("id") for record in caplog.records]
    assert "secret of the machine" in caplog.text
