"""A node takes a new key while something is on its way, or before it is restored: nothing is stuck for ever."""

from datetime import timedelta
from pathlib import Path

import pytest

from registry.core.channel.message import EpochNotAgreed
from registry.core.channel.receipt import ReceiptNotOurs
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.verification.verdict import Indication
from registry.store import channel
from registry.store.acts import Actor
from registry.usecases.channel import deliver_message
from registry.usecases.channel.accept_message import SenderUnknown
from registry.usecases.recovery.begin_epoch import EpochNotNeeded
from registry.usecases.trust.recall_keys import is_by_node
from tests.kit import Corridor
from tests.usecases.fsck.lived import found, mirror
from tests.usecases.recovery.parted import agree_to, begin, offer, part, part_ways, waiting
from tests.usecases.recovery.restored import Backup, behind, carry, make, recovered
from tests.usecases.trust.test_keys_over_time import ask, rekeyed

HOUR = timedelta(hours=1)


def test_what_waits_under_a_former_key_is_sent_anew_in_a_new_epoch(corridor: Corridor, tmp_path: Path) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    row = by.issued()
    by.sequence()
    by.witnessed(uz)
    make(by, uz)
    with pytest.raises(EpochNotNeeded):
        part(by, uz)
    by, _ = rekeyed(corridor, "BY", tmp_path / "keys")
    with pytest.raises(SenderUnknown):
        uz.take(waiting(by, uz)[0])
    begin(by, uz)
    offer(by, uz)
    agree_to(uz, by)
    carry(by, uz)
    corridor.clock.forward(HOUR)
    uz.hears(by.states(), by)
    assert ask(uz, row.number) == (Indication.TOTAL_PASSED, "")
    mirror(by, uz)
    assert (found(by), found(uz)) == ([], [])


def test_an_epoch_after_a_fork_begins_though_the_branch_is_by_a_former_key(corridor: Corridor, tmp_path: Path) -> None:
    parted = part_ways(corridor)
    by, _ = rekeyed(corridor, "BY", tmp_path / "keys")
    begin(by, parted.uz)
    by.sequence()
    by.witnessed(parted.uz)
    make(by, parted.uz)
    assert isinstance(parted.uz.take(waiting(by, parted.uz)[0]), EpochNotAgreed)


def test_a_receipt_that_was_lost_is_given_again_under_the_key_of_now(corridor: Corridor, tmp_path: Path) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    by.witnessed(uz)
    make(by, uz)
    with by.node.database.read() as tx:
        (message,) = channel.unacknowledged(tx, uz.did, 10)
    lost = uz.take(message.envelope)
    uz, _ = rekeyed(corridor, "UZ", tmp_path / "keys")
    by_operator = {"by": Actor(by.did), "at": by.clock(), "draw": by.node.draw}
    with by.refuses(ReceiptNotOurs) as refused:
        deliver_message.keep_receipt(refused.tx, message, lost, by.beliefs(), **by_operator)  # type: ignore[arg-type]
    again = uz.take(message.envelope)
    with by.tx() as tx:
        deliver_message.keep_receipt(tx, message, again, by.beliefs(), **by_operator)  # type: ignore[arg-type]
    assert Envelope.parse(again, Typ.RECEIPT).payload == Envelope.parse(lost, Typ.RECEIPT).payload
    with uz.node.database.read() as tx:
        kept = channel.received_before(tx, by.did, 1, 1)
        assert kept is not None
        assert kept.receipt == lost
    assert found(by) == []


@pytest.mark.parametrize("code", ["BY", "UZ"])
def test_a_restored_node_takes_back_what_former_keys_signed(corridor: Corridor, tmp_path: Path, code: str) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    by.issued()
    carry(by, uz)
    uz.issued("cotton-yarn")
    carry(uz, by)
    _, newest = rekeyed(corridor, code, tmp_path / "keys")
    by, uz = corridor.by, corridor.uz
    by.issued()
    carry(by, uz)
    uz.issued("cotton-yarn")
    carry(uz, by)
    backup.restore()
    backup.drop()
    by.adopts(newest)
    recovered(by, uz)
    assert behind(by) == []
    assert found(by) == []


def test_what_no_list_ever_named_the_key_for_is_not_the_nodes(corridor: Corridor) -> None:
    by = corridor.by
    own, other = (seal({"v": 1}, Typ.MESSAGE, signer) for signer in (by.node.keyring.node, by.signer))
    with by.node.database.read() as tx:
        assert is_by_node(tx, own, by.did, by.beliefs(), by.clock())
        assert not is_by_node(tx, other, by.did, by.beliefs(), by.clock())
