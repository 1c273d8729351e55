"""What the log says of certificates and a restore lost is a person's task, and our word waits until it is closed."""

from contextlib import suppress
from datetime import timedelta

from registry.core.calendar import write_instant
from registry.core.channel.message import MessageFork
from registry.core.tlog.entry import Kind
from registry.core.trust.freshness import FreshnessStale
from registry.core.verification.verdict import Indication
from registry.store import tasks
from registry.store.certificates import CertificateRow
from registry.store.tasks import Task, TaskKind
from registry.usecases.certificate.register_certificate import NumberTaken
from registry.usecases.node import close_task
from tests.kit import Corridor, Country
from tests.outside import issued_outside, registered
from tests.usecases.fsck.lived import found, mirror
from tests.usecases.recovery.parted import agree_to, begin, lose, offer, waiting
from tests.usecases.recovery.restored import Backup, carry, make, recovered
from tests.usecases.trust.test_keys_over_time import ask

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def lost_tasks(country: Country) -> list[Task]:
    with country.node.database.read() as tx:
        return list(tasks.open_tasks(tx, TaskKind.ENTRY_LOST))


def published(country: Country, abroad: Country) -> None:
    """Number everything, and let the other country mirror it; nothing of it is sent."""
    country.sequence()
    country.witnessed(abroad)
    mirror(country, abroad)


def annulled_unsent(corridor: Corridor) -> tuple[CertificateRow, str]:
    """Restore Minsk to before an annulment that was published and not sent."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    row = by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    corridor.clock.forward(HOUR)
    digest = by.annulled(row).digest
    published(by, uz)
    backup.restore()
    backup.drop()
    corridor.clock.forward(HOUR)
    return row, digest


def told(corridor: Corridor, row: CertificateRow) -> tuple[Indication, str]:
    """Return what the border is told once everything is carried and stated."""
    by, uz = corridor.by, corridor.uz
    carry(by, uz)
    with suppress(FreshnessStale):
        uz.hears(by.states(), by)
    return ask(uz, row.number)


def test_an_annulment_that_was_lost_before_it_was_sent_holds_our_word_back_until_a_person_settles_it(
    corridor: Corridor,
) -> None:
    by, uz = corridor.by, corridor.uz
    row, digest = annulled_unsent(corridor)
    at = corridor.clock() - HOUR
    said = recovered(by, uz).said
    assert said["entries_lost"] == said["changes_lost"] == [digest]
    (task,) = lost_tasks(by)
    assert (task.subject, task.detail["kind"], task.detail["to"]) == (digest, Kind.CERTIFICATE_STATUS, "UZ")
    assert (task.detail["at"], task.detail["by"]) == (write_instant(at), row.body)
    corridor.clock.forward(DAY)
    assert told(corridor, row) == (Indication.INDETERMINATE, "status-stale")
    by.annulled(row)
    assert told(corridor, row)[0] is Indication.TOTAL_FAILED
    corridor.clock.forward(HOUR)
    with by.tx() as tx:
        close_task.close(tx, task.id, "Орган аннулировал ещё раз.", **by.by("operator"))
    other = by.issued()
    assert told(corridor, other)[0] is Indication.TOTAL_PASSED


def test_what_is_lost_is_told_once_and_not_again_when_a_person_has_closed_it(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    annulled_unsent(corridor)
    recovered(by, uz)
    (task,) = lost_tasks(by)
    with by.tx() as tx:
        close_task.close(tx, task.id, "Орган знает.", **by.by("operator"))
    backup = Backup.take(corridor.forge, by)
    by.issued()
    carry(by, uz)
    backup.restore()
    backup.drop()
    assert recovered(by, uz).said["entries_lost"] == []
    assert lost_tasks(by) == []


def test_the_task_closes_once_the_very_thing_comes_back(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    row = by.issued()
    carry(by, uz)
    corridor.clock.forward(HOUR)
    backup = Backup.take(corridor.forge, by)
    digest = by.annulled(row).digest
    carry(by, uz)
    lose(corridor, backup)
    backup.drop()
    assert [task.subject for task in lost_tasks(by)] == [digest]
    by.issued()
    by.sequence()
    by.witnessed(uz)
    make(by, uz)
    assert isinstance(uz.take(waiting(by, uz)[0]), MessageFork)
    begin(by, uz)
    assert lost_tasks(by) == []
    offer(by, uz)
    agree_to(uz, by)
    assert told(corridor, row)[0] is Indication.TOTAL_FAILED


def test_what_a_bodys_own_system_registered_and_a_restore_lost_is_registered_again(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    mine = issued_outside(by, 2)
    other = issued_outside(by, 2)
    backup = Backup.take(corridor.forge, by)
    registered(by, mine)
    published(by, uz)
    backup.restore()
    backup.drop()
    corridor.clock.forward(HOUR)
    assert recovered(by, uz).said["entries_lost"] == [mine.digest]
    with by.refuses(NumberTaken), by.tx():
        registered(by, other)
    again = registered(by, mine).certificate
    assert (again.digest, lost_tasks(by)) == (mine.digest, [])
    assert told(corridor, again)[0] is Indication.TOTAL_PASSED
    assert (found(by), found(uz)) == ([], [])
