"""What had been sent and what had come is known again: no number, id or index is given twice."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from registry.core.application.lifecycle import Part, State
from registry.core.channel.message import Message, MessageFork, MessageKind
from registry.core.channel.receipt import Outcome, Receipt, ReceiptNotOurs
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.verification.verdict import Check, Indication
from registry.store import applications, certificates, channel, clarifications, status_indices
from registry.store.acts import Actor
from registry.store.applications import Application
from registry.store.certificates import CertificateRow, Source
from registry.store.guard import Mark, of_sent
from registry.store.messages import MessageIn, MessageOut
from registry.usecases.application import submit_application
from registry.usecases.channel.accept_message import JudgedOtherwise
from registry.usecases.recovery.recall_messages import Recalled
from registry.usecases.recovery.recover_contents import RecalledNotOurs
from registry.usecases.recovery.recover_messages import Restoring
from tests.kit import Corridor, Country
from tests.outside import registered
from tests.usecases.fsck.lived import found, mirror
from tests.usecases.recovery.restored import Backup, behind, carry, fetched_from, receiver, recovered, send
from tests.usecases.recovery.test_recover_log import agree, recover_in


@pytest.fixture
def minsk(corridor: Corridor) -> Iterator[Backup]:
    """A backup of Minsk in which one application is approved and nothing was issued."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.approved()
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    yield backup
    backup.drop()


def restoring(country: Country) -> Any:
    """Return what begins a restoring in a transaction."""
    settings = country.node.settings

    def begin(tx: Any) -> Restoring:
        by = Actor(country.did)
        return Restoring(
            tx, settings.country, settings.env, settings.did, country.beliefs(), by, country.clock(), country.node.draw
        )

    return begin


def row_of(country: Country, id: str) -> CertificateRow:
    with country.node.database.read() as tx:
        row = certificates.certificate(tx, id)
    assert row is not None
    return row


def approved_of(country: Country) -> Application:
    with country.node.database.read() as tx:
        found = tx.query(Application).all()
    assert len(found) == 1
    return found[0]


def sent(country: Country, to: Country) -> Sequence[MessageOut]:
    with country.node.database.read() as tx:
        return channel.sent_from(tx, to.did, 1, 1, 100)


def test_an_application_on_which_a_certificate_was_issued_is_not_issued_again(
    corridor: Corridor, minsk: Backup
) -> None:
    by, uz = corridor.by, corridor.uz
    before = by.issue(approved_of(by))
    carry(by, uz)
    minsk.restore()
    assert approved_of(by).state == State.APPROVED
    done = recovered(by, uz)
    after = row_of(by, before.id)
    assert (after.source, after.act, after.proof is None) == (Source.RECOVERED, None, False)
    kept = ("number", "digest", "envelope", "recorded_at", "status_index", "application", "signatory", "organisation")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert approved_of(by).state == State.ISSUED
    assert done.said["applications_to_look_at"] == []
    agree(corridor)


def test_what_was_issued_outside_is_marked_again_and_the_mark_is_the_messages(
    corridor: Corridor, minsk: Backup
) -> None:
    by, uz = corridor.by, corridor.uz
    before = registered(by).certificate
    carry(by, uz)
    minsk.restore()
    recovered(by, uz)
    after = row_of(by, before.id)
    assert (after.source, after.outside) == (Source.RECOVERED, before.outside)
    assert found(by) == []
    everything = by.everything()
    again = registered(by, Envelope.parse(before.envelope, Typ.CERTIFICATE))  # its body's system lost the answer
    assert (again.certificate.id, again.registration, again.outside) == (before.id, None, before.outside)
    assert by.everything() == everything
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE certificate SET registered_on = NULL, due_on = NULL"))
    assert [line.partition(": ")[2] for line in found(by)] == [
        "when it was registered is not what the message that carried it says"
    ]


