from itertools import product

import pytest

from registry.core.application.lifecycle import CLOCK_RUNS, DONE, MOVES, PART, IllegalMove, Move, Part, State, advance

CLOSED = {State.ISSUED, State.REFUSED, State.WITHDRAWN}


@pytest.mark.parametrize(("state", "move"), list(product(State, Move)))
def test_every_move_is_in_the_table_or_refused(state: State, move: Move) -> None:
    if (state, move) in MOVES:
        assert advance(state, move) is MOVES[state, move]
        return
    with pytest.raises(IllegalMove) as caught:
        advance(state, move)
    assert (caught.value.state, caught.value.move) == (state, move)
    assert str(caught.value) == f"an application that is {state.replace('_', ' ')} cannot be {DONE[move]}"


def test_nothing_leads_out_of_a_closed_application_and_something_out_of_every_other() -> None:
    assert {state for state, _ in MOVES} == set(State) - CLOSED


def test_every_state_can_be_reached_from_a_draft() -> None:
    reached = {State.DRAFT}
    while more := {to for (state, _), to in MOVES.items() if state in reached} - reached:
        reached |= more
    assert reached == set(State)


def test_a_certificate_is_issued_by_examiner_applicant_and_signatory_in_turn() -> None:
    state = State.DRAFT
    path = (Move.SUBMIT, Move.TAKE_UP, Move.OFFER_DRAFT, Move.OBJECT, Move.OFFER_DRAFT, Move.ACCEPT, Move.ISSUE)
    for move in path:
        state = advance(state, move)
    assert state is State.ISSUED
    assert [PART[move] for move in path[-3:]] == [Part.EXAMINER, Part.APPLICANT, Part.SIGNATORY]


def test_an_application_can_be_withdrawn_until_it_is_approved() -> None:
    assert {state for state, move in MOVES if move is Move.WITHDRAW} == set(State) - CLOSED - {State.APPROVED}


def test_every_move_is_the_part_of_someone_and_only_the_signatory_issues() -> None:
    assert set(PART) == set(Move)
    assert [move for move in Move if PART[move] is Part.SIGNATORY] == [Move.ISSUE]


def test_the_clock_stops_while_the_applicant_is_the_one_to_act() -> None:
    assert set(State) - CLOSED - CLOCK_RUNS == {State.DRAFT, State.DRAFT_OFFERED}
    assert not CLOCK_RUNS & CLOSED
