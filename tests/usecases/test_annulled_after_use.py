"""Customs that found a certificate good is told when it no longer holds for that day."""

from datetime import timedelta

from registry.api.issuer import issuer_of
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication
from registry.store import tasks
from registry.store.parties import Role
from registry.store.tasks import Task, TaskKind
from registry.usecases import change_status
from tests.kit import Corridor, Country


def told(country: Country) -> list[Task]:
    with country.node.database.read() as tx:
        return list(tasks.open_tasks(tx, TaskKind.ANNULLED_AFTER_USE))


def test_customs_that_passed_a_certificate_is_told_of_its_annulment_once(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    looks = [uz.shown(Presentation(issued.envelope)) for _ in range(2)]
    assert {look.verdict.indication for look in looks} == {Indication.TOTAL_PASSED}
    change = by.annulled(issued)
    by.deliver(uz)
    (task,) = told(uz)
    officer = uz.people["officer"]
    assert (task.role, task.organisation) == (Role.CUSTOMS, officer.organisation)
    assert task.detail == {
        "certificate": issued.id,
        "digest": issued.digest,
        "status": change.status,
        "effective_from": f"{change.effective_from.isoformat()}+03:00",
        "verifications": [look.id for look in looks],
    }


def test_who_never_found_it_good_or_only_for_an_earlier_day_is_not_told(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    unseen, refused, earlier = by.issued(), by.issued(), by.issued()
    by.deliver(uz)
    last = refused.issued_on + timedelta(days=400)
    assert uz.shown(Presentation(refused.envelope), last).verdict.indication is Indication.TOTAL_FAILED
    assert uz.shown(Presentation(earlier.envelope)).verdict.indication is Indication.TOTAL_PASSED
    corridor.clock.forward(timedelta(days=1))
    by.annulled(unseen)
    by.annulled(refused)
    next_day = (earlier.issued_on + timedelta(days=1)).isoformat() + "+03:00"
    by.proposed(earlier, day=next_day)
    with by.tx() as tx:
        change_status.confirm(tx, earlier.id, issuer_of(by.node), **by.by("second_signatory"))
    by.deliver(uz)
    assert told(uz) == []
