"""The first message of an epoch says where the one before it ended; no other message begins one."""

from dataclasses import replace
from typing import Any

import pytest

from registry.core.channel.epoch import EpochBegun
from registry.core.channel.message import GENESIS, EpochNotAgreed, EpochOver, Message, MessageKind, Position
from registry.core.record import MalformedRecord
from tests.core.channel.test_message import MESSAGE

BEGUN = EpochBegun(Position(1, 7, "ab" * 32), "Восстановлено из копии.")
FIRST = replace(MESSAGE, epoch=2, seq=1, previous=GENESIS, kind=MessageKind.EPOCH_BEGUN, body=BEGUN.encode())


def test_what_begins_an_epoch_is_read_back() -> None:
    read = EpochBegun.of(Message.parse(FIRST.encode()))
    assert (read, read.epoch, len(read.digest)) == (BEGUN, 2, 64)
    FIRST.check_follows(Position.start(2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"epoch": 1},
        {"seq": 2},
        {"kind": "certificate.issued"},
        {"epoch": 1, "seq": 2},
    ],
)
def test_an_epoch_is_begun_by_its_first_message_and_by_no_other(wrong: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecord, match="begins an epoch"):
        Message.parse({**FIRST.encode(), **wrong})


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"seq": -1, "digest": GENESIS}, "ended"),
        ({"seq": 0}, "ended"),
        ({"digest": GENESIS}, "ended"),
        ({"epoch": 2}, "ended.epoch"),
        ({"epoch": 0}, "ended.epoch"),
        ({"digest": "ab"}, "ended.digest"),
    ],
)
def test_an_end_that_cannot_be_is_refused(wrong: dict[str, Any], path: str) -> None:
    body: Any = BEGUN.encode()
    with pytest.raises(MalformedRecord) as refused:
        EpochBegun.of(replace(FIRST, body={**body, "ended": {**body["ended"], **wrong}}))
    assert refused.value.path == path


@pytest.mark.parametrize("reason", ["", "x" * 1001])
def test_why_an_epoch_begins_is_said_in_few_words(reason: str) -> None:
    with pytest.raises(MalformedRecord, match=r"is empty or too long|longer than 1000 characters"):
        EpochBegun.of(replace(FIRST, body=replace(BEGUN, reason=reason).encode()))


def test_an_epoch_of_which_nothing_is_common_ended_before_its_first_message() -> None:
    nothing = replace(BEGUN, ended=Position.start(1))
    assert EpochBegun.of(replace(FIRST, body=nothing.encode())) == nothing


def test_a_message_of_another_epoch_is_no_gap() -> None:
    with pytest.raises(EpochNotAgreed) as early:
        FIRST.check_follows(Position(1, 7, "ab" * 32))
    assert "registry channel follow" in str(early.value)
    with pytest.raises(EpochOver) as late:
        MESSAGE.check_follows(Position(2, 0, GENESIS))
    assert (late.value.epoch, late.value.newest) == (1, 2)
