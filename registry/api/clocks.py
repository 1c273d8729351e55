"""The legal clock of an application as it is shown: what is left, why it stands still, and by which calendars."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from registry.core.application.clock import Clock, Stop
from registry.core.application.working_year import calendar_id
from registry.core.calendar import Calendar, CalendarMissing, LocalDate, write_instant


class StopView(BaseModel):
    """A span in which the clock stood still."""

    why: str
    since: str
    until: str | None

    @classmethod
    def of(cls, stop: Stop) -> "StopView":
        """Render a span."""
        until = None if stop.until is None else write_instant(stop.until)
        return cls(why=stop.why, since=write_instant(stop.since), until=until)


class CalendarView(BaseModel):
    """A calendar that the clock was computed with; one that is confirmed later changes nothing of it."""

    year: int
    id: str
    source: str

    @classmethod
    def of(cls, calendar: Calendar) -> "CalendarView":
        """Render a calendar."""
        return cls(year=calendar.year, id=calendar_id(calendar), source=calendar.source)


class ClockView(BaseModel):
    """The clock; every date is a local one of the issuing country."""

    received_on: str
    working_days: int
    runs: bool
    due_on: Annotated[str | None, Field(description="The last day to issue; absent while the clock stands still.")]
    left: Annotated[int | None, Field(description="Working days left, today's among them.")]
    overdue: bool
    answer_by: Annotated[str | None, Field(description="The last day to object to the draft.")]
    silence: Annotated[str, Field(description="What it means if nobody answers to the draft by then.")]
    not_computed: Annotated[str | None, Field(description="Why a day is absent that would be here.")]
    stops: list[StopView]
    calendars: list[CalendarView]

    @classmethod
    def of(cls, clock: Clock, at: datetime) -> "ClockView":
        """Render a clock as it is at `at`; what a calendar is missing for is not guessed."""
        due = left = answer_by = not_computed = None
        overdue = False
        try:
            answer_by = clock.answer_by()
            due, left, overdue = clock.due(), clock.left(at), clock.is_overdue(at)
        except CalendarMissing as missing:
            not_computed = str(missing)

        def local(day: date | None) -> str | None:
            return None if day is None else LocalDate(day, clock.received.offset).encode()

        return cls(
            received_on=clock.received.encode(),
            working_days=clock.working_days,
            runs=clock.runs,
            due_on=local(due),
            left=left,
            overdue=overdue,
            answer_by=local(answer_by),
            silence=clock.silence,
            not_computed=not_computed,
            stops=[StopView.of(stop) for stop in clock.stops],
            calendars=[CalendarView.of(calendar) for calendar in clock.calendars],
        )
