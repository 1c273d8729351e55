"""The mirror keeps what is proved to continue what it has, and evidence of what does not."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from registry.core.channel.message import MessageKind
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind
from registry.core.tlog.follow import Edge
from registry.core.tlog.merkle import EMPTY_ROOT, prove_consistency
from registry.core.tlog.note import Note, SignatureLine
from registry.core.tlog.policy import QuorumNotMet
from registry.store import checkpoints, log, mirror, tasks, witness
from registry.store.acts import Act, Actor
from registry.store.certificates import CertificateRow
from registry.store.log import LogEntry
from registry.store.mirror import MirrorEntry
from registry.store.parties import Role
from registry.store.peers import AgreementRow
from registry.store.tasks import Task, TaskKind
from registry.usecases.recovery.reconcile_log import PATIENCE, Wanted, await_mirror, reconcile
from registry.usecases.tlog import mirror_log
from registry.usecases.tlog.mirror_log import LogRewritten, NotMirrored, Shown
from registry.usecases.tlog.publish_log import published_note
from tests.kit import Corridor, Country
from tests.usecases.channel.test_accept_message import sent

ORIGIN = "by.registry.example/log"
WAITING: dict[str, Wanted | None] = {}


def open_tasks(tx: Session) -> list[Task]:
    """Return the open tasks but those of a refusal, which its own tests look at."""
    return [task for task in tasks.open_tasks(tx) if task.kind != TaskKind.MESSAGE_REFUSED]


def note_of(country: Country) -> str:
    with country.node.database.read() as tx:
        note = published_note(tx)
    assert note is not None
    return note


def shown_to(country: Country, note: str, peer: Country) -> Shown:
    with country.node.database.read() as tx:
        return mirror_log.read_shown(tx, note, peer.did, country.beliefs(), at=country.clock())


def entries_of(country: Country, first: int, end: int) -> Sequence[bytes]:
    with country.node.database.read() as tx:
        return log.leaves(tx, first, end - first)


def mirrored(country: Country, peer: Country, end: int | None = None) -> Shown:
    """Let a country take the other's published log into its mirror, up to an entry."""
    shown = shown_to(country, note_of(peer), peer)
    stop = shown.checkpoint.size if end is None else end
    with peer.node.database.read() as tx:
        proof = prove_consistency(stop, shown.checkpoint.size, partial(log.hashes, tx))
    with country.tx() as tx:
        mirror_log.grow(tx, shown, entries_of(peer, shown.known, stop), proof, at=country.clock())
    return shown


def grown(country: Country, by: Country) -> None:
    country.draft()
    country.sequence()
    country.witnessed(by)


def forged(country: Country, witness_of: Country, size: int) -> str:
    """Return a checkpoint over another tree, signed by the log and cosigned by a witness that does not look."""
    signer = country.node.keyring.log
    note = signer.sign(Checkpoint(ORIGIN, size, b"\x07" * 32).encode())
    line = witness_of.node.keyring.witness.cosign(note.text, witness_of.clock())
    return Note(note.text, (*note.lines, line)).encode()


