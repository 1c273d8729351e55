"""The legal clock of an application: when it was received, when it stood still and why, and what follows (S5 4.2, 4.3).

A working day counts if the clock ran the whole of it, from midnight to midnight of the issuing country. So the day of
receipt is not counted (S5 4.2), nor is a day on which the clock stopped or started again. A clock keeps the calendars
that it was computed with: one that is confirmed later changes nothing that was computed before.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import islice, takewhile
from typing import Annotated, ClassVar, Self

from registry.core import canonical
from registry.core.agreement import Agreement, Silence
from registry.core.calendar import Calendar, CalendarMissing, LocalDate, add_working_days, is_worked
from registry.core.canonical import JsonObject
from registry.core.errors import Conflict
from registry.core.identifiers import Digest
from registry.core.record import decode, encode

WORKING_DAYS = 5
"""To issue, where the agreement says nothing (S5 4.2)."""
WORKING_DAYS_SINGLE_WINDOW = 3
"""To issue on what came through a single window (S5 4.2)."""
DAYS_TO_OBJECT = 7
"""Working days to object to the draft, where the agreement says nothing (S5 4.12)."""


class Why(StrEnum):
    """Why a clock stands still (S5 4.3)."""

    DRAFT = "draft"
    CONTRACT = "contract"
    PAYMENT = "payment"
    FORCE_MAJEURE = "force_majeure"


@dataclass(eq=False)
class ClockStands(Conflict):
    """The clock of the application was stopped already, or never started."""

    code: ClassVar[str] = "clock-stands"
    clause: ClassVar[str | None] = "S5 4.3"

    def __str__(self) -> str:
        return "the clock of the application stands still"


@dataclass(eq=False)
class ClockRuns(Conflict):
    """Nothing that could end keeps the clock of the application from running."""

    code: ClassVar[str] = "clock-runs"
    clause: ClassVar[str | None] = "S5 4.3"

    def __str__(self) -> str:
        return "the clock of the application was not stopped"


@dataclass(frozen=True, slots=True)
class Stop:
    """A span in which the clock stood still; without an end, it still does."""

    why: Why
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock as a value; its figures are those of the day of receipt, whatever is agreed later."""

    country: Annotated[str, re.compile(r"[A-Z]{2}")]
    received: LocalDate
    working_days: int
    days_to_object: int
    silence: Silence
    stops: tuple[Stop, ...] = ()
    ended: datetime | None = None
    calendars: tuple[Calendar, ...] = ()

    @classmethod
    def start(cls, country: str, received: LocalDate, agreement: Agreement | None, *, single_window: bool) -> Self:
        """Start a clock by the agreement, and where it is silent by S5 4.2 and 4.12.

        A single window gives three days and takes silence for a refusal, whatever holds for others.
        """
        agreed = None if agreement is None else agreement.working_days_to_issue
        working_days = WORKING_DAYS if agreed is None else agreed
        silence = Silence.ACCEPTED if agreement is None else agreement.silence
        objects = None if agreement is None else agreement.days_to_object
        calendars = () if agreement is None else agreement.calendars
        return cls(
            country,
            received,
            min(working_days, WORKING_DAYS_SINGLE_WINDOW) if single_window else working_days,
            DAYS_TO_OBJECT if objects is None else objects,
            Silence.REFUSED if single_window else silence,
            calendars=tuple(calendar for calendar in calendars if calendar.country == country),
        )

    @classmethod
    def parse(cls, value: JsonObject) -> Self:
        """Read a clock; raises `MalformedRecord`."""
        return decode(cls, value)

    def encode(self) -> JsonObject:
        """Write the clock as the object that is kept."""
        return encode(self)

    @property
    def digest(self) -> Digest:
        """SHA-256 of the canonical bytes."""
        return Digest(canonical.digest(canonical.encode(self.encode())))

    @property
    def runs(self) -> bool:
        """Whether the clock runs now."""
        return self.ended is None and all(stop.until is not None for stop in self.stops)

    def stop(self, why: Why, at: datetime) -> "Clock":
        """Return the clock stopped for a reason; raises `ClockStands` where one of that sort holds already.

        The applicant may review the draft while a contract or a payment is awaited: the clock waits for both.
        """
        if any((stop.why is Why.DRAFT) is (why is Why.DRAFT) for stop in self._open()):
            raise ClockStands
        return replace(self, stops=(*self.stops, Stop(why, at)))

    def resume(self, at: datetime, *, draft: bool = False) -> "Clock":
        """Return the clock with the review of the draft ended, or the other reason; raises `ClockRuns`."""
        ending = [stop for stop in self._open() if (stop.why is Why.DRAFT) is draft]
        if not ending:
            raise ClockRuns
        return replace(self, stops=tuple(_ended(stop, at) if stop in ending else stop for stop in self.stops))

    def end(self, at: datetime) -> "Clock":
        """Return the clock at its end: the application is issued, refused or withdrawn."""
        ended = tuple(_ended(stop, at) if stop.until is None else stop for stop in self.stops)
        return replace(self, stops=ended, ended=at)

    def due(self) -> date | None:
        """Return the last day to issue; None while the clock stands still. Raises `CalendarMissing`."""
        if not self.working_days:
            return self.received.day
        return next(islice(self._counted(), self.working_days - 1, None), None)

    def left(self, at: datetime) -> int:
        """Return how many working days are left at `at`, today's among them. Raises `CalendarMissing`."""
        today = self._day(at if self.ended is None else self.ended)
        past = takewhile(lambda day: day < today, islice(self._counted(), self.working_days))
        return self.working_days - sum(1 for _ in past)

    def answer_by(self) -> date | None:
        """Return the last day on which the applicant may object to the draft (S5 4.12). Raises `CalendarMissing`."""
        offered = [stop for stop in self._open() if stop.why is Why.DRAFT]
        if not offered:
            return None
        return add_working_days(self._day(offered[0].since), self.days_to_object, self.calendars, self.country)

    def awaits(self) -> date | None:
        """Return the last day of whoever must act now: the applicant who has a draft before them, or the body.

        None where nobody must, and where a calendar that is not confirmed would say.
        """
        try:
            return self._awaits()
        except CalendarMissing:
            return None

    def is_over(self, at: datetime) -> bool:
        """Tell whether the day that `awaits` returns is over at `at`, by midnight of the country."""
        last = self.awaits()
        return last is not None and last < self._day(at)

    def is_overdue(self, at: datetime) -> bool:
        """Tell whether the body is late at `at`, or was at the end. Raises `CalendarMissing`."""
        due = self.due()
        return due is not None and due < self._day(at if self.ended is None else self.ended)

    def missing(self) -> CalendarMissing | None:
        """Return which calendar is missing to say what `awaits` asks."""
        try:
            self._awaits()
        except CalendarMissing as missing:
            return missing
        return None

    def dated(self, known: Iterable[Calendar]) -> "Clock":
        """Return the clock with those known calendars that it lacks now; one that it keeps is never replaced."""
        clock, by_year = self, {each.year: each for each in known if each.country == self.country}
        while (missing := clock.missing()) is not None and missing.year in by_year:
            clock = replace(clock, calendars=(*clock.calendars, by_year[missing.year]))
        return clock

    def _awaits(self) -> date | None:
        if self.ended is not None:
            return None
        return self.answer_by() or self.due()

    def _open(self) -> list[Stop]:
        return [stop for stop in self.stops if stop.until is None]

    def _day(self, at: datetime) -> date:
        return self.received.offset.local_date(at).day

    def _counted(self) -> Iterator[date]:
        """Yield the days that count, in order; they end where the clock stands still."""
        spans = [(self._day(stop.since), None if stop.until is None else self._day(stop.until)) for stop in self.stops]
        day = self.received.day
        while True:
            day += timedelta(days=1)
            if any(until is None and since <= day for since, until in spans):
                return
            stood = any(until is not None and since <= day <= until for since, until in spans)
            if not stood and is_worked(day, self.calendars, self.country):
                yield day


def _ended(stop: Stop, at: datetime) -> Stop:
    """End a stop, never before it began: clocks of machines are set back."""
    return replace(stop, until=max(at, stop.since))
