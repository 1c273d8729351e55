"""A token that was confirmed although its proposal had ended, or by who was no operator, is found by the acts."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from registry.store.parties import Role
from registry.usecases.party import issue_token, register_party
from tests.kit import Corridor, Country
from tests.usecases.fsck.lived import found
from tests.usecases.party.test_issue_token import DIGEST, confirms, proposes

OTHER = "0" * 64
ENDED = {
    "was used up by the token": "subject = :person WHERE kind = 'token.issued' AND subject = :another",
    "was for who the person was": "subject = :person WHERE kind = 'person.changed' AND subject = :another",
    "is older than 14 days": "at = at - interval '15 days' WHERE kind = 'token.proposed' AND subject = :person",
    "was withdrawn at 2026": "subject = :person, "
    "private = private || jsonb_build_object('sha256', CAST(:digest AS text)) WHERE kind = 'token.withdrawn'",
}
"""What makes another act of meanwhile, or the proposal's own, one that ended what was confirmed."""


def _gives(tx: Session, by: Country, person: str, *roles: Role) -> None:
    actor = by.people["second_operator"].actor
    register_party.change_roles(tx, person, roles, by=actor, at=by.clock(), draw=by.node.draw)


def _withdraws(by: Country) -> None:
    person = by.people["exporter"].person
    proposes(by, "operator", person, OTHER)
    with by.tx() as tx:
        issue_token.withdraw(tx, person, OTHER, **by.by("operator"))


def _confirmed(corridor: Corridor, said: str, *, withdraws: bool) -> tuple[str, list[str]]:
    """Confirm a token, make it so that its proposal had ended, and return its id and what is found."""
    by, person, another = corridor.by, corridor.by.people["signatory"].person, corridor.by.people["examiner"].person
    proposes(by, "operator", person)
    if withdraws:
        _withdraws(by)
    with by.tx() as tx:
        by.issues_token(tx, another)
        _gives(tx, by, another, Role.EXAMINER, Role.SIGNATORY)
    row = confirms(by, "second_operator", person)
    assert found(by) == []
    stated = {"person": person, "another": another, "digest": DIGEST}
    with corridor.forge.breaking(by) as tx:
        tx.execute(text(f"UPDATE act SET {ENDED[said]}"), stated)  # noqa: S608  our own text
    return row.id, found(by)


@pytest.mark.parametrize("said", ENDED)
def test_a_token_confirmed_from_a_proposal_that_had_ended_is_found(corridor: Corridor, said: str) -> None:
    token, wrong = _confirmed(corridor, said, withdraws=True)
    assert any(each.startswith(f"token {token}: it was confirmed from a proposal that {said}") for each in wrong)


@pytest.mark.parametrize("said", [said for said in ENDED if "withdrawn" not in said])
def test_of_a_release_that_knew_no_end_of_proposals_none_is_found(corridor: Corridor, said: str) -> None:
    _, wrong = _confirmed(corridor, said, withdraws=False)
    _withdraws(corridor.by)
    assert not any("from a proposal" in each for each in [*wrong, *found(corridor.by)])


def test_whoever_proposed_or_confirmed_and_was_no_operator_then_is_found(corridor: Corridor) -> None:
    by = corridor.by
    person, operator = by.people["signatory"].person, by.by("operator")
    with by.tx() as tx:
        _gives(tx, by, operator["by"].person, Role.AUDITOR)
    other = by.people["second_operator"].person
    proposes(by, "second_operator", person)
    with by.tx() as tx:
        row = issue_token.confirm(tx, person, DIGEST, **operator)
    assert found(by) == [f"token {row.id}: whoever confirmed it was no operator then"]
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE act SET private = '{\"roles\": 1}' WHERE subject = :id"), {"id": other})
    assert f"token {row.id}: whoever proposed it was no operator then, or not without a break until it lived" in found(
        by
    )
