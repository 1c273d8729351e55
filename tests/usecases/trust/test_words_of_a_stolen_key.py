"""Whoever stole a document key writes any date into a change: after the revocation others must have seen it before."""

from datetime import timedelta

from registry.core.channel.message import MessageKind
from registry.core.channel.receipt import Outcome
from registry.core.trust.trust_list import SignerStatus
from registry.core.verification.bundle import open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Check
from registry.core.verification.verify import verify
from registry.store import open_messages, tasks
from registry.store.certificates import CertificateRow
from registry.store.open_messages import OpenChanges
from registry.store.parties import Role
from registry.store.tasks import Task, TaskKind
from registry.usecases.certificate.read_beside import read_beside
from registry.usecases.channel.accept_message import judge_again
from registry.usecases.channel.take_certificate import Here
from registry.usecases.trust.publish_trust_list import Ending
from tests.kit import Corridor, Country, list_signers, sign_list
from tests.usecases.channel.test_accept_message import change_of, sent, take_ignorant
from tests.usecases.fsck.lived import mirror
from tests.usecases.trust.test_keys_over_time import draft, publish
from tests.usecases.verification.test_export_bundle import export

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def revoke(corridor: Corridor) -> None:
    by = corridor.by
    publish(corridor, draft(by, None, Ending(by.signer.kid, SignerStatus.REVOKED, by.clock(), "stolen")))


def status(country: Country, row: CertificateRow) -> set[str]:
    """Return what customs answer of the status, by number and on a device."""
    device = open_bundle(export(country).text, country.node.pins)
    offline = verify(Presentation(row.envelope), device.trusted, device.read, at=country.clock())
    found = [verdict.finding(Check.STATUS) for verdict in (country.asks(row.number).verdict, offline)]
    return {finding.code for finding in found if finding is not None}