def test_a_mirror_grows_with_the_log_in_steps_of_any_size(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    by.witnessed(uz)
    first = mirrored(uz, by, end=3)
    assert (first.known, first.end) == (0, first.checkpoint.size)
    mirrored(uz, by)
    grown(by, uz)
    last = mirrored(uz, by)
    assert last.known == first.checkpoint.size
    mirrored(uz, by)
    size = last.checkpoint.size
    with uz.node.database.read() as tx:
        head = mirror.head(tx, ORIGIN)
        assert head is not None
        assert (head.size, head.root) == (size, last.checkpoint.root)
        assert mirror.entries(tx, ORIGIN, 0, size) == entries_of(by, 0, size)
        assert tx.scalar(select(func.count()).where(MirrorEntry.kind == Kind.CERTIFICATE_ISSUED)) == 1


def test_what_the_witnesses_did_not_cosign_is_not_mirrored(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    with by.node.database.read() as tx:
        newest = checkpoints.newest_checkpoint(tx, 1000)
    assert newest is not None
    with pytest.raises(QuorumNotMet):
        shown_to(uz, newest.note, by)
    with uz.node.database.read() as tx, pytest.raises(NotMirrored, match="no log with this origin"):
        mirror_log.read_shown(tx, newest.note, "did:web:elsewhere.example", uz.beliefs(), at=uz.clock())


def test_entries_that_do_not_lead_to_the_signed_root_are_not_kept(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.witnessed(uz)
    shown = shown_to(uz, note_of(by), by)
    entries = entries_of(by, 0, shown.checkpoint.size)
    for wrong in ([*entries[:-1], b"another"], entries[:-1], [*entries, b"one more"]):
        with uz.refuses(LogRewritten) as refused:
            mirror_log.grow(refused.tx, shown, wrong, (), at=uz.clock())
        assert "does not continue" in str(refused.value)


def test_an_entry_that_is_no_leaf_of_ours_is_mirrored_as_it_is(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    with corridor.forge.breaking(by) as tx:
        tx.execute(
            update(Act)
            .where(Act.id == select(LogEntry.act).where(LogEntry.index == 0).scalar_subquery())
            .values(leaf=b"{}")
        )
    signer = by.node.keyring.log
    edge, _ = Edge().grown(entries_of(by, 0, 5))
    note = signer.sign(Checkpoint(ORIGIN, 5, edge.root).encode())
    line = uz.node.keyring.witness.cosign(note.text, uz.clock())
    shown = shown_to(uz, Note(note.text, (*note.lines, line)).encode(), by)
    with uz.tx() as tx:
        mirror_log.grow(tx, shown, entries_of(by, 0, 5), (), at=uz.clock())
        rows = tx.scalars(select(MirrorEntry).order_by(MirrorEntry.index)).all()
    assert [row.kind is None for row in rows] == [True, False, False, False, False]


def test_a_smaller_checkpoint_of_the_same_history_changes_nothing_and_of_another_is_evidence(
    corridor: Corridor,
) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.witnessed(uz)
    older = note_of(by)
    grown(by, uz)
    mirrored(uz, by)
    shown = shown_to(uz, older, by)
    before = uz.everything()
    with uz.tx() as tx:
        mirror_log.grow(tx, shown, [], (), at=uz.clock())
    assert uz.everything() == before
    split = shown_to(uz, forged(by, uz, 4), by)
    with uz.refuses(LogRewritten) as refused:
        mirror_log.grow(refused.tx, split, [], (), at=uz.clock())
    for _ in range(2):
        with uz.tx() as tx:
            by_ = Actor(uz.did)
            mirror_log.keep_evidence(tx, split, refused.value, by=by_, at=uz.clock(), draw=uz.node.draw)
    with uz.node.database.read() as tx:
        (kept,) = witness.evidence(tx)
        (task,) = open_tasks(tx)
    assert (kept.note, task.kind, task.subject) == (split.note, TaskKind.LOG_SPLIT, ORIGIN)
    assert len(uz.acts(Kind.WITNESS_CONFLICT)) == 1


def test_entries_that_do_not_lead_to_what_was_signed_are_a_task_and_no_evidence(corridor: Corridor) -> None:
    """Anyone on the way can change them: nobody signed entries."""
    by, uz = corridor.by, corridor.uz
    split = shown_to(uz, forged(by, uz, 4), by)
    with uz.refuses(LogRewritten) as refused:
        mirror_log.grow(refused.tx, split, [b"1", b"2", b"3", b"4"], (), at=uz.clock())
    with uz.tx() as tx:
        mirror_log.keep_evidence(tx, split, refused.value, by=Actor(uz.did), at=uz.clock(), draw=uz.node.draw)
        assert witness.evidence(tx) == []
        (task,) = open_tasks(tx)
    assert (task.kind, task.detail["note"]) == (TaskKind.LOG_SPLIT, split.note)


def test_a_mirror_that_moved_meanwhile_is_left_as_it_is(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.witnessed(uz)
    shown = shown_to(uz, note_of(by), by)
    entries = entries_of(by, 0, shown.checkpoint.size)
    mirrored(uz, by)
    before = uz.everything()
    with uz.tx() as tx:
        mirror_log.grow(tx, shown, entries, (), at=uz.clock())
    assert uz.everything() == before


def open_kinds(country: Country, peer: Country) -> list[str]:
    """Compare as the worker does, with what it waits for since its last look."""
    name = peer.node.settings.name
    with country.tx() as tx:
        wanted = WAITING[country.database] = await_mirror(tx, name, WAITING.get(country.database), at=country.clock())
        count = reconcile(tx, country.code, name, wanted, at=country.clock())
        open_ = open_tasks(tx)
    assert count == len(open_)
    return [task.kind for task in open_]


def test_a_certificate_that_is_logged_and_not_delivered_is_named_until_it_comes(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    by.witnessed(uz)
    mirrored(uz, by)
    assert open_kinds(uz, by) == []
    corridor.clock.forward(PATIENCE)
    assert open_kinds(uz, by) == [TaskKind.CERTIFICATE_NOT_DELIVERED]
    assert open_kinds(uz, by) == [TaskKind.CERTIFICATE_NOT_DELIVERED]
    with uz.node.database.read() as tx:
        (task,) = open_tasks(tx)
    assert task.detail["digest"] == issued.digest
    by.deliver(uz)
    assert open_kinds(uz, by) == []


def test_a_certificate_that_is_delivered_and_not_logged_is_named_until_it_is(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    assert open_kinds(uz, by) == []
    corridor.clock.forward(PATIENCE)
    assert open_kinds(uz, by) == [TaskKind.CERTIFICATE_NOT_LOGGED, TaskKind.MIRROR_BEHIND]
    with uz.node.database.read() as tx:
        task, behind = open_tasks(tx)
    assert (task.subject, behind.subject) == (issued.digest, ORIGIN)
    mirrored(uz, by)
    assert open_kinds(uz, by) == []


def test_an_annulment_that_is_logged_and_held_back_is_named_until_it_comes(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    change = by.annulled(issued)
    by.sequence()
    by.witnessed(uz)
    mirrored(uz, by)
    corridor.clock.forward(PATIENCE)
    assert open_kinds(uz, by) == [TaskKind.CERTIFICATE_NOT_DELIVERED]
    with uz.node.database.read() as tx:
        (task,) = open_tasks(tx)
    assert task.detail["digest"] == change.digest
    by.deliver(uz)
    assert open_kinds(uz, by) == []


def test_an_annulment_that_is_delivered_and_not_logged_is_named_until_it_is(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    mirrored(uz, by)
    change = by.annulled(issued)
    by.deliver(uz)
    assert open_kinds(uz, by) == []
    corridor.clock.forward(PATIENCE)
    assert open_kinds(uz, by) == [TaskKind.CERTIFICATE_NOT_LOGGED, TaskKind.MIRROR_BEHIND]
    with uz.node.database.read() as tx:
        task, _ = open_tasks(tx)
    assert task.detail == {"origin": ORIGIN, "certificate": issued.id, "digest": change.digest}
    mirrored(uz, by)
    assert open_kinds(uz, by) == []


def test_a_mirror_that_stays_behind_is_named_however_often_its_log_is_cosigned(corridor: Corridor) -> None:
    """A peer that grows, and is cosigned every minute, and shows nothing of it."""
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.witnessed(uz)
    assert open_kinds(uz, by) == []
    for minute in range(1, 11):
        corridor.clock.forward(timedelta(minutes=1))
        by.draft()
        by.sequence()
        by.witnessed(uz)
        assert open_kinds(uz, by) == ([TaskKind.MIRROR_BEHIND] if minute == 10 else [])
    mirrored(uz, by, 1)
    assert open_kinds(uz, by) == [TaskKind.MIRROR_BEHIND]
    mirrored(uz, by)
    assert open_kinds(uz, by) == []


def test_a_mirror_that_is_always_a_step_behind_a_growing_log_is_not_named(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    for _ in range(13):
        by.draft()
        by.sequence()
        by.witnessed(uz)
        assert open_kinds(uz, by) == []
        mirrored(uz, by)
        corridor.clock.forward(timedelta(minutes=1))


def test_what_is_known_hides_nothing_behind_it(corridor: Corridor) -> None:
    """However many came and were refused, or are named already: a look takes the next ones."""
    by, uz = corridor.by, corridor.uz
    digests = [by.issued().digest for _ in range(3)]
    by.sequence()
    by.witnessed(uz)
    mirrored(uz, by)
    with uz.tx() as tx:

        def look(besides: list[str], limit: int) -> list[str | None]:
            return [row.digest for row in mirror.not_delivered(tx, ORIGIN, "UZ", uz.clock(), besides, limit)]

        assert look([], 3) == digests
        assert look(digests[:1], 1) == digests[1:2]
        (first, *_) = mirror.not_delivered(tx, ORIGIN, "UZ", uz.clock(), [])
        about = {"origin": ORIGIN, "digest": digests[0]}
        kind = TaskKind.CERTIFICATE_NOT_DELIVERED
        tasks.open_task(tx, kind, f"{ORIGIN} {first.index}", about, role=Role.OPERATOR, at=uz.clock())
        assert look([], 1) == digests[1:2]


def test_what_came_and_was_refused_was_delivered(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    by.witnessed(uz)
    mirrored(uz, by)
    (message,) = by.messages(uz)
    with corridor.forge.breaking(uz) as tx:
        tx.execute(delete(AgreementRow))
    uz.take(message)
    corridor.clock.forward(PATIENCE + timedelta(minutes=1))
    assert uz.everything()["certificate"] == []
    assert open_kinds(uz, by) == []


@pytest.mark.parametrize("said", [Country.annulled, Country.clarified])
def test_what_was_said_of_a_certificate_and_was_refused_was_delivered(
    corridor: Corridor, said: Callable[[Country, CertificateRow], object]
) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    said(by, issued)
    by.sequence()
    by.witnessed(uz)
    mirrored(uz, by)
    (message,) = by.messages(uz)
    with corridor.forge.breaking(uz) as tx:
        tx.execute(delete(CertificateRow))
    uz.take(message)
    corridor.clock.forward(PATIENCE + timedelta(minutes=1))
    assert uz.everything()["status_change"] == uz.everything()["clarification"] == []
    assert open_kinds(uz, by) == [TaskKind.CERTIFICATE_NOT_DELIVERED]  # the certificate, not what was said of it


def test_a_message_that_carries_neither_certificate_nor_change_delivers_nothing(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    assert sent(by, uz, {"change": "x"}, kind=MessageKind.CERTIFICATE_STATUS).findings
    assert open_kinds(uz, by) == []


def test_an_empty_log_has_an_empty_mirror_and_no_other_log_is_found_for_it(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    note = by.node.keyring.log.sign(Checkpoint(ORIGIN, 0, EMPTY_ROOT).encode())
    line = uz.node.keyring.witness.cosign(note.text, uz.clock())
    shown = shown_to(uz, Note(note.text, (*note.lines, line)).encode(), by)
    with uz.tx() as tx:
        mirror_log.grow(tx, shown, [], (), at=uz.clock())
        head = mirror.head(tx, ORIGIN)
        assert head is not None
        assert head.size == 0
        with pytest.raises(NotMirrored):
            mirror_log.find_mirror(tx, "0" * 64)


def test_an_older_line_under_the_same_tree_takes_no_freshness_away(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.witnessed(uz)
    older = note_of(by)
    corridor.clock.forward(timedelta(minutes=6))
    by.witnessed(uz)
    mirrored(uz, by)
    fresh = uz.beliefs().heads[ORIGIN]
    shown = shown_to(uz, older, by)
    with uz.tx() as tx:
        mirror_log.grow(tx, shown, [], (), at=uz.clock())
    assert uz.beliefs().heads[ORIGIN] == fresh == corridor.clock()


def test_a_line_of_a_stranger_is_not_passed_on(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.witnessed(uz)
    note = Note.parse(note_of(by))
    junk = SignatureLine("stranger.example/witness", b"abcd", bytes(72))
    assert shown_to(uz, Note(note.text, (*note.lines, junk)).encode(), by).note == note.encode()


def test_a_message_without_a_certificate_is_no_delivery(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    by.witnessed(uz)
    mirrored(uz, by)
    body = {"certificate": "https://by.registry.example/x", "digest": "0" * 64, "proof": "x"}
    assert sent(by, uz, body, kind=MessageKind.CERTIFICATE_LOGGED).findings
    corridor.clock.forward(PATIENCE)
    assert open_kinds(uz, by) == [TaskKind.CERTIFICATE_NOT_DELIVERED]
