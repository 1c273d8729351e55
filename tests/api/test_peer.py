"""What a restored peer gets back, and who gets nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from registry.core.channel.recall import Recall
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.store import channel, open_messages, peers
from registry.store.guard import Mark, of_received
from registry.usecases.recovery import recall_messages
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor, Country
from tests.usecases.channel.test_accept_message import follow, sealed
from tests.usecases.recovery.parted import agree_to, begin, part_ways, waiting
from tests.usecases.recovery.restored import make

JWT = {"Content-Type": "application/jwt"}


def asked(by: Country, to: Country, whose: Country, first: int = 1, /, **changes: Any) -> str:
    """Return a request for messages, signed by a node."""
    request = Recall(by.node.settings.env, by.did, to.did, whose.did, first, by.clock())
    return seal({**request.encode(), **changes}, Typ.RECALL, by.node.keyring.node).text


def recalled(office: Office, signed: str, of: Country, first: int = 1) -> Any:
    return office.http.get(
        "/peer/messages", params={"of": of.did, "from": first}, headers={"Authorization": f"Bearer {signed}"}
    )


@pytest.fixture
def delivered(corridor: Corridor) -> Corridor:
    """Two certificates of Minsk arrived in Tashkent, and a third waits for its receipt."""
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.issued()
    by.deliver(uz)
    by.issued()
    by.sequence()
    by.messages(uz)
    return corridor


def test_the_guard_knows_of_a_message_before_its_receipt_leaves(corridor: Corridor, tashkent: Office) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    (message,) = by.messages(uz)
    assert tashkent.http.post("/peer/messages", content=message, headers=JWT).status_code == 200
    digest = Envelope.parse(message, Typ.MESSAGE).digest
    assert uz.node.guard.mark(of_received(by.did, 1)) == Mark(1, digest)


def test_a_receipt_does_not_leave_while_the_guard_is_missing(corridor: Corridor, tashkent: Office) -> None:
    by, uz = corridor.by, corridor.uz
    uz.sequence()
    by.issued()
    by.sequence()
    (message,) = by.messages(uz)
    uz.node.guard.path.unlink()
    answer = tashkent.http.post("/peer/messages", content=message, headers=JWT)
    assert "registry log guard --begin" in assert_problem(answer, 503, "guard-missing")["title"]


def test_what_is_judged_again_is_all_that_came_before_the_adoption(corridor: Corridor, tashkent: Office) -> None:
    """Who takes a message waits for an adoption that is under way, and then judges by the new list."""
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    (message,) = by.messages(uz)
    with ThreadPoolExecutor(1) as pool:
        with uz.tx() as tx:
            peers.lock_adoption(tx)
            asked = pool.submit(tashkent.http.post, "/peer/messages", content=message, headers=JWT)
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while not tx.scalar(text(waiting)):
                assert not asked.done(), asked.result()
            assert open_messages.not_accepted(tx) == []
        assert asked.result().status_code == 200


def test_a_peer_gets_back_what_it_sent_with_the_receipts_it_was_given(delivered: Corridor, tashkent: Office) -> None:
    by, uz = delivered.by, delivered.uz
    page = recalled(tashkent, asked(by, uz, by), by).json()
    with by.node.database.read() as tx:
        sent = [(row.envelope, row.receipt) for row in channel.sent_from(tx, uz.did, 1, 1, 9)]
    assert [(each["message"], each["receipt"]) for each in page["messages"]] == sent[:2]
    assert page["more"] is False
    later = recalled(tashkent, asked(by, uz, by, 2), by, 2).json()
    assert [each["message"] for each in later["messages"]] == [sent[1][0]]
    assert recalled(tashkent, asked(by, uz, by, 3), by, 3).json() == {"messages": [], "more": False}


def test_a_message_of_an_epoch_that_nobody_agreed_to_or_that_is_over_waits(
    corridor: Corridor, tashkent: Office
) -> None:
    parted = part_ways(corridor)
    by, uz = parted.by, parted.uz
    begin(by, uz)
    by.sequence()
    make(by, uz)
    first = waiting(by, uz)[0]
    answer = tashkent.http.post("/peer/messages", content=first, headers=JWT)
    assert "epoch 2" in assert_problem(answer, 409, "epoch-not-agreed")["title"]
    agree_to(uz, by)
    assert tashkent.http.post("/peer/messages", content=first, headers=JWT).status_code == 200
    assert uz.node.guard.mark(of_received(by.did, 2)) == Mark(1, Envelope.parse(first, Typ.MESSAGE).digest)
    late = sealed(follow(by, uz, {}, epoch=1, seq=3), by.node.keyring.node)
    over = tashkent.http.post("/peer/messages", content=late, headers=JWT)
    assert "taken in epoch 2" in assert_problem(over, 409, "epoch-over")["title"]
    headers = {"Authorization": f"Bearer {asked(by, uz, by, epoch=2)}"}
    page = tashkent.http.get("/peer/messages", params={"of": by.did, "from": 1, "epoch": 2}, headers=headers)
    assert [each["message"] for each in page.json()["messages"]] == [first]
    other = tashkent.http.get("/peer/messages", params={"of": by.did, "from": 1}, headers=headers)
    assert "another request" in assert_problem(other, 403, "recall-refused")["title"]


def test_a_peer_gets_back_what_was_sent_to_it(delivered: Corridor, minsk: Office) -> None:
    by, uz = delivered.by, delivered.uz
    page = recalled(minsk, asked(uz, by, by), by).json()
    assert ["receipt" in each for each in page["messages"]] == [True, True, False]


def test_a_page_is_bounded_and_says_that_there_is_more(
    delivered: Corridor, tashkent: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    by, uz = delivered.by, delivered.uz
    for bound in ("PAGE", "PAGE_CHARACTERS"):
        with monkeypatch.context() as bounded:
            bounded.setattr(recall_messages, bound, 1)
            page = recalled(tashkent, asked(by, uz, by), by).json()
        assert (len(page["messages"]), page["more"]) == (1, True)


def test_what_is_no_request_gets_nothing(delivered: Corridor, tashkent: Office) -> None:
    by, uz = delivered.by, delivered.uz
    for headers in ({}, {"Authorization": "Basic x"}, {"Authorization": "Bearer x"}):
        answer = tashkent.http.get("/peer/messages", params={"of": by.did, "from": 1}, headers=headers)
        assert_problem(answer, 400, "malformed-envelope")
    assert_problem(recalled(tashkent, asked(by, uz, by, more=1), by), 400, "malformed-record")
    assert_problem(recalled(tashkent, asked(by, uz, by), by, 0), 422, "request-invalid")


def test_a_request_counts_for_what_it_says_and_for_five_minutes(delivered: Corridor, tashkent: Office) -> None:
    by, uz = delivered.by, delivered.uz
    signed = asked(by, uz, by)
    refusal = assert_problem(recalled(tashkent, signed, by, 2), 403, "recall-refused")
    assert "another request" in refusal["title"]
    assert recalled(tashkent, signed, by).status_code == 200
    for wait in (timedelta(minutes=6), timedelta(minutes=-12)):
        delivered.clock.forward(wait)
        late = assert_problem(recalled(tashkent, signed, by), 403, "recall-refused")
        assert "five minutes" in late["title"]


def test_only_the_two_nodes_get_their_messages(delivered: Corridor, tashkent: Office) -> None:
    by, uz = delivered.by, delivered.uz
    stranger = "did:web:kz.registry.example"
    refused: dict[str, tuple[str, int, str]] = {
        asked(by, uz, by, of=stranger): (stranger, 403, "recall-refused"),
        asked(by, uz, by, issuer=stranger): (by.did, 403, "recall-refused"),
        asked(by, uz, by, issuer=uz.did): (by.did, 403, "recall-refused"),
        asked(by, uz, by, to=by.did): (by.did, 422, "not-addressed-here"),
        asked(by, uz, by, env="production"): (by.did, 422, "not-addressed-here"),
    }
    for signed, (of, status, code) in refused.items():
        answer = tashkent.http.get(
            "/peer/messages", params={"of": of, "from": 1}, headers={"Authorization": f"Bearer {signed}"}
        )
        assert_problem(answer, status, code)
    whole, other = asked(by, uz, by), asked(by, uz, by, 2)
    forged = whole.rpartition(".")[0] + "." + other.rpartition(".")[2]
    assert "does not verify" in assert_problem(recalled(tashkent, forged, by), 403, "recall-refused")["title"]
