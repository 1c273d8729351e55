"""Whoever has a peer's node key for a minute carries what no body signed: that delays, and ends nothing for ever."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from registry.core.calendar import write_instant
from registry.core.canonical import JsonObject
from registry.core.channel.message import MessageKind
from registry.core.channel.receipt import Outcome, Receipt
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.identifiers import Kid
from registry.core.signature import Signer
from registry.core.trust.freshness import CLOCK_SKEW
from registry.core.trust.whose_word import Whose, whose
from registry.core.verification.bundle import Bundle, open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Check, Indication
from registry.core.verification.verify import verify
from registry.store import open_messages, tasks
from registry.store.certificates import CertificateRow
from registry.store.messages import MessageIn
from registry.store.tasks import Task, TaskKind
from registry.usecases.channel.set_aside import set_aside
from registry.usecases.node import close_task
from registry.usecases.tlog.read_log import prove
from tests.kit import Corridor, Country, draft_list, list_signers, sign_list
from tests.usecases.application.test_relate_certificate import duplicate
from tests.usecases.channel.test_accept_message import change_of, judge, sent
from tests.usecases.fsck.lived import found
from tests.usecases.trust.test_keys_over_time import draft, rotated
from tests.usecases.verification.test_export_bundle import export

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
STATUS = MessageKind.CERTIFICATE_STATUS


class Stranger:
    """A signer under the name of a body, whose key no list knows."""

    def __init__(self, country: Country, kid: str | None = None) -> None:
        body = country.signer.kid.partition("#")[0]
        self.kid = Kid(kid or f"{body}#{country.node.draw(16).hex()}{'A' * 11}")
        self.key = country.node.keyring.node

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message)


def next_of(row: CertificateRow) -> str:
    """Return the id of the certificate that its body issues next."""
    return f"{row.id[:-4]}{int(row.id[-4:]) + 1:04d}"


def forged(country: Country, row: CertificateRow, signer: Signer, **changes: object) -> JsonObject:
    """Return what a message carries: a change of status that `signer` signed in the body's name."""
    honest = Envelope.parse(change_of(country, row), Typ.STATUS).payload
    return {"change": seal({**honest, **changes}, Typ.STATUS, signer).text}  # type: ignore[dict-item]


def sends(corridor: Corridor, signer: Signer, row: CertificateRow, **changes: object) -> Receipt:
    body = forged(corridor.by, row, signer, **changes)
    return sent(corridor.by, corridor.uz, body, kind=STATUS)


def says(country: Country, row: CertificateRow) -> set[Indication]:
    """Return what customs answer by number and on a device."""
    device = open_bundle(export(country).text, country.node.pins)
    offline = verify(Presentation(row.envelope, row.proof), device.trusted, device.read, at=country.clock())
    status = offline.finding(Check.STATUS)
    assert status is not None
    answers = {country.asks(row.number).verdict.indication}
    return answers | ({Indication.INDETERMINATE} if status.code == "change-not-believed" else set())


def refusals(country: Country) -> Sequence[Task]:
    with country.node.database.read() as tx:
        return tasks.open_tasks(tx, TaskKind.MESSAGE_REFUSED)


def closes(country: Country) -> None:
    """Let people close every task."""
    with country.tx() as tx:
        for task in tasks.open_tasks(tx):
            close_task.close(tx, task.id, "the node key was stolen; the body was asked", **country.by("operator"))


def aside(country: Country) -> list[datetime | None]:
    with country.node.database.read() as tx:
        query = select(MessageIn.set_aside_at).where(MessageIn.outcome != Outcome.ACCEPTED)
        return list(tx.scalars(query.order_by(MessageIn.seq)))


def amiss(country: Country) -> list[str]:
    """Return what integrity finds of messages; nothing else is sent, witnessed and mirrored here as it would be."""
    return [each for each in found(country) if each.startswith("message ")]


