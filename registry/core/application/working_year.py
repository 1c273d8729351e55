"""The calendar of a year as data: read strictly, written in one spelling, named by its digest."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from registry.core import canonical
from registry.core.calendar import Calendar
from registry.core.canonical import JsonObject
from registry.core.errors import Malformed
from registry.core.identifiers import Digest
from registry.core.record import decode, encode

_COUNTRY = re.compile(r"[A-Z]{2}")
_YEARS = range(1000, 3000)
_SATURDAY = 5
NOT_COMPARED = "not compared with the decree yet"
"""Stands in the source of a draft until a person has compared its days, and named the decree in its place."""


@dataclass(eq=False)
class MalformedCalendar(Malformed):
    """A calendar names a day that is not of its year, twice, out of order, or as what it is anyway."""

    code: ClassVar[str] = "malformed-calendar"
    reason: str

    def __str__(self) -> str:
        return self.reason


def read_calendar(value: JsonObject) -> Calendar:
    """Read a calendar that names no more than it must: weekdays that rest and weekends that are worked, in order.

    Raises `MalformedRecord`, `MalformedCalendar`.
    """
    calendar = decode(Calendar, value)
    if not _COUNTRY.fullmatch(calendar.country) or calendar.year not in _YEARS:
        raise MalformedCalendar("a calendar is of a country, by its code, and of a year of four digits")
    for name, days, weekend in (("rest", calendar.rest, False), ("worked", calendar.worked, True)):
        _check(name, days, calendar.year, weekend=weekend)
    return calendar


def write_calendar(calendar: Calendar) -> JsonObject:
    """Write a calendar as the object that its digest is of."""
    return encode(calendar)


def calendar_id(calendar: Calendar) -> Digest:
    """SHA-256 of the canonical bytes."""
    return Digest(canonical.digest(canonical.encode(write_calendar(calendar))))


def _check(name: str, days: Sequence[date], year: int, *, weekend: bool) -> None:
    if list(days) != sorted(set(days)):
        raise MalformedCalendar(f"the days under {name} are not in order, or one stands twice")
    for day in days:
        if day.year != year:
            raise MalformedCalendar(f"{day.isoformat()} is not a day of {year}")
        if (day.weekday() >= _SATURDAY) is not weekend:
            raise MalformedCalendar(f"{day.isoformat()} under {name} is so without being named")
