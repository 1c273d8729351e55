"""What one operator proposed stands while they are one, without a break: by the acts, and by no clock."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from registry.core.tlog.entry import Kind
from registry.store.database import OWNER, Database
from registry.store.parties import Role
from registry.usecases.party import issue_token, register_party
from registry.usecases.party.confirm_proposal import find_proposals
from registry.usecases.party.identify_party import Party
from registry.usecases.party.issue_token import TokenNotProposed
from registry.usecases.trust import pin_root
from tests.kit import Corridor, Country
from tests.usecases.party.test_begin_operators import begins, people
from tests.usecases.party.test_issue_token import DIGEST, confirms, proposes


@pytest.fixture
def owner(corridor: Corridor) -> Iterator[Database]:
    database = Database.open(corridor.forge.server.url(OWNER, corridor.by.database))
    yield database
    database.close()


def gives(by: Country, person: str, *roles: Role, giver: Party | None = None) -> None:
    actor = (giver or by.people["second_operator"]).actor
    with by.tx() as tx:
        register_party.change_roles(tx, person, roles, by=actor, at=by.clock(), draw=by.node.draw)


def pins_proposed(by: Country) -> int:
    (subject,) = {act.subject for act in by.acts(Kind.TRUST_PIN_PROPOSED)}
    with by.node.database.read() as tx:
        return len(find_proposals(tx, str(subject), Kind.TRUST_PIN_PROPOSED))


def test_a_role_that_is_given_again_brings_no_proposal_back(corridor: Corridor) -> None:
    by = corridor.by
    operator, person = by.people["operator"].person, by.people["signatory"].person
    with by.tx() as tx:
        pin_root.propose(tx, by.node.pins["UZ"], **by.by("operator"))
    proposes(by, "operator", person)
    gives(by, operator, Role.OPERATOR, Role.AUDITOR)
    assert pins_proposed(by) == 1
    by.clock.forward(timedelta(days=-1))
    gives(by, operator, Role.AUDITOR)
    gives(by, operator, Role.OPERATOR)
    assert pins_proposed(by) == 0
    with by.refuses(TokenNotProposed):
        confirms(by, "second_operator", person)
    with by.tx() as tx:
        pin_root.propose(tx, by.node.pins["UZ"], **by.by("operator"))
    proposes(by, "operator", person)
    assert pins_proposed(by) == 1
    confirms(by, "second_operator", person)


def test_what_was_proposed_while_the_role_was_taken_does_not_stand_once_it_is_given_again(corridor: Corridor) -> None:
    by = corridor.by
    still = by.by("operator")
    gives(by, by.people["operator"].person, Role.AUDITOR)
    with by.tx() as tx:
        pin_root.propose(tx, by.node.pins["UZ"], **still)
    gives(by, by.people["operator"].person, Role.OPERATOR)
    assert pins_proposed(by) == 0


def test_a_ceremony_ends_what_was_proposed_before_whatever_its_operators_then_give(
    corridor: Corridor, owner: Database
) -> None:
    by = corridor.by
    operator, person = by.people["operator"], by.people["signatory"].person
    with by.tx() as tx:
        pin_root.propose(tx, by.node.pins["UZ"], **by.by("operator"))
    proposes(by, "operator", person)
    by.clock.forward(timedelta(days=91))
    _, named = people(by, operator.name, "Б")
    _, (same, _) = begins(owner, by, named)
    gives(by, operator.person, Role.OPERATOR, giver=same)
    assert pins_proposed(by) == 0
    with by.refuses(TokenNotProposed) as refused:
        issue_token.confirm(refused.tx, person, DIGEST, by=same, at=by.clock(), draw=by.node.draw)