def lists(corridor: Corridor, *, issued_at: datetime | None = None) -> None:
    """Publish the next list of Belarus, and let Uzbekistan adopt it and judge again."""
    drafted = draft_list(corridor.by.node)
    if issued_at is not None:
        drafted = replace(drafted, issued_at=issued_at, expires_at=issued_at + DAY)
    signed = sign_list(drafted, list_signers(corridor.forge, "BY"))
    corridor.by.adopts(signed)
    corridor.uz.adopts(signed)
    judge(corridor.uz, corridor.uz.beliefs())


def test_a_node_key_holds_up_no_certificate_that_is_yet_to_be_issued(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    held = by.issued()
    by.deliver(uz)
    early = sends(corridor, by.node.keyring.node, held, certificate=next_of(held))
    late = sends(corridor, by.node.keyring.node, held)
    claimed = sends(corridor, Stranger(by, by.signer.kid), held, certificate=next_of(held))
    assert [each.outcome for each in (early, late, claimed)] == [Outcome.REFUSED] * 3
    codes = [finding.code for each in (early, late, claimed) for finding in each.findings]
    assert codes == ["not-delivered", "change-not-believed", "change-not-believed"]
    assert None not in aside(uz)
    coming = by.issued()
    assert coming.id == next_of(held)
    with uz.node.database.read() as tx:
        assert open_messages.open_changes(tx, coming.id).came == []
        assert open_messages.to_judge(tx, {by.signer.kid}) == []
    assert len(refusals(uz)) == 3
    judge(uz, uz.beliefs())
    assert len(refusals(uz)) == 3, "no alarm of a forgery closes itself"


def test_a_certificate_passes_although_a_node_key_annulled_it_before_it_was_issued(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    held = by.issued()
    receipt = sends(corridor, by.node.keyring.node, held)
    assert receipt.outcome is Outcome.REFUSED
    assert sends(corridor, Stranger(by, by.signer.kid), held).outcome is Outcome.REFUSED
    carry_after(corridor, held)
    assert says(uz, held) == {Indication.TOTAL_PASSED}


def carry_after(corridor: Corridor, row: CertificateRow) -> None:
    """Deliver a certificate with its proof by a message of its own, after others that were sent by hand."""
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.witnessed(uz)
    with by.node.database.read() as tx:
        proof = prove(tx, str(row.act))
    assert proof is not None
    assert sent(by, uz, Presentation(row.envelope, proof.encode()).encode()).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("is_early", [True, False])
def test_a_key_that_no_list_knows_delays_until_a_list_that_was_signed_after_it(
    corridor: Corridor, *, is_early: bool
) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    if not is_early:
        carry_after(corridor, row)
    receipt = sends(corridor, Stranger(by), row)
    codes = [finding.code for finding in receipt.findings]
    assert codes == ["not-delivered" if is_early else "signer-unknown"]
    came = corridor.clock()
    if is_early:
        carry_after(corridor, row)
    assert says(uz, row) == {Indication.INDETERMINATE}
    assert amiss(uz) == []
    closes(uz)
    assert says(uz, row) == {Indication.INDETERMINATE}
    corridor.clock.forward(HOUR)
    lists(corridor, issued_at=came + CLOCK_SKEW)
    assert says(uz, row) == {Indication.INDETERMINATE}, "that list may be older than the key: clocks differ by so much"
    lists(corridor, issued_at=came + CLOCK_SKEW + SECOND)
    assert says(uz, row) == {Indication.TOTAL_PASSED}
    assert aside(uz) == [corridor.clock()]
    assert len(refusals(uz)) == (0 if is_early else 1), "what people settled is told to no one twice"
    assert amiss(uz) == []
    lists(corridor)
    assert aside(uz) == [corridor.clock()], "it is decided once"


def test_the_peers_word_that_its_list_is_the_newest_ends_the_delay(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    by.deliver(uz)
    sends(corridor, Stranger(by), row)
    for settled, answer in ((0, Indication.INDETERMINATE), (1, Indication.TOTAL_PASSED)):
        corridor.clock.forward(CLOCK_SKEW)
        by.sequence()
        uz.hears(by.states(), by)
        with uz.tx() as tx:
            assert set_aside(tx, uz.beliefs(), at=uz.clock()) == settled
        assert says(uz, row) == {answer}


def test_a_true_annulment_whose_list_is_on_its_way_is_never_forgotten(corridor: Corridor, tmp_path: Path) -> None:
    uz, row = corridor.uz, corridor.by.issued()
    carry_after(corridor, row)
    by, material = rotated(corridor, tmp_path / "keys")
    named = sign_list(draft(by, material, overlap=timedelta(0)), list_signers(corridor.forge, "BY"))
    by.adopts(named)
    second = by.node.keyring.documents["bcci"][1]
    assert [each.code for each in sends(corridor, second, row, recorded_at=write_instant(by.clock())).findings] == [
        "signer-unknown"
    ]
    assert says(uz, row) == {Indication.INDETERMINATE}
    with uz.tx() as tx:
        tx.execute(update(MessageIn).where(MessageIn.waits_for.is_not(None)).values(set_aside_at=uz.clock()))
    assert says(uz, row) == {Indication.TOTAL_PASSED}, "as if a clock had been wrong by more than it may be"
    uz.adopts(named)
    assert judge(uz, uz.beliefs()) == 1
    assert says(uz, row) == {Indication.TOTAL_FAILED}
    assert amiss(uz) == []


def test_what_a_signer_of_the_body_said_in_vain_counts_no_more_once_its_certificate_is_here(corridor: Corridor) -> None:
    """It came before its certificate: the day on which it came makes no difference, and each list is asked for it."""
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    assert sends(corridor, by.signer, row, digest="0" * 64).outcome is Outcome.REFUSED
    assert aside(uz) == [None]
    carry_after(corridor, row)
    assert says(uz, row) == {Indication.INDETERMINATE}
    judge(uz, uz.beliefs())
    assert says(uz, row) == {Indication.TOTAL_PASSED}
    with uz.node.database.read() as tx:
        assert len(open_messages.to_judge(tx, {by.signer.kid})) == 1
    assert amiss(uz) == []


def test_a_key_of_another_body_holds_up_no_certificate_of_this_one(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    carry_after(corridor, row)
    other = Stranger(by, f"{by.did}:bodies:other#{'A' * 43}")
    for changes, code in (({}, "change-not-believed"), ({"certificate": next_of(row)}, "not-delivered")):
        receipt = sends(corridor, other, row, **changes)
        assert (receipt.outcome, [each.code for each in receipt.findings]) == (Outcome.REFUSED, [code])
    assert says(uz, row) == {Indication.TOTAL_PASSED}
    with uz.node.database.read() as tx:
        assert open_messages.open_changes(tx, next_of(row)) == open_messages.OpenChanges([], waits=False)


def test_a_flood_costs_neither_an_adoption_nor_a_bundle(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    carry_after(corridor, row)
    long = {"reason": "x" * 2_000}
    for _ in range(12):
        sends(corridor, Stranger(by), row, **long)
        sends(corridor, Stranger(by), row, certificate=next_of(row), **long)
        sends(corridor, by.node.keyring.node, row, certificate=next_of(row), **long)
    with uz.node.database.read() as tx:
        assert open_messages.to_judge(tx, {by.signer.kid}) == []
        assert open_messages.open_changes(tx, row.id) == open_messages.OpenChanges([], waits=True)
    envelope = export(uz)
    bundle = Bundle.parse(Envelope.parse(envelope.text, Typ.BUNDLE).payload)
    assert (bundle.changes, bundle.waiting) == ((), (row.id,))
    assert len(envelope.text) < 60_000
    corridor.clock.forward(DAY)
    lists(corridor)
    assert None not in aside(uz)
    bundle = Bundle.parse(Envelope.parse(export(uz).text, Typ.BUNDLE).payload)
    assert bundle.waiting == ()


def test_a_bundle_carries_what_is_open_of_what_has_not_expired(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    sends(corridor, by.signer, row)
    sends(corridor, by.signer, row, certificate=next_of(row))
    carry_after(corridor, row)
    changes = [len(open_bundle(export(uz).text, uz.node.pins).bundle.changes)]
    with uz.node.database.read() as tx:
        until = row.valid_until + SECOND
        changes.append(len(open_messages.open_changes_for(tx, "UZ", until)))
    assert changes == [1, 0]


def test_a_duplicate_waits_for_the_key_of_a_change_of_its_original(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    original = by.issued()
    copy = by.issue(duplicate(by, original))
    carry_after(corridor, original)
    carry_after(corridor, copy)
    sends(corridor, Stranger(by), original)
    assert says(uz, copy) == {Indication.INDETERMINATE}
    corridor.clock.forward(HOUR)
    lists(corridor)
    assert says(uz, copy) == {Indication.TOTAL_PASSED}


def test_certificates_and_clarifications_by_unknown_keys_are_judged_again_when_a_list_knows_them(
    corridor: Corridor,
) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    carry_after(corridor, row)
    stranger, node = Stranger(by), by.node.keyring.node
    certificate = Envelope.parse(row.envelope, Typ.CERTIFICATE).payload
    clarified = Envelope.parse(by.clarified(row).envelope, Typ.CLARIFICATION).payload
    for signer in (stranger, node):
        text = seal(certificate, Typ.CERTIFICATE, signer).text
        sent(by, uz, Presentation(text).encode())
        text = seal(clarified, Typ.CLARIFICATION, signer).text
        sent(by, uz, {"clarification": text}, kind=MessageKind.CERTIFICATE_CLARIFIED)
    sent(by, uz, {"change": "x"}, kind=STATUS)
    later_release: JsonObject = {**Presentation(row.envelope).encode(), "seen": "by whom"}
    assert sent(by, uz, later_release).outcome is Outcome.REFUSED
    with uz.node.database.read() as tx:
        rows = tx.execute(
            select(MessageIn.waits_for, MessageIn.set_aside_at)
            .where(MessageIn.outcome != Outcome.ACCEPTED)
            .order_by(MessageIn.seq)
        ).all()
        assert len(open_messages.to_judge(tx, {by.signer.kid})) == 1
        assert len(open_messages.to_judge(tx, {stranger.kid})) == 3
    waits, nobodys, body = (stranger.kid, None), (None, uz.clock()), (None, None)
    assert [tuple(each) for each in rows] == [waits, waits, nobodys, nobodys, nobodys, body]
    corridor.clock.forward(HOUR)
    lists(corridor)
    assert [each is None for each in aside(uz)] == [False] * 5 + [True]
    assert amiss(uz) == []


def test_integrity_asks_which_key_a_message_waits_for_and_why_it_is_set_aside(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    sends(corridor, by.signer, row)
    with uz.tx() as tx:
        tx.execute(update(MessageIn).values(set_aside_at=uz.clock()))
    assert amiss(uz) == [f"message 1 from {by.did}: it is set aside as nobody's word, and may be a body's"]
    with uz.tx() as tx:
        tx.execute(update(MessageIn).values(waits_for="another", set_aside_at=None))
    assert amiss(uz) == [f"message 1 from {by.did}: its columns are not what was signed: waits_for"]


def test_of_another_node_a_text_is_nobodys_whoever_signed_it(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    envelope = Envelope.parse(change_of(by, by.issued()), Typ.STATUS)
    beliefs = uz.beliefs().lists.values()
    assert whose(envelope, by.did, beliefs) is Whose.BODY
    assert whose(envelope, by.did, []) is Whose.OPEN
    assert whose(envelope, uz.did, beliefs) is Whose.NOBODY
