"""The witness: one history of each log, whoever asks and however often."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from registry.core.errors import RegistryError
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.cosignature import cosigned_at
from registry.core.tlog.entry import Kind
from registry.core.tlog.merkle import EMPTY_ROOT
from registry.core.tlog.note import Note
from registry.core.tlog.split import Finding, compare
from registry.core.tlog.witness import (
    Growth,
    LogSignatureMissing,
    LogUnknown,
    MalformedGrowth,
    NotConsistent,
    StaleOldSize,
)
from registry.store import tasks, witness
from registry.store.acts import Actor
from registry.store.guard import Mark, of_witness
from registry.store.tasks import TaskKind
from registry.store.witness import MOST_EVIDENCE, WitnessEvidence
from registry.usecases.tlog import witness_checkpoint
from registry.usecases.tlog.witness_checkpoint import Cosigned, NothingWitnessed, WitnessBehind, cosigned_note
from tests.kit import Corridor, Country


def signed(country: Country, size: int, root: bytes) -> Note:
    """Let the log of a country sign whatever it likes."""
    log = country.node.keyring.log
    return log.sign(Checkpoint(log.vkey.name, size, root).encode())


def growth(country: Country, size: int, root: bytes, old: int = 0, proof: tuple[bytes, ...] = ()) -> str:
    note = signed(country, size, root)
    return Growth(old, proof, note, Checkpoint.parse(note.text)).encode()


def ask(witness_of: Country, request: str, mark: Mark | None = None) -> Cosigned | NotConsistent:
    with witness_of.tx() as tx:
        read, key = witness_checkpoint.read_growth(request, witness_of.beliefs().foreign_logs(witness_of.code))
        return witness_checkpoint.cosign(
            tx,
            read,
            key,
            witness_of.node.keyring.witness,
            mark=mark,
            by=Actor(witness_of.did),
            at=witness_of.clock(),
            draw=witness_of.node.draw,
        )


def one(number: int) -> bytes:
    return bytes([number]) * 32


def test_what_cannot_be_read_or_is_of_no_known_log_changes_nothing(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    logs = uz.beliefs().foreign_logs("UZ")
    assert list(logs) == ["by.registry.example/log"]
    with pytest.raises(MalformedGrowth):
        witness_checkpoint.read_growth("old 1\n", logs)
    with pytest.raises(LogUnknown):
        witness_checkpoint.read_growth(growth(uz, 1, one(1)), logs)
    stranger = growth(by, 1, one(1)).replace("\N{EM DASH} by.", "\N{EM DASH} elsewhere.")
    with pytest.raises(LogSignatureMissing):
        ask(uz, stranger)
    assert uz.everything()["witness_head"] == []


def test_growth_is_cosigned_and_the_same_checkpoint_again_with_a_fresh_time(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    key = uz.node.keyring.witness.vkey
    first = ask(uz, growth(by, 0, EMPTY_ROOT))
    assert isinstance(first, Cosigned)
    grown = ask(uz, growth(by, 5, one(5)))
    assert isinstance(grown, Cosigned)
    assert grown.mark == Mark(5, one(5).hex())
    corridor.clock.forward(timedelta(minutes=5))
    again = ask(uz, growth(by, 5, one(5), old=5))
    assert isinstance(again, Cosigned)
    with uz.node.database.read() as tx:
        head = witness.head(tx, "by.registry.example/log")
    assert head is not None
    assert cosigned_at(Note.parse(head.note), key) == corridor.clock()
    corridor.clock.forward(-timedelta(hours=1))
    ask(uz, growth(by, 5, one(5), old=5))
    with uz.node.database.read() as tx:
        held = witness.head(tx, "by.registry.example/log")
    assert held is not None
    assert cosigned_at(Note.parse(held.note), key) == head.at, "the time of a cosignature never goes back"


def test_a_proof_from_another_size_is_answered_with_the_size(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    ask(uz, growth(by, 5, one(5)))
    for old in (0, 3):
        with pytest.raises(StaleOldSize) as stale:
            ask(uz, growth(by, 7, one(7), old=old))
        assert stale.value.size == 5


def test_two_roots_of_one_size_are_kept_as_evidence_that_anyone_can_check(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    ask(uz, growth(by, 5, one(5)))
    for _ in range(2):
        assert isinstance(ask(uz, growth(by, 5, one(6), old=5)), NotConsistent)
    with uz.node.database.read() as tx:
        (kept,) = witness.evidence(tx, "by.registry.example/log")
        (task,) = tasks.open_tasks(tx, TaskKind.LOG_SPLIT)
    assert task.subject == "by.registry.example/log"
    (policy,) = uz.beliefs().log_policies(by.did, by.clock())
    assert compare(Note.parse(kept.note), Note.parse(kept.against), policy).finding is Finding.SPLIT
    (act,) = uz.acts(Kind.WITNESS_CONFLICT)
    assert act.private["note"] == kept.note


def test_a_proof_that_fails_is_refused_and_is_no_evidence(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    ask(uz, growth(by, 5, one(5)))
    before = uz.everything()
    assert isinstance(ask(uz, growth(by, 7, one(7), old=5, proof=(one(1),))), NotConsistent)
    assert isinstance(ask(uz, growth(by, 5, one(5), old=5, proof=(one(1),))), NotConsistent)
    assert uz.everything() == before


def test_evidence_of_one_log_does_not_fill_the_disk(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    ask(uz, growth(by, 5, one(5)))
    with uz.tx() as tx:
        for number in range(MOST_EVIDENCE):
            row = WitnessEvidence(
                digest=f"{number}", origin="by.registry.example/log", note="", against="", reason="", at=uz.clock()
            )
            assert witness.keep_evidence(tx, row)
    ask(uz, growth(by, 5, one(6), old=5))
    with uz.node.database.read() as tx:
        assert len(witness.evidence(tx)) == MOST_EVIDENCE
        assert tasks.open_tasks(tx, TaskKind.LOG_SPLIT) != []


def test_a_witness_whose_memory_is_behind_is_silent_until_it_has_a_new_key(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    ask(uz, growth(by, 5, one(5)))
    name = uz.node.keyring.witness.vkey.name
    for mark in (Mark(6, one(6).hex()), Mark(5, one(6).hex())):
        with pytest.raises(WitnessBehind) as behind:
            ask(uz, growth(by, 5, one(5), old=5), mark)
        assert (behind.value.held, behind.value.cosigned) == (5, mark.number)
        assert "new key" in str(behind.value)
    assert of_witness(name, "a") != of_witness(f"{name}-2", "a")
    assert isinstance(ask(uz, growth(by, 5, one(5), old=5), Mark(5, one(5).hex())), Cosigned)


def test_what_was_cosigned_last_is_shown_to_anyone(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    ask(uz, growth(by, 5, one(5)))
    digest = "0" * 64
    with uz.node.database.read() as tx, pytest.raises(NothingWitnessed) as refused:
        cosigned_note(tx, digest)
    assert "no checkpoint" in str(refused.value)


def test_of_a_hundred_racing_forks_one_branch_is_cosigned(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz

    def race(number: int) -> bytes | None:
        root = one(1 + number % 2)
        try:
            answer = ask(uz, growth(by, 4, root))
        except RegistryError:
            return None
        return root if isinstance(answer, Cosigned) else None

    with ThreadPoolExecutor(16) as pool:
        roots = {root for root in pool.map(race, range(100)) if root is not None}
    assert len(roots) == 1
    with uz.node.database.read() as tx:
        head = witness.head(tx, "by.registry.example/log")
    assert head is not None
    assert {head.root} == roots
