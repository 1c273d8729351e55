"""The moves of a certificate: a table, and nothing beside it."""

from itertools import permutations, product

import pytest

from registry.core.certificate.lifecycle import (
    APPROVALS,
    CLARIFICATION,
    FINAL,
    MOVES,
    PAUSES,
    AlreadyAnnulled,
    Approver,
    ChangeNotInScheme,
    IllegalChange,
    ProposalDiffers,
    SameName,
    SamePerson,
    Standing,
    advance,
    check_names,
    check_people,
    check_read,
    standing_after,
)
from registry.core.certificate.status_change import Status


@pytest.mark.parametrize(("standing", "change"), list(product(Standing, Status)))
def test_every_move_is_in_the_table_or_refused(standing: Standing, change: Status) -> None:
    expected = MOVES.get((standing, change))
    if expected is not None:
        assert advance(standing, change, pauses=True) is expected
    else:
        refusal = AlreadyAnnulled if standing in FINAL else IllegalChange
        with pytest.raises(refusal) as refused:
            advance(standing, change, pauses=True)
        ended = f"the certificate is {standing}"
        assert str(refused.value) in {ended, f"a certificate that is {standing} cannot be {change}"}


@pytest.mark.parametrize(("standing", "change"), list(product(Standing, sorted(PAUSES))))
def test_a_scheme_without_suspension_knows_neither_end_of_it(standing: Standing, change: Status) -> None:
    with pytest.raises(ChangeNotInScheme) as refused:
        advance(standing, change, pauses=False)
    assert str(refused.value) == f"a certificate of this scheme is never {change}"


def test_annulled_and_replaced_never_revert() -> None:
    assert not [move for move in MOVES if move[0] in FINAL]
    for ending, other in ((Status.ANNULLED, Standing.ANNULLED), (Status.REPLACED, Standing.REPLACED)):
        for rest in permutations(Status, 3):
            assert standing_after([ending, *rest]) is other


def test_what_is_reinstated_is_in_force_and_can_be_suspended_again() -> None:
    assert standing_after([]) is Standing.IN_FORCE
    assert standing_after([Status.SUSPENDED]) is Standing.SUSPENDED
    assert standing_after([Status.SUSPENDED, Status.REINSTATED]) is Standing.IN_FORCE
    assert standing_after([Status.REINSTATED, Status.SUSPENDED]) is Standing.SUSPENDED


def test_every_move_takes_two_people_of_whom_a_signatory_proposes() -> None:
    assert set(APPROVALS) == set(Status)
    for approval in (*APPROVALS.values(), CLARIFICATION):
        assert (approval.proposes, approval.people) == (frozenset({Approver.SIGNATORY}), 2)
        assert Approver.SIGNATORY in approval.confirms
    assert APPROVALS[Status.REPLACED].confirms == frozenset({Approver.SIGNATORY})


def test_whoever_proposes_does_not_confirm() -> None:
    check_people("a", "b")
    with pytest.raises(SamePerson) as refused:
        check_people("a", "a")
    assert str(refused.value) == "whoever proposed it cannot confirm it"


def test_two_who_approve_are_told_apart_by_name() -> None:
    check_names("Гончар Виктор Иванович", "Гончар Василий Игоревич")
    with pytest.raises(SameName) as refused:
        check_names("Гончар Виктор Иванович", "В. И. Гончар")
    assert str(refused.value) == (
        "whoever proposed or examined it is called Гончар Виктор Иванович: two people approve, and namesakes are told "
        "apart when both are registered by first name and patronymic in full"
    )


@pytest.mark.parametrize("read", ["b", None])
def test_what_is_confirmed_is_what_was_read(read: str | None) -> None:
    check_read("a", "a")
    with pytest.raises(ProposalDiffers) as refused:
        check_read("a", read)
    assert refused.value.proposal == "a"
    assert str(refused.value) == "what is confirmed is not what is proposed now: read it again"
