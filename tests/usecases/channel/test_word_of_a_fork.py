"""While a direction is forked, no word of its sender says that everything has come: two messages have one number."""

from datetime import timedelta

from registry.core.channel.message import MessageFork
from registry.core.verification.bundle import open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Check, Indication
from registry.core.verification.verify import verify
from registry.store import tasks
from registry.store.tasks import TaskKind
from registry.usecases.node import close_task
from tests.kit import Corridor
from tests.usecases.recovery.parted import agree_to, begin, lose, offer, part_ways, waiting
from tests.usecases.recovery.restored import Backup, carry, make
from tests.usecases.verification.test_export_bundle import export

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_an_annulment_that_is_refused_as_a_fork_is_not_taken_for_one_that_came(corridor: Corridor) -> None:
    """Minsk was restored to before its second message, which Tashkent holds, and annuls by another second one."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    good = by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    by.issued()
    carry(by, uz)
    lose(corridor, backup)
    backup.drop()
    by.annulled(good)
    by.sequence()
    by.witnessed(uz)
    make(by, uz)
    (forked,) = waiting(by, uz)
    assert isinstance(uz.take(forked), MessageFork)
    with by.tx() as tx:
        (lost,) = tasks.open_tasks(tx, TaskKind.ENTRY_LOST)
        close_task.close(tx, lost.id, "Второй сертификат аннулирован заново.", **by.by("operator"))
    corridor.clock.forward(DAY + HOUR)
    by.sequence()
    by.witnessed(uz)
    uz.hears(by.states(), by)
    verdict = uz.asks(good.number).verdict
    assert (verdict.indication, verdict.decisive and verdict.decisive.code) == (
        Indication.INDETERMINATE,
        "status-stale",
    )
    device = open_bundle(export(uz).text, uz.node.pins)
    offline = verify(Presentation(good.envelope), device.trusted, device.read, at=uz.clock())
    found = offline.finding(Check.STATUS)
    assert found is not None
    assert found.code == "status-stale"


def test_an_epoch_that_began_says_nothing_of_what_is_still_to_be_sent_again(corridor: Corridor) -> None:
    parted = part_ways(corridor)
    by, uz = parted.by, parted.uz
    before = uz.beliefs().words[by.did]
    corridor.clock.forward(HOUR)
    begin(by, uz)
    offer(by, uz)
    agree_to(uz, by)
    uz.take(waiting(by, uz)[0])
    assert uz.beliefs().words[by.did] == before
    carry(by, uz)
    corridor.clock.forward(timedelta(minutes=5))
    uz.hears(by.states(), by)
    assert uz.beliefs().words[by.did].as_of == corridor.clock()
