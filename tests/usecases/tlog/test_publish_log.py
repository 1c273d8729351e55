"""What is published is what another state's witness has cosigned; issuing never waits for it, a proof does."""

from datetime import timedelta

import pytest

from registry.cli import duties
from registry.core.channel.message import Message, MessageKind
from registry.core.channel.receipt import Outcome, Receipt
from registry.core.envelope.jose import Envelope, Typ
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.note import Note, NotSigned, WrongSignature
from registry.core.verification.verdict import Check, Indication
from registry.store import channel, checkpoints, tasks
from registry.store.acts import Actor
from registry.store.guard import Mark, of_log
from registry.store.tasks import TaskKind
from registry.usecases.channel import deliver_message
from registry.usecases.channel.deliver_message import GRACE, ChannelBehind, make_messages
from registry.usecases.tlog import publish_log
from registry.usecases.tlog.publish_log import HEARTBEAT, Asked, WitnessClockOff, published_note
from registry.usecases.tlog.read_log import prove
from tests.kit import Corridor, Country


def mark_of(country: Country) -> Mark:
    mark = country.node.guard.mark(of_log(country.node.keyring.log.vkey.name))
    assert mark is not None
    return mark


def asked(country: Country, witness: Country, old: int | None = None) -> Asked | None:
    with country.node.database.read() as tx:
        key = witness.node.keyring.witness.vkey
        return publish_log.ask(tx, key, mark_of(country), at=country.clock(), old=old)


def kept(country: Country, witness: Country, request: Asked, answer: str) -> None:
    with country.tx() as tx:
        publish_log.keep_cosignature(tx, request, witness.node.keyring.witness.vkey, answer, at=country.clock())


def send(country: Country, to: Country) -> list[str]:
    """Make messages as the courier does and return those without a receipt, without asking any witness."""
    with country.tx() as tx:
        make_messages(tx, country.sender, to.did, to.code, mark=None, at=country.clock(), draw=country.node.draw)
    with country.node.database.read() as tx:
        return [message.envelope for message in channel.unacknowledged(tx, to.did, 100)]


def acknowledge(country: Country, to: Country) -> list[Receipt]:
    receipts = []
    with country.node.database.read() as tx:
        waiting = channel.unacknowledged(tx, to.did, 100)
    for message in waiting:
        receipt = to.take(message.envelope)
        with country.tx() as tx:
            by = Actor(country.did)
            beliefs = country.beliefs()
            deliver_message.keep_receipt(
                tx, message, receipt, beliefs, by=by, at=country.clock(), draw=country.node.draw
            )
        receipts.append(Receipt.parse(Envelope.parse(receipt, Typ.RECEIPT).payload))
    return receipts


def kinds(messages: list[str]) -> list[MessageKind]:
    return [Message.parse(Envelope.parse(text, Typ.MESSAGE).payload).kind for text in messages]


