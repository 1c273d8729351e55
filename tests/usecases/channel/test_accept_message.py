"""The channel: numbered, in order, answered with one receipt for ever, and nothing dropped in silence."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from registry.api.issuer import receiver_of
from registry.core.calendar import LocalDate, Offset
from registry.core.canonical import JsonObject
from registry.core.certificate.credential import Certificate
from registry.core.certificate.status_change import Status, StatusChange
from registry.core.channel.message import (
    EpochNotAgreed,
    Message,
    MessageFork,
    MessageFromFuture,
    MessageGap,
    MessageKind,
    NotAddressedHere,
)
from registry.core.channel.receipt import Outcome, Receipt, ReceiptNotOurs
from registry.core.envelope.jose import Envelope, MalformedEnvelope, Typ, seal
from registry.core.errors import Malformed
from registry.core.signature import Signer
from registry.core.tlog.entry import Kind
from registry.core.tlog.note import Note
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication, Verdict
from registry.store import channel, open_messages, tasks
from registry.store.acts import Actor
from registry.store.certificates import CertificateRow
from registry.store.messages import MessageOut
from registry.store.tasks import TaskKind
from registry.usecases.channel.accept_message import SenderUnknown, accept, judge_again
from registry.usecases.channel.deliver_message import keep_receipt
from registry.usecases.channel.take_certificate import Here
from registry.usecases.tlog.read_log import prove
from registry.usecases.trust.believe_peers import Beliefs
from registry.usecases.verification import verify_certificate
from tests.kit import Corridor, Country


def follow(sender: Country, receiver: Country, body: JsonObject, **changes: Any) -> Message:
    """Return the message that would follow what the receiver took from the sender."""
    with receiver.node.database.read() as tx:
        position = channel.received(tx, sender.did)
    message = Message(
        env="demo",
        issuer=sender.did,
        id=sender.node.draw(16).hex(),
        from_=sender.did,
        to=receiver.did,
        epoch=position.epoch,
        seq=position.next_seq,
        previous=position.digest,
        issued_at=sender.clock(),
        kind=MessageKind.CERTIFICATE_ISSUED,
        body=body,
    )
    return replace(message, **changes)


def sealed(message: Message, signer: Signer) -> str:
    return seal(message.encode(), Typ.MESSAGE, signer).text


def sent(sender: Country, receiver: Country, body: JsonObject, **changes: Any) -> Receipt:
    """Send a message and return the receipt."""
    text = sealed(follow(sender, receiver, body, **changes), sender.node.keyring.node)
    return Receipt.parse(Envelope.parse(receiver.take(text), Typ.RECEIPT).payload)


def refused_for(receiver: Country, receipt: Receipt, code: str) -> None:
    """Check that a receipt refuses for `code` alone, and that the refusal is an act of the receiver."""
    assert (receipt.outcome, [finding.code for finding in receipt.findings]) == (Outcome.REFUSED, [code])
    (act,) = [act for act in receiver.acts(Kind.MESSAGE_REFUSED) if act.subject == receipt.message]
    assert act.private["seq"] == receipt.seq
    assert act.private["findings"] == [f"{finding.check}: {finding.code}" for finding in receipt.findings]


def change_of(country: Country, issued: CertificateRow, **changes: Any) -> str:
    """Return a change of status, signed by the body."""
    certificate = Certificate.parse(Envelope.parse(issued.envelope, Typ.CERTIFICATE).payload)
    change = StatusChange(
        env="demo",
        issuer=certificate.issuer,
        certificate=issued.id,
        digest=issued.digest,
        status=Status.ANNULLED,
        reason="Отозвано.",
        effective_from=LocalDate(issued.issued_on, Offset(180)),
        recorded_at=country.clock(),
        proposed_by="a",
        confirmed_by="b",
        nonce=country.node.draw(16).hex(),
    )
    signer = country.signer
    return seal(replace(change, **changes).encode(), Typ.STATUS, signer).text


def test_the_same_message_has_the_same_receipt_byte_for_byte_for_ever(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    (message,) = by.messages(uz)
    first = uz.take(message)
    before = uz.everything()
    corridor.clock.forward(timedelta(days=3))
    assert uz.take(message) == first
    assert uz.everything() == before


def test_messages_are_taken_in_order_and_a_gap_says_which_is_wanted(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    for _ in range(3):
        by.issued()
    by.sequence()
    first, second, third = by.messages(uz)
    for early in (second, third):
        with uz.refuses(MessageGap) as refused:
            accept(refused.tx, early, receiver_of(uz.node), uz.beliefs(), at=uz.clock(), draw=uz.node.draw)
        assert refused.value.next_seq == 1
    for number, text in enumerate((first, second, third), 1):
        receipt = Receipt.parse(Envelope.parse(uz.take(text), Typ.RECEIPT).payload)
        assert (receipt.outcome, receipt.next_seq) == (Outcome.ACCEPTED, number + 1)
    with uz.refuses(EpochNotAgreed) as unmet:
        late = follow(by, uz, {}, epoch=2, seq=2)
        accept(
            unmet.tx,
            sealed(late, by.node.keyring.node),
            receiver_of(uz.node),
            uz.beliefs(),
            at=uz.clock(),
            draw=uz.node.draw,
        )


def test_two_messages_of_one_number_are_a_fork_whose_evidence_is_kept(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    (message,) = by.messages(uz)
    receipt = uz.take(message)
    original = Message.parse(Envelope.parse(message, Typ.MESSAGE).payload)
    second = sealed(replace(original, id="f" * 32), by.node.keyring.node)
    fork = uz.take(second)
    assert isinstance(fork, MessageFork)
    assert fork.seq == 1
    (act,) = uz.acts(Kind.MESSAGE_REFUSED)
    assert act.private == {"from": by.did, "seq": 1, "fork": second}
    assert uz.take(message) == receipt
    assert isinstance(uz.take(sealed(replace(original, id="e" * 32), by.node.keyring.node)), MessageFork)
    assert len(uz.acts(Kind.MESSAGE_REFUSED)) == 1, "one piece of evidence proves it; more would only fill the disk"


def test_a_message_that_does_not_continue_the_one_before_it_is_a_fork(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    text = sealed(follow(by, uz, {}, previous="1" * 64), by.node.keyring.node)
    fork = uz.take(text)
    assert isinstance(fork, MessageFork)
    (act,) = uz.acts(Kind.MESSAGE_REFUSED)
    assert act.private["fork"] == text
    assert uz.everything()["message_in"] == []


def test_a_message_by_another_key_to_another_node_or_of_another_world_is_not_taken(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    message, key = follow(by, uz, {}), by.node.keyring.node
    foreign = uz.node.keyring.node
    stranger = "did:web:kz.registry.example"
    body_key = by.signer
    altered = sealed(message, key)
    head, body, signature = altered.split(".")
    refusals: list[tuple[str, type[Exception]]] = [
        (sealed(message, foreign), SenderUnknown),
        (sealed(message, body_key), SenderUnknown),
        (sealed(replace(message, from_=stranger, issuer=stranger), key), SenderUnknown),
        (f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}", SenderUnknown),
        (sealed(replace(message, to=stranger), key), NotAddressedHere),
        (sealed(replace(message, issuer=uz.did), key), NotAddressedHere),
        (sealed(replace(message, env="training"), key), NotAddressedHere),
        (seal(message.encode(), Typ.RECEIPT, key).text, MalformedEnvelope),
        ("", MalformedEnvelope),
        (seal({"env": "demo"}, Typ.MESSAGE, key).text, Malformed),
    ]
    for text, refusal in refusals:
        with uz.refuses(refusal) as refused:
            accept(refused.tx, text, receiver_of(uz.node), uz.beliefs(), at=uz.clock(), draw=uz.node.draw)
        assert str(refused.value)


def test_a_message_by_a_key_past_its_dates_is_not_taken(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    text = sealed(follow(by, uz, {}), by.node.keyring.node)
    corridor.clock.forward(timedelta(days=3 * 366))
    with uz.refuses(SenderUnknown) as refused:
        accept(refused.tx, text, receiver_of(uz.node), uz.beliefs(), at=uz.clock(), draw=uz.node.draw)
    assert "past its dates" in str(refused.value)


def test_a_refused_certificate_is_an_act_on_both_nodes_and_is_not_stored(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    (text,) = by.messages(uz)
    certificate = Certificate.parse(Envelope.parse(issued.envelope, Typ.CERTIFICATE).payload)
    nobody = replace(certificate.subject.signatory, name="Никто")
    unsigned = replace(certificate, subject=replace(certificate.subject, signatory=nobody))
    signer = by.signer
    shown = Presentation(seal(unsigned.encode(), Typ.CERTIFICATE, signer).text)
    message = Message.parse(Envelope.parse(text, Typ.MESSAGE).payload)
    worse = seal(replace(message, body=shown.encode()).encode(), Typ.MESSAGE, by.node.keyring.node)
    with corridor.forge.breaking(by) as tx:
        row = tx.scalars(select(MessageOut)).one()
        row.envelope, row.digest = worse.text, worse.digest
    receipt = uz.take(worse.text)
    refused_for(uz, Receipt.parse(Envelope.parse(receipt, Typ.RECEIPT).payload), "signatory-not-notified")
    assert uz.everything()["certificate"] == []
    for _ in range(2):
        with by.node.database.read() as tx:
            row = tx.scalars(select(MessageOut)).one()
        with by.tx() as tx:
            keep_receipt(tx, row, receipt, by.beliefs(), by=Actor(by.did), at=by.clock(), draw=by.node.draw)
    (act,) = by.acts(Kind.RECEIPT_REFUSED)
    assert act.private["findings"] == ["body: signatory-not-notified"]
    with by.node.database.read() as tx:
        (kept,) = channel.for_act(tx, str(issued.act))
        assert kept is not None
        assert (kept.receipt, kept.outcome) == (receipt, "refused")


def test_a_message_that_carries_no_certificate_is_refused_with_a_receipt(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    no_jws: JsonObject = {"certificate": "a.b.c", "proof": "pending", "nationalSignatures": []}
    for body, code in (({}, "malformed-record"), (no_jws, "malformed-envelope")):
        refused_for(uz, sent(by, uz, body), code)
    assert uz.everything()["certificate"] == []


def test_a_refusal_is_a_task_at_both_nodes_until_a_person_has_seen_to_it(corridor: Corridor) -> None:
    """Formats 10: a refusal is an act on both nodes and a task for a person, never an end."""
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.issued()
    by.sequence()
    by.messages(uz)
    with by.node.database.read() as tx:
        (row,) = channel.unacknowledged(tx, uz.did, 9)
    moved = replace(uz.beliefs(), agreements={})
    with uz.tx() as tx:
        receipt = accept(tx, row.envelope, receiver_of(uz.node), moved, at=uz.clock(), draw=uz.node.draw)
    assert isinstance(receipt, str)
    with by.tx() as tx:
        keep_receipt(tx, row, receipt, by.beliefs(), by=Actor(by.did), at=by.clock(), draw=by.node.draw)
    outcome = Receipt.parse(Envelope.parse(receipt, Typ.RECEIPT).payload).outcome
    assert outcome is Outcome.REFUSED
    refusals = (by, TaskKind.RECEIPT_REFUSED, row.id), (uz, TaskKind.MESSAGE_REFUSED, f"{by.did} 1 1")
    for country, kind, subject in refusals:
        with country.node.database.read() as tx:
            (task,) = tasks.open_tasks(tx)
        assert (task.kind, task.subject, task.detail["seq"]) == (kind, subject, 1)
    assert judge(uz, uz.beliefs()) == 1
    with uz.node.database.read() as tx:
        assert tasks.open_tasks(tx) == [], "what came with a newer list is refused no more"


def test_a_message_that_was_made_later_than_now_is_not_taken(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    ahead = follow(by, uz, {}, issued_at=uz.clock() + timedelta(minutes=5, seconds=1))
    with uz.refuses(MessageFromFuture) as refused:
        text = sealed(ahead, by.node.keyring.node)
        accept(refused.tx, text, receiver_of(uz.node), uz.beliefs(), at=uz.clock(), draw=uz.node.draw)
    assert "yet to come" in str(refused.value)
    assert sent(by, uz, {}, issued_at=uz.clock() + timedelta(minutes=5)).outcome is Outcome.REFUSED


def test_a_proof_of_a_certificate_whose_name_nobody_could_have_given_is_refused(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    name = f"https://{by.node.settings.name}/certificates/bcci/2026/{'A' * 5000}"
    body: JsonObject = {"certificate": name, "digest": "0" * 64, "proof": "x"}
    refused_for(uz, sent(by, uz, body, kind=MessageKind.CERTIFICATE_LOGGED), "malformed-record")


def test_a_certificate_that_is_here_with_its_proof_is_not_judged_again(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    body = Presentation(issued.envelope).encode()
    assert sent(by, uz, body).outcome is Outcome.ACCEPTED_WITH_WARNINGS
    with uz.node.database.read() as tx:
        assert len(open_messages.not_accepted(tx)) == 1
    by.sequence()
    by.witnessed(uz)
    with by.node.database.read() as tx:
        proof = prove(tx, str(issued.act))
    assert proof is not None
    told: JsonObject = {"certificate": issued.id, "digest": issued.digest, "proof": proof.encode()}
    assert sent(by, uz, told, kind=MessageKind.CERTIFICATE_LOGGED).outcome is Outcome.ACCEPTED
    with uz.node.database.read() as tx:
        assert open_messages.not_accepted(tx) == []


def test_a_certificate_that_cannot_be_judged_yet_is_kept_with_a_warning(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    receipt = sent(by, uz, Presentation(by.issued().envelope).encode())
    assert receipt.outcome is Outcome.ACCEPTED_WITH_WARNINGS
    assert [finding.code for finding in receipt.findings] == ["no-proof-shown"]
    assert judge(uz, replace(uz.beliefs(), lists={})) == 0
    assert len(uz.everything()["certificate"]) == 1


def ignorant(country: Country) -> Beliefs:
    """Return what a country believes that has not adopted Belarus's newest list yet: it knows none of the signers."""
    beliefs = country.beliefs()
    return replace(beliefs, lists={**beliefs.lists, "BY": replace(beliefs.lists["BY"], signers={})})


