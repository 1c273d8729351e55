"""A calendar: one operator proposes it, another confirms it, and the clocks that lacked it get their day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.application.working_year import NOT_COMPARED, calendar_id, write_calendar
from registry.core.calendar import Calendar, write_instant
from registry.core.canonical import Json
from registry.core.errors import Conflict, NotFound, Unprocessable
from registry.core.tlog.entry import Kind
from registry.store import acts, applications, calendars
from registry.store.acts import Act, Draw
from registry.store.calendars import CalendarRow
from registry.store.parties import Role
from registry.usecases.application import run_clock
from registry.usecases.application.find_application import record
from registry.usecases.party.confirm_proposal import by_another, find_proposals
from registry.usecases.party.identify_party import Party


@dataclass(eq=False)
class CalendarNotProposed(NotFound):
    """Nobody proposed a calendar of exactly these days, or not since one of that year was confirmed."""

    code: ClassVar[str] = "calendar-not-proposed"
    digest: str

    def __str__(self) -> str:
        return (
            f"nobody proposed the calendar {self.digest[:16]} since the last one of its year was confirmed: compare "
            "the file with the one that was proposed, or propose it anew"
        )


@dataclass(eq=False)
class CalendarConfirmed(Conflict):
    """A calendar of exactly these days is the one of its year."""

    code: ClassVar[str] = "calendar-confirmed"
    version: int
    since: str

    def __str__(self) -> str:
        return f"this calendar was confirmed at {self.since}: it is version {self.version} of its year"


@dataclass(eq=False)
class CalendarProposed(Conflict):
    """A calendar of exactly these days is proposed, and waits for another operator."""

    code: ClassVar[str] = "calendar-proposed"
    country: str
    year: int
    since: str

    def __str__(self) -> str:
        return (
            f"this calendar of {self.country} {self.year} is proposed already, since {self.since}: another operator "
            "confirms it"
        )


@dataclass(eq=False)
class CalendarNotCompared(Unprocessable):
    """A draft says of itself that nobody compared its days with the decree: last days are not computed from it."""

    code: ClassVar[str] = "calendar-not-compared"
    year: int

    def __str__(self) -> str:
        return f"the calendar of {self.year} says {NOT_COMPARED!r}: compare its days, and name the decree under source"


def propose(tx: Session, calendar: Calendar, *, by: Party, at: datetime, draw: Draw) -> str:
    """Record who proposes a calendar, and return its digest.

    Raises `CalendarNotCompared`, `CalendarConfirmed`, `CalendarProposed`.
    """
    by.require(Role.OPERATOR)
    if NOT_COMPARED in calendar.source:
        raise CalendarNotCompared(calendar.year)
    digest = calendar_id(calendar)
    calendars.lock_confirming(tx)
    known, proposals = _known(tx, calendar, digest)
    if known is not None and known.digest == digest:
        raise CalendarConfirmed(known.version, write_instant(known.confirmed_at))
    if proposals:
        raise CalendarProposed(calendar.country, calendar.year, write_instant(proposals[-1].at))
    private: dict[str, Json] = {"digest": digest, "calendar": write_calendar(calendar)}
    acts.record(tx, Kind.CALENDAR_PROPOSED, private, by=by.actor, at=at, draw=draw, subject=digest)
    return digest


def confirm(tx: Session, calendar: Calendar, *, by: Party, at: datetime, draw: Draw) -> CalendarRow:
    """Confirm a calendar that another operator proposed: it is the newest version of its year from now on.

    A proposal of before the last confirmation of that year is used up: nobody brings back alone what two people
    corrected. Clocks that were computed stay as they are; those that lacked a calendar of this year get their day, each
    by an act. Raises `CalendarNotProposed`, `CalendarConfirmed`, `SameOperator`.
    """
    by.require(Role.OPERATOR)
    digest = calendar_id(calendar)
    calendars.lock_confirming(tx)
    known, proposals = _known(tx, calendar, digest)
    if known is not None and known.digest == digest:
        raise CalendarConfirmed(known.version, write_instant(known.confirmed_at))
    if not proposals:
        raise CalendarNotProposed(digest)
    proposed = by_another(proposals, by)
    version = 1 if known is None else known.version + 1
    private: dict[str, Json] = {"digest": digest, "country": calendar.country, "year": calendar.year}
    private["version"] = version
    act = acts.record(tx, Kind.CALENDAR_CONFIRMED, private, by=by.actor, at=at, draw=draw, subject=digest)
    row = CalendarRow(
        country=calendar.country,
        year=calendar.year,
        version=version,
        digest=digest,
        content=dict(write_calendar(calendar)),
        proposed_by=str(proposed.person),
        confirmed_by=by.person,
        confirmed_at=at,
        act=act,
    )
    tx.add(row)
    tx.flush()
    _date(tx, calendar, by=by, at=at, draw=draw)
    return row


def _known(tx: Session, calendar: Calendar, digest: str) -> tuple[CalendarRow | None, Sequence[Act]]:
    """Return the calendar that is the one of its year, and who proposed this one since that was confirmed."""
    known = calendars.newest_of(tx, calendar.country, calendar.year)
    since = None if known is None else acts.find(tx, known.act)
    return known, find_proposals(tx, digest, Kind.CALENDAR_PROPOSED, since=since)


def _date(tx: Session, calendar: Calendar, *, by: Party, at: datetime, draw: Draw) -> None:
    for row in applications.undated(tx, calendar.country):
        clock = run_clock.clock_of(row)
        assert clock is not None
        missing = clock.missing()
        if missing is not None and missing.year == calendar.year:
            run_clock.keep(tx, row, clock)
            row.version, row.changed_at = row.version + 1, at
            tx.flush()
            record(tx, Kind.APPLICATION_DATED, row, by=by, at=at, draw=draw)
