"""The legal clock: whole working days of the issuing country, stops that cost no one a day, and calendars that stay."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.core.agreement import Agreement, Silence
from registry.core.application.clock import Clock, ClockRuns, ClockStands, Stop, Why
from registry.core.application.working_year import read_calendar
from registry.core.calendar import Calendar, CalendarMissing, LocalDate, Offset
from registry.demo import birth

OFFSET = {"BY": Offset(180), "UZ": Offset(300)}
KNOWN = {code: [read_calendar(json.loads(file.read_text())) for file in birth.calendars_of(code)] for code in OFFSET}
PLAIN = [Calendar("BY", year, "weekends alone") for year in (2026, 2027, 2028, 2029)]


def started(country: str, at: str, days: int = 5, **more: Any) -> Clock:
    received = OFFSET[country].local_date(datetime.fromisoformat(at))
    return Clock(country, received, days, 7, Silence.ACCEPTED, **more)


@pytest.mark.parametrize(
    ("country", "received", "due"),
    [
        ("BY", "2026-04-17T09:00Z", "2026-04-27"),  # Mon 20 and Tue 21 rest, Sat 25 works
        ("UZ", "2026-12-07T09:00Z", "2026-12-14"),  # Tue 8 rests, Sat 12 works
        ("BY", "2026-01-30T09:00Z", "2026-02-06"),  # the end of a month
        ("BY", "2026-12-30T09:00Z", "2027-01-08"),  # the end of a year: 1 and 7 January rest
        ("UZ", "2026-12-30T09:00Z", "2027-01-08"),  # 31 December and 1 January rest
        ("BY", "2026-04-16T20:59:59Z", "2026-04-25"),  # the last second of Thursday in Minsk
        ("BY", "2026-04-16T21:00:00Z", "2026-04-27"),  # the first second of Friday in Minsk
        ("UZ", "2026-12-06T18:59:59Z", "2026-12-12"),  # the last second of Sunday in Tashkent
        ("UZ", "2026-12-06T19:00:00Z", "2026-12-14"),  # the first second of Monday in Tashkent
    ],
)
def test_the_last_day_to_issue(country: str, received: str, due: str) -> None:
    clock = started(country, received).dated(KNOWN[country])
    assert clock.due() == clock.awaits() == date.fromisoformat(due)


def test_a_leap_day_is_a_day() -> None:
    clock = started("BY", "2028-02-25T09:00Z").dated(PLAIN)
    assert clock.due() == date(2028, 3, 3)


def test_without_a_confirmed_calendar_no_day_is_guessed() -> None:
    clock = started("BY", "2026-12-30T09:00Z")
    first = clock.dated(calendar for calendar in KNOWN["BY"] if calendar.year == 2026)
    missing = first.missing()
    assert missing is not None
    assert (missing.year, str(missing)) == (2027, "no calendar of BY for 2027 is confirmed")
    assert first.awaits() is None
    assert not first.is_over(datetime(2027, 6, 1, tzinfo=UTC))
    with pytest.raises(CalendarMissing):
        first.due()
    assert first.dated(KNOWN["UZ"]) == first
    assert first.dated(KNOWN["BY"]).due() == date(2027, 1, 8)


def test_a_calendar_that_comes_later_changes_nothing_that_was_computed_before() -> None:
    clock = started("BY", "2026-04-17T09:00Z").dated(KNOWN["BY"])
    later = Calendar("BY", 2026, "another decree")
    assert clock.dated([later]) == clock
    assert clock.stop(Why.PAYMENT, datetime(2026, 4, 22, 9, tzinfo=UTC)).dated([later]).calendars == clock.calendars
    assert started("BY", "2026-04-17T09:00Z").dated([later]).due() == date(2026, 4, 24)


def test_what_is_left_shrinks_with_each_working_day_and_midnight_makes_it_overdue() -> None:
    clock = started("BY", "2026-04-17T09:00Z").dated(KNOWN["BY"])
    seen = {day: clock.left(datetime(2026, 4, day, 9, tzinfo=UTC)) for day in (17, 21, 22, 23, 24, 25, 26, 27, 28)}
    assert seen == {17: 5, 21: 5, 22: 5, 23: 4, 24: 3, 25: 2, 26: 1, 27: 1, 28: 0}
    assert not clock.is_overdue(datetime(2026, 4, 27, 20, 59, 59, tzinfo=UTC))
    assert not clock.is_over(datetime(2026, 4, 27, 20, 59, 59, tzinfo=UTC))
    assert clock.is_overdue(datetime(2026, 4, 27, 21, tzinfo=UTC))
    assert clock.is_over(datetime(2026, 4, 27, 21, tzinfo=UTC))


def test_the_days_that_a_stop_touches_are_not_counted_and_before_its_end_there_is_no_last_day() -> None:
    clock = started("BY", "2026-04-17T09:00Z").dated(KNOWN["BY"])
    stopped = clock.stop(Why.PAYMENT, datetime(2026, 4, 23, 9, tzinfo=UTC))
    assert (stopped.runs, stopped.due(), stopped.awaits()) == (False, None, None)
    assert stopped.left(datetime(2026, 6, 1, tzinfo=UTC)) == 4
    assert not stopped.is_overdue(datetime(2026, 6, 1, tzinfo=UTC))
    going = stopped.resume(datetime(2026, 4, 24, 9, tzinfo=UTC))
    assert (going.runs, going.due()) == (True, date(2026, 4, 29))
    assert going.stops == (
        Stop(Why.PAYMENT, datetime(2026, 4, 23, 9, tzinfo=UTC), datetime(2026, 4, 24, 9, tzinfo=UTC)),
    )


def test_whoever_is_late_already_does_not_become_less_so_by_a_stop() -> None:
    clock = started("BY", "2026-04-17T09:00Z").dated(KNOWN["BY"])
    late = clock.stop(Why.FORCE_MAJEURE, datetime(2026, 4, 28, 9, tzinfo=UTC))
    assert late.due() == date(2026, 4, 27)
    assert late.is_overdue(datetime(2026, 4, 28, 9, tzinfo=UTC))


def test_the_draft_and_another_reason_stop_it_together_and_each_ends_by_itself() -> None:
    at = datetime(2026, 4, 22, 9, tzinfo=UTC)
    clock = started("BY", "2026-04-17T09:00Z").dated(KNOWN["BY"]).stop(Why.CONTRACT, at)
    with pytest.raises(ClockStands) as stands:
        clock.stop(Why.PAYMENT, at)
    assert str(stands.value) == "the clock of the application stands still"
    with pytest.raises(ClockRuns):
        clock.resume(at, draft=True)
    both = clock.stop(Why.DRAFT, at)
    with pytest.raises(ClockStands):
        both.stop(Why.DRAFT, at)
    assert both.awaits() == both.answer_by() == date(2026, 4, 30)
    answered = both.resume(at, draft=True)
    assert (answered.runs, answered.answer_by()) == (False, None)
    going = answered.resume(at)
    assert going.runs
    with pytest.raises(ClockRuns) as runs:
        going.resume(at)
    assert str(runs.value) == "the clock of the application was not stopped"


def test_a_stop_never_ends_before_it_began() -> None:
    at = datetime(2026, 4, 22, 9, tzinfo=UTC)
    clock = started("BY", "2026-04-17T09:00Z").stop(Why.CONTRACT, at)
    assert clock.resume(at - timedelta(hours=1)).stops == (Stop(Why.CONTRACT, at, at),)


def test_at_its_end_a_clock_says_for_ever_whether_it_was_in_time() -> None:
    clock = started("BY", "2026-04-17T09:00Z").dated(KNOWN["BY"])
    in_time = clock.stop(Why.PAYMENT, datetime(2026, 4, 24, 9, tzinfo=UTC)).end(datetime(2026, 4, 27, 9, tzinfo=UTC))
    late = clock.end(datetime(2026, 4, 28, 9, tzinfo=UTC))
    later = datetime(2027, 4, 28, 9, tzinfo=UTC)
    assert not in_time.is_overdue(later)
    assert late.is_overdue(later)
    assert (late.left(later), in_time.awaits(), in_time.missing(), in_time.runs) == (0, None, None, False)
    assert in_time.stops[0].until == datetime(2026, 4, 27, 9, tzinfo=UTC)


def test_the_figures_are_those_of_the_agreement_and_where_it_is_silent_of_the_rules() -> None:
    received = LocalDate.parse("2026-04-17+03:00")
    own = Clock.start("BY", received, None, single_window=False)
    assert (own.working_days, own.days_to_object, own.silence) == (5, 7, Silence.ACCEPTED)
    window = Clock.start("BY", received, None, single_window=True)
    assert (window.working_days, window.days_to_object, window.silence) == (3, 7, Silence.REFUSED)
    held = (KNOWN["BY"][0], KNOWN["UZ"][0])
    names = {"BY": "by.registry.example", "UZ": "uz.registry.example"}
    agreement = Agreement.parse(birth.agreement_wishes(names, date(2026, 1, 1)))
    agreed = replace(agreement, working_days_to_issue=2, days_to_object=4, silence=Silence.REFUSED, calendars=held)
    clock = Clock.start("BY", received, agreed, single_window=False)
    assert (clock.working_days, clock.days_to_object, clock.silence) == (2, 4, Silence.REFUSED)
    assert clock.calendars == (KNOWN["BY"][0],)
    assert clock.due() == date(2026, 4, 23)
    assert Clock.start("BY", received, agreed, single_window=True).working_days == 2


def test_where_no_day_is_given_the_day_of_receipt_is_the_last() -> None:
    assert started("BY", "2026-04-17T09:00Z", 0).due() == date(2026, 4, 17)


DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  bounds
CALENDARS = st.builds(
    lambda moved: [
        Calendar(
            "BY",
            year,
            "drawn",
            rest=tuple(sorted(day for day in moved if day.year == year and day.weekday() < 5)),
            worked=tuple(sorted(day for day in moved if day.year == year and day.weekday() >= 5)),
        )
        for year in (2026, 2027, 2028, 2029)
    ],
    st.sets(DAYS, max_size=60),
)


@st.composite
def clocks(draw: st.DrawFn) -> Clock:
    """A clock with closed stops and all its calendars."""
    at = draw(INSTANTS).replace(microsecond=0)
    clock = Clock(
        "BY",
        OFFSET["BY"].local_date(at),
        draw(st.integers(0, 12)),
        7,
        draw(st.sampled_from(Silence)),
        calendars=tuple(draw(CALENDARS)),
    )
    for hours, lasted in draw(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=4)):
        at += timedelta(hours=hours)
        clock = clock.stop(draw(st.sampled_from([Why.CONTRACT, Why.PAYMENT, Why.FORCE_MAJEURE])), at)
        at += timedelta(hours=lasted)
        clock = clock.resume(at)
    return clock


def counts(clock: Clock, day: date) -> bool:
    """Say by the definition whether a day counts: worked, after receipt, and untouched by any stop."""
    local = clock.received.offset.local_date
    touched = any(stop.until and local(stop.since).day <= day <= local(stop.until).day for stop in clock.stops)
    worked = next(each for each in clock.calendars if each.year == day.year).is_working_day(day)
    return worked and not touched and day > clock.received.day


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=each) for each in range((last - first).days + 1)]


@given(clocks())
def test_as_many_days_count_as_are_given_and_the_last_of_them_is_the_last_day(clock: Clock) -> None:
    due = clock.due()
    assert due is not None
    counted = [day for day in days(clock.received.day, due) if counts(clock, day)]
    assert len(counted) == clock.working_days
    assert due == (counted[-1] if counted else clock.received.day)


@given(clocks(), st.integers(0, 60))
def test_what_is_left_and_what_is_past_are_all_there_is(clock: Clock, ahead: int) -> None:
    due, day = clock.due(), clock.received.day + timedelta(days=ahead)
    noon = LocalDate(day, clock.received.offset).begins() + timedelta(hours=12)
    past = sum(counts(clock, each) for each in days(clock.received.day, day)[:-1])
    assert due is not None
    assert clock.left(noon) == max(0, clock.working_days - past)
    assert clock.is_overdue(noon) == clock.is_over(noon) == (day > due)


@given(clocks(), st.integers(0, 500), st.integers(0, 500))
def test_a_stop_more_never_makes_the_day_earlier(clock: Clock, hours: int, lasted: int) -> None:
    since = clock.received.begins() + timedelta(hours=hours)
    longer = clock.stop(Why.PAYMENT, since).resume(since + timedelta(hours=lasted))
    before, after = clock.due(), longer.due()
    assert before is not None
    assert after is not None
    assert after >= before
    while_open = clock.stop(Why.PAYMENT, since).due()
    assert while_open in {None, before}


@given(clocks(), CALENDARS)
def test_calendars_that_come_later_change_no_clock_that_has_its_day(clock: Clock, later: list[Calendar]) -> None:
    assert clock.dated(later) == clock


@given(clocks())
def test_a_clock_is_read_back(clock: Clock) -> None:
    again = Clock.parse(json.loads(json.dumps(clock.encode())))
    assert again == clock
    assert again.digest == clock.digest
    ended = clock.stop(Why.DRAFT, datetime(2028, 1, 1, tzinfo=UTC)).end(datetime(2028, 1, 2, tzinfo=UTC))
    assert Clock.parse(ended.encode()) == ended
