"""A month is one everywhere, a statement is cut and put together without loss, and every difference is named."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from registry.core import canonical
from registry.core.canonical import Json
from registry.core.certificate.lifecycle import Standing
from registry.core.channel.message import Message, MessageKind
from registry.core.channel.reconciliation import (
    PART_BYTES,
    Code,
    Entry,
    Month,
    SeenLog,
    Side,
    Statement,
    StatementPart,
    Through,
    compare,
)
from registry.core.envelope.jose import MAX_ENVELOPE, Envelope, Typ, seal
from registry.core.record import MalformedRecord
from tests.core.channel.test_message import MESSAGE
from tests.core.world import World

NONCE = "0" * 32
MONTH = Month(2026, 11)
LOG = SeenLog(40, "ab" * 32)


def entry(number: int, **changes: Any) -> Entry:
    id = f"https://by.registry.example/certificates/bcci/2026/BYUZ61{number:08}"
    return replace(Entry(id, f"{number:064x}", new=True, standing=Standing.IN_FORCE), **changes)


def statement(*entries: Entry, side: Side = Side.ISSUED, **changes: Any) -> Statement:
    return replace(Statement(MONTH, side, Through(1, 7, "cd" * 32), LOG, entries), **changes)


def codes(issued: Statement, delivered: Statement) -> list[tuple[Code, str | None, str | None]]:
    return [(each.code, each.issued, each.delivered) for each in compare(issued, delivered)]


@pytest.mark.parametrize(
    ("at", "month"),
    [
        (datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), "2026-10"),
        (datetime(2026, 11, 1, tzinfo=UTC), "2026-11"),
        (datetime(2026, 11, 1, 4, 59, tzinfo=timezone(timedelta(hours=5))), "2026-10"),
        (datetime(2024, 2, 29, tzinfo=UTC), "2024-02"),
    ],
)
def test_a_month_is_that_of_utc_wherever_the_clock_hangs(at: datetime, month: str) -> None:
    assert Month.of(at).encode() == month
    assert Month.parse(month) == Month.of(at)


def test_december_is_followed_by_january_and_a_month_ends_where_the_next_begins() -> None:
    assert Month(2026, 12).next == Month(2027, 1)
    assert Month(2026, 11).next == Month(2026, 12)
    assert Month(2026, 12).end == datetime(2027, 1, 1, tzinfo=UTC) == Month(2027, 1).start


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "26-10", "2026-10-01", "3026-10", " 2026-10", "x"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(MalformedRecord):
        Month.parse(text)


def test_a_statement_is_read_back_as_it_was_written() -> None:
    told = statement(entry(1, changes=("1" * 64,)), entry(2, clarifications=("2" * 64,), new=False))
    (part,) = told.cut(NONCE)
    assert StatementPart.parse(part.encode()) == part
    assert Statement.of([part]) == told
    assert part.encode()["month"] == "2026-11"


def test_a_statement_too_large_for_a_message_is_cut_and_put_together_again() -> None:
    told = statement(*(entry(number) for number in range(50)))
    parts = told.cut(NONCE, bytes_=2_000)
    assert [(part.part, part.parts) for part in parts] == [(number, len(parts)) for number in range(1, len(parts) + 1)]
    assert len(parts) > 4
    assert all(part.entries for part in parts)
    assert all(part.continues(parts[0]) for part in parts)
    assert len({part.digest for part in parts}) == len(parts)
    assert Statement.of(parts) == told
    assert Statement.of(parts[:-1]) is None
    assert Statement.of([]) is None


def test_an_entry_larger_than_a_part_is_a_part() -> None:
    told = statement(entry(1), entry(2))
    assert [len(part.entries) for part in told.cut(NONCE, bytes_=1)] == [1, 1]


def test_a_part_of_another_statement_does_not_continue_this_one() -> None:
    (one,) = statement(entry(1)).cut(NONCE)
    (other,) = statement(entry(1)).cut("1" * 32)
    (elsewhere,) = statement(entry(1), through=Through(1, 8, "cd" * 32)).cut(NONCE)
    assert not one.continues(other)
    assert not one.continues(elsewhere)


def test_an_empty_month_has_another_digest_each_time() -> None:
    (one,), (other,) = statement().cut(NONCE), statement().cut("1" * 32)
    assert one.entries == ()
    assert one.digest != other.digest


BROKEN: Mapping[str, Mapping[str, Json]] = {
    "part nought": {"part": 0},
    "part beyond": {"part": 2},
    "too many parts": {"parts": 101},
    "no such month": {"month": "2026-13"},
    "no log of the issuer": {"log": None},
    "an empty log": {"log": {"size": 0, "root": "ab" * 32}},
    "an epoch that nobody began": {"through": {"epoch": 0, "seq": 1, "digest": "ab" * 32}},
    "an epoch beyond": {"through": {"epoch": 2**31, "seq": 1, "digest": "ab" * 32}},
    "an unknown member": {"number": "1"},
    "another side": {"side": "both"},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_a_part_that_is_not_whole_is_refused(change: Mapping[str, Json]) -> None:
    (part,) = statement(entry(1)).cut(NONCE)
    body = {name: value for name, value in {**part.encode(), **change}.items() if value is not None}
    with pytest.raises(MalformedRecord):
        StatementPart.parse(body)


def test_certificates_stand_in_order_and_once() -> None:
    for entries in ((entry(2), entry(1)), (entry(1), entry(1))):
        (part,) = statement(*entries).cut(NONCE)
        with pytest.raises(MalformedRecord):
            StatementPart.parse(part.encode())


def test_only_the_receiver_may_not_have_seen_the_log() -> None:
    (part,) = statement(side=Side.DELIVERED, log=None).cut(NONCE)
    assert StatementPart.parse(part.encode()) == part


def test_the_same_on_both_sides_is_no_difference() -> None:
    both = (entry(1, changes=("1" * 64,), standing=Standing.ANNULLED), entry(2))
    assert codes(statement(*both), statement(*both, side=Side.DELIVERED)) == []


def test_what_one_side_alone_has_is_named_by_certificate() -> None:
    differences = compare(statement(entry(1), entry(2)), statement(entry(2), entry(3), side=Side.DELIVERED))
    assert [(each.code, each.certificate) for each in differences] == [
        (Code.NOT_DELIVERED, entry(1).certificate),
        (Code.NOT_ISSUED, entry(3).certificate),
    ]
    assert differences[0].encode() == {
        "code": "not-delivered",
        "certificate": entry(1).certificate,
        "issued": entry(1).digest,
    }


def test_another_certificate_of_the_same_number_is_named_and_nothing_else_of_it() -> None:
    other = entry(1, digest="f" * 64, standing=Standing.ANNULLED, changes=("1" * 64,))
    assert codes(statement(entry(1)), statement(other)) == [(Code.OTHER_DIGEST, entry(1).digest, "f" * 64)]


def test_an_annulment_that_did_not_come_is_named_with_how_it_stands() -> None:
    annulled = entry(1, standing=Standing.ANNULLED, changes=("1" * 64,))
    assert codes(statement(annulled), statement(entry(1))) == [
        (Code.CHANGE_NOT_DELIVERED, "1" * 64, None),
        (Code.OTHER_STANDING, "annulled", "in-force"),
    ]
    assert codes(statement(entry(1)), statement(annulled)) == [
        (Code.CHANGE_NOT_ISSUED, None, "1" * 64),
        (Code.OTHER_STANDING, "in-force", "annulled"),
    ]


def test_a_change_of_an_older_certificate_that_one_side_alone_has_is_named() -> None:
    older = entry(1, new=False, standing=Standing.ANNULLED, changes=("1" * 64,))
    assert codes(statement(older), statement()) == [(Code.CHANGE_NOT_DELIVERED, "1" * 64, None)]
    assert codes(statement(), statement(older)) == [(Code.CHANGE_NOT_ISSUED, None, "1" * 64)]


def test_a_clarification_that_one_side_alone_has_is_named() -> None:
    clarified = entry(1, clarifications=("2" * 64,))
    assert codes(statement(clarified), statement(entry(1))) == [(Code.CLARIFICATION_NOT_DELIVERED, "2" * 64, None)]
    assert codes(statement(entry(1)), statement(clarified)) == [(Code.CLARIFICATION_NOT_ISSUED, None, "2" * 64)]


def test_a_certificate_that_one_side_counts_in_another_month_is_named() -> None:
    older = entry(1, new=False)
    assert codes(statement(entry(1)), statement(older)) == [(Code.NOT_DELIVERED, entry(1).digest, entry(1).digest)]
    assert codes(statement(older), statement(entry(1))) == [(Code.NOT_ISSUED, entry(1).digest, entry(1).digest)]


def test_ends_that_differ_in_the_channel_or_the_log_are_named() -> None:
    elsewhere = statement(through=Through(1, 8, "cd" * 32))
    assert codes(statement(), elsewhere) == [(Code.OTHER_CHANNEL, f"1.7 {'cd' * 32}", f"1.8 {'cd' * 32}")]
    other = statement(log=SeenLog(40, "00" * 32))
    assert codes(statement(), other) == [(Code.OTHER_LOG, f"40 {'ab' * 32}", f"40 {'00' * 32}")]
    unseen = statement(side=Side.DELIVERED, log=None)
    assert codes(statement(), unseen) == [(Code.LOG_NOT_SEEN, f"40 {'ab' * 32}", None)]


def test_the_largest_part_fits_in_a_message(world: World) -> None:
    told = statement(*(entry(number, changes=(f"{number:064x}",)) for number in range(2_500)))
    first, *rest = told.cut(NONCE)
    assert rest, "it is more than one part"
    assert len(canonical.encode(first.encode())) > PART_BYTES * 0.9
    message = replace(MESSAGE, kind=MessageKind.RECONCILIATION, body=first.encode())
    text = seal(message.encode(), Typ.MESSAGE, world.by.node).text
    assert len(text) < MAX_ENVELOPE * 0.6
    assert StatementPart.parse(Message.parse(Envelope.parse(text, Typ.MESSAGE).payload).body) == first
