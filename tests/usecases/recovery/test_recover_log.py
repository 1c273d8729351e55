"""A restored node signs nothing until it has back what it signed before, and then goes on as the same log."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind
from registry.core.tlog.merkle import EMPTY_ROOT
from registry.core.tlog.note import Note, NotSigned, SignatureLine
from registry.core.verification.verdict import Check
from registry.store import channel, checkpoints, log, mirror
from registry.store.acts import QueuedAct
from registry.store.at_work import NodeWorks
from registry.store.checkpoints import LogPublished
from registry.store.guard import Mark, of_forgotten, of_log, of_published, of_shown
from registry.store.log import LogRecovered
from registry.usecases.channel.deliver_message import ChannelBehind
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.recovery.compare_guard import (
    Marks,
    Standing,
    WitnessForgot,
    check_caught_up,
    check_remembers,
    marks_of,
)
from registry.usecases.recovery.recover_log import (
    CopyDiffers,
    EntriesLost,
    ShownLost,
    UnseenLeft,
    count_unseen,
    read_copy,
    read_cosigned,
    take_back,
)
from registry.usecases.recovery.recover_node import Fetched, NotAsked, recover, witnesses_of
from registry.usecases.tlog.extend_log import LogBehind
from registry.usecases.tlog.mirror_log import NotMirrored
from registry.usecases.tlog.read_log import prove
from tests.kit import Corridor, Country
from tests.usecases.fsck.lived import found
from tests.usecases.fsck.lived import mirror as mirror_of
from tests.usecases.recovery.restored import (
    Backup,
    behind,
    carry,
    copy_of,
    cosigned_of,
    fetched_from,
    make,
    receiver,
    recovered,
    send,
    standings,
)

ORIGIN = "by.registry.example/log"


@pytest.fixture
def minsk(corridor: Corridor) -> Iterator[Backup]:
    """A backup of Minsk after its first certificate."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    yield backup
    backup.drop()


def marks(country: Country) -> Marks:
    return country.node.guard.marks()


def agree(corridor: Corridor) -> None:
    """Everything that is checked agrees in both countries."""
    carry(corridor.by, corridor.uz)
    for country in (corridor.by, corridor.uz):
        assert found(country, marks=marks(country)) == []


def size_of(country: Country) -> int:
    with country.node.database.read() as tx:
        return log.root_of(log.head(tx))[0]


