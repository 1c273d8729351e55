"""Look at the private part of an act: each look is itself an act (PROMISES A4)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import NotFound, Unprocessable
from registry.core.product.texts import unfit
from registry.core.tlog.entry import Kind
from registry.core.tlog.proof import TlogProof
from registry.store import acts
from registry.store.acts import Act, Draw
from registry.store.parties import Role
from registry.usecases.identify_party import Party
from registry.usecases.read_log import prove, prove_entry
from registry.usecases.search_acts import lost_act


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


@dataclass(eq=False)
class ActLost(NotFound):
    """The act was lost with a database; its leaf in the log, taken back from a mirror, is all that is left."""

    code: ClassVar[str] = "act-lost"
    entry: int

    def __str__(self) -> str:
        return (
            f"the act was lost with a database: entry {self.entry} of the log is a leaf that was taken back without it"
        )


def prove_act(tx: Session, id: str, *, by: Party) -> TlogProof | None:
    """Return the proof of an act, lost or not; None while no published checkpoint covers it. Raises `ActNotFound`."""
    by.require(Role.AUDITOR)
    lost = None if acts.find(tx, id) is not None else lost_act(tx, id)
    if lost is not None:
        return prove_entry(tx, lost.index)
    return prove(tx, _find(tx, id).id)


def _find(tx: Session, id: str) -> Act:
    act = acts.find(tx, id)
    if act is None:
        lost = lost_act(tx, id)
        raise ActNotFound if lost is None else ActLost(lost.index)
    return act


def look(tx: Session, id: str, reason: str, *, by: Party, at: datetime, draw: Draw) -> Act:
    """Return an act with its private part and salt, and record who looked and why: no look without its act.

    Raises `ActNotFound`, `ActLost`, `ReasonUnfit`.
    """
    by.require(Role.AUDITOR)
    act = _find(tx, id)
    check_reason(reason)
    acts.record(tx, Kind.ACTS_READ, {"act": id, "reason": reason}, by=by.actor, at=at, draw=draw, subject=id)
    return act


def check_reason(reason: str) -> None:
    """Check that a reason is one. Raises `ReasonUnfit`."""
    fault = unfit(reason, lines=True) or ("is empty" if not reason else None)
    if fault is not None:
        raise ReasonUnfit(fault)
