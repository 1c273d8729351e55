from dataclasses import replace
from typing import Any

import pytest

from registry.core.channel.receipt import Outcome, Receipt, ReceiptFinding, ReceiptNotOurs
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.record import MalformedRecord
from tests.core.channel.test_message import BY, MESSAGE, UZ
from tests.core.world import AT, World


@pytest.fixture(scope="module")
def sent(world: World) -> Envelope:
    return seal(MESSAGE.encode(), Typ.MESSAGE, world.by.node)


@pytest.fixture
def receipt(sent: Envelope) -> Receipt:
    finding = ReceiptFinding("log", "unknown", "not-yet-logged")
    return Receipt("demo", UZ, MESSAGE.id, 1, sent.digest, Outcome.ACCEPTED_WITH_WARNINGS, AT, 2, (finding,))


def test_a_receipt_reads_back(receipt: Receipt) -> None:
    assert Receipt.parse(receipt.encode()) == receipt
    plain = replace(receipt, findings=())
    assert "findings" not in plain.encode()
    assert Receipt.parse(plain.encode()) == plain
    with pytest.raises(MalformedRecord):
        Receipt.parse({**receipt.encode(), "outcome": "lost"})


def test_the_peers_receipt_answers_the_message(receipt: Receipt, sent: Envelope) -> None:
    receipt.check_answers(sent, MESSAGE, UZ)
    replace(receipt, next_seq=9).check_answers(sent, MESSAGE, UZ)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"env": "production"}, "not from the node"),
        ({"issuer": BY}, "not from the node"),
        ({"message": "ab" * 16}, "for another message"),
        ({"seq": 2}, "for another message"),
        ({"digest": "ab" * 32}, "for another message"),
        ({"next_seq": 1}, "that it acknowledges"),
        ({"next_seq": -1}, "that it acknowledges"),
    ],
)
def test_any_other_receipt_is_not_ours(receipt: Receipt, sent: Envelope, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ReceiptNotOurs, match=said) as refused:
        replace(receipt, **changes).check_answers(sent, MESSAGE, UZ)
    assert refused.value.code == "receipt-not-ours"


def test_a_receipt_signed_by_anyone_else_is_not_ours(receipt: Receipt, sent: Envelope) -> None:
    for kid_did in (BY, f"{UZ}:bodies:uzex", ""):
        with pytest.raises(ReceiptNotOurs, match="not from the node"):
            receipt.check_answers(sent, MESSAGE, kid_did)
