"""Proposals of tokens: of several one is confirmed, and none that was withdrawn, is old, or was for fewer roles."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from registry.core.tlog.entry import Kind
from registry.demo.desk import wait_for
from registry.store.parties import Role
from registry.usecases.party import issue_token, register_party
from registry.usecases.party.confirm_proposal import spoken
from registry.usecases.party.follow_proposals import ProposalEnded, open_token_proposals
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.party.issue_token import FingerprintUsed, NotAFingerprint, TokenNotProposed
from tests.kit import Corridor, Country
from tests.usecases.fsck.lived import found
from tests.usecases.party.test_issue_token import DIGEST, confirms, proposes, third_operator

Work = Callable[[Session], Any]


def waits(by: Country, statement: str) -> None:
    """Wait until a transaction of this database waits for another's lock in a statement that begins so."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
        "AND query LIKE :statement"
    )

    def waiting() -> bool | None:
        with by.node.database.read() as tx:
            return bool(tx.scalar(query, {"statement": f"{statement}%"})) or None

    wait_for(waiting, f"a transaction that waits in {statement}")


def meanwhile(by: Country, first: Work, second: Work, statement: str) -> tuple[Any, Any]:
    """Begin the first, begin the second while it is not committed, and commit it once the second waits for it."""

    def run() -> Any:
        with by.tx() as tx:
            return second(tx)

    with ThreadPoolExecutor(1) as pool:
        with by.tx() as tx:
            done = first(tx)
            other = pool.submit(run)
            waits(by, statement)
        return done, other.exception(30) or other.result()


def test_of_two_open_proposals_of_one_person_one_is_confirmed_even_at_once(corridor: Corridor) -> None:
    by = corridor.by
    person, other = by.people["signatory"].person, "0" * 64
    third_operator(by)
    proposes(by, "operator", person)
    proposes(by, "operator", person, other)
    row, refusal = meanwhile(
        by,
        lambda tx: issue_token.confirm(tx, person, DIGEST, **by.by("second_operator")),
        lambda tx: issue_token.confirm(tx, person, other, **by.by("third")),
        "SELECT person.id",
    )
    assert row.sha256.hex() == DIGEST
    assert isinstance(refusal, ProposalEnded)
    assert str(refusal) == (
        "the proposal of this token was used up by the token of this person that was confirmed at "
        "2026-11-21T09:30:00Z: an operator proposes it anew"
    )
    proposes(by, "operator", person, other)
    confirms(by, "second_operator", person, other)
    assert found(by) == []


def test_a_proposal_that_is_withdrawn_meanwhile_is_not_confirmed(corridor: Corridor) -> None:
    by = corridor.by
    person = by.people["signatory"].person
    proposes(by, "operator", person)
    _, refusal = meanwhile(
        by,
        lambda tx: issue_token.withdraw(tx, person, DIGEST, **by.by("second_operator")),
        lambda tx: issue_token.confirm(tx, person, DIGEST, **by.by("second_operator")),
        "SELECT person.id",
    )
    assert isinstance(refusal, ProposalEnded)


def test_a_role_that_is_given_meanwhile_is_not_had_by_a_token_that_two_issued_for_less(corridor: Corridor) -> None:
    by = corridor.by
    person = by.people["auditor"].person
    operator = by.by("operator") | {"by": by.people["operator"].actor}
    proposes(by, "second_operator", person)
    _, refusal = meanwhile(
        by,
        lambda tx: register_party.change_roles(tx, person, [Role.AUDITOR, Role.OPERATOR], **operator),
        lambda tx: issue_token.confirm(tx, person, DIGEST, **by.by("operator")),
        "SELECT person.id",
    )
    assert isinstance(refusal, ProposalEnded)
    assert "was for who the person was before they were given another role" in str(refusal)
    with by.tx() as tx:
        register_party.change_roles(tx, person, [Role.AUDITOR], **operator)
    proposes(by, "second_operator", person)
    with by.tx() as tx:
        register_party.change_roles(tx, person, [Role.AUDITOR], **operator)
    confirms(by, "operator", person)


