"""What follows when a day of the legal clock is over: silence answers the draft, and whoever is late is told."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from registry.core.application import lifecycle
from registry.core.application.lifecycle import Move, State
from registry.core.canonical import Json
from registry.core.tlog.entry import Kind
from registry.store import applications, tasks
from registry.store.acts import Actor, Draw
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from registry.usecases.application import run_clock
from registry.usecases.application.find_application import record

KIND = {Move.ACCEPT: Kind.APPLICATION_ACCEPTED, Move.LAPSE: Kind.APPLICATION_REFUSED}


def hear_silence(tx: Session, today: date, *, by: Actor, at: datetime, draw: Draw, limit: int) -> int:
    """Take silence for the answer that the agreement says, of drafts whose days ended before `today` (S5 4.12).

    The act is the node's: no person answered. The clock runs on from the end of those days, however late this looks.
    Returns how many.
    """
    rows = applications.unanswered(tx, today, limit)
    for row in rows:
        heard, clock = run_clock.silence(row), run_clock.clock_of(row)
        assert heard is not None
        assert clock is not None
        move, since = heard
        row.state = lifecycle.advance(State(row.state), move)
        row.reason = None if move is Move.ACCEPT else f"no answer to the draft by {row.due_on}"
        run_clock.turn(tx, row, move, at=since)
        row.version, row.changed_at = row.version + 1, at
        tx.flush()
        record(tx, KIND[move], row, by=by, at=at, draw=draw, silence=clock.silence.value)
    return len(rows)


def tell_overdue(tx: Session, today: date, *, at: datetime, limit: int) -> int:
    """Open a task at the body of each application that should have been decided before `today`; return how many."""
    rows = applications.overdue(tx, today, limit)
    for row in rows:
        detail: dict[str, Json] = {"due_on": str(row.due_on), "state": row.state}
        tasks.open_task(
            tx, TaskKind.APPLICATION_OVERDUE, row.id, detail, role=Role.EXAMINER, at=at, organisation=row.body
        )
    return len(rows)
