"""Look at the private part of an act: each look is itself an act (PROMISES A4)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import NotFound, Unprocessable
from registry.core.product.texts import unfit
from registry.core.tlog.entry import SALT_BYTES, Kind, Leaf, MalformedLeaf, commitment
from registry.core.tlog.proof import TlogProof
from registry.store import acts, log
from registry.store.acts import Act, Draw
from registry.store.parties import Role
from registry.usecases.audit.search_acts import lost_act
from registry.usecases.party.identify_party import Party
from registry.usecases.tlog.read_log import prove, prove_entry


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
    """The act is not here, and the log holds its leaf: it was lost with a database, or removed from it."""

    code: ClassVar[str] = "act-lost"
    entry: int

    def __str__(self) -> str:
        return f"the act is lost, or was removed: entry {self.entry} of the log is its leaf, and no more of it is here"


def prove_act(tx: Session, id: str, *, by: Party) -> TlogProof | None:
    """Return the proof of an act, lost or not; None while no published checkpoint covers it.

    Raises `ActNotFound`, and `ActLost` where not even its leaf is here.
    """
    by.require(Role.AUDITOR)
    lost = None if acts.find(tx, id) is not None else lost_act(tx, id)
    if lost is not None:
        return prove_entry(tx, lost.index)
    return prove(tx, _find(tx, id).id)


def _find(tx: Session, id: str) -> Act:
    act = acts.find(tx, id)
    if act is None:
        lost = lost_act(tx, id)
        entry = log.index_of(tx, id) if lost is None else lost.index
        raise ActNotFound if entry is None else ActLost(entry)
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


def differing(act: Act) -> list[str]:
    """Return what of an act is not what was logged of it: who alters a row cannot alter the log."""
    try:
        leaf = Leaf.parse(act.leaf)
    except MalformedLeaf as refusal:
        return [str(refusal)]
    said = {"id": leaf.id, "kind": leaf.kind, "at": leaf.at, "by": leaf.by, "to": leaf.to, "digest": leaf.digest}
    wrong = [name for name, value in said.items() if getattr(act, name) != value]
    if len(act.salt) != SALT_BYTES or commitment(act.salt, acts.row_of(act)) != leaf.private:
        wrong.append("private part, person, organisation, subject or salt")
    return wrong


def check_reason(reason: str) -> None:
    """Check that a reason is one. Raises `ReasonUnfit`."""
    fault = unfit(reason, lines=True) or ("is empty" if not reason else None)
    if fault is not None:
        raise ReasonUnfit(fault)
