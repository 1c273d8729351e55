"""After a restore nothing is certified twice for one thing, and where it is, a person is told of both certificates."""

from dataclasses import replace
from datetime import timedelta

from registry.api.issuer import issuer_of
from registry.core.application.lifecycle import State
from registry.core.channel.message import MessageFork
from registry.core.tlog.entry import Kind
from registry.core.verification.verdict import Indication
from registry.store import annulments, tasks
from registry.store.certificates import CertificateRow
from registry.store.tasks import TaskKind
from registry.usecases.application import submit_application
from registry.usecases.application.relate_certificate import InLieuIssued, Related
from registry.usecases.certificate import clarify_certificate, replace_certificate
from registry.usecases.certificate.clarify_certificate import NothingToClarify
from tests.kit import Corridor, Country
from tests.usecases.certificate.test_sheets import sheet
from tests.usecases.fsck.lived import found, mirror
from tests.usecases.recovery.parted import agree_to, begin, lose, offer, waiting
from tests.usecases.recovery.restored import Backup, carry, make, recovered, send
from tests.usecases.trust.test_keys_over_time import ask

HOUR = timedelta(hours=1)


def begun(corridor: Corridor) -> None:
    """Carry everything, and let an hour pass; both guards stand."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    carry(by, uz)
    corridor.clock.forward(HOUR)


def restored(corridor: Corridor, backup: Backup) -> None:
    backup.restore()
    backup.drop()
    recovered(corridor.by, corridor.uz)


def new_epoch(corridor: Corridor) -> None:
    """Send what the peer takes for a fork, and begin an epoch, which takes the branch back."""
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.witnessed(uz)
    make(by, uz)
    assert isinstance(uz.take(waiting(by, uz)[0]), MessageFork)
    begin(by, uz)
    offer(by, uz)
    agree_to(uz, by)
    carry(by, uz)


def beside(country: Country) -> list[tuple[str, list[str]]]:
    with country.node.database.read() as tx:
        return [(task.subject, task.detail["beside"]) for task in tasks.open_tasks(tx, TaskKind.CERTIFICATE_TWICE)]


def test_a_sheet_that_comes_back_ends_its_own_application_and_no_other_of_the_same_claims(corridor: Corridor) -> None:
    by = corridor.by
    plain = by.approves(by.form())
    of_set = by.approves(sheet(by, 1, 1, n=2))
    begun(corridor)
    backup = Backup.take(corridor.forge, by)
    by.issue(of_set)
    carry(by, corridor.uz)
    restored(corridor, backup)
    assert (by.application(plain.id).state, by.application(of_set.id).state) == (State.APPROVED, State.ISSUED)
    assert (beside(by), found(by)) == ([], [])


def test_an_application_that_was_issued_again_is_told_when_its_first_certificate_comes_back(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    approved = by.approved()
    begun(corridor)
    backup = Backup.take(corridor.forge, by)
    one = by.issue(approved)
    carry(by, uz)
    lose(corridor, backup)
    backup.drop()
    two = by.issue(by.application(approved.id))
    new_epoch(corridor)
    assert beside(by) == [(one.id, [two.id])]


def test_an_application_that_is_open_beside_its_certificate_that_came_back_is_told(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    offered = by.offered()
    begun(corridor)
    backup = Backup.take(corridor.forge, by)
    with by.tx() as tx:
        submit_application.accept(tx, offered.id, str(offered.draft), **by.by("exporter"))
    one = by.issue(offered)
    carry(by, uz)
    lose(corridor, backup)
    backup.drop()
    by.annulled(by.issued())
    new_epoch(corridor)
    with by.node.database.read() as tx:
        (task,) = tasks.open_tasks(tx, TaskKind.CERTIFICATE_TWICE)
    assert (task.subject, task.detail["applications"]) == (one.id, [offered.id])


def test_two_applications_that_say_the_same_are_two_where_both_were_issued_before_or_come_back(
    corridor: Corridor,
) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    begun(corridor)
    backup = Backup.take(corridor.forge, by)
    by.issued()
    corridor.clock.forward(HOUR)
    by.issued()
    carry(by, uz)
    restored(corridor, backup)
    assert beside(by) == []


def replaced_and_lost(corridor: Corridor) -> tuple[CertificateRow, CertificateRow]:
    """Restore Minsk to before a replacement of which the new certificate was sent, and the end of the old was not."""
    by, uz = corridor.by, corridor.uz
    old = by.issued()
    begun(corridor)
    backup = Backup.take(corridor.forge, by)
    new = by.replaced(old)
    by.sequence()
    by.witnessed(uz)
    mirror(by, uz)
    make(by, uz)
    send(by, uz, 1)
    backup.restore()
    backup.drop()
    recovered(by, uz, give_up=1)
    return old, new


def test_what_was_replaced_and_stands_again_is_told_and_not_replaced_once_more(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    old, new = replaced_and_lost(corridor)
    assert beside(by) == [(new.id, [old.id])]
    assert by.acts(Kind.LOG_RECOVERED)[-1].private["certificates_twice"] == [new.id]
    for kind in ("replaces", "duplicates"):
        with by.refuses(InLieuIssued) as refused:
            form = replace(by.form(), related=Related(kind, old.id))
            submit_application.draft(refused.tx, form, country="BY", **by.by("exporter"))
        assert refused.value.certificate == new.id
    by.annulled(old)
    carry(by, uz)
    assert ask(uz, old.number)[0] is Indication.TOTAL_FAILED


def test_of_two_in_lieu_of_one_both_are_told(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    old = by.issued()
    begun(corridor)
    backup = Backup.take(corridor.forge, by)
    one = by.replaced(old)
    carry(by, uz)
    lose(corridor, backup, 2)
    backup.drop()
    two = by.replaced(old)
    new_epoch(corridor)
    assert beside(by) == [(one.id, [two.id])]


def test_what_has_ended_stands_beside_nothing(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    old = by.issued()
    begun(corridor)
    backup = Backup.take(corridor.forge, by)
    one = by.replaced(old)
    by.annulled(one)
    carry(by, uz)
    lose(corridor, backup, 3)
    backup.drop()
    by.replaced(old)
    new_epoch(corridor)
    assert beside(by) == []


def test_what_was_proposed_ends_with_the_change_that_came_of_it(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    old = by.issued()
    approved = by.replaces(old)
    with by.tx() as tx:
        proposal = replace_certificate.propose(tx, approved.id, "Опечатка.", **by.by("signatory"))
    begun(corridor)
    backup = Backup.take(corridor.forge, by)
    by.issue(approved, "second_signatory", proposal.id)
    carry(by, uz)
    restored(corridor, backup)
    with by.node.database.read() as tx:
        assert annulments.waiting(tx, old.id) is None
    assert (beside(by), found(by)) == ([], [])


def test_a_clarification_that_came_back_is_not_confirmed_again_and_another_may_be(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    old = str(by.boxes()["consignor_exporter"]["address"])
    words = ("consignor_exporter.address", old, old.replace("ул.", "улица"), "Опечатка.")
    with by.tx() as tx:
        proposal = clarify_certificate.propose(tx, row.id, *words, **by.by("signatory"))
    begun(corridor)
    backup = Backup.take(corridor.forge, by)
    with by.tx() as tx:
        clarify_certificate.confirm(tx, row.id, proposal.id, issuer_of(by.node), **by.by("examiner"))
    carry(by, uz)
    restored(corridor, backup)
    with by.refuses(NothingToClarify) as refused:
        clarify_certificate.confirm(refused.tx, row.id, proposal.id, issuer_of(by.node), **by.by("examiner"))
    assert found(by) == []


def test_a_clarification_that_came_back_leaves_the_proposal_of_another_as_it_is(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    begun(corridor)
    before = Backup.take(corridor.forge, by)
    by.clarified(row)
    carry(by, uz)
    lose(corridor, before)
    before.drop()
    old = str(by.boxes()["consignor_exporter"]["address"])
    words = ("consignor_exporter.address", old, old.replace("ул.", "у."), "Сокращение.")
    with by.tx() as tx:
        proposal = clarify_certificate.propose(tx, row.id, *words, **by.by("signatory"))
    by.issued()
    new_epoch(corridor)
    with by.tx() as tx:
        clarify_certificate.confirm(tx, row.id, proposal.id, issuer_of(by.node), **by.by("examiner"))
