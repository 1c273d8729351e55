"""Proposals of tokens: which are open, why another is not any more, and their withdrawal (decision 0034).

A proposal is an act, and so is what ends it: there is no other row to agree with, and nothing to put back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.calendar import write_instant
from registry.core.errors import Conflict
from registry.core.tlog.entry import Kind
from registry.store import acts
from registry.store.acts import Act
from registry.usecases.party.confirm_proposal import find_proposals

LONGEST_OPEN = timedelta(days=14)
"""A person tells both operators within days; after two weeks, a holiday among them, nobody remembers what was said."""
ENDS = (Kind.TOKEN_ISSUED, Kind.TOKEN_WITHDRAWN, Kind.PERSON_CHANGED)
"""Acts about a person that may end what was proposed for them."""


@dataclass(eq=False)
class ProposalEnded(Conflict):
    """A token was proposed, and the proposal is open no more: withdrawn, too old, or overtaken."""

    code: ClassVar[str] = "proposal-ended"
    reason: str

    def __str__(self) -> str:
        return f"the proposal of this token {self.reason}: an operator proposes it anew"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal of a token, and why it is open no more."""

    act: Act
    ended: str | None


def find_token_proposals(tx: Session, person: str, at: datetime) -> Sequence[Proposal]:
    """Return what operators of now proposed for a person, oldest first.

    A token that is confirmed uses up whatever else was proposed for its person until then; a role that is given does,
    too, for whoever proposed did so for who the person was. Whoever goes on what this says has locked the person.
    """
    ends = [act for kind in ENDS for act in acts.about(tx, person, kind)]
    return [Proposal(act, why_ended(act, ends, at)) for act in find_proposals(tx, person, Kind.TOKEN_PROPOSED)]


def open_token_proposals(tx: Session, at: datetime) -> Sequence[Act]:
    """Return the proposals that can be confirmed, by person, oldest first."""
    people = acts.subjects(tx, Kind.TOKEN_PROPOSED, at - LONGEST_OPEN)
    found = [proposal for person in people for proposal in find_token_proposals(tx, person, at)]
    return [proposal.act for proposal in found if proposal.ended is None]


def why_ended(proposal: Act, ends: Sequence[Act], at: datetime) -> str | None:
    """Return why a proposal was open no more at a moment, by the acts about its person until then; None while it is."""
    for act in ends:
        if act.seq > proposal.seq and (said := _ended_by(act, proposal)) is not None:
            return f"{said} at {write_instant(act.at)}"
    return None if at - proposal.at <= LONGEST_OPEN else f"is older than {LONGEST_OPEN.days} days"


def _ended_by(act: Act, proposal: Act) -> str | None:
    match act.kind:
        case Kind.TOKEN_ISSUED:
            return "was used up by the token of this person that was confirmed"
        case Kind.TOKEN_WITHDRAWN:
            return "was withdrawn" if act.private.get("sha256") == proposal.private["sha256"] else None
        case _:
            given = set(act.private["roles"]) - set(act.private["before"])
            return "was for who the person was before they were given another role" if given else None
