"""A calendar is proposed by one operator and confirmed by another; what was computed before stays as it is."""

from datetime import UTC, date, datetime

from sqlalchemy import text

from registry.core.application.working_year import NOT_COMPARED, calendar_id
from registry.core.calendar import Calendar, write_instant
from registry.core.tlog.entry import Kind
from registry.store import calendars
from registry.store.calendars import CalendarRow
from registry.usecases.application import confirm_calendar
from registry.usecases.application.confirm_calendar import (
    CalendarConfirmed,
    CalendarNotCompared,
    CalendarNotProposed,
    CalendarProposed,
)
from registry.usecases.party.confirm_proposal import SameOperator
from registry.usecases.party.identify_party import RoleMissing
from tests.kit import Corridor, Country

NEXT = Calendar("BY", 2028, "Постановление", rest=(date(2028, 1, 7),))
OTHER = Calendar("BY", 2026, "Второе постановление")


def confirmed(country: Country, calendar: Calendar) -> CalendarRow:
    with country.tx() as tx:
        confirm_calendar.propose(tx, calendar, **country.by("operator"))
        return confirm_calendar.confirm(tx, calendar, **country.by("second_operator"))


def test_a_calendar_is_proposed_by_one_and_confirmed_by_another(corridor: Corridor) -> None:
    by = corridor.by
    with by.refuses(CalendarNotProposed) as unknown:
        confirm_calendar.confirm(unknown.tx, NEXT, **by.by("second_operator"))
    assert str(unknown.value).startswith(f"nobody proposed the calendar {calendar_id(NEXT)[:16]}")
    with by.tx() as tx:
        assert confirm_calendar.propose(tx, NEXT, **by.by("operator")) == calendar_id(NEXT)
    with by.refuses(SameOperator) as same:
        confirm_calendar.confirm(same.tx, NEXT, **by.by("operator"))
    with by.tx() as tx:
        row = confirm_calendar.confirm(tx, NEXT, **by.by("second_operator"))
    people = (by.people["operator"].person, by.people["second_operator"].person)
    assert (row.version, row.digest, row.proposed_by, row.confirmed_by) == (1, calendar_id(NEXT), *people)
    act = by.acts(Kind.CALENDAR_CONFIRMED)[-1]
    assert (act.id, act.subject, act.private["year"]) == (row.act, row.digest, 2028)
    with by.refuses(RoleMissing) as refused:
        confirm_calendar.propose(refused.tx, NEXT, **by.by("examiner"))
    with by.refuses(RoleMissing) as refused:
        confirm_calendar.confirm(refused.tx, NEXT, **by.by("examiner"))


def test_what_is_proposed_or_confirmed_is_not_proposed_again(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        confirm_calendar.propose(tx, NEXT, **by.by("operator"))
    for who in ("operator", "second_operator"):
        with by.refuses(CalendarProposed) as proposed:
            confirm_calendar.propose(proposed.tx, NEXT, **by.by(who))
        since = write_instant(corridor.clock())
        assert str(proposed.value) == (
            f"this calendar of BY 2028 is proposed already, since {since}: another operator confirms it"
        )
    with by.tx() as tx:
        confirm_calendar.confirm(tx, NEXT, **by.by("second_operator"))
    with by.refuses(CalendarConfirmed) as confirmed_:
        confirm_calendar.propose(confirmed_.tx, NEXT, **by.by("operator"))


def test_a_draft_that_nobody_compared_with_the_decree_is_not_proposed(corridor: Corridor) -> None:
    by = corridor.by
    with by.refuses(CalendarNotCompared) as refused:
        confirm_calendar.propose(
            refused.tx, Calendar("BY", 2028, f"holidays 0.109, {NOT_COMPARED}"), **by.by("operator")
        )
    assert str(refused.value) == (
        "the calendar of 2028 says 'not compared with the decree yet': compare its days, and name the decree under "
        "source"
    )


def test_who_confirms_a_second_time_is_told_when_the_first_was(corridor: Corridor) -> None:
    by = corridor.by
    row = confirmed(by, NEXT)
    with by.refuses(CalendarConfirmed) as refused:
        confirm_calendar.confirm(refused.tx, NEXT, **by.by("second_operator"))
    since = write_instant(row.confirmed_at)
    assert str(refused.value) == f"this calendar was confirmed at {since}: it is version 1 of its year"


def test_a_later_version_counts_from_now_on_and_changes_nothing_that_was_computed_before(corridor: Corridor) -> None:
    by = corridor.by
    corridor.clock.at = datetime(2026, 12, 22, 9, tzinfo=UTC)
    before = by.submitted()
    assert before.due_on == date(2026, 12, 30)  # 25 December rests
    assert confirmed(by, OTHER).version == 2
    with by.node.database.read() as tx:
        newest = calendars.newest_of(tx, "BY", 2026)
        assert newest is not None
        assert newest.digest == calendar_id(OTHER)
        assert [row.version for row in calendars.every_version(tx) if row.year == 2026] == [1, 2]
    assert by.application(before.id).clock == before.clock
    assert by.submitted().due_on == date(2026, 12, 29)


def test_a_proposal_is_used_up_once_a_calendar_of_its_year_is_confirmed(corridor: Corridor) -> None:
    by = corridor.by
    wrong = Calendar("BY", 2028, "Черновик", rest=(date(2028, 1, 3),))
    other_year = Calendar("BY", 2029, "Постановление")
    with by.tx() as tx:
        confirm_calendar.propose(tx, other_year, **by.by("operator"))
    confirmed(by, wrong)
    assert confirmed(by, NEXT).version == 2
    for who in ("operator", "second_operator"):
        with by.refuses(CalendarNotProposed) as used_up:
            confirm_calendar.confirm(used_up.tx, wrong, **by.by(who))
    with by.tx() as tx:
        confirm_calendar.propose(tx, wrong, **by.by("second_operator"))
        assert confirm_calendar.confirm(tx, other_year, **by.by("second_operator")).version == 1
    with by.refuses(SameOperator) as alone:
        confirm_calendar.confirm(alone.tx, wrong, **by.by("second_operator"))
    with by.tx() as tx:
        assert confirm_calendar.confirm(tx, wrong, **by.by("operator")).version == 3


def test_what_could_not_be_computed_is_once_its_calendar_is_confirmed(corridor: Corridor) -> None:
    by = corridor.by
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("DELETE FROM calendar WHERE year = 2027"))
    corridor.clock.at = datetime(2026, 12, 29, 9, tzinfo=UTC)
    waiting, dated = by.submitted(), by.draft()
    assert waiting.due_on is None
    assert by.acts(Kind.APPLICATION_DATED) == []
    confirmed(by, NEXT)
    assert by.application(waiting.id).due_on is None
    confirmed(by, Calendar("UZ", 2027, "чужой"))
    assert by.application(waiting.id).due_on is None
    confirmed(by, Calendar("BY", 2027, "Постановление", rest=(date(2027, 1, 1), date(2027, 1, 7))))
    found = by.application(waiting.id)
    assert (found.due_on, found.version) == (date(2027, 1, 6), waiting.version + 1)
    (act,) = by.acts(Kind.APPLICATION_DATED)
    assert (act.subject, act.private["due_on"], len(act.private["calendars"])) == (waiting.id, "2027-01-06", 2)
    assert by.application(dated.id).clock is None