def test_an_application_that_was_not_that_far_is_shown_to_a_person(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    minsk.restore()
    offered = by.offered()
    later = Backup.take(corridor.forge, by, "later")
    first = by.issue(approved_of_all(by)[0])
    by.issue(accepted(by, offered.id))
    carry(by, uz)
    later.restore()
    later.drop()
    done = recovered(by, uz)
    assert done.said["applications_to_look_at"] == [offered.id]
    assert row_of(by, first.id).application is not None
    agree(corridor)


def test_a_certificate_whose_application_is_lost_is_its_exporters(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issue(by.approves(by.form(contract={"number": "7/26", "date": "2026-03-07", "long_term": False})))
    carry(by, uz)
    minsk.restore()
    with by.node.database.read() as tx:
        assert tx.get(Application, issued.application) is None
    done = recovered(by, uz)
    row = row_of(by, issued.id)
    assert (row.application, row.organisation, row.principal) == (None, issued.organisation, issued.organisation)
    assert done.said["applications_to_look_at"] == []
    agree(corridor)


def approved_of_all(country: Country) -> list[Application]:
    with country.node.database.read() as tx:
        return [row for row in tx.query(Application).all() if row.state == State.APPROVED]


def accepted(country: Country, id: str) -> Application:
    with country.tx() as tx:
        return submit_application.accept(tx, id, str(country.application(id).draft), **country.by("exporter"))


def test_a_certificate_that_came_back_is_annulled_and_verified_like_any_other(
    corridor: Corridor, minsk: Backup
) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    carry(by, uz)
    before = by.asks(issued.number).verdict
    minsk.restore()
    recovered(by, uz)
    assert by.asks(issued.number).verdict == before
    assert uz.asks(issued.number).verdict.indication is Indication.TOTAL_PASSED
    by.annulled(row_of(by, issued.id))
    agree(corridor)
    finding = uz.asks(issued.number).verdict.finding(Check.STATUS)
    assert finding is not None
    assert finding.code == "annulled"


def test_numbers_and_status_indices_of_what_came_back_are_never_given_again(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    before = [by.issued() for _ in range(3)]
    carry(by, uz)
    minsk.restore()
    done = recovered(by, uz)
    assert [(each["skipped"], each["last"]) for each in done.said["numbers"]] == [(3, 3)]  # type: ignore[call-overload, index, union-attr]
    assert by.issued().number > max(row.number for row in before)
    with by.tx() as tx:
        drawn = status_indices.draw_index(tx, "revocation-1", iter([*(row.status_index for row in before), 131_071]))
    assert drawn == 131_071


def test_the_proof_follows_a_certificate_that_came_back_without(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    corridor.clock.forward(timedelta(minutes=1))
    send(by, uz)
    by.witnessed(uz)
    mirror(by, uz)
    minsk.restore()
    recovered(by, uz)
    (message,) = sent(by, uz)
    assert (message.pending, message.act, message.log_index is None) == (True, None, False)
    carry(by, uz)
    assert [each.kind for each in sent(by, uz)] == [MessageKind.CERTIFICATE_ISSUED, MessageKind.CERTIFICATE_LOGGED]
    agree(corridor)


def test_a_proof_that_had_followed_comes_back_with_its_certificate(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    corridor.clock.forward(timedelta(minutes=1))
    send(by, uz)
    carry(by, uz)
    proved = row_of(uz, issued.id).proof
    by.draft()
    carry(by, uz)
    minsk.restore()
    recovered(by, uz)
    assert row_of(by, issued.id).proof == proved
    assert [each.receipt is None for each in sent(by, uz)] == [False, False]
    agree(corridor)


def test_what_is_here_already_stays_as_it_is(corridor: Corridor, minsk: Backup) -> None:
    """Issued and numbered before the backup, sent and proved after it."""
    by, uz = corridor.by, corridor.uz
    minsk.restore()
    issued = by.issued()
    mended, change = by.clarified(issued), by.annulled(issued)
    by.sequence()
    later = Backup.take(corridor.forge, by, "later")
    corridor.clock.forward(timedelta(minutes=1))
    send(by, uz)
    carry(by, uz)
    later.restore()
    later.drop()
    done = recovered(by, uz)
    assert (done.said["messages_sent"], done.said["certificates"], done.said["changes"]) == (4, [], [])
    row = row_of(by, issued.id)
    assert (row.source, row.act) == (Source.ISSUED, issued.act)
    assert {message.act for message in sent(by, uz)} == {issued.act, mended.act, change.act}
    agree(corridor)


def test_what_came_from_the_peer_is_taken_again_under_the_receipt_it_was_given(
    corridor: Corridor, minsk: Backup
) -> None:
    by, uz = corridor.by, corridor.uz
    first = uz.issued("cotton-yarn")
    uz.annulled(first)
    carry(uz, by)
    with by.node.database.read() as tx:
        before = [(row.digest, row.receipt, row.received_at, row.outcome) for row in tx.query(MessageIn).all()]
    corridor.clock.forward(timedelta(hours=1))
    minsk.restore()
    assert behind(by) == [f"received 1 from {uz.did}"]
    recovered(by, uz)
    with by.node.database.read() as tx:
        after = [(row.digest, row.receipt, row.received_at, row.outcome) for row in tx.query(MessageIn).all()]
    assert after == before
    assert behind(by) == []


def test_a_message_without_a_receipt_is_taken_as_if_it_came_now(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    uz.issued("cotton-yarn")
    carry(uz, by)
    uz.issued("cotton-yarn")
    uz.sequence()
    uz.messages(by)
    minsk.restore()
    done = recovered(by, uz)
    assert done.said["messages_received"] == 2
    send(uz, by)
    assert behind(by) == []


def given(country: Country, message: str, **changes: Any) -> str:
    """Return the receipt that a node might have given for a message."""
    envelope = Envelope.parse(message, Typ.MESSAGE)
    read = Message.parse(envelope.payload)
    receipt = Receipt(
        env=read.env,
        issuer=read.to,
        message=read.id,
        seq=read.seq,
        digest=envelope.digest,
        outcome=Outcome.ACCEPTED,
        received_at=country.clock(),
        next_seq=read.seq + 1,
    )
    return seal(replace(receipt, **changes).encode(), Typ.RECEIPT, country.node.keyring.node).text


@pytest.mark.usefixtures("minsk")
def test_a_receipt_that_we_did_not_give_is_not_taken_for_ours(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    uz.issued("cotton-yarn")
    uz.sequence()
    (message,) = uz.messages(by)
    forged = given(by, message).rpartition(".")[0] + "." + given(by, message, next_seq=9).rpartition(".")[2]
    for receipt in (forged, given(by, message, digest="0" * 64)):
        with by.refuses(ReceiptNotOurs) as refused:
            restoring(by)(refused.tx).take_received([Recalled(message, receipt)], receiver(by))


@pytest.mark.usefixtures("minsk")
def test_what_was_accepted_and_cannot_be_read_now_stops_the_recovery(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    uz.issued("cotton-yarn")
    uz.sequence()
    (message,) = uz.messages(by)
    read = Message.parse(Envelope.parse(message, Typ.MESSAGE).payload)
    strange = seal(replace(read, body={"certificate": "x"}).encode(), Typ.MESSAGE, uz.node.keyring.node).text
    with by.refuses(JudgedOtherwise) as refused:
        restoring(by)(refused.tx).take_received([Recalled(strange, given(by, strange))], receiver(by))
    assert "cannot be kept now (format: malformed-record)" in str(refused.value)
    with by.tx() as tx:
        refused_then = given(by, strange, outcome=Outcome.REFUSED)
        restoring(by)(tx).take_received([Recalled(strange, refused_then)], receiver(by))
        assert channel.received(tx, uz.did).seq == 1


@pytest.mark.usefixtures("minsk")
def test_a_fork_of_the_peer_stops_the_recovery(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    uz.issued("cotton-yarn")
    uz.sequence()
    (message,) = uz.messages(by)
    by.take(message)
    read = Message.parse(Envelope.parse(message, Typ.MESSAGE).payload)
    other = seal(replace(read, id="0" * 32).encode(), Typ.MESSAGE, uz.node.keyring.node).text
    with by.refuses(MessageFork) as refused:
        restoring(by)(refused.tx).take_received([Recalled(other, None)], receiver(by))


def test_only_what_this_node_and_its_signers_signed_comes_back(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.annulled(issued)
    carry(by, uz)
    minsk.restore()
    first, second = fetched_from(by, uz).sent[uz.did]
    foreign = uz.issued("cotton-yarn")
    read = Message.parse(Envelope.parse(first.message, Typ.MESSAGE).payload)
    change = Message.parse(Envelope.parse(second.message, Typ.MESSAGE).payload)

    def again(**changes: Any) -> Recalled:
        return Recalled(seal(replace(read, **changes).encode(), Typ.MESSAGE, by.node.keyring.node).text, None)

    forged = first.message.rpartition(".")[0] + "." + second.message.rpartition(".")[2]
    wrong = {
        "not that of a key of this node": Recalled(forged, None),
        "no signer": again(body=dict(read.body) | {"certificate": foreign.envelope}),
        "is not here": again(kind=MessageKind.CERTIFICATE_STATUS, body=change.body),
    }
    for reason, recalled in wrong.items():
        with by.refuses(RecalledNotOurs) as refused:
            restoring(by)(refused.tx).take_sent(uz.did, [recalled])
        assert reason in str(refused.value)


def test_a_proof_of_a_certificate_that_is_nowhere_is_kept_as_a_message(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    (first,) = by.messages(uz)
    minsk.restore()
    read = Message.parse(Envelope.parse(first, Typ.MESSAGE).payload)
    body = {"certificate": "https://x", "digest": "0" * 64, "proof": "x"}
    odd = seal(
        replace(read, kind=MessageKind.CERTIFICATE_LOGGED, body=body).encode(), Typ.MESSAGE, by.node.keyring.node
    ).text
    with by.tx() as tx:
        restoring(by)(tx).take_sent(uz.did, [Recalled(odd, None)])
        (kept,) = channel.sent_from(tx, uz.did, 1, 1, 9)
        assert (kept.log_index, kept.act) == (None, None)


def test_another_message_than_the_guard_remembers_is_not_taken(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    carry(by, uz)
    minsk.restore()
    by.node.guard.lower(of_sent(uz.did, 1), Mark(1, "0" * 64))
    with by.refuses(RecalledNotOurs) as refused:
        recover_in(by, refused.tx, fetched_from(by, uz))
    assert "guard remembers" in str(refused.value)


def test_a_signatory_who_played_another_part_since_is_no_reason_to_issue_again(
    corridor: Corridor, minsk: Backup
) -> None:
    """The person who signed is an examiner in the application as the backup has it."""
    by, uz = corridor.by, corridor.uz
    by.issue(approved_of(by), "both")
    carry(by, uz)
    minsk.restore()
    application = approved_of(by)
    with by.tx() as tx:
        applications.claim_part(tx, application.id, by.people["both"].person, Part.EXAMINER, by.clock())
    done = recovered(by, uz)
    assert done.said["applications_to_look_at"] == [application.id]
    assert approved_of(by).state == State.APPROVED


def test_an_annulment_comes_back_with_its_message(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    change = by.annulled(issued)
    carry(by, uz)
    minsk.restore()
    done = recovered(by, uz)
    assert (done.said["changes"], done.said["changes_lost"]) == ([change.digest], [])
    with by.node.database.read() as tx:
        (kept,) = certificates.changes(tx, issued.id)
    assert (kept.envelope, kept.act) == (change.envelope, None)
    agree(corridor)


def test_a_clarification_comes_back_with_its_message(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    mended = by.clarified(issued)
    carry(by, uz)
    minsk.restore()
    recovered(by, uz)
    with by.node.database.read() as tx:
        (kept,) = clarifications.of_certificate(tx, issued.id)
    assert (kept.envelope, kept.act) == (mended.envelope, None)
    agree(corridor)


def test_what_was_issued_and_annulled_and_never_sent_is_named_as_lost(corridor: Corridor, minsk: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    change = by.annulled(issued)
    by.sequence()
    by.witnessed(uz)
    mirror(by, uz)
    minsk.restore()
    done = recovered(by, uz)
    assert (done.said["certificates_lost"], done.said["changes_lost"]) == ([issued.digest], [change.digest])
    assert by.issued().number > issued.number
    agree(corridor)