def test_what_was_signed_comes_back_and_the_log_goes_on(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    carry(by, uz)
    signed = size_of(by)
    assert behind(by) == []
    minsk.restore()
    assert behind(by) == [of_log(ORIGIN), of_published(ORIGIN), f"sent 1 to {uz.did}", of_shown(ORIGIN)]
    with pytest.raises(LogBehind):
        by.sequence()
    done = recovered(by, uz)
    assert behind(by) == []
    assert size_of(by) == signed
    (act,) = by.acts(Kind.LOG_RECOVERED)
    assert act.private == done.said
    assert (act.private["held"], act.private["size"]) == (signed - act.private["private_rows_lost"], signed)
    assert act.private["certificates"] == [issued.id]
    with by.node.database.read() as tx:
        published = tx.get(LogPublished, signed)
        assert published is not None
        assert len(checkpoints.lines(tx, signed)) == 1
    agree(corridor)


def test_acts_that_waited_when_the_backup_was_made_get_the_numbers_they_had(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    minsk.restore()
    waiting = by.draft()
    later = Backup.take(corridor.forge, by, "later")
    by.draft()
    carry(by, uz)
    (act,) = [each for each in by.acts(Kind.APPLICATION_DRAFTED) if each.subject == waiting.id]
    with by.node.database.read() as tx:
        before = log.index_of(tx, act.id)
    later.restore()
    later.drop()
    by.draft()  # made by whoever did not know: it waits until the log is back
    done = recovered(by, uz)
    assert (done.said["acts_found"], done.said["private_rows_lost"]) == (1, 1)
    with by.node.database.read() as tx:
        assert log.index_of(tx, act.id) == before
        assert act.id not in tx.scalars(select(QueuedAct.act)).all()
        proof = prove(tx, act.id)
    assert proof is not None
    agree(corridor)


def test_a_copy_of_another_history_is_refused(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    carry(by, uz)
    minsk.restore()
    fetched = fetched_from(by, uz)
    others = replace(fetched, entries=[fetched.entries[1], fetched.entries[0], *fetched.entries[2:]])
    with by.refuses(CopyDiffers) as refused:
        recover_in(by, refused.tx, others)
    assert "another history" in str(refused.value)
    copy = fetched.copy
    assert copy is not None
    older = replace(copy, checkpoint=Checkpoint(ORIGIN, 1, bytes(32)))
    with by.refuses(CopyDiffers) as refused:
        take_back(refused.tx, older, [], at=by.clock())


def recover_in(country: Country, tx: Session, fetched: Fetched, give_up: int = 0) -> None:
    recover(
        tx, fetched, receiver(country), marks(country), country.beliefs(), give_up=give_up, **country.by("operator")
    )


def test_nothing_is_taken_while_the_worker_runs(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    carry(by, uz)
    minsk.restore()
    fetched = fetched_from(by, uz)
    for hold in (log.try_sequencing, channel.try_courier):
        with by.tx() as held:
            assert hold(held)
            with pytest.raises(NodeWorks, match="stop each"), by.tx() as tx:
                recover_in(by, tx, fetched)
    assert fetched.copy is not None
    moved = replace(fetched, copy=replace(fetched.copy, known=fetched.copy.known + 1))
    with by.refuses(NodeWorks) as refused:
        recover_in(by, refused.tx, moved)


@pytest.mark.usefixtures("minsk")
def test_only_an_operator_recovers(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    fetched = fetched_from(by, uz)
    with by.refuses(RoleMissing) as refused:
        recover(refused.tx, fetched, receiver(by), marks(by), by.beliefs(), give_up=0, **by.by("auditor"))


@pytest.mark.usefixtures("minsk")
def test_everyone_who_may_have_seen_more_is_asked(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    fetched = replace(fetched_from(by, uz), sent={})
    with by.refuses(NotAsked) as refused:
        recover_in(by, refused.tx, fetched)
    assert uz.did in str(refused.value)
    assert list(witnesses_of(by.beliefs(), "BY")) == [uz.did]


def test_what_a_witness_cosigned_and_no_copy_holds_is_lost(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.draft()
    by.sequence()
    by.witnessed(uz)
    minsk.restore()
    with by.refuses(EntriesLost) as refused:
        recover_in(by, refused.tx, fetched_from(by, uz), give_up=1)
    assert (refused.value.held + 1, str(refused.value).count("cannot go on")) == (refused.value.cosigned, 1)


def test_what_nobody_saw_is_given_up_by_a_person_who_says_how_much(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    before = size_of(by)
    lost = by.issued()
    by.sequence()
    unseen = size_of(by) - before
    minsk.restore()
    for give_up in (0, unseen - 1, unseen + 1):
        with by.refuses(UnseenLeft) as refused:
            recover_in(by, refused.tx, fetched_from(by, uz), give_up=give_up)
        assert (refused.value.entries, refused.value.messages) == (unseen, 0)
        assert f"--give-up-unseen {unseen} " in str(refused.value)
    done = recovered(by, uz, give_up=unseen)
    assert done.said["entries_given_up"] == unseen
    assert behind(by) == []
    again = by.issued()
    assert int(again.number[-6:]) == int(lost.number[-6:]) + unseen
    agree(corridor)


def test_what_was_shown_is_not_given_up_though_nobody_says_that_he_has_it(corridor: Corridor, minsk: Backup) -> None:
    """The peer's witness cosigned it, and shows what it had before: who believes that signs a second history."""
    by, uz = corridor.by, corridor.uz
    silent = fetched_from(by, uz)
    by.draft()
    carry(by, uz)
    minsk.restore()
    with by.refuses(ShownLost) as refused:
        recover_in(by, refused.tx, silent, give_up=1)
    assert (refused.value.held + 1, refused.value.shown) == (size_of(by) + 1, size_of(by) + 1)
    assert "--copy URL" in str(refused.value)
    assert recovered(by, uz).said["entries_given_up"] == 0
    agree(corridor)


def test_of_what_was_asked_only_what_came_after_is_given_up(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.draft()
    carry(by, uz)
    by.draft()
    by.sequence()
    minsk.restore()
    done = recovered(by, uz, give_up=1)
    assert (done.said["entries_given_up"], done.said["private_rows_lost"]) == (1, 1)
    assert behind(by) == []
    agree(corridor)


def test_where_nobody_noted_what_was_shown_nothing_is_given_up(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.draft()
    by.sequence()
    minsk.restore()
    known = {what: mark for what, mark in marks(by).items() if what != of_shown(ORIGIN)}
    with by.refuses(ShownLost) as refused:
        recover(refused.tx, fetched_from(by, uz), receiver(by), known, by.beliefs(), give_up=1, **by.by("operator"))
    recovered(by, uz, give_up=1)
    by.draft()
    carry(by, uz)
    minsk.restore()
    known = {what: mark for what, mark in marks(by).items() if what != of_shown(ORIGIN)}
    with by.tx() as tx:
        done = recover(tx, fetched_from(by, uz), receiver(by), known, by.beliefs(), give_up=0, **by.by("operator"))
    assert done.marks[of_shown(ORIGIN)] == done.marks[of_log(ORIGIN)]


def test_what_was_published_after_the_backup_is_published_again(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    minsk.restore()
    by.issued()
    by.sequence()
    later = Backup.take(corridor.forge, by, "later")
    by.witnessed(uz)
    mirror_of(by, uz)
    later.restore()
    later.drop()
    assert behind(by) == [of_published(ORIGIN)]
    before = size_of(by)
    recovered(by, uz)
    assert behind(by) == []
    with by.node.database.read() as tx:
        assert (checkpoints.published_size(tx), len(checkpoints.lines(tx, before))) == (before, 1)
    agree(corridor)


def test_a_checkpoint_that_was_published_after_the_backup_and_is_lost_is_excused_by_the_act(
    corridor: Corridor, minsk: Backup
) -> None:
    """Of those that were published since the copy has the newest; the proofs of the others were sent, and hold."""
    by, uz = corridor.by, corridor.uz
    for _ in range(2):
        by.issued()
        carry(by, uz)
    minsk.restore()
    done = recovered(by, uz)
    assert done.said["published"] == done.said["held"]
    agree(corridor)
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("DELETE FROM log_published WHERE size = (SELECT min(size) FROM log_published)"))
    assert any("its proof is against the checkpoint of" in line for line in found(by))


def test_of_a_copy_only_the_lines_that_count_are_kept(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    carry(by, uz)
    minsk.restore()
    with uz.node.database.read() as tx:
        held = mirror.head(tx, ORIGIN)
    assert held is not None
    note = Note.parse(held.note)
    strangers = (SignatureLine("stranger.example/witness", b"0000", b"x"), SignatureLine(ORIGIN, b"0000", b"x"))
    shown = Note(note.text, (*note.lines, *strangers, note.lines[0])).encode()
    with by.node.database.read() as tx:
        copy = read_copy(tx, shown, by.did, by.beliefs(), at=by.clock())
    recovered(by, uz, fetched=replace(fetched_from(by, uz), copy=copy))
    with by.node.database.read() as tx:
        published, signed = tx.get(LogPublished, held.size), checkpoints.checkpoint(tx, held.size)
    assert published is not None
    assert signed is not None
    assert {(line.name, line.id) for line in Note.parse(published.note).lines} == {
        (key.name, key.id) for key in (by.node.keyring.log.vkey, uz.node.keyring.witness.vkey)
    }
    assert len(Note.parse(signed.note).lines) == 1
    agree(corridor)


def test_a_certificate_that_was_sent_ahead_of_its_proof_gets_a_leaf_again(corridor: Corridor, minsk: Backup) -> None:
    """The witness never cosigned its entry; the peer has the certificate, its change, and no proof."""
    by, uz = corridor.by, corridor.uz
    before = size_of(by)
    issued = by.issued()
    by.annulled(issued)
    by.sequence()
    unseen = size_of(by) - before
    corridor.clock.forward(timedelta(minutes=1))
    send(by, uz)
    minsk.restore()
    done = recovered(by, uz, give_up=unseen)
    assert (done.said["certificates"], done.said["certificates_lost"]) == ([issued.id], [])
    assert len(by.acts(Kind.CERTIFICATE_ISSUED)) == 2
    corridor.clock.forward(timedelta(minutes=1))
    agree(corridor)
    with uz.node.database.read() as tx:
        arrived = tx.execute(text("SELECT proof FROM certificate WHERE id = :id"), {"id": issued.id}).scalar()
    assert arrived is not None
    finding = uz.asks(issued.number).verdict.finding(Check.STATUS)
    assert finding is not None
    assert finding.code == "annulled"


def test_messages_that_reached_nobody_are_given_up_with_their_numbers(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    by.witnessed(uz)
    mirror_of(by, uz)
    make(by, uz)
    minsk.restore()
    with by.node.database.read() as tx, pytest.raises(LogBehind):
        check_caught_up(tx, marks(by), ORIGIN)
    with by.refuses(UnseenLeft) as refused:
        recover_in(by, refused.tx, fetched_from(by, uz))
    assert (refused.value.entries, refused.value.messages) == (0, 1)
    done = recovered(by, uz, give_up=1)
    assert done.said["certificates_lost"] == [issued.digest]
    assert behind(by) == []
    assert by.issued().number > issued.number
    agree(corridor)


@pytest.mark.usefixtures("minsk")
def test_issuing_waits_while_only_the_messages_are_behind(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    by.witnessed(uz)
    later = Backup.take(corridor.forge, by, "later")
    send(by, uz)
    later.restore()
    later.drop()
    assert behind(by) == [f"sent 1 to {uz.did}"]
    with by.node.database.read() as tx, pytest.raises(ChannelBehind):
        check_caught_up(tx, marks(by), ORIGIN)
    done = recovered(by, uz)
    assert (done.said["messages_sent"], done.said["private_rows_lost"]) == (1, 0)
    with by.node.database.read() as tx:
        check_caught_up(tx, marks(by), ORIGIN)
    agree(corridor)


def test_a_log_of_nothing_and_a_copy_of_nothing_are_nothing(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard
    with by.tx() as tx:
        taken = take_back(tx, None, [], at=by.clock())
        assert (taken.size, taken.root) == (0, EMPTY_ROOT)
        assert count_unseen(tx, taken, {}, ORIGIN, [Checkpoint(ORIGIN, 0, EMPTY_ROOT)]) == 0
        assert count_unseen(tx, taken, {of_log(ORIGIN): Mark(0, "")}, ORIGIN, []) == 0
        assert marks_of(tx, ORIGIN, "w") == {of_forgotten("w"): Mark(1, "")}
        check_caught_up(tx, {f"sent 1 to {uz.did}": Mark(0, "")}, ORIGIN)
    assert copy_of(by, uz) == (None, ())
    assert cosigned_of(by, uz) == []
    assert standings(by) == [Standing(of_shown(ORIGIN), 0, 0, behind=False)]
    note = by.node.keyring.log.sign("x\n1\nAAAA\n").encode()
    with by.node.database.read() as tx, pytest.raises(NotMirrored):
        read_copy(tx, note, "did:web:elsewhere.example", by.beliefs(), at=by.clock())


def test_a_witness_or_a_guard_that_knows_another_tree_stops_it(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.draft()
    carry(by, uz)
    minsk.restore()
    fetched = fetched_from(by, uz)
    with by.refuses(CopyDiffers) as refused:
        recover_in(by, refused.tx, replace(fetched, cosigned=[Checkpoint(ORIGIN, 2, bytes(32))]))
    assert "the witness cosigned" in str(refused.value)
    with by.tx() as tx:
        taken = take_back(tx, fetched.copy, fetched.entries, at=by.clock())
        for what in (of_log, of_shown, of_published):
            with pytest.raises(CopyDiffers, match="guard remembers"):
                count_unseen(tx, taken, {of_shown(ORIGIN): Mark(0, ""), what(ORIGIN): Mark(2, "00")}, ORIGIN, [])


@pytest.mark.usefixtures("minsk")
def test_what_a_witness_shows_counts_only_under_both_signatures(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    log_, witness = by.node.keyring.log, uz.node.keyring.witness
    note = log_.sign(Checkpoint(ORIGIN, 0, EMPTY_ROOT).encode())
    with pytest.raises(NotSigned):
        read_cosigned(note.encode(), log_.vkey, [witness.vkey])
    assert [each.size for each in cosigned_of(by, uz)] == [size_of(by)]


def test_the_guard_beside_the_database_says_what_is_behind(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    uz.issued("cotton-yarn")
    carry(uz, by)
    sizes = {each.what: each for each in standings(by)}
    assert not any(each.behind for each in sizes.values())
    witnessed = f"witness {by.node.keyring.witness.vkey.name} of uz.registry.example/log"
    own = {of_log(ORIGIN), of_shown(ORIGIN), of_published(ORIGIN)}
    assert set(sizes) == own | {f"sent 1 to {uz.did}", f"received 1 from {uz.did}", witnessed}
    name = by.node.keyring.witness.vkey.name
    check_remembers(marks(by), name)
    with by.node.database.read() as tx:
        begun = marks_of(tx, ORIGIN, name)
    assert begun == {what: marks(by)[what] for what in set(sizes) - {witnessed}} | {of_forgotten(name): Mark(1, "")}
    with pytest.raises(WitnessForgot, match="silent until it has a new key"):
        check_remembers(begun, name)
    minsk.restore()
    now = {each.what: each for each in standings(by)}
    assert now[witnessed] == Standing(witnessed, size_of(uz), 0, behind=True)
    assert now[f"received 1 from {uz.did}"].behind
    by.node.guard.advance("something else", Mark(1, "x"))
    by.node.guard.advance("witness former of uz.registry.example/log", Mark(99, "x"))
    assert {each.what for each in standings(by)} == set(sizes)


def test_recovered_leaves_are_kept_for_ever(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.draft()
    carry(by, uz)
    minsk.restore()
    recovered(by, uz)
    with by.node.database.read() as tx:
        kept = tx.scalars(select(LogRecovered)).all()
        assert [row.leaf for row in kept] == list(log.leaves(tx, kept[0].index, len(kept)))
    assert len(kept) == 1
