"""Every move of application and certificate by anyone in any order, over the tables alone: a model, with no database.

`REGISTRY_MOVES_RUNS` sets how many runs are made; tests/usecases/certificate/test_moves.py makes them on the use cases.
"""

import os
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from registry.core.application import lifecycle as of_application
from registry.core.application.lifecycle import MOVES, PART, IllegalMove, Move, Part, State
from registry.core.certificate import lifecycle as of_certificate
from registry.core.certificate.lifecycle import FINAL, AlreadyAnnulled, IllegalChange, SamePerson, Standing
from registry.core.certificate.status_change import Status
from registry.core.errors import RegistryError

RUNS = int(os.environ.get("REGISTRY_MOVES_RUNS", "150"))
PEOPLE = st.sampled_from(["a", "b", "c", "d"])


@dataclass
class Certificate:
    """A certificate of the model: who approved it, where it stands, and what was proposed by whom."""

    approved_by: str
    signed_by: str
    standing: Standing = Standing.IN_FORCE
    proposed: dict[Status, str] = field(default_factory=dict)
    changes: list[tuple[Status, str, str]] = field(default_factory=list)


class Moves(RuleBasedStateMachine):
    """One application after another, by four people who may try anything."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.parts, self.offered_by = State.DRAFT, dict[str, Part](), ""
        self.seen: list[tuple[State, Move, State]] = []
        self.certificates: list[Certificate] = []

    @rule(data=st.data(), who=PEOPLE)
    def move(self, data: st.DataObject, who: str) -> None:
        likely = [move for state, move in MOVES if state is self.state]
        move = data.draw(st.sampled_from([*likely, *likely, *Move]))
        try:
            reached = of_application.advance(self.state, move)
        except IllegalMove:
            assert (self.state, move) not in MOVES
            return
        if self.parts.setdefault(who, PART[move]) is not PART[move]:
            return
        self.seen.append((self.state, move, reached))
        self.state = reached
        if move is Move.OFFER_DRAFT:
            self.offered_by = who
        if move is Move.ISSUE:
            self.certificates.append(Certificate(self.offered_by, who))

    @precondition(lambda self: self.state in {State.ISSUED, State.REFUSED, State.WITHDRAWN})
    @rule()
    def begin_anew(self) -> None:
        self.state, self.parts, self.offered_by = State.DRAFT, {}, ""

    @precondition(lambda self: self.certificates)
    @rule(data=st.data(), change=st.sampled_from(Status), who=PEOPLE, pauses=st.booleans())
    def change(self, data: st.DataObject, change: Status, who: str, *, pauses: bool) -> None:
        certificate = data.draw(st.sampled_from(self.certificates))
        before, proposer = certificate.standing, certificate.proposed.pop(change, None)
        try:
            reached = of_certificate.advance(before, change, pauses=pauses)
            if proposer is None:
                certificate.proposed[change] = who
                return
            of_certificate.check_people(proposer, who)
        except RegistryError as refusal:
            if isinstance(refusal, SamePerson):
                assert proposer == who
                certificate.proposed[change] = who
            elif isinstance(refusal, AlreadyAnnulled | IllegalChange):
                assert (before, change) not in of_certificate.MOVES
            else:
                assert not pauses
            return
        assert before not in FINAL
        certificate.standing = reached
        certificate.changes.append((change, str(proposer), who))

    @invariant()
    def nothing_moves_but_by_the_table(self) -> None:
        assert all(MOVES[state, move] is reached for state, move, reached in self.seen)
        for certificate in self.certificates:
            followed = of_certificate.standing_after(change for change, _, _ in certificate.changes)
            assert followed is certificate.standing

    @invariant()
    def nothing_is_signed_without_two_people(self) -> None:
        for certificate in self.certificates:
            assert certificate.approved_by != certificate.signed_by
            assert all(proposed != confirmed for _, proposed, confirmed in certificate.changes)


def test_no_order_of_moves_signs_without_two_people_or_leaves_the_tables() -> None:
    run_state_machine_as_test(
        Moves,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