def take_ignorant(country: Country, message: str) -> Receipt:
    with country.tx() as tx:
        receiver = receiver_of(country.node)
        text = accept(tx, message, receiver, ignorant(country), at=country.clock(), draw=country.node.draw)
    assert isinstance(text, str)
    return Receipt.parse(Envelope.parse(text, Typ.RECEIPT).payload)


def judge(country: Country, beliefs: Beliefs) -> int:
    with country.tx() as tx:
        here = Here(country.did, "demo", country.code)
        return judge_again(tx, here, beliefs, at=country.clock())


def verdict_on(country: Country, number: str, beliefs: Beliefs) -> Verdict:
    with country.tx() as tx:
        return verify_certificate.by_number(
            tx, number, beliefs, id=None, env="demo", country=country.code, day=None, **country.by("officer")
        ).verdict


def test_a_certificate_whose_signer_is_not_known_yet_is_stored_once_the_list_is_adopted(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    (message,) = by.messages(uz)
    receipt = take_ignorant(uz, message)
    assert receipt.outcome is Outcome.ACCEPTED_WITH_WARNINGS
    assert [finding.code for finding in receipt.findings] == ["signer-unknown"]
    assert uz.everything()["certificate"] == [], "what nobody vouches for takes no number from an honest one"
    assert judge(uz, ignorant(uz)) == 0
    assert judge(uz, replace(uz.beliefs(), lists={})) == 0
    assert judge(uz, uz.beliefs()) == 1
    assert verdict_on(uz, issued.number, uz.beliefs()).indication is Indication.TOTAL_PASSED


def test_an_annulment_whose_signer_is_not_known_yet_leaves_no_certificate_valid(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    body = {"change": change_of(by, issued)}
    message = sealed(follow(by, uz, body, kind=MessageKind.CERTIFICATE_STATUS), by.node.keyring.node)
    receipt = take_ignorant(uz, message)
    assert receipt.outcome is Outcome.ACCEPTED_WITH_WARNINGS
    assert uz.everything()["status_change"] == []
    assert verdict_on(uz, issued.number, uz.beliefs()).indication is Indication.INDETERMINATE
    assert judge(uz, uz.beliefs()) == 1
    assert len(uz.everything()["status_change"]) == 1
    assert verdict_on(uz, issued.number, uz.beliefs()).indication is Indication.TOTAL_FAILED


def test_a_proof_that_comes_later_is_kept_and_the_first_one_stays(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    assert sent(by, uz, Presentation(issued.envelope).encode()).outcome is Outcome.ACCEPTED_WITH_WARNINGS
    by.sequence()
    by.witnessed(uz)
    with by.tx() as tx:
        proof = prove(tx, str(issued.act))
    assert proof is not None
    assert sent(by, uz, Presentation(issued.envelope, proof.encode()).encode()).outcome is Outcome.ACCEPTED
    assert verdict_on(uz, issued.number, uz.beliefs()).indication is Indication.TOTAL_PASSED


def test_a_certificate_delivered_again_changes_nothing_and_another_under_its_id_is_refused(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    assert sent(by, uz, Presentation(issued.envelope).encode()).outcome is Outcome.ACCEPTED
    certificate = Certificate.parse(Envelope.parse(issued.envelope, Typ.CERTIFICATE).payload)
    other = replace(certificate, status_index=certificate.status_index ^ 1)
    text = seal(other.encode(), Typ.CERTIFICATE, by.signer).text
    refused_for(uz, sent(by, uz, Presentation(text).encode()), "other-digest")
    (row,) = uz.everything()["certificate"]
    assert issued.digest in row


def test_a_node_of_another_country_cannot_deliver_what_it_did_not_issue(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    refused_for(uz, sent(uz, uz, Presentation(by.issued().envelope).encode()), "issued-elsewhere")
    assert uz.everything()["certificate"] == []


def test_claims_that_are_no_claims_are_refused_although_the_body_signed_them(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    certificate = Certificate.parse(Envelope.parse(by.issued().envelope, Typ.CERTIFICATE).payload)
    other = replace(certificate, subject=replace(certificate.subject, claims={"goods": "какие-то"}))
    text = seal(other.encode(), Typ.CERTIFICATE, by.signer).text
    refused_for(uz, sent(by, uz, Presentation(text).encode()), "malformed-claims")


def test_a_change_of_status_is_believed_only_of_the_body_about_what_was_delivered(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    kind = {"kind": MessageKind.CERTIFICATE_STATUS}
    annulled = {"change": change_of(by, issued)}
    refused_for(uz, sent(by, uz, annulled, **kind), "not-delivered")
    by.sequence()
    with by.node.database.read() as tx:
        assert channel.sent(tx, uz.did).seq == 0
    sent(by, uz, Presentation(issued.envelope).encode())
    for change, code in (
        (change_of(by, issued, digest="0" * 64), "change-not-believed"),
        (change_of(by, issued, env="training"), "change-not-believed"),
        (change_of(by, issued, issuer=by.did), "change-not-believed"),
        (annulled["change"][:-8] + "AAAAAAAA", "change-not-believed"),
        ("a.b.c", "malformed-envelope"),
    ):
        refused_for(uz, sent(by, uz, {"change": change}, **kind), code)
    refused_for(uz, sent(by, uz, {"status": "annulled"}, **kind), "malformed-record")
    assert uz.everything()["status_change"] == []
    assert sent(by, uz, annulled, **kind).outcome is Outcome.ACCEPTED
    assert sent(by, uz, annulled, **kind).outcome is Outcome.ACCEPTED
    refused_for(uz, sent(by, uz, {"change": change_of(by, issued)}, **kind), "already-annulled")
    assert len(uz.everything()["status_change"]) == 1


def test_a_peers_change_that_no_table_has_is_refused_and_its_evidence_kept(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    kind = {"kind": MessageKind.CERTIFICATE_STATUS}
    for status in (Status.SUSPENDED, Status.REINSTATED):
        receipt = sent(by, uz, {"change": change_of(by, issued, status=status)}, **kind)
        refused_for(uz, receipt, "change-not-in-scheme")
        with uz.node.database.read() as tx:
            kept = channel.received_before(tx, by.did, 1, receipt.seq)
        assert kept is not None
        assert kept.outcome == Outcome.REFUSED
    assert uz.everything()["status_change"] == []
    assert sent(by, uz, {"change": change_of(by, issued)}, **kind).outcome is Outcome.ACCEPTED


def test_a_certificate_of_our_own_takes_no_change_from_the_channel(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = uz.issued("cotton-yarn")
    receipt = sent(by, uz, {"change": change_of(uz, issued)}, kind=MessageKind.CERTIFICATE_STATUS)
    refused_for(uz, receipt, "not-delivered")


def test_an_annulment_reaches_the_other_country_after_the_certificate(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.annulled(issued)
    by.sequence()
    kinds = [Message.parse(Envelope.parse(text, Typ.MESSAGE).payload).kind for text in by.messages(uz)]
    assert kinds == [MessageKind.CERTIFICATE_ISSUED, MessageKind.CERTIFICATE_STATUS]
    by.deliver(uz)
    with uz.node.database.read() as tx:
        assert channel.received(tx, by.did).seq == 2
    assert len(uz.everything()["status_change"]) == 1
    assert by.messages(uz) == []


def test_a_receipt_by_another_key_or_for_another_message_is_not_kept(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.issued()
    by.sequence()
    texts = by.messages(uz)
    receipts = [uz.take(text) for text in texts]
    with by.node.database.read() as tx:
        first = channel.unacknowledged(tx, uz.did, 1)[0]
    good = Receipt.parse(Envelope.parse(receipts[0], Typ.RECEIPT).payload)
    key = uz.node.keyring.node
    flipped = receipts[0][:-8] + "AAAAAAAA"
    refusals: list[tuple[str, type[Exception]]] = [
        (receipts[1], ReceiptNotOurs),
        (seal(good.encode(), Typ.RECEIPT, by.node.keyring.node).text, ReceiptNotOurs),
        (seal(replace(good, digest="0" * 64).encode(), Typ.RECEIPT, key).text, ReceiptNotOurs),
        (seal(replace(good, env="training").encode(), Typ.RECEIPT, key).text, ReceiptNotOurs),
        (seal(replace(good, next_seq=1).encode(), Typ.RECEIPT, key).text, ReceiptNotOurs),
        (flipped, ReceiptNotOurs),
        (texts[0], MalformedEnvelope),
    ]
    for text, refusal in refusals:
        with by.refuses(refusal) as refused:
            keep_receipt(refused.tx, first, text, by.beliefs(), by=Actor(by.did), at=by.clock(), draw=by.node.draw)
    with by.refuses(ReceiptNotOurs) as refused:
        unknown = replace(by.beliefs(), lists={})
        keep_receipt(refused.tx, first, receipts[0], unknown, by=Actor(by.did), at=by.clock(), draw=by.node.draw)
    with by.tx() as tx:
        kept = keep_receipt(tx, first, receipts[0], by.beliefs(), by=Actor(by.did), at=by.clock(), draw=by.node.draw)
    assert kept.outcome is Outcome.ACCEPTED


def test_a_peers_node_key_takes_no_number_of_this_country_and_issuing_goes_on(corridor: Corridor) -> None:
    """The node key is online, and whoever steals it holds no document signer."""
    by, uz = corridor.by, corridor.uz
    certificate = Certificate.parse(Envelope.parse(by.issued().envelope, Typ.CERTIFICATE).payload)
    next_number = certificate.subject.number[:-1] + str(int(certificate.subject.number[-1]) + 1)
    goods = f"{certificate.id.removesuffix(certificate.subject.number)}{next_number}#goods"
    subject = replace(
        certificate.subject, id=goods, number=next_number, issued_in="UZ", presented_in="BY", nonce="0" * 32
    )
    junk = seal(replace(certificate, subject=subject).encode(), Typ.CERTIFICATE, uz.node.keyring.node).text
    sent(uz, by, Presentation(junk).encode())
    assert by.issued().number == next_number


def test_a_proof_that_comes_alone_is_judged_as_one_that_comes_along(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    by.witnessed(uz)
    with by.node.database.read() as tx:
        proof = prove(tx, str(issued.act))
    assert proof is not None
    note = Note.parse(proof.checkpoint_note)
    unwitnessed = replace(proof, checkpoint_note=Note(note.text, note.lines[:1]).encode())

    def told(text: str) -> Receipt:
        body: JsonObject = {"certificate": issued.id, "digest": issued.digest, "proof": text}
        return sent(by, uz, body, kind=MessageKind.CERTIFICATE_LOGGED)

    early = told(proof.encode())
    assert (early.outcome, [finding.code for finding in early.findings]) == (
        Outcome.ACCEPTED_WITH_WARNINGS,
        ["not-delivered"],
    )
    sent(by, uz, Presentation(issued.envelope).encode())
    refused_for(uz, told("x"), "proof-wrong")
    pending = told(unwitnessed.encode())
    assert (pending.outcome, [finding.code for finding in pending.findings]) == (
        Outcome.ACCEPTED_WITH_WARNINGS,
        ["quorum-not-met"],
    )
    for _ in range(2):
        assert told(proof.encode()).outcome is Outcome.ACCEPTED
    assert verdict_on(uz, issued.number, uz.beliefs()).indication is Indication.TOTAL_PASSED
