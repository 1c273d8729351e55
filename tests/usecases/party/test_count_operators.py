"""How many operators can act, and until when two can: without two nothing is confirmed."""

from datetime import timedelta
from typing import Any

import pytest

from registry.store import tokens
from registry.store.database import Database
from registry.store.parties import Role
from registry.usecases.party import register_party
from registry.usecases.party.count_operators import Operators, count_operators
from registry.usecases.party.tell_standing import TokenEnded
from tests.kit import Corridor, Country
from tests.usecases.party.test_begin_operators import begins, owner, people
from tests.usecases.party.test_follow_proposals import meanwhile
from tests.usecases.party.test_issue_token import confirms, proposes

__all__ = ["owner"]


def counted(by: Country) -> Operators:
    with by.node.database.read() as tx:
        return count_operators(tx, by.clock())


def ids(by: Country) -> dict[str, list[str]]:
    """Return the ids of the living tokens of operators, by person."""
    with by.node.database.read() as tx:
        found: dict[str, list[str]] = {}
        for token in tokens.of_operators(tx, by.clock()):
            found.setdefault(token.person, []).append(token.id)
        return found


def operator(by: Country) -> dict[str, Any]:
    return by.by("operator") | {"by": by.people["operator"].actor}


def leave(by: Country, *who: str) -> None:
    """Revoke the tokens of all operators but these."""
    kept = {by.people[each].person for each in who}
    with by.tx() as tx:
        for person, held in ids(by).items():
            for token in held if person not in kept else ():
                register_party.revoke_token(tx, token, **operator(by))


def test_operators_are_counted_as_people_until_the_last_token_of_the_second_ends(corridor: Corridor) -> None:
    by = corridor.by
    leave(by, "operator", "second_operator")
    one, other = by.people["operator"].person, by.people["second_operator"].person
    first = counted(by)
    proposes(by, "second_operator", other, "0" * 64, days=300)
    confirms(by, "operator", other, "0" * 64)
    assert counted(by) == first
    proposes(by, "operator", one, "1" * 64, days=200)
    longer = confirms(by, "second_operator", one, "1" * 64)
    assert counted(by) == Operators(2, longer.expires_at)
    with by.tx() as tx:
        register_party.revoke_token(tx, longer.id, **operator(by))
    assert counted(by) == first


def test_where_one_is_left_it_is_an_alarm_and_where_one_will_be_it_is_overdue_two_weeks_before(
    corridor: Corridor,
) -> None:
    by = corridor.by
    leave(by, "operator", "second_operator")
    until = counted(by).until
    assert until is not None
    soon = Operators(2, until)
    assert soon.overdue(until - timedelta(days=14, seconds=1)) == []
    (line,) = soon.overdue(until - timedelta(days=14))
    assert line.startswith(
        f"the next tokens of operators: after {until:%Y-%m-%dT%H:%M:%SZ} fewer than two of them hold"
    )
    assert soon.alarms() == []
    leave(by, "operator")
    (alarm,) = counted(by).alarms()
    assert alarm.startswith("fewer than two operators hold a living token (1 of them): nobody can confirm anything")
    assert counted(by).overdue(by.clock()) == [alarm]
    corridor.clock.forward(timedelta(days=400))
    assert counted(by) == Operators(0, None)


def test_who_is_an_operator_no_more_does_not_count_though_their_token_lives(corridor: Corridor) -> None:
    by = corridor.by
    leave(by, "operator", "second_operator")
    with by.tx() as tx:
        register_party.change_roles(tx, by.people["second_operator"].person, [Role.AUDITOR], **operator(by))
    assert counted(by) == Operators(1, None)


def test_of_two_who_revoke_each_others_tokens_at_once_one_sees_how_many_are_left(corridor: Corridor) -> None:
    by = corridor.by
    leave(by, "operator", "second_operator")
    one, other = (ids(by)[by.people[who].person][0] for who in ("operator", "second_operator"))

    def ends(token: str) -> Any:
        def work(tx: Any) -> int:
            register_party.revoke_token(tx, token, **operator(by))
            return count_operators(tx, by.clock()).living

        return work

    assert meanwhile(by, ends(one), ends(other), "SELECT pg_advisory_xact_lock") == (1, 0)


def test_a_token_that_the_ceremony_ended_was_revoked_by_the_node(corridor: Corridor, owner: Database) -> None:
    by = corridor.by
    leave(by, "operator")
    ((left,),) = ids(by).values()
    begins(owner, by, people(by, "А", "Б")[1])
    with pytest.raises(TokenEnded, match="was revoked at 2026-11-21T09:30:00Z by the node"), by.tx() as tx:
        register_party.revoke_token(tx, left, **operator(by))
