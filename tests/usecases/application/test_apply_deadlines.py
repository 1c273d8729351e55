"""When a day of the clock is over the node does what the agreement says: silence answers, and the late are told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from registry.cli.duties import Reminding
from registry.core.application.clock import Clock
from registry.core.application.lifecycle import IllegalMove, State
from registry.core.tlog.entry import Kind
from registry.store import tasks
from registry.store.tasks import Task, TaskKind
from registry.usecases.application import apply_deadlines, examine_application, submit_application
from tests.kit import Corridor, Country, waits_for_a_lock


@pytest.fixture
def by(corridor: Corridor) -> Country:
    corridor.clock.at = datetime(2026, 11, 20, 9, tzinfo=UTC)  # a Friday
    return corridor.by


def remind(country: Country) -> None:
    Reminding(country.node).run()


def late(country: Country) -> list[Task]:
    with country.node.database.read() as tx:
        return list(tasks.open_tasks(tx, TaskKind.APPLICATION_OVERDUE))


def at(country: Country, day: int, hour: int = 9, month: int = 12) -> None:
    country.clock.at = datetime(2026, month, day, hour, tzinfo=UTC)


def test_a_draft_that_nobody_answers_is_accepted_once_its_days_are_over(by: Country) -> None:
    offered = by.offered()
    assert offered.due_on == date(2026, 12, 1)
    at(by, 1, 20)
    remind(by)
    assert by.application(offered.id).state == State.DRAFT_OFFERED
    at(by, 1, 21)  # midnight in Minsk
    remind(by)
    accepted = by.application(offered.id)
    assert (accepted.state, accepted.draft, accepted.version) == (State.APPROVED, offered.draft, offered.version + 1)
    assert accepted.due_on == date(2026, 12, 8)
    act = by.acts(Kind.APPLICATION_ACCEPTED)[-1]
    assert (act.by, act.person, act.private["silence"]) == (by.did, None, "accepted")


def test_a_draft_from_a_single_window_that_nobody_answers_is_refused(corridor: Corridor, by: Country) -> None:
    offered = by.offered()
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("""UPDATE application SET clock = jsonb_set(clock, '{silence}', '"refused"')"""))
    at(by, 2)
    remind(by)
    refused = by.application(offered.id)
    assert (refused.state, refused.reason, refused.due_on) == (
        State.REFUSED,
        "no answer to the draft by 2026-12-01",
        None,
    )
    (act,) = by.acts(Kind.APPLICATION_REFUSED)
    assert (act.person, act.private["silence"]) == (None, "refused")


def test_silence_is_heard_as_of_its_day_however_late_the_node_looks(by: Country) -> None:
    offered = by.offered()
    at(by, 11)
    remind(by)
    accepted = by.application(offered.id)
    assert (accepted.state, accepted.due_on) == (State.APPROVED, date(2026, 12, 8))
    (draft,) = Clock.parse(accepted.clock or {}).stops
    assert draft.until == datetime(2026, 12, 1, 20, 59, 59, tzinfo=UTC)


def test_an_answer_after_its_day_finds_that_silence_answered(corridor: Corridor, by: Country) -> None:
    offered = by.offered()
    at(by, 1, 21)
    with by.refuses(IllegalMove) as late_:
        submit_application.object_to(late_.tx, offered.id, str(offered.draft), "Поздно.", **by.by("exporter"))
    assert str(late_.value) == "an application that is approved cannot be objected to"
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("""UPDATE application SET clock = jsonb_set(clock, '{silence}', '"refused"')"""))
    with by.refuses(IllegalMove) as refused:
        submit_application.accept(refused.tx, offered.id, str(offered.draft), **by.by("exporter"))
    assert str(refused.value) == "an application that is refused cannot be accepted"


def test_an_answer_in_time_leaves_nothing_to_silence(by: Country) -> None:
    offered = by.offered()
    at(by, 1)
    with by.tx() as tx:
        submit_application.object_to(tx, offered.id, str(offered.draft), "Опечатка.", **by.by("exporter"))
    at(by, 2)
    remind(by)
    assert by.application(offered.id).state == State.IN_EXAMINATION


def test_what_is_overdue_is_a_task_of_the_body_until_it_is_decided(by: Country) -> None:
    first, second = by.submitted(), by.submitted()
    assert first.due_on == date(2026, 11, 27)
    at(by, 27, 20, 11)
    remind(by)
    assert late(by) == []
    at(by, 27, 21, 11)
    remind(by)
    remind(by)
    found = late(by)
    assert {task.subject for task in found} == {first.id, second.id}
    body = by.people["examiner"].organisation
    assert {(task.role, task.organisation, task.detail["due_on"]) for task in found} == {
        ("examiner", body, "2026-11-27")
    }
    with by.tx() as tx:
        examine_application.take_up(tx, first.id, **by.by("examiner"))
        examine_application.refuse(tx, first.id, "Происхождение не доказано.", **by.by("examiner"))
        examine_application.take_up(tx, second.id, **by.by("examiner"))
    assert [task.subject for task in late(by)] == [second.id]
    with by.tx() as tx:
        examine_application.send_back(tx, second.id, "Нет счёта.", **by.by("examiner"))
    assert late(by) == []


def test_what_is_being_decided_gets_no_task_that_nobody_would_close(by: Country) -> None:
    first, second = by.submitted(), by.submitted()
    at(by, 28, 9, 11)
    with by.tx() as deciding:
        examine_application.take_up(deciding, first.id, **by.by("examiner"))
        examine_application.refuse(deciding, first.id, "Происхождение не доказано.", **by.by("examiner"))
        remind(by)
        assert [task.subject for task in late(by)] == [second.id]
    at(by, 29, 9, 11)
    remind(by)
    assert [task.subject for task in late(by)] == [second.id]


def test_what_is_being_told_as_overdue_is_decided_after_it_and_its_task_closed(by: Country) -> None:
    approved = by.approved()
    at(by, 30, 9, 11)
    today = by.beliefs().offset("BY", by.clock()).local_date(by.clock()).day
    with ThreadPoolExecutor(1) as pool:
        with by.tx() as reminding:
            assert apply_deadlines.tell_overdue(reminding, today, at=by.clock(), limit=100) == 1
            issuing = pool.submit(by.issue, approved)
            waits_for_a_lock(by)
        assert issuing.result().application == approved.id
    assert late(by) == []


def test_a_stopped_clock_is_nobodys_fault(by: Country) -> None:
    row = by.submitted()
    with by.tx() as tx:
        examine_application.stop(tx, row.id, "payment", **by.by("examiner"))
    at(by, 20)
    remind(by)
    assert late(by) == []


def test_the_duty_looks_once_a_minute_and_goes_on_at_once_while_there_is_more(
    by: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.cli.duties.BATCH", 2)
    for _ in range(3):
        by.submitted()
    at(by, 5)
    duty = Reminding(by.node)
    assert duty.run()
    assert len(late(by)) == 2
    assert not duty.run()
    assert len(late(by)) == 3
    more = by.submitted()
    at(by, 20)
    by.clock.at = duty.looked + timedelta(seconds=59) if duty.looked else by.clock.at
    duty.run()
    assert len(late(by)) == 3
    at(by, 20)
    duty.run()
    assert {task.subject for task in late(by)} >= {more.id}
