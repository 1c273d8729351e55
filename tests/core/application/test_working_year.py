"""A calendar as data names no more than it must, and once."""

from datetime import date
from typing import Any

import pytest

from registry.core.application.working_year import MalformedCalendar, calendar_id, read_calendar, write_calendar
from registry.core.calendar import Calendar
from registry.core.record import MalformedRecord

DECREE: dict[str, Any] = {
    "country": "BY",
    "year": 2026,
    "source": "Постановление",
    "rest": ["2026-04-20", "2026-04-21"],
    "worked": ["2026-04-25"],
}


def test_a_calendar_is_read_back_and_named_by_its_days() -> None:
    calendar = read_calendar(DECREE)
    assert calendar == Calendar(
        "BY", 2026, "Постановление", rest=(date(2026, 4, 20), date(2026, 4, 21)), worked=(date(2026, 4, 25),)
    )
    assert write_calendar(calendar) == DECREE
    assert len(calendar_id(calendar)) == 64
    assert calendar_id(calendar) != calendar_id(read_calendar(DECREE | {"rest": ["2026-04-20"]}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"country": "by"}, "by its code"),
        ({"year": 999}, "of four digits"),
        ({"year": 3000}, "of four digits"),
        ({"rest": ["2026-04-21", "2026-04-20"]}, "not in order"),
        ({"rest": ["2026-04-20", "2026-04-20"]}, "stands twice"),
        ({"rest": ["2027-04-20"]}, "2027-04-20 is not a day of 2026"),
        ({"rest": ["2026-04-25"]}, "2026-04-25 under rest is so without being named"),
        ({"worked": ["2026-04-24"]}, "2026-04-24 under worked is so without being named"),
    ],
)
def test_a_calendar_that_says_too_much_or_of_another_year_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(MalformedCalendar, match=said):
        read_calendar(DECREE | change)


def test_a_calendar_without_a_source_is_none() -> None:
    with pytest.raises(MalformedRecord):
        read_calendar({name: value for name, value in DECREE.items() if name != "source"})
