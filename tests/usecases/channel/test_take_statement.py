"""What a peer says of a month is kept once and in order, or refused with a code of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from registry.core.channel.message import MessageKind
from registry.core.channel.receipt import Outcome, Receipt
from registry.core.channel.reconciliation import Month, SeenLog, Side, Statement, StatementPart, Through
from registry.store import channel, reconciliations
from tests.kit import Corridor, Country
from tests.usecases.channel.months import differences, end_month, pass_on, settle_both, settles
from tests.usecases.channel.test_accept_message import refused_for, sent
from tests.usecases.channel.test_settle_months import NOVEMBER

NONCE = "0" * 32
SEEN = SeenLog(9, "ab" * 32)


@pytest.fixture
def over(corridor: Corridor) -> Corridor:
    """A corridor in which something was delivered, and the month is over."""
    by, uz = corridor.by, corridor.uz
    by.issued()
    pass_on(by, uz)
    end_month(corridor)
    return corridor


def through(corridor: Corridor, **changes: Any) -> Through:
    """Return where the direction from Minsk stands in Tashkent."""
    with corridor.uz.node.database.read() as tx:
        position = channel.received(tx, corridor.by.did)
    return replace(Through(position.epoch, position.seq, position.digest), **changes)


def part(corridor: Corridor, month: str = NOVEMBER, **changes: Any) -> StatementPart:
    (whole,) = Statement(Month.parse(month), Side.ISSUED, through(corridor), SEEN, ()).cut(NONCE)
    return replace(whole, **changes)


def say(corridor: Corridor, told: StatementPart, **changes: Any) -> Receipt:
    """Let Minsk say something of a month to Tashkent."""
    return sent(corridor.by, corridor.uz, told.encode(), kind=MessageKind.RECONCILIATION, **changes)


def kept(corridor: Corridor, month: str = NOVEMBER) -> Sequence[int]:
    with corridor.uz.node.database.read() as tx:
        rows = reconciliations.parts(tx, corridor.by.did, month, Side.ISSUED, corridor.by.did)
        return [row.part for row in rows]


def test_the_same_statement_again_is_accepted_and_kept_once(over: Corridor) -> None:
    told = part(over)
    for _ in range(2):
        assert say(over, told).outcome is Outcome.ACCEPTED
    assert kept(over) == [1]


def test_parts_come_in_any_order_and_the_statement_waits_for_all_of_them(over: Corridor) -> None:
    by, uz = over.by, over.uz
    first = part(over, parts=2)
    assert say(over, replace(first, part=2)).outcome is Outcome.ACCEPTED
    assert settles(uz, by) == 0
    assert say(over, first).outcome is Outcome.ACCEPTED
    assert kept(over) == [1, 2]
    assert settles(uz, by) == 2


OTHERWISE: Mapping[str, Mapping[str, Any]] = {
    "the same part": {"nonce": "1" * 32},
    "a part of another number": {"part": 2, "nonce": "1" * 32},
    "another number of parts": {"part": 2, "parts": 3},
    "another end": {"part": 2, "log": SeenLog(8, "ab" * 32)},
}


@pytest.mark.parametrize("change", OTHERWISE.values(), ids=OTHERWISE.keys())
def test_a_month_is_stated_once(over: Corridor, change: Mapping[str, Any]) -> None:
    told = part(over, parts=2)
    assert say(over, told).outcome is Outcome.ACCEPTED
    refused_for(over.uz, say(over, replace(told, **change)), "stated-otherwise")
    assert kept(over) == [1]


def test_a_month_that_is_not_over_is_refused(over: Corridor) -> None:
    refused_for(over.uz, say(over, part(over, "2026-12")), "month-not-over")
    late = Month.parse(NOVEMBER).end - timedelta(seconds=1)
    refused_for(over.uz, say(over, part(over), issued_at=late), "month-not-over")
    over.clock.at = late
    refused_for(over.uz, say(over, part(over), issued_at=Month.parse(NOVEMBER).end), "month-not-over")


def test_a_month_that_ends_at_a_message_which_is_not_here_is_refused(over: Corridor) -> None:
    for wrong in (through(over, seq=99), through(over, epoch=2), through(over, digest="0" * 64)):
        refused_for(over.uz, say(over, part(over, through=wrong)), "other-channel")


def test_months_come_in_order_and_none_ends_before_the_last_one_did(over: Corridor) -> None:
    start = through(over)
    assert say(over, part(over, "2026-10")).outcome is Outcome.ACCEPTED
    refused_for(over.uz, say(over, part(over, "2026-09")), "months-not-in-order")
    assert say(over, part(over)).outcome is Outcome.ACCEPTED
    over.clock.forward(Month.parse("2026-12").end - over.clock())
    refused_for(over.uz, say(over, part(over, "2026-12", through=start)), "months-not-in-order")


def test_what_is_no_statement_is_refused_by_its_form(over: Corridor) -> None:
    body = {**part(over).encode(), "part": 0}
    receipt = sent(over.by, over.uz, body, kind=MessageKind.RECONCILIATION)
    refused_for(over.uz, receipt, "malformed-record")


def test_what_the_peer_claims_to_have_received_is_compared_with_what_we_issued(over: Corridor) -> None:
    by, uz = over.by, over.uz
    assert settles(by, uz) == 1
    by.deliver(uz)
    told = part(over, side=Side.DELIVERED, log=None)
    receipt = sent(uz, by, told.encode(), kind=MessageKind.RECONCILIATION)
    assert receipt.outcome is Outcome.ACCEPTED
    assert settles(by, uz) == 1
    assert {code for code, _ in differences(by, NOVEMBER, "BY")} == {"other-channel", "log-not-seen", "not-delivered"}


def test_a_peer_that_stated_a_month_is_answered_though_nothing_goes_the_other_way(over: Corridor) -> None:
    by, uz = over.by, over.uz
    settle_both(over)
    countries: Sequence[Country] = (by, uz)
    for country in countries:
        assert differences(country, NOVEMBER, "BY") == []


def test_nothing_is_compared_before_all_parts_are_here(over: Corridor) -> None:
    by, uz = over.by, over.uz
    assert settles(by, uz) == 1
    told = part(over, side=Side.DELIVERED, parts=2)
    for first, done in ((told, 0), (replace(told, part=2), 1)):
        receipt = sent(uz, by, first.encode(), kind=MessageKind.RECONCILIATION)
        assert receipt.outcome is Outcome.ACCEPTED
        assert settles(by, uz) == done
