"""Take up, send back, refuse, offer the draft, stop the clock: the examiner's work (S5 3.13 to 3.15, 4.3)."""

from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.application import lifecycle
from registry.core.application.clock import Why
from registry.core.application.lifecycle import Move, Part, State
from registry.core.certificate.claims import Claims
from registry.core.tlog.entry import Kind
from registry.store.acts import Actor, Draw
from registry.store.applications import Application
from registry.store.parties import Role
from registry.usecases.application import run_clock
from registry.usecases.application.check_expert import check_examiner, check_stated
from registry.usecases.application.find_application import ApplicationNotFound, find, play, record
from registry.usecases.party.identify_party import Party

KIND = {
    Move.TAKE_UP: Kind.APPLICATION_TAKEN_UP,
    Move.SEND_BACK: Kind.APPLICATION_SENT_BACK,
    Move.REFUSE: Kind.APPLICATION_REFUSED,
    Move.OFFER_DRAFT: Kind.APPLICATION_DRAFT_OFFERED,
    Move.STOP: Kind.APPLICATION_STOPPED,
    Move.RESUME: Kind.APPLICATION_RESUMED,
    Move.OBJECT: Kind.APPLICATION_OBJECTED,
}
KEEPS_WORDS = frozenset({Move.STOP, Move.RESUME})
"""Moves that leave draft and reason as they are."""


def take_up(tx: Session, id: str, *, by: Party, at: datetime, draw: Draw) -> Application:
    """Take up a submitted application. Taking up twice is an `IllegalMove`: the second sees that the first has it."""
    return _move(tx, id, Move.TAKE_UP, None, by=by, at=at, draw=draw)


def send_back(tx: Session, id: str, reason: str, *, by: Party, at: datetime, draw: Draw) -> Application:
    """Send an application back to the applicant, with the reason; it is a draft again."""
    return _move(tx, id, Move.SEND_BACK, reason, by=by, at=at, draw=draw)


def refuse(tx: Session, id: str, reason: str, *, by: Party, at: datetime, draw: Draw) -> Application:
    """Refuse an application for good, with the reason (S5 3.15)."""
    return _move(tx, id, Move.REFUSE, reason, by=by, at=at, draw=draw)


def offer_draft(tx: Session, id: str, *, by: Party, at: datetime, draw: Draw) -> Application:
    """Approve the claims as they are and offer them as the draft: its digest is what is accepted and issued.

    Raises `ExpertActMissing`: what is certified rests on one (S5 3.15).
    """
    return _move(tx, id, Move.OFFER_DRAFT, None, by=by, at=at, draw=draw)


def stop(tx: Session, id: str, why: str, *, by: Party, at: datetime, draw: Draw) -> Application:
    """Stop the clock for the contract, the payment or force majeure (S5 4.3); raises `ClockStands`."""
    return _move(tx, id, Move.STOP, None, why=Why(why), by=by, at=at, draw=draw)


def resume(tx: Session, id: str, *, by: Party, at: datetime, draw: Draw) -> Application:
    """Let the clock run again once what it was stopped for is there (S5 4.3); raises `ClockRuns`."""
    return _move(tx, id, Move.RESUME, None, by=by, at=at, draw=draw)


def _move(
    tx: Session,
    id: str,
    move: Move,
    reason: str | None,
    *,
    by: Party,
    at: datetime,
    draw: Draw,
    why: Why | None = None,
) -> Application:
    by.require(Role.EXAMINER)
    row = find(tx, id, by=by, lock=True)
    if row.body != by.organisation:
        raise ApplicationNotFound(id)
    row.state = lifecycle.advance(State(row.state), move)
    check_examiner(claims := Claims.parse(row.claims), by.name)
    if move is Move.OFFER_DRAFT:
        check_stated(claims)
    play(tx, row, Part.EXAMINER, by=by, at=at)
    return keep_move(tx, row, move, reason, by=by, at=at, draw=draw, why=why)


def keep_move(
    tx: Session,
    row: Application,
    move: Move,
    reason: str | None,
    *,
    by: Party | Actor,
    at: datetime,
    draw: Draw,
    why: Why | None = None,
) -> Application:
    """Keep what a move makes of an application whose state it has changed, and record it."""
    claims = Claims.parse(row.claims)
    if move not in KEEPS_WORDS:
        row.draft = claims.digest if move is Move.OFFER_DRAFT else None
        row.reason = reason
    run_clock.turn(tx, row, move, at=at, why=why)
    row.version += 1
    row.changed_at = at
    tx.flush()
    more: dict[str, str] = {} if reason is None else {"reason": reason}
    if why is not None:
        more["why"] = why.value
    record(tx, KIND[move], row, by=by, at=at, draw=draw, **more)
    return row
