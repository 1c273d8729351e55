"""The clock of an application follows its moves: who stops it, what starts it again, and where it ends."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from registry.core.application.clock import Clock, ClockRuns, ClockStands, Why
from registry.core.application.lifecycle import IllegalMove, State
from registry.core.tlog.entry import Kind
from registry.store import applications
from registry.store.applications import Application
from registry.usecases.application import examine_application, run_clock, submit_application
from registry.usecases.application.find_application import ApplicationNotFound
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.trust.believe_peers import Beliefs
from tests.kit import Corridor, Country

FRIDAY = datetime(2026, 4, 17, 9, tzinfo=UTC)


def clock(row: Application) -> Clock:
    found = run_clock.clock_of(row)
    assert found is not None
    return found


def moved(country: Country, move: Callable[..., Application], id: str, *words: str, who: str) -> Application:
    with country.tx() as tx:
        return move(tx, id, *words, **country.by(who))


@pytest.fixture
def by(corridor: Corridor) -> Country:
    corridor.clock.at = FRIDAY
    return corridor.by


def test_the_clock_starts_with_the_submission_on_the_local_day(by: Country) -> None:
    assert by.draft().clock is None
    row = by.submitted()
    assert (clock(row).received.encode(), row.due_on) == ("2026-04-17+03:00", date(2026, 4, 27))
    act = by.acts(Kind.APPLICATION_SUBMITTED)[-1]
    assert act.private["due_on"] == "2026-04-27"
    assert act.private["clock"] == clock(row).digest
    assert len(act.private["calendars"]) == 1


def test_in_tashkent_the_day_is_that_of_tashkent(corridor: Corridor) -> None:
    corridor.clock.at = datetime(2026, 12, 6, 19, tzinfo=UTC)
    row = corridor.uz.submitted("cotton-yarn")
    assert (clock(row).received.encode(), row.due_on) == ("2026-12-07+05:00", date(2026, 12, 14))


def test_the_examiner_stops_the_clock_for_a_reason_and_lets_it_run_again(by: Country) -> None:
    row = by.submitted()
    by.clock.forward(timedelta(days=5))
    stopped = moved(by, examine_application.stop, row.id, "payment", who="examiner")
    assert (stopped.state, stopped.due_on, clock(stopped).stops[0].why) == (State.SUBMITTED, None, Why.PAYMENT)
    assert by.acts(Kind.APPLICATION_STOPPED)[0].private["why"] == "payment"
    with by.refuses(ClockStands) as twice:
        examine_application.stop(twice.tx, row.id, "contract", **by.by("examiner"))
    by.clock.forward(timedelta(days=1))
    going = moved(by, examine_application.resume, row.id, who="second_examiner")
    assert going.due_on == date(2026, 4, 29)
    assert going.version == stopped.version + 1
    assert [act.person for act in by.acts(Kind.APPLICATION_RESUMED)] == [by.people["second_examiner"].person]
    with by.refuses(ClockRuns) as runs:
        examine_application.resume(runs.tx, row.id, **by.by("examiner"))


def test_only_an_examiner_of_the_body_stops_a_clock_and_only_one_that_could_run(by: Country) -> None:
    row, drafted = by.submitted(), by.draft()
    moves: list[tuple[Callable[..., Application], tuple[str, ...]]] = [
        (examine_application.stop, ("payment",)),
        (examine_application.resume, ()),
    ]
    for move, words in moves:
        with by.refuses(RoleMissing) as refused:
            move(refused.tx, row.id, *words, **by.by("signatory"))
        with by.refuses(ApplicationNotFound) as missing:
            move(missing.tx, drafted.id, *words, **by.by("examiner"))
    offered = by.offered()
    with by.refuses(IllegalMove) as refused_:
        examine_application.stop(refused_.tx, offered.id, "payment", **by.by("examiner"))


def test_while_the_applicant_looks_at_the_draft_it_is_the_applicant_who_has_days(by: Country) -> None:
    offered = by.offered()
    assert (clock(offered).runs, offered.due_on) == (False, date(2026, 4, 29))
    by.clock.forward(timedelta(days=5))
    objected = moved(by, submit_application.object_to, offered.id, str(offered.draft), "Опечатка.", who="exporter")
    assert (clock(objected).runs, objected.due_on) == (True, date(2026, 4, 28))
    again = moved(by, examine_application.offer_draft, offered.id, who="examiner")
    assert (again.due_on, len(clock(again).stops)) == (date(2026, 4, 30), 2)
    accepted = moved(by, submit_application.accept, offered.id, str(again.draft), who="exporter")
    assert (clock(accepted).runs, accepted.due_on) == (True, date(2026, 4, 28))


def test_a_stop_of_the_examiner_outlasts_the_draft_and_leaves_it_as_it_is(by: Country) -> None:
    row = by.submitted()
    moved(by, examine_application.take_up, row.id, who="examiner")
    moved(by, examine_application.stop, row.id, "contract", who="examiner")
    offered = moved(by, examine_application.offer_draft, row.id, who="examiner")
    accepted = moved(by, submit_application.accept, row.id, str(offered.draft), who="exporter")
    assert (accepted.state, clock(accepted).runs, accepted.due_on) == (State.APPROVED, False, None)
    going = moved(by, examine_application.resume, row.id, who="examiner")
    assert (going.draft, clock(going).runs) == (offered.draft, True)


def test_what_is_sent_back_is_received_anew(by: Country) -> None:
    row = by.submitted()
    moved(by, examine_application.take_up, row.id, who="examiner")
    back = moved(by, examine_application.send_back, row.id, "Нет счёта.", who="examiner")
    assert (back.clock, back.due_on) == (None, None)
    by.clock.forward(timedelta(days=3))
    with by.tx() as tx:
        again, _ = submit_application.submit(tx, row.id, by.beliefs(), **by.by("exporter"))
    assert clock(again).received.encode() == "2026-04-20+03:00"
    withdrawn = moved(by, submit_application.withdraw, row.id, who="exporter")
    assert (clock(withdrawn).ended, withdrawn.due_on) == (by.clock(), None)


def test_issuing_ends_the_clock(corridor: Corridor) -> None:
    issued = corridor.by.issued()
    row = corridor.by.application(str(issued.application))
    assert (clock(row).ended, row.due_on) == (corridor.clock(), None)


def test_a_single_window_has_three_days_and_silence_there_is_a_refusal(by: Country) -> None:
    form = by.form()
    with by.tx() as tx:
        filled = {name: getattr(form, name) for name in form.__slots__} | {"single_window": True}
        drafted = submit_application.draft(tx, type(form)(**filled), country="BY", **by.by("exporter"))
        row, _ = submit_application.submit(tx, drafted.id, by.beliefs(), **by.by("exporter"))
    assert (clock(row).working_days, clock(row).silence, row.due_on) == (3, "refused", date(2026, 4, 24))


def test_without_an_agreement_the_clock_goes_by_utc_and_the_rules(by: Country) -> None:
    row = by.submitted()
    with by.tx() as tx:
        again = tx.get_one(Application, row.id)
        run_clock.start(tx, again, Beliefs({}, {}), at=datetime(2026, 4, 16, 22, tzinfo=UTC))
        assert clock(again).received.encode() == "2026-04-16+00:00"


def test_an_application_from_before_there_were_clocks_goes_on_without_one(corridor: Corridor, by: Country) -> None:
    row = by.submitted()
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE application SET clock = NULL, due_on = NULL"))
    assert moved(by, examine_application.take_up, row.id, who="examiner").clock is None
    with by.refuses(ClockStands) as refused:
        examine_application.stop(refused.tx, row.id, "payment", **by.by("examiner"))


def test_applications_are_listed_with_the_soonest_due_first_and_those_of_no_day_last(by: Country) -> None:
    rows = []
    for _ in range(3):
        rows.append(by.submitted().id)
        by.clock.forward(timedelta(days=5))
    nowhere = sorted([by.draft().id, by.draft().id])
    asked: list[Any] = []
    after: tuple[date | None, str] | None = None
    with by.node.database.read() as tx:
        while page := applications.page_by_due(tx, by.people["exporter"].organisation, after=after, limit=2):
            asked += page
            after = (page[-1].due_on, page[-1].id)
        only = applications.page_by_due(tx, by.people["exporter"].organisation, after=None, limit=9, state=State.DRAFT)
    assert [row.id for row in asked] == [*rows, *nowhere]
    assert [row.id for row in only] == nowhere
