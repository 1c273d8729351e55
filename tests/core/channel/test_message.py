from dataclasses import replace
from typing import Any

import pytest

from registry.core.channel.message import (
    GENESIS,
    Message,
    MessageFork,
    MessageGap,
    MessageKind,
    NotAddressedHere,
    Position,
    position_after,
)
from registry.core.envelope.jose import Typ, seal
from registry.core.record import MalformedRecord
from tests.core.world import AT, World

BY, UZ = "did:web:by.registry.example", "did:web:uz.registry.example"
MESSAGE = Message(
    env="demo",
    issuer=BY,
    id="0123456789abcdef" * 2,
    from_=BY,
    to=UZ,
    epoch=1,
    seq=1,
    previous=GENESIS,
    issued_at=AT,
    kind=MessageKind.CERTIFICATE_ISSUED,
    body={"certificate": "a.b.c", "proof": "pending"},
)
ADDRESS = {"env": "demo", "sender": BY, "receiver": UZ, "kid_did": BY}


def test_a_message_reads_back() -> None:
    written = MESSAGE.encode()
    assert written["from"] == BY
    assert Message.parse(written) == MESSAGE
    for name in written:
        with pytest.raises(MalformedRecord):
            Message.parse({key: value for key, value in written.items() if key != name})


@pytest.mark.parametrize("epoch", [0, -1, 2**31, 2**52])
def test_an_epoch_that_nobody_can_have_begun_is_no_message(epoch: int) -> None:
    with pytest.raises(MalformedRecord):
        Message.parse({**MESSAGE.encode(), "epoch": epoch})


def test_a_message_from_the_peer_by_its_own_key_to_this_node_is_for_this_channel() -> None:
    MESSAGE.check_address(**ADDRESS)


@pytest.mark.parametrize(
    ("message", "address", "said"),
    [
        ({}, {"env": "production"}, "it is of demo, this node of production"),
        ({"from_": UZ}, {}, "not from"),
        ({"issuer": UZ}, {}, "not from"),
        ({}, {"kid_did": UZ}, "not signed by it"),
        ({}, {"kid_did": f"{BY}:bodies:bcci"}, "not signed by it"),
        ({}, {"sender": UZ}, "not from"),
        ({"to": BY}, {}, "it is to did:web:by"),
        ({}, {"receiver": BY}, "it is to did:web:uz"),
    ],
)
def test_any_other_address_is_refused(message: dict[str, Any], address: dict[str, str], said: str) -> None:
    with pytest.raises(NotAddressedHere, match=said) as refused:
        replace(MESSAGE, **message).check_address(**(ADDRESS | address))
    assert refused.value.code == "not-addressed-here"


def test_messages_follow_each_other_by_number_and_digest(world: World) -> None:
    position = Position.start(1)
    for seq in (1, 2, 3):
        message = replace(MESSAGE, seq=seq, previous=position.digest)
        message.check_follows(position)
        envelope = seal(message.encode(), Typ.MESSAGE, world.by.node)
        position = position_after(envelope, message)
        assert (position.epoch, position.seq, position.digest) == (1, seq, envelope.digest)
    assert position.next_seq == 4


@pytest.mark.parametrize(("epoch", "seq"), [(1, 1), (1, 2), (1, 4), (1, -3), (1, 2**53 - 1)])
def test_another_number_is_a_gap_and_says_the_next(epoch: int, seq: int) -> None:
    position = Position(1, 2, "ab" * 32)
    with pytest.raises(MessageGap) as refused:
        replace(MESSAGE, epoch=epoch, seq=seq, previous=position.digest).check_follows(position)
    assert refused.value.next_seq == 3
    assert "number 3" in str(refused.value)


def test_the_right_number_after_another_message_is_a_fork() -> None:
    with pytest.raises(MessageFork) as refused:
        replace(MESSAGE, seq=3, previous="cd" * 32).check_follows(Position(1, 2, "ab" * 32))
    assert refused.value.seq == 2
    assert "another message number 2" in str(refused.value)
    with pytest.raises(MessageFork):
        replace(MESSAGE, previous="cd" * 32).check_follows(Position.start(1))