def test_nothing_is_asked_of_a_witness_before_the_log_and_the_guard_have_something(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    with by.node.database.read() as tx:
        key = uz.node.keyring.witness.vkey
        assert publish_log.ask(tx, key, Mark(0, ""), at=by.clock()) is None
        assert published_note(tx) is None
    duties.publish_newest(by.node)
    by.sequence()
    with by.node.database.read() as tx:
        assert publish_log.ask(tx, key, Mark(0, ""), at=by.clock()) is None
        assert publish_log.publish(tx, [], Mark(0, ""), at=by.clock()) is None


def test_a_witness_that_cosigned_is_asked_again_when_the_log_grew_or_its_word_is_old(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    first = asked(by, uz)
    assert first is not None
    assert (first.growth.old, first.growth.proof) == (0, ())
    kept(by, uz, first, uz.cosign(first.growth.encode()))
    assert asked(by, uz) is None
    corridor.clock.forward(HEARTBEAT)
    again = asked(by, uz)
    assert again is not None
    assert (again.growth.old, again.growth.proof, again.size) == (first.size, (), first.size)
    kept(by, uz, again, uz.cosign(again.growth.encode()))
    by.draft()
    by.sequence()
    grown = asked(by, uz)
    assert grown is not None
    assert (grown.growth.old, grown.size > first.size) == (first.size, True)
    kept(by, uz, grown, uz.cosign(grown.growth.encode()))


def test_the_published_note_carries_the_freshest_line_and_proofs_the_first(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    by.witnessed(uz)
    with by.node.database.read() as tx:
        first = prove(tx, str(issued.act))
    corridor.clock.forward(HEARTBEAT)
    by.witnessed(uz)
    with by.node.database.read() as tx:
        fresh, later = published_note(tx), prove(tx, str(issued.act))
    assert fresh is not None
    assert first is not None
    assert later == first
    (policy,) = by.beliefs().log_policies(by.did, by.clock())
    assert policy.check(Note.parse(fresh)).at == corridor.clock()
    assert policy.check(Note.parse(first.checkpoint_note)).at == corridor.clock() - HEARTBEAT
    assert len(Note.parse(fresh).lines) == 2
    by.draft()
    by.sequence()
    by.witnessed(uz)
    with by.node.database.read() as tx:
        assert prove(tx, str(issued.act)) == first


def test_a_line_that_is_not_the_witnesss_own_is_not_kept(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    request = asked(by, uz)
    assert request is not None
    line = uz.cosign(request.growth.encode())
    own = by.node.keyring.witness.cosign(request.growth.note.text, by.clock()).encode()
    for answer, error in (
        ("", NotSigned),
        (f"{own}\n", NotSigned),
        (line[:-7] + "AAAA==\n", WrongSignature),
    ):
        with by.refuses(error) as refused:
            publish_log.keep_cosignature(refused.tx, request, uz.node.keyring.witness.vkey, answer, at=by.clock())
    kept(by, uz, request, f"{own}\n{line}")
    with by.node.database.read() as tx:
        assert [row.name for row in checkpoints.lines(tx, request.size)] == ["uz.registry.example/witness"]


@pytest.mark.parametrize("off", [timedelta(hours=2), -timedelta(minutes=5)])
def test_a_witness_whose_clock_is_far_from_ours_is_named_and_its_word_is_not_kept(
    corridor: Corridor, off: timedelta
) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    request = asked(by, uz)
    assert request is not None
    cosigner, text = uz.node.keyring.witness, request.growth.note.text
    with by.refuses(WitnessClockOff) as refused:
        line = cosigner.cosign(text, by.clock() + off).encode()
        publish_log.keep_cosignature(refused.tx, request, cosigner.vkey, line, at=by.clock())
    assert refused.value.seconds == off.total_seconds()
    assert str(refused.value) == (
        f"the clock of {cosigner.vkey.name} is {off.total_seconds():.0f} seconds from ours: its cosignature is not kept"
    )
    just = timedelta(seconds=1) if off < timedelta() else -timedelta(seconds=1)
    kept(by, uz, request, cosigner.cosign(text, by.clock() + off + just).encode())


def test_what_a_witness_says_against_our_log_is_a_task_and_a_split_stays_one(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    request = asked(by, uz)
    assert request is not None
    key = uz.node.keyring.witness.vkey
    for _ in range(2):
        with by.tx() as tx:
            opened = [
                publish_log.note_split(tx, request, key, "it answers 422", at=by.clock()),
                publish_log.note_ahead(tx, request, key, 99, at=by.clock()),
            ]
    assert opened == [False, False]
    with by.node.database.read() as tx:
        open_ = tasks.open_tasks(tx)
        assert [task.kind for task in open_] == [TaskKind.LOG_SPLIT, TaskKind.WITNESS_AHEAD]
        assert tasks.open_tasks(tx, TaskKind.WITNESS_AHEAD)[0].detail["what"] == "it has cosigned 99 entries"
    kept(by, uz, request, uz.cosign(request.growth.encode()))
    with by.node.database.read() as tx:
        assert [task.kind for task in tasks.open_tasks(tx)] == [TaskKind.LOG_SPLIT]


def test_a_witness_that_names_the_size_it_knows_gets_the_growth_from_there(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.witnessed(uz)
    size = mark_of(by).number
    by.draft()
    by.sequence()
    from_there = asked(by, uz, old=size)
    assert from_there is not None
    assert from_there.growth.old == size
    assert uz.cosign(from_there.growth.encode())


def test_a_certificate_waits_a_moment_for_its_proof_and_then_goes_without(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    assert send(by, uz) == []
    corridor.clock.forward(GRACE)
    assert kinds(send(by, uz)) == [MessageKind.CERTIFICATE_ISSUED]
    (receipt,) = acknowledge(by, uz)
    assert receipt.outcome is Outcome.ACCEPTED_WITH_WARNINGS
    assert [finding.code for finding in receipt.findings] == ["no-proof-shown"]
    waiting = uz.asks(issued.number).verdict
    assert (waiting.indication, waiting.finding(Check.LOG)) == (Indication.INDETERMINATE, waiting.decisive)
    assert send(by, uz) == []
    by.witnessed(uz)
    assert kinds(send(by, uz)) == [MessageKind.CERTIFICATE_LOGGED]
    (receipt,) = acknowledge(by, uz)
    assert receipt.outcome is Outcome.ACCEPTED
    assert uz.asks(issued.number).verdict.indication is Indication.TOTAL_PASSED
    assert send(by, uz) == []


def test_a_certificate_that_nobody_witnesses_in_time_fails(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    corridor.clock.forward(GRACE)
    send(by, uz)
    acknowledge(by, uz)
    corridor.clock.forward(timedelta(hours=25))
    verdict = uz.asks(issued.number).verdict
    assert verdict.indication is Indication.TOTAL_FAILED
    assert verdict.decisive is not None
    assert verdict.decisive.code == "not-logged"


def test_a_direction_that_is_behind_what_was_sent_sends_nothing(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.deliver(uz)
    with by.refuses(ChannelBehind) as refused:
        make_messages(refused.tx, by.sender, uz.did, uz.code, mark=Mark(5, "x"), at=by.clock(), draw=by.node.draw)
    assert (refused.value.held, refused.value.sent) == (1, 5)
    assert "registry log recover" in str(refused.value)


def test_a_checkpoint_is_published_once(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.witnessed(uz)
    with by.tx() as tx:
        published = checkpoints.newest_published(tx)
        assert published is not None
        assert Checkpoint.parse(Note.parse(published.note).text).size == published.size == mark_of(by).number
        assert not checkpoints.publish(tx, published.size, "another", by.clock())
