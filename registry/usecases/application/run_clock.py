"""Start, stop and end the legal clock of an application with each move, and date it by the confirmed calendars.

The clock is kept in the application's row as it was computed; `due_on` is an index over it.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.agreement import Agreement, NotAgreed, Silence
from registry.core.application.clock import Clock, ClockStands, Why
from registry.core.application.lifecycle import Move, State
from registry.core.application.working_year import calendar_id, read_calendar
from registry.core.calendar import LocalDate, Offset
from registry.core.canonical import Json
from registry.store import calendars, tasks
from registry.store.applications import Application
from registry.store.tasks import TaskKind
from registry.usecases.trust.believe_peers import Beliefs

SILENCE = {Silence.ACCEPTED: Move.ACCEPT, Silence.REFUSED: Move.LAPSE}
"""The move that silence makes, by what is agreed."""
ENDS = frozenset({Move.ISSUE, Move.REFUSE, Move.WITHDRAW, Move.LAPSE})


def start(tx: Session, row: Application, beliefs: Beliefs, *, at: datetime) -> None:
    """Start the clock of an application that is submitted: by the agreement in force on the local day of receipt."""
    try:
        received = beliefs.offset(row.issued_in, at).local_date(at)
    except NotAgreed:
        received = Offset(0).local_date(at)
    clock = Clock.start(row.issued_in, received, _agreement(row, beliefs, received), single_window=row.single_window)
    keep(tx, row, clock)


def turn(tx: Session, row: Application, move: Move, *, at: datetime, why: Why | None = None) -> None:
    """Let a move stop, start or end the clock. One that was sent back starts anew when it is submitted again.

    Raises `ClockStands`, `ClockRuns`.
    """
    clock = clock_of(row)
    if clock is None:
        if move in {Move.STOP, Move.RESUME}:
            raise ClockStands
        return
    match move:
        case Move.OFFER_DRAFT:
            clock = clock.stop(Why.DRAFT, at)
        case Move.ACCEPT | Move.OBJECT:
            clock = clock.resume(at, draft=True)
        case Move.STOP if why is not None:
            clock = clock.stop(why, at)
        case Move.RESUME:
            clock = clock.resume(at)
        case _ if move in ENDS:
            clock = clock.end(at)
        case _:
            pass
    if move in ENDS or move is Move.SEND_BACK:
        tasks.close_tasks(tx, TaskKind.APPLICATION_OVERDUE, [row.id], at=at)
    if move is Move.SEND_BACK:
        row.clock = row.due_on = None
    else:
        keep(tx, row, clock)


def silence(row: Application) -> tuple[Move, datetime] | None:
    """Return what silence makes of an offered draft, and when: with the last second of the applicant's last day.

    So it is one answer at one time, whoever looks for it and whenever (S5 4.12). None where no draft awaits an answer.
    """
    clock = clock_of(row)
    if row.state != State.DRAFT_OFFERED or clock is None or row.due_on is None:
        return None
    return SILENCE[clock.silence], LocalDate(row.due_on, clock.received.offset).ends()


def keep(tx: Session, row: Application, clock: Clock) -> None:
    """Keep a clock, dated by the newest calendars where it lacks one."""
    if clock.missing() is not None:
        clock = clock.dated([read_calendar(known.content) for known in calendars.newest(tx, clock.country)])
    row.clock, row.due_on = dict(clock.encode()), clock.awaits()


def clock_of(row: Application) -> Clock | None:
    """Return the clock of an application; None before it is submitted."""
    return None if row.clock is None else Clock.parse(row.clock)


def told(row: Application) -> dict[str, Json]:
    """Return what an act says of the clock after it: its digest, its day, and by which calendars."""
    clock = clock_of(row)
    if clock is None:
        return {}
    by: list[Json] = [calendar_id(calendar) for calendar in clock.calendars]
    day: dict[str, Json] = {} if row.due_on is None else {"due_on": row.due_on.isoformat()}
    return {"clock": clock.digest, "calendars": by, **day}


def _agreement(row: Application, beliefs: Beliefs, received: LocalDate) -> Agreement | None:
    try:
        return beliefs.agreed(row.scheme, row.issued_in, row.presented_in, received.day)[0]
    except NotAgreed:
        return None
