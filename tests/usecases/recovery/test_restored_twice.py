"""A node whose channel forked is restored once more: it comes back, and gives no number of an epoch twice."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from registry.core.channel.message import GENESIS, MessageFork
from registry.core.identifiers import log_origin
from registry.core.verification.verdict import Indication
from registry.store import certificates, channel
from registry.store.certificates import CertificateRow
from registry.store.epochs import ChannelEpoch
from registry.store.guard import Mark, of_received, of_sent
from registry.usecases.channel.deliver_message import ChannelBehind
from registry.usecases.recovery.compare_guard import check_caught_up
from registry.usecases.recovery.recover_contents import RecalledNotOurs
from registry.usecases.recovery.recover_log import UnseenLeft
from tests.kit import Corridor, Country
from tests.usecases.fsck.lived import found, mirror
from tests.usecases.recovery.parted import agree_to, begin, lose, offer, waiting
from tests.usecases.recovery.restored import Backup, behind, carry, digest_of, fetched_from, make, recovered
from tests.usecases.recovery.test_recover_log import agree


def fork(corridor: Corridor) -> Backup:
    """Let Minsk sign two messages of number 2 with a restore between them; return the backup of before both."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    by.issued()
    carry(by, uz)
    lose(corridor, backup)
    by.issued()
    by.sequence()
    by.witnessed(uz)
    make(by, uz)
    (forked,) = waiting(by, uz)
    assert isinstance(uz.take(forked), MessageFork)
    mirror(by, uz)
    return backup


def begin_anew(by: Country, uz: Country) -> None:
    """Begin an epoch, and follow it."""
    begin(by, uz)
    offer(by, uz)
    agree_to(uz, by)


def check_issues(by: Country) -> None:
    """Check that the guard lets a node issue. Raises `ChannelBehind`."""
    with by.node.database.read() as tx:
        check_caught_up(tx, by.node.guard.marks(), log_origin(by.node.settings.name))