def test_one_fingerprint_that_two_people_told_is_the_token_of_one_even_at_once(corridor: Corridor) -> None:
    by = corridor.by
    person, another = by.people["signatory"].person, by.people["examiner"].person
    proposes(by, "operator", person)
    proposes(by, "operator", another)
    _, refusal = meanwhile(
        by,
        lambda tx: issue_token.confirm(tx, person, DIGEST, **by.by("second_operator")),
        lambda tx: issue_token.confirm(tx, another, DIGEST, **by.by("second_operator")),
        "INSERT INTO token",
    )
    assert isinstance(refusal, FingerprintUsed)


def open_now(by: Country) -> list[tuple[str | None, str]]:
    with by.node.database.read() as tx:
        return [(act.subject, act.private["sha256"]) for act in open_token_proposals(tx, by.clock())]


def test_any_operator_withdraws_a_proposal_and_it_is_proposed_anew(corridor: Corridor) -> None:
    by = corridor.by
    person, other = by.people["signatory"].person, "0" * 64
    proposes(by, "operator", person)
    proposes(by, "operator", person, other)
    assert open_now(by) == [(person, DIGEST), (person, other)]
    with by.refuses(RoleMissing) as refused:
        issue_token.withdraw(refused.tx, person, DIGEST, **by.by("auditor"))
    with by.tx() as tx:
        assert issue_token.withdraw(tx, person, spoken(DIGEST), **by.by("second_operator")) == DIGEST
    assert open_now(by) == [(person, other)]
    (act,) = by.acts(Kind.TOKEN_WITHDRAWN)
    assert (act.private, act.subject) == ({"person": person, "sha256": DIGEST}, person)
    assert act.person == by.people["second_operator"].person
    for typed in (issue_token.confirm, issue_token.withdraw):
        with by.refuses(ProposalEnded) as ended:
            typed(ended.tx, person, DIGEST, **by.by("second_operator"))
    assert "was withdrawn at 2026-11-21T09:30:00Z: an operator proposes it anew" in str(ended.value)
    with by.refuses(TokenNotProposed) as missing:
        issue_token.withdraw(missing.tx, person, "1" * 64, **by.by("operator"))
    proposes(by, "operator", person)
    confirms(by, "second_operator", person)
    assert open_now(by) == []
    assert found(by) == []


def test_the_digits_that_are_listed_withdraw_a_proposal_and_do_not_confirm_it(corridor: Corridor) -> None:
    by = corridor.by
    person = by.people["signatory"].person
    alike = DIGEST[:20] + "f" * 44
    proposes(by, "operator", person)
    for typed, refusal in (
        (DIGEST[:15], NotAFingerprint),
        (DIGEST[:17], NotAFingerprint),
        ("x" * 16, TokenNotProposed),
    ):
        with by.refuses(refusal) as refused:
            issue_token.withdraw(refused.tx, person, typed, **by.by("second_operator"))
    with by.refuses(NotAFingerprint) as unheard:
        issue_token.confirm(unheard.tx, person, DIGEST[:16], **by.by("second_operator"))
    with by.tx() as tx:
        assert issue_token.withdraw(tx, person, spoken(DIGEST[:16]), **by.by("second_operator")) == DIGEST
    proposes(by, "operator", person, alike)
    with by.refuses(TokenNotProposed) as either:
        issue_token.withdraw(either.tx, person, DIGEST[:16], **by.by("second_operator"))
    assert open_now(by) == [(person, alike)]


def test_a_proposal_is_open_for_two_weeks(corridor: Corridor) -> None:
    by = corridor.by
    person, other = by.people["signatory"].person, "0" * 64
    proposes(by, "operator", person)
    corridor.clock.forward(timedelta(seconds=1))
    proposes(by, "operator", person, other)
    corridor.clock.forward(timedelta(days=14))
    assert open_now(by) == [(person, other)]
    with by.refuses(ProposalEnded) as refused:
        issue_token.confirm(refused.tx, person, DIGEST, **by.by("second_operator"))
    assert "is older than 14 days" in str(refused.value)
    confirms(by, "second_operator", person, other)
