"""The log: numbered without a gap, one history, proofs that hold."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from hashlib import sha256

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from registry.cli import duties
from registry.core.identifiers import Digest
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind
from registry.core.tlog.merkle import leaf_hash, tree_root
from registry.core.tlog.note import Note
from registry.core.tlog.proof import verify_proof
from registry.core.tlog.tile import HEIGHT, WIDTH, tile_of
from registry.store import checkpoints, log
from registry.store.acts import Act
from registry.store.guard import Mark, of_log
from registry.store.log import LogEntry, LogHead
from registry.usecases.tlog.extend_log import AnotherSequencer, LogBehind, LogDamaged, extend
from registry.usecases.tlog.publish_log import published_note
from registry.usecases.tlog.read_log import prove
from tests.kit import Corridor, Country


def check_history(country: Country) -> int:
    """Derive every stored hash and checkpoint again from the leaves, and return the size."""
    with country.node.database.read() as tx:
        rows = tx.execute(select(LogEntry.index, Act.leaf).join(Act, Act.id == LogEntry.act).order_by(LogEntry.index))
        leaves = [(row[0], bytes(row[1])) for row in rows]
        assert [index for index, _ in leaves] == list(range(len(leaves)))
        expected = _hashes([leaf_hash(leaf) for _, leaf in leaves])
        stored = {(row.level, row.index): bytes(row.hashes) for row in tx.scalars(select(log.LogTile))}
        assert stored == {
            tile_of(level, index): b"".join(
                expected[level, each] for each in range(index, index + WIDTH) if (level, each) in expected
            )
            for level, index in expected
            if level % HEIGHT == 0 and index % WIDTH == 0
        }
        for checkpoint in tx.scalars(select(checkpoints.LogCheckpoint)):
            root = tree_root(checkpoint.size, lambda wanted: [expected[position] for position in wanted])
            assert checkpoint.root == root
        head = log.head(tx)
        assert head is not None
        assert head.size == len(leaves) == tx.scalar(select(func.max(checkpoints.LogCheckpoint.size)))
        return head.size


def _hashes(leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Read RFC 6962, 2.1 a second time, plainly."""
    hashes: dict[tuple[int, int], bytes] = {}
    level, row = 0, list(leaves)
    while row:
        hashes |= {(level, index): hash_ for index, hash_ in enumerate(row)}
        row = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        level += 1
    return hashes


def test_the_log_takes_every_act_once_in_batches_of_any_size(corridor: Corridor) -> None:
    by = corridor.by
    by.issued()
    signer = by.node.keyring.log
    for batch in (1, 2, 3, 5, 8, 1000):
        with by.tx() as tx:
            checkpoint = extend(tx, signer.vkey.name, signer.sign, mark=None, at=by.clock(), batch=batch)
        assert checkpoint is not None
        assert check_history(by) == checkpoint.size
    assert check_history(by) == len(by.acts())
    assert by.everything()["log_queue"] == []
    with by.tx() as tx:
        assert extend(tx, signer.vkey.name, signer.sign, mark=None, at=by.clock()) is None


