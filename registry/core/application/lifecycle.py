"""States and moves of an application, who makes each, and when the legal clock runs (S5 3.13, 3.15, 4.2, 4.3, 4.12)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from registry.core.errors import Conflict


class State(StrEnum):
    """Where an application stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_EXAMINATION = "in_examination"
    DRAFT_OFFERED = "draft_offered"
    APPROVED = "approved"
    ISSUED = "issued"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Move(StrEnum):
    """What can be done with an application."""

    SUBMIT = "submit"
    TAKE_UP = "take_up"
    SEND_BACK = "send_back"
    REFUSE = "refuse"
    OFFER_DRAFT = "offer_draft"
    ACCEPT = "accept"
    OBJECT = "object"
    ISSUE = "issue"
    WITHDRAW = "withdraw"
    STOP = "stop"
    RESUME = "resume"
    LAPSE = "lapse"


DONE: Mapping[Move, str] = MappingProxyType(
    {
        Move.SUBMIT: "submitted",
        Move.TAKE_UP: "taken up",
        Move.SEND_BACK: "sent back",
        Move.REFUSE: "refused",
        Move.OFFER_DRAFT: "offered as a draft",
        Move.ACCEPT: "accepted",
        Move.OBJECT: "objected to",
        Move.ISSUE: "issued",
        Move.WITHDRAW: "withdrawn",
        Move.STOP: "stopped",
        Move.RESUME: "resumed",
        Move.LAPSE: "ended by silence",
    }
)
"""What was done with an application by each move, for people."""


class Part(StrEnum):
    """The part that a person plays in an application; examiner and signatory are never one person (S5 3.15)."""

    APPLICANT = "applicant"
    EXAMINER = "examiner"
    SIGNATORY = "signatory"


MOVES: Mapping[tuple[State, Move], State] = MappingProxyType(
    {
        (State.DRAFT, Move.SUBMIT): State.SUBMITTED,
        (State.SUBMITTED, Move.TAKE_UP): State.IN_EXAMINATION,
        (State.IN_EXAMINATION, Move.SEND_BACK): State.DRAFT,
        (State.IN_EXAMINATION, Move.REFUSE): State.REFUSED,
        (State.IN_EXAMINATION, Move.OFFER_DRAFT): State.DRAFT_OFFERED,
        (State.DRAFT_OFFERED, Move.ACCEPT): State.APPROVED,
        (State.DRAFT_OFFERED, Move.OBJECT): State.IN_EXAMINATION,
        (State.APPROVED, Move.ISSUE): State.ISSUED,
        (State.APPROVED, Move.SEND_BACK): State.DRAFT,  # what was approved can no longer be issued as it is
        (State.DRAFT, Move.WITHDRAW): State.WITHDRAWN,
        (State.SUBMITTED, Move.WITHDRAW): State.WITHDRAWN,
        (State.IN_EXAMINATION, Move.WITHDRAW): State.WITHDRAWN,
        (State.DRAFT_OFFERED, Move.WITHDRAW): State.WITHDRAWN,
        (State.DRAFT_OFFERED, Move.LAPSE): State.REFUSED,
        (State.SUBMITTED, Move.STOP): State.SUBMITTED,
        (State.IN_EXAMINATION, Move.STOP): State.IN_EXAMINATION,
        (State.APPROVED, Move.STOP): State.APPROVED,
        (State.SUBMITTED, Move.RESUME): State.SUBMITTED,
        (State.IN_EXAMINATION, Move.RESUME): State.IN_EXAMINATION,
        (State.DRAFT_OFFERED, Move.RESUME): State.DRAFT_OFFERED,
        (State.APPROVED, Move.RESUME): State.APPROVED,
    }
)

PART: Mapping[Move, Part] = MappingProxyType(
    {
        Move.SUBMIT: Part.APPLICANT,
        Move.TAKE_UP: Part.EXAMINER,
        Move.SEND_BACK: Part.EXAMINER,
        Move.REFUSE: Part.EXAMINER,
        Move.OFFER_DRAFT: Part.EXAMINER,
        Move.ACCEPT: Part.APPLICANT,
        Move.OBJECT: Part.APPLICANT,
        Move.ISSUE: Part.SIGNATORY,
        Move.WITHDRAW: Part.APPLICANT,
        Move.STOP: Part.EXAMINER,
        Move.RESUME: Part.EXAMINER,
        Move.LAPSE: Part.APPLICANT,  # silence is the applicant's answer; the node notes it
    }
)

CLOCK_RUNS: frozenset[State] = frozenset({State.SUBMITTED, State.IN_EXAMINATION, State.APPROVED})
"""Where the working days to issue are counted; the applicant's own review of the draft stops them (S5 4.3)."""


@dataclass(eq=False)
class IllegalMove(Conflict):
    """The application is in a state that this move does not start from."""

    code: ClassVar[str] = "illegal-move"
    state: State
    move: Move

    def __str__(self) -> str:
        return f"an application that is {self.state.replace('_', ' ')} cannot be {DONE[self.move]}"


def advance(state: State, move: Move) -> State:
    """Return the state that `move` leads to, or raise `IllegalMove`."""
    try:
        return MOVES[state, move]
    except KeyError:
        raise IllegalMove(state, move) from None
