"""Instants, local dates and working days, each a value with one spelling (formats 1, "Time")."""

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar, Self

from registry.core.errors import Malformed, Unprocessable

_INSTANT = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z")
"""Years from 1000 to 2999: no offset, month or deadline added to one leaves what a date can hold."""
_DAY = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}")
_OFFSET = re.compile(r"[+-](?:0[0-9]|1[0-4]):[0-5][0-9]")
_DAY_LENGTH = 10
_SATURDAY = 5


@dataclass(eq=False)
class MalformedTime(Malformed):
    """The text is not an instant, a day or a local date in its one spelling."""

    code: ClassVar[str] = "malformed-time"
    clause: ClassVar[str | None] = "RFC 3339, 5.6"
    text: str

    def __str__(self) -> str:
        return f"{self.text[:40]!r} is not a time in its one spelling"


@dataclass(eq=False)
class PeriodReversed(Unprocessable):
    """What is searched for ends before it begins: nobody means that, and nothing would be found."""

    code: ClassVar[str] = "period-reversed"

    def __str__(self) -> str:
        return "`from` is after `until`: the period ends before it begins"


@dataclass(eq=False)
class CalendarMissing(Unprocessable):
    """No calendar says which days of the year are worked: a date that depends on it is not computed."""

    code: ClassVar[str] = "calendar-missing"
    country: str
    year: int

    def __str__(self) -> str:
        return f"no calendar of {self.country} for {self.year} is confirmed"


def write_instant(at: datetime) -> str:
    """Write an aware instant as whole UTC seconds with `Z`."""
    assert at.tzinfo is not None
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def read_instant(text: str) -> datetime:
    """Read whole UTC seconds with `Z`; raises `MalformedTime`."""
    if not _INSTANT.fullmatch(text):
        raise MalformedTime(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise MalformedTime(text) from None


def read_day(text: str) -> date:
    """Read `YYYY-MM-DD`; raises `MalformedTime`."""
    if not _DAY.fullmatch(text):
        raise MalformedTime(text)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MalformedTime(text) from None


def check_period(first: date | None, last: date | None) -> None:
    """Check that two days, or two instants, are in order where both are named; raises `PeriodReversed`."""
    if first is not None and last is not None and first > last:
        raise PeriodReversed


def earliest_day(at: datetime) -> date:
    """Return a day before which it is nowhere at `at`: what is local is yesterday at most, with room to spare."""
    return (at.astimezone(UTC) - timedelta(days=1)).date()


def latest_day(at: datetime) -> date:
    """Return the day that it is at `at` where it is the latest, 14 hours before UTC."""
    return (at.astimezone(UTC) + timedelta(hours=14)).date()


@dataclass(frozen=True, slots=True)
class Offset:
    """A country's distance from UTC: `+03:00` for Belarus, `+05:00` for Uzbekistan."""

    minutes: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `+hh:mm` or `-hh:mm`; raises `MalformedTime`."""
        if not _OFFSET.fullmatch(text) or text == "-00:00":
            raise MalformedTime(text)
        minutes = int(text[1:3]) * 60 + int(text[4:6])
        return cls(-minutes if text[0] == "-" else minutes)

    def encode(self) -> str:
        """Write `+hh:mm` or `-hh:mm`."""
        hours, minutes = divmod(abs(self.minutes), 60)
        return f"{'-' if self.minutes < 0 else '+'}{hours:02}:{minutes:02}"

    def local_date(self, at: datetime) -> "LocalDate":
        """Return the local date at the instant `at`: 00:30 in Tashkent is not yesterday."""
        return LocalDate((at.astimezone(UTC) + timedelta(minutes=self.minutes)).date(), self)


@dataclass(frozen=True, slots=True)
class LocalDate:
    """A date that the law speaks of, with the country's offset: `2026-11-21+05:00`."""

    day: date
    offset: Offset

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `YYYY-MM-DD+hh:mm`; raises `MalformedTime`."""
        try:
            return cls(read_day(text[:_DAY_LENGTH]), Offset.parse(text[_DAY_LENGTH:]))
        except MalformedTime:
            raise MalformedTime(text) from None

    def encode(self) -> str:
        """Write `YYYY-MM-DD+hh:mm`."""
        return f"{self.day.isoformat()}{self.offset.encode()}"

    def begins(self) -> datetime:
        """Return the first instant of the day."""
        return datetime.combine(self.day, time(), UTC) - timedelta(minutes=self.offset.minutes)

    def ends(self) -> datetime:
        """Return the last whole second of the day."""
        return self.begins() + timedelta(days=1, seconds=-1)

    def plus_months(self, months: int) -> "LocalDate":
        """Return the same day some months later, or the last day of that month where it has no such day."""
        year, month = divmod(self.day.year * 12 + self.day.month - 1 + months, 12)
        day = min(self.day.day, monthrange(year, month + 1)[1])
        return LocalDate(date(year, month + 1, day), self.offset)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days of one year are worked in one country, with the source that says so.

    `rest` holds weekdays that are not worked, `worked` Saturdays and Sundays that are: days moved by decree.
    """

    country: str
    year: int
    source: str
    rest: tuple[date, ...] = ()
    worked: tuple[date, ...] = ()

    def is_working_day(self, day: date) -> bool:
        """Tell whether `day`, of this calendar's year, is worked."""
        assert day.year == self.year
        return day in self.worked or (day.weekday() < _SATURDAY and day not in self.rest)


def is_worked(day: date, calendars: Iterable[Calendar], country: str) -> bool:
    """Tell whether `day` is worked in a country; raises `CalendarMissing` where no calendar covers its year."""
    for calendar in calendars:
        if (calendar.country, calendar.year) == (country, day.year):
            return calendar.is_working_day(day)
    raise CalendarMissing(country, day.year)


def add_working_days(start: date, days: int, calendars: Iterable[Calendar], country: str) -> date:
    """Return the `days`-th working day after `start`, which itself is not counted (S5 4.2).

    Raises `CalendarMissing` where no calendar covers a year on the way: a deadline is never guessed.
    """
    known, day = tuple(calendars), start
    while days:
        day += timedelta(days=1)
        days -= is_worked(day, known, country)
    return day
