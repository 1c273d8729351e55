"""Look at the private part of an act: each look is itself an act (PROMISES A4)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import NotFound, Unprocessable
from registry.core.product.texts import unfit
from registry.core.tlog.entry import Kind
from registry.store import acts
from registry.store.acts import Act, Draw
from registry.store.parties import Role
from registry.usecases.identify_party import Party


@dataclass(eq=False)
class ActNotFound(NotFound):
    """No such act."""

    code: ClassVar[str] = "act-not-found"

    def __str__(self) -> str:
        return "there is no such act"


@dataclass(eq=False)
class ReasonUnfit(Unprocessable):
    """Why acts are looked at is not said, or not in words that can be kept."""

    code: ClassVar[str] = "reason-unfit"
    reason: str

    def __str__(self) -> str:
        return f"the reason for the look {self.reason}"


def find(tx: Session, id: str, *, by: Party) -> Act:
    """Return an act for what is public of it. Raises `ActNotFound`."""
    by.require(Role.AUDITOR)
    act = acts.find(tx, id)
    if act is None:
        raise ActNotFound
    return act


def look(tx: Session, id: str, reason: str, *, by: Party, at: datetime, draw: Draw) -> Act:
    """Return an act with its private part and salt, and record who looked and why: no look without its act.

    Raises `ActNotFound`, `ReasonUnfit`.
    """
    act = find(tx, id, by=by)
    check_reason(reason)
    acts.record(tx, Kind.ACTS_READ, {"act": id, "reason": reason}, by=by.actor, at=at, draw=draw, subject=id)
    return act


def check_reason(reason: str) -> None:
    """Check that a reason is one. Raises `ReasonUnfit`."""
    fault = unfit(reason, lines=True) or ("is empty" if not reason else None)
    if fault is not None:
        raise ReasonUnfit(fault)