def test_a_node_that_began_an_epoch_issues_after_it_is_restored_from_before_the_fork(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    backup = fork(corridor)
    begin_anew(by, uz)
    agree(corridor)
    mark = by.node.guard.mark(of_sent(uz.did, 1))
    backup.restore()
    assert of_sent(uz.did, 1) in behind(by), "until the end of the epoch is here, the mark counts"
    assert recovered(by, uz).said["messages_given_up"] == 0
    assert (behind(by), found(by)) == ([], [])
    assert by.node.guard.mark(of_sent(uz.did, 1)) == mark, "what was signed in the epoch that is over stays marked"
    check_issues(by)
    with by.node.database.read() as tx:
        (epoch,) = tx.query(ChannelEpoch)
        assert [channel.sent_digest(tx, uz.did, 1, 2)] == [digest_of(each) for each in epoch.branch]
    by.issued()
    agree(corridor)
    backup.drop()


def test_up_to_the_end_of_an_epoch_what_the_guard_remembers_stands_here_or_nothing_is_issued(
    corridor: Corridor,
) -> None:
    by, uz = corridor.by, corridor.uz
    fork(corridor).drop()
    begin_anew(by, uz)
    by.node.guard.lower(of_sent(uz.did, 1), Mark(1, "ab" * 32))
    assert behind(by) == [of_sent(uz.did, 1)]
    with pytest.raises(ChannelBehind):
        check_issues(by)


def test_an_epoch_that_nobody_gives_back_is_given_up_by_number_and_the_next_is_taken(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    backup = fork(corridor)
    by.issued()
    between = Backup.take(corridor.forge, by, "between")
    begin_anew(by, uz)
    agree(corridor)
    sent = by.node.guard.mark(of_sent(uz.did, 2))
    assert sent is not None
    between.restore()
    hidden = replace(fetched_from(by, uz), sent={uz.did: ()})
    with pytest.raises(UnseenLeft) as left:
        recovered(by, uz, fetched=hidden)
    assert (left.value.entries, left.value.messages) == (0, sent.number)
    done = recovered(by, uz, give_up=sent.number, fetched=hidden)
    assert done.said["messages_given_up"] == sent.number
    assert by.node.guard.mark(of_sent(uz.did, 2)) == Mark(0, GENESIS)
    assert behind(by) == []
    check_issues(by)
    by.annulled(by.issued())
    begin(by, uz)
    by.sequence()
    by.witnessed(uz)
    make(by, uz)
    assert isinstance(uz.take(waiting(by, uz)[0]), MessageFork)
    begin_anew(by, uz)
    agree(corridor)
    assert (behind(by), waiting(by, uz)) == ([], [])
    check_issues(by)
    backup.drop()
    between.drop()


def test_a_fork_that_no_epoch_ended_yet_is_met_with_an_epoch_before_the_node_comes_back(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    backup = fork(corridor)
    backup.restore()
    with pytest.raises(RecalledNotOurs, match="begin a new epoch"):
        recovered(by, uz)
    begin(by, uz)
    recovered(by, uz)
    assert behind(by) == []
    check_issues(by)
    offer(by, uz)
    agree_to(uz, by)
    agree(corridor)
    backup.drop()


def test_a_node_restored_after_the_fork_gets_back_what_its_peer_held_in_place_of_its_own(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    held = [by.issued(), by.issued()]
    carry(by, uz)
    lose(corridor, backup, 2)
    backup.drop()
    by.issued()
    by.sequence()
    by.witnessed(uz)
    make(by, uz)
    assert isinstance(uz.take(waiting(by, uz)[0]), MessageFork)
    forked = Backup.take(corridor.forge, by, "forked")
    begin_anew(by, uz)
    agree(corridor)
    forked.restore()
    done = recovered(by, uz)
    assert (done.said["certificates"], done.said["astray"]) == ([each.id for each in held], [])
    assert (behind(by), found(by)) == ([], [])
    with by.node.database.read() as tx:
        back = certificates.certificate(tx, held[1].id)
    assert back is not None
    by.annulled(back)
    agree(corridor)
    uz.hears(by.states(), by)
    assert uz.asks(back.number).verdict.indication is Indication.TOTAL_FAILED
    for branch in ("ARRAY['x']", "ARRAY[branch[2], branch[1]]", "ARRAY[branch[1], branch[1]]", "ARRAY[envelope]"):
        forged = f"UPDATE channel_epoch SET branch = {branch} FROM message_out WHERE message_out.seq = 1"  # noqa: S608
        with corridor.forge.breaking(by) as tx:
            kept = tx.scalars(text("SELECT branch FROM channel_epoch")).one()
            tx.execute(text(f"{forged} AND message_out.epoch = 1"))
        assert any("is not what this node signed beyond its end" in line for line in found(by)), branch
        with corridor.forge.breaking(by) as tx:
            tx.execute(text("UPDATE channel_epoch SET branch = :kept"), {"kept": kept})
    assert found(by) == []
    forked.drop()


def test_a_restored_peer_gets_back_what_it_held_beyond_the_end_of_an_epoch(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    before = Backup.take(corridor.forge, uz)
    fork(corridor).drop()
    begin_anew(by, uz)
    agree(corridor)
    with uz.node.database.read() as tx:
        held = {row.digest for row in tx.query(CertificateRow)}
    before.restore()
    assert of_received(by.did, 1) in behind(uz)
    assert recovered(uz, by).said["messages_given_up"] == 0
    with uz.node.database.read() as tx:
        assert {row.digest for row in tx.query(CertificateRow)} == held
    assert (behind(uz), found(uz)) == ([], [])
    before.drop()


def test_a_node_restored_before_the_first_message_of_its_epoch_takes_that_back(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    fork(corridor).drop()
    begin(by, uz)
    backup = Backup.take(corridor.forge, by)
    offer(by, uz)
    agree_to(uz, by)
    agree(corridor)
    backup.restore()
    assert recovered(by, uz).said["messages_given_up"] == 0
    assert (behind(by), found(by)) == ([], [])
    by.issued()
    agree(corridor)
    backup.drop()
