from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.core.calendar import (
    Calendar,
    CalendarMissing,
    LocalDate,
    MalformedTime,
    Offset,
    add_working_days,
    read_day,
    read_instant,
    write_instant,
)

MINSK, TASHKENT = Offset(180), Offset(300)
FIRST, LAST = datetime.fromisoformat("1000-01-01T00:00:00"), datetime.fromisoformat("2999-12-31T23:59:59")


@given(st.datetimes(FIRST, LAST, timezones=st.just(UTC)))
def test_any_second_is_read_back(at: datetime) -> None:
    whole = at.replace(microsecond=0)
    assert read_instant(write_instant(at)) == whole


def test_an_instant_is_written_in_utc() -> None:
    assert write_instant(datetime(2026, 11, 21, 14, 30, 5, 9, timezone(timedelta(hours=5)))) == "2026-11-21T09:30:05Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21",
        "2026-11-21T09:30:00",
        "2026-11-21T09:30:00z",
        "2026-11-21t09:30:00Z",
        "2026-11-21 09:30:00Z",
        "2026-11-21T09:30:00+00:00",
        "2026-11-21T09:30:00.0Z",
        "2026-11-21T09:30Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T23:59:60Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-11-21T09:30:00Z\n",
        "２０２６-11-21T09:30:00Z",
    ],
)
def test_another_spelling_of_an_instant_is_refused(text: str) -> None:
    with pytest.raises(MalformedTime) as refused:
        read_instant(text)
    assert refused.value.code == "malformed-time"
    assert "is not a time" in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "2026-11-2", "20261121", "2026-02-29", "9999-12-31", "2026-11-21\n", "2026-W47-6"]
)
def test_another_spelling_of_a_day_is_refused(text: str) -> None:
    with pytest.raises(MalformedTime):
        read_day(text)


@given(st.integers(-14 * 60 - 59, 14 * 60 + 59))
def test_any_offset_is_read_back(minutes: int) -> None:
    assert Offset.parse(Offset(minutes).encode()) == Offset(minutes)


@pytest.mark.parametrize(
    "text", ["", "Z", "+3:00", "+03:60", "+15:00", "-00:00", "+0300", "03:00", "+03:00\n", "+０３:00"]
)
def test_another_spelling_of_an_offset_is_refused(text: str) -> None:
    with pytest.raises(MalformedTime):
        Offset.parse(text)


def test_half_past_midnight_in_tashkent_is_not_yesterday() -> None:
    at = read_instant("2026-11-20T19:30:00Z")
    assert TASHKENT.local_date(at).encode() == "2026-11-21+05:00"
    assert MINSK.local_date(at).encode() == "2026-11-20+03:00"
    assert Offset(-210).local_date(at).encode() == "2026-11-20-03:30"


@pytest.mark.parametrize("text", ["2026-11-21+05:00", "2026-11-21-03:30", "2999-12-31+14:59", "1000-01-01-14:59"])
def test_a_local_date_is_read_back_with_its_first_and_last_second(text: str) -> None:
    local = LocalDate.parse(text)
    assert local.encode() == text
    assert local.offset.local_date(local.begins()) == local
    assert local.offset.local_date(local.ends()) == local
    assert local.offset.local_date(local.ends() + timedelta(seconds=1)) != local


@pytest.mark.parametrize("text", ["", "2026-11-21", "2026-11-21Z", "2026-11-31+05:00", "9999-12-31-05:00"])
def test_another_spelling_of_a_local_date_is_refused(text: str) -> None:
    with pytest.raises(MalformedTime):
        LocalDate.parse(text)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2026-11-21", 12, "2027-11-21"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2027-11-30", 3, "2028-02-29"),
        ("2026-12-31", 1, "2027-01-31"),
        ("2026-12-31", 0, "2026-12-31"),
        ("2024-02-29", 12, "2025-02-28"),
    ],
)
def test_months_end_on_the_same_day_or_on_the_last(day: str, months: int, later: str) -> None:
    assert LocalDate(date.fromisoformat(day), MINSK).plus_months(months).day == date.fromisoformat(later)


YEAR = Calendar("BY", 2026, "Resolution 1", rest=(date(2026, 11, 6),), worked=(date(2026, 11, 14),))
NEXT = Calendar("BY", 2027, "Resolution 2", rest=(date(2027, 1, 1),))
OTHER = Calendar("UZ", 2027, "Decree", rest=())


@pytest.mark.parametrize(
    ("day", "worked"),
    [(5, True), (6, False), (7, False), (8, False), (14, True), (15, False)],
)
def test_moved_saturdays_are_worked_and_moved_days_are_not(day: int, worked: bool) -> None:  # noqa: FBT001  a column of the table
    assert YEAR.is_working_day(date(2026, 11, day)) is worked


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (date(2026, 11, 5), 0, date(2026, 11, 5)),
        (date(2026, 11, 5), 1, date(2026, 11, 9)),
        (date(2026, 11, 9), 5, date(2026, 11, 14)),
        (date(2026, 12, 31), 1, date(2027, 1, 4)),
    ],
)
def test_the_day_of_the_start_is_not_counted(start: date, days: int, end: date) -> None:
    assert add_working_days(start, days, {YEAR, NEXT, OTHER}, "BY") == end


def test_a_deadline_is_never_guessed() -> None:
    with pytest.raises(CalendarMissing) as refused:
        add_working_days(date(2026, 12, 31), 1, {YEAR, OTHER}, "BY")
    assert str(refused.value) == "no calendar of BY for 2027 is confirmed"
