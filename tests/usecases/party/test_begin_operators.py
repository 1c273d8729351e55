"""The first operators: two people in one ceremony, held as the owner of the database, and told in the log."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from registry.core.tlog.entry import Kind
from registry.store import tokens
from registry.store.database import OWNER, Database
from registry.store.parties import Organisation, Role
from registry.usecases.party import begin_operators, issue_token, register_party
from registry.usecases.party.begin_operators import OperatorsAtWork, OwnerWanted
from registry.usecases.party.identify_party import Party, TokenNotAccepted, identify
from registry.usecases.party.issue_token import FingerprintUsed, TokenNotProposed
from registry.usecases.party.register_party import PartyWrong
from tests.kit import Corridor, Country
from tests.usecases.fsck.lived import found


@pytest.fixture
def owner(corridor: Corridor) -> Iterator[Database]:
    database = Database.open(corridor.forge.server.url(OWNER, corridor.by.database))
    yield database
    database.close()


def stated(by: Country, **changes: Any) -> dict[str, Any]:
    return {
        "organisation": "Новый оператор",
        "address": "Гомель",
        "country": by.code,
        "node_name": by.node.settings.name,
        "node_did": by.did,
        "days": 30,
        "at": by.clock(),
        "draw": by.node.draw,
    } | changes


def people(by: Country, *names: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Return tokens that people made, and their names with the fingerprints."""
    made = [issue_token.make(by.node.draw) for _ in names]
    return [token for token, _ in made], [(name, digest) for name, (_, digest) in zip(names, made, strict=True)]


def begins(owner: Database, by: Country, named: Sequence[tuple[str, str]], **changes: Any) -> tuple[Organisation, Any]:
    with owner.begin() as tx:
        return begin_operators.begin(tx, named, **stated(by, **changes))


def knows(by: Country, token: str) -> Party:
    with by.node.database.read() as tx:
        return identify(tx, token, node=by.did, at=by.clock())


def revoked(by: Country, *people_: str) -> None:
    with by.node.database.begin() as tx:
        for token, who, _ in tokens.living(tx, by.clock()):
            if who.id in people_:
                register_party.revoke_token(
                    tx, token.id, by=by.people["operator"].actor, at=by.clock(), draw=by.node.draw
                )


def test_a_node_begins_with_two_operators_each_of_whom_confirmed_the_other(corridor: Corridor) -> None:
    by = corridor.by
    one, other = by.people["operator"].person, by.people["second_operator"].person
    (begun,) = by.acts(Kind.OPERATORS_BEGUN)
    assert begun.private == {"organisation": by.people["operator"].organisation, "people": [one, other]}
    assert (begun.by, begun.person) == (by.did, None)
    issued = {act.subject: act.person for act in by.acts(Kind.TOKEN_ISSUED)}
    assert (issued[one], issued[other]) == (other, one)


def test_while_two_operators_hold_living_tokens_no_other_is_made_without_them(corridor: Corridor, owner: Any) -> None:
    by = corridor.by
    _, named = people(by, "А", "Б")
    with pytest.raises(OperatorsAtWork) as refused:
        begins(owner, by, named)
    assert "two operators hold living tokens" in str(refused.value)
    assert len(by.acts(Kind.OPERATORS_BEGUN)) == 1


def test_where_one_operator_is_left_two_begin_anew_and_the_one_token_ends(corridor: Corridor, owner: Any) -> None:
    by = corridor.by
    revoked(by, by.people["second_operator"].person, by.people["operator"].person)
    tokens, named = people(by, "А", "Б", "В")
    organisation, _ = begins(owner, by, named)
    assert [knows(by, token).name for token in tokens] == ["А", "Б", "В"]
    assert {knows(by, token).organisation for token in tokens} == {organisation.id}
    with pytest.raises(TokenNotAccepted):
        knows(by, by.tokens["everything"])
    assert len(by.acts(Kind.OPERATORS_BEGUN)) == 2
    assert found(by) == []


def test_where_every_token_has_ended_operators_begin_anew_in_the_organisation_that_is_there(
    corridor: Corridor, owner: Any
) -> None:
    by = corridor.by
    with owner.read() as tx:
        known = tx.get_one(Organisation, by.people["operator"].organisation)
    corridor.clock.forward(timedelta(days=91))
    tokens, named = people(by, "А", "Б")
    organisation, made = begins(owner, by, named, organisation=known.name.upper())
    assert organisation.id == known.id
    assert [knows(by, token).person for token in tokens] == [party.person for party in made]
    assert all(party.roles == {Role.OPERATOR} for party in made)
    assert found(by) == []


def test_the_ceremony_is_the_owners_and_of_two_people_with_a_token_each(corridor: Corridor, owner: Any) -> None:
    by = corridor.by
    corridor.clock.forward(timedelta(days=91))
    _, named = people(by, "А", "Б")
    with by.refuses(OwnerWanted) as refused:
        begin_operators.begin(refused.tx, named, **stated(by))
    assert "REGISTRY_DATABASE_OWNER_URL" in str(refused.value)
    with pytest.raises(PartyWrong, match="at least two people"):
        begins(owner, by, named[:1])
    with pytest.raises(FingerprintUsed):
        begins(owner, by, [named[0], ("Б", named[0][1])])
    with pytest.raises(PartyWrong, match="366"):
        begins(owner, by, named, days=367)
    assert len(by.acts(Kind.OPERATORS_BEGUN)) == 1


def test_an_operator_of_before_is_none_again_by_a_token_that_was_left_to_them(corridor: Corridor, owner: Any) -> None:
    by = corridor.by
    earlier = by.people["operator"].person
    operator = by.by("second_operator") | {"by": by.people["second_operator"].actor}
    with by.tx() as tx:
        register_party.change_roles(tx, earlier, [Role.AUDITOR, Role.OPERATOR], **operator)
    by.renews("operator")
    with by.tx() as tx:
        register_party.change_roles(tx, earlier, [Role.AUDITOR], **operator)
    revoked(by, by.people["everything"].person)
    _, named = people(by, "Е. С. Ковалёва", "Б")
    _, (same, _) = begins(owner, by, named)
    assert by.knows("operator").roles == {Role.AUDITOR}
    with by.tx() as tx:
        register_party.change_roles(
            tx, earlier, [Role.AUDITOR, Role.OPERATOR], by=same.actor, at=by.clock(), draw=by.node.draw
        )
    with pytest.raises(TokenNotAccepted):
        knows(by, by.tokens["operator"])
    assert found(by) == []


def test_what_an_operator_proposed_under_the_name_of_before_is_not_confirmed_under_the_new_one(
    corridor: Corridor, owner: Any
) -> None:
    by = corridor.by
    signatory, (_, fingerprint) = by.people["signatory"].person, issue_token.make(by.node.draw)
    with by.tx() as tx:
        issue_token.propose(tx, signatory, fingerprint, days=90, **by.by("operator"))
    revoked(by, by.people["second_operator"].person, by.people["everything"].person)
    _, named = people(by, "Е. С. Ковалёва", "Б")
    _, (same, _) = begins(owner, by, named)
    with by.refuses(TokenNotProposed) as refused:
        issue_token.confirm(refused.tx, signatory, fingerprint, by=same, at=by.clock(), draw=by.node.draw)
    assert by.knows("signatory").roles == {Role.SIGNATORY}