def test_a_change_dated_before_the_revocation_and_sent_after_it_ends_nothing(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    by.deliver(uz)
    corridor.clock.forward(HOUR)
    revoked_from = corridor.clock()
    revoke(corridor)
    corridor.clock.forward(HOUR)
    stolen = change_of(by, row, recorded_at=revoked_from - SECOND)
    receipt = sent(by, uz, {"change": stolen}, kind=MessageKind.CERTIFICATE_STATUS)
    codes = [finding.code for finding in receipt.findings]
    assert (receipt.outcome, codes) == (Outcome.ACCEPTED_WITH_WARNINGS, ["revoked-since"])
    assert status(uz, row) == {"change-not-believed"}
    (task,) = undated(uz)
    assert (task.role, task.detail["certificate"]) == (Role.OPERATOR, row.id)
    assert judged_again(uz) == 0
    assert [each.id for each in undated(uz)] == [task.id]
    with uz.tx() as tx:
        tasks.close_tasks(tx, TaskKind.SIGNER_REVOKED_UNDATED, [task.subject], at=uz.clock())
    assert judged_again(uz) == 0
    assert undated(uz) == [], "what people have settled is told to no one twice"


def test_a_change_that_came_before_its_certificate_stays_open_too(corridor: Corridor) -> None:
    """Both came before the list of their key: the certificate is good by its proof, and nobody dates its annulment."""
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    by.sequence()
    by.witnessed(uz)
    by.annulled(row)
    corridor.clock.forward(HOUR)
    draw_up = draft(by, None, Ending(by.signer.kid, SignerStatus.REVOKED, by.clock(), "stolen"))
    signed = sign_list(draw_up, list_signers(corridor.forge, "BY"))
    by.adopts(signed)
    corridor.clock.forward(HOUR)
    by.sequence()
    issued, annulled = by.messages(uz)
    assert take_ignorant(uz, issued).outcome is Outcome.ACCEPTED_WITH_WARNINGS
    assert take_ignorant(uz, annulled).outcome is Outcome.REFUSED
    uz.adopts(signed)
    assert judged_again(uz) == 1
    assert status(uz, row) == {"change-not-believed"}
    (task,) = undated(uz)
    assert task.detail["certificate"] == row.id


def test_a_change_of_what_the_sender_did_not_issue_is_kept_for_no_certificate(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    own = uz.issued("cotton-yarn")
    refused = sent(by, uz, {"change": change_of(uz, own)}, kind=MessageKind.CERTIFICATE_STATUS)
    assert [finding.code for finding in refused.findings] == ["not-delivered"]
    with uz.node.database.read() as tx:
        assert open_messages.open_changes(tx, own.id) == OpenChanges([], waits=False)


def judged_again(country: Country) -> int:
    with country.tx() as tx:
        return judge_again(tx, Here(country.did, "demo", country.code), country.beliefs(), at=country.clock())


def undated(country: Country) -> list[Task]:
    with country.node.database.read() as tx:
        return list(tasks.open_tasks(tx, TaskKind.SIGNER_REVOKED_UNDATED))


def test_people_of_both_countries_are_told_of_a_change_that_nobody_dates(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row, other = by.issued(), by.issued()
    by.deliver(uz)
    by.annulled(row)
    by.annulled(other)
    by.sequence()
    corridor.clock.forward(HOUR)
    revoke(corridor)
    by.deliver(uz)
    assert status(uz, row) == {"change-not-believed"}
    assert {task.detail["certificate"] for task in undated(uz)} == {row.id, other.id}
    at_home = undated(by)
    assert len(at_home) == 2
    assert {(task.role, task.detail["to"]) for task in at_home} == {(Role.OPERATOR, uz.did)}


def test_people_are_told_of_what_counted_until_its_key_was_revoked_from_before(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    by.deliver(uz)
    corridor.clock.forward(2 * HOUR)
    by.clarified(row)
    by.annulled(row)
    by.deliver(uz)
    assert status(uz, row) == {"annulled"}
    corridor.clock.forward(HOUR)
    publish(corridor, draft(by, None, Ending(by.signer.kid, SignerStatus.REVOKED, by.clock() - 2 * HOUR, "stolen")))
    assert status(uz, row) == {"change-not-believed"}
    for country in (by, uz):
        judged_again(country)
        told = undated(country)
        assert [(task.role, task.detail["certificate"]) for task in told] == [(Role.OPERATOR, row.id)] * 2
        assert {task.detail["kid"] for task in told} == {by.signer.kid}
        with country.tx() as tx:
            tasks.close_tasks(tx, TaskKind.SIGNER_REVOKED_UNDATED, [task.subject for task in told], at=country.clock())
        judged_again(country)
        assert undated(country) == [], "what people have settled is told to no one twice"


def test_what_was_received_or_mirrored_before_the_revocation_stands(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    received, mirrored = by.issued(), by.issued()
    by.deliver(uz)
    by.clarified(received)
    by.annulled(received)
    by.deliver(uz)
    by.clarified(mirrored)
    by.annulled(mirrored)
    by.sequence()
    by.witnessed(uz)
    mirror(by, uz)
    corridor.clock.forward(HOUR)
    revoke(corridor)
    by.deliver(uz)
    for row in (received, mirrored):
        assert status(uz, row) == {"annulled"}
        for country in (by, uz):
            with country.node.database.read() as tx:
                beside = read_beside(tx, row, country.beliefs(), "demo")
            assert (len(beside.changes), len(beside.clarifications)) == (1, 1)


def test_what_waited_to_be_judged_counts_from_when_it_came(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    by.deliver(uz)
    by.clarified(row)
    by.annulled(row)
    by.sequence()
    for message in by.messages(uz):
        assert take_ignorant(uz, message).outcome is Outcome.ACCEPTED_WITH_WARNINGS
    corridor.clock.forward(HOUR)
    revoke(corridor)
    with uz.tx() as tx:
        assert judge_again(tx, Here(uz.did, "demo", "UZ"), uz.beliefs(), at=uz.clock()) > 0
    assert status(uz, row) == {"annulled"}


def test_a_clarification_dated_before_the_revocation_and_sent_after_it_is_not_shown(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    by.deliver(uz)
    by.clarified(row)
    corridor.clock.forward(HOUR)
    revoke(corridor)
    by.sequence()
    (message,) = by.messages(uz)
    uz.take(message)
    with uz.node.database.read() as tx:
        assert read_beside(tx, row, uz.beliefs(), "demo").clarifications == []