def test_every_act_has_a_proof_that_holds_and_none_before_the_other_state_has_cosigned_it(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    with by.node.database.read() as tx:
        assert prove(tx, str(issued.act)) is None
        assert published_note(tx) is None
    by.sequence()
    duties.publish_newest(by.node)
    with by.node.database.read() as tx:
        assert prove(tx, str(issued.act)) is None
        assert published_note(tx) is None
    by.witnessed(uz)
    (policy,) = by.beliefs().log_policies(by.did, by.clock())
    with by.node.database.read() as tx:
        for act in by.acts():
            proof = prove(tx, act.id)
            assert proof is not None
            if act.digest is not None:
                logged = verify_proof(proof, policy, kind=Kind(act.kind), digest=Digest(act.digest))
                assert logged.by == by.clock()
        note = published_note(tx)
        assert note is not None
        assert note.split("\n")[1] == str(len(by.acts()))


def test_the_time_of_a_checkpoint_never_goes_back(corridor: Corridor) -> None:
    by = corridor.by
    by.sequence()
    with by.node.database.read() as tx:
        known = log.head(tx)
    assert known is not None
    by.draft()
    corridor.clock.forward(-timedelta(hours=1))
    by.sequence()
    with by.node.database.read() as tx:
        moved = log.head(tx)
    assert moved is not None
    assert (moved.size > known.size, moved.at) == (True, known.at)


def test_a_sequencer_that_finds_another_at_work_does_nothing(corridor: Corridor) -> None:
    by = corridor.by
    signer = by.node.keyring.log
    with by.tx() as first, by.tx() as second:
        assert log.try_sequencing(first)
        assert extend(second, signer.vkey.name, signer.sign, mark=None, at=by.clock()) is None


def test_a_log_of_another_origin_is_not_extended(corridor: Corridor) -> None:
    by = corridor.by
    signer = by.node.keyring.log
    by.sequence()
    by.draft()
    with by.refuses(AnotherSequencer) as refused:
        extend(refused.tx, "elsewhere.example/log", signer.sign, mark=None, at=by.clock())
    assert str(refused.value) == "another sequencer extends this log"


def test_a_head_that_moved_underneath_stops_the_sequencer_and_nothing_is_kept(corridor: Corridor) -> None:
    by = corridor.by
    signer = by.node.keyring.log
    by.sequence()
    by.draft()

    def sign_while_another_moves_the_head(tx: Session, note: str) -> Note:
        tx.execute(text("UPDATE log_head SET size = size + 1, root = '\\x00'"))
        return signer.sign(note)

    with by.refuses(AnotherSequencer) as refused:
        extend(
            refused.tx,
            signer.vkey.name,
            partial(sign_while_another_moves_the_head, refused.tx),
            mark=None,
            at=by.clock(),
        )
    assert check_history(by)


def test_the_head_moves_only_from_what_was_known(corridor: Corridor) -> None:
    by = corridor.by
    by.sequence()
    with by.node.database.read() as tx:
        known = log.head(tx)
    assert known is not None
    to = Checkpoint(known.origin, known.size + 1, b"\x07" * 32)
    stale = LogHead(one=1, origin=known.origin, size=known.size - 1, root=known.root, at=known.at)
    other = LogHead(one=1, origin=known.origin, size=known.size, root=b"\x01" * 32, at=known.at)
    elsewhere = Checkpoint("another/log", to.size, to.root)
    for head, checkpoint, moves in (
        (None, to, False),
        (stale, to, False),
        (other, to, False),
        (known, elsewhere, False),
        (known, to, True),
    ):
        with by.tx() as tx:
            assert log.append(tx, head, (), {}, checkpoint, "note", known.at) == moves
            tx.rollback()


def test_nothing_is_signed_over_tiles_that_do_not_lead_to_the_head(corridor: Corridor) -> None:
    by = corridor.by
    signer = by.node.keyring.log
    by.sequence()
    by.draft()
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE log_tile SET hashes = overlay(hashes placing sha256('x') from 1)"))
    with by.refuses(LogDamaged) as refused:
        extend(refused.tx, signer.vkey.name, signer.sign, mark=None, at=by.clock())
    assert "run registry fsck" in str(refused.value)


def test_a_database_that_is_behind_what_was_signed_signs_nothing(corridor: Corridor) -> None:
    by = corridor.by
    signer = by.node.keyring.log
    by.sequence()
    signed = by.node.guard.mark(of_log(signer.vkey.name))
    assert signed is not None
    by.draft()
    for mark in (Mark(signed.number + 1, signed.digest), Mark(signed.number, "00" * 32), Mark(1, signed.digest)):
        with by.refuses(LogBehind) as refused:
            extend(refused.tx, signer.vkey.name, signer.sign, mark=mark, at=by.clock())
        assert (refused.value.held, refused.value.signed) == (signed.number, mark.number)
        assert "restored from a backup" in str(refused.value)
    with by.tx() as tx:
        assert extend(tx, signer.vkey.name, signer.sign, mark=signed, at=by.clock()) is not None
