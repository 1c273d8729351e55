"""A restore gives nobody back what was taken from them since: what may have been ended is ended (decision 0040)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from registry.core.tlog.entry import Kind
from registry.store import parties, tokens
from registry.store.database import OWNER, Database
from registry.store.parties import Mandate, Role
from registry.usecases.party import grant_mandate, register_party
from registry.usecases.party.count_operators import count_operators
from registry.usecases.party.identify_party import TokenNotAccepted, identify
from tests.kit import Corridor, Country
from tests.usecases.fsck.lived import found
from tests.usecases.party.test_begin_operators import begins, people
from tests.usecases.recovery.restored import Backup, behind, carry, recovered

NOTHING = {"revocations_lost": {}, "tokens_ended": 0, "mandates_ended": []}


@pytest.fixture
def backup(corridor: Corridor) -> Iterator[Backup]:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    mandated(by)
    carry(by, uz)
    taken = Backup.take(corridor.forge, by)
    yield taken
    taken.drop()


def mandated(by: Country) -> Mandate:
    """Grant a mandate of the importer to the exporter, as a broker has it."""
    operator = by.by("operator")
    with by.tx() as tx:
        return grant_mandate.grant(
            tx,
            principal=by.people["importer"].organisation,
            agent=by.people["exporter"].organisation,
            schemes=["origin-st1"],
            until=by.clock().date() + timedelta(days=100),
            today=by.clock().date(),
            **operator | {"by": operator["by"].actor},
        )


def mandates(by: Country) -> list[str]:
    with by.node.database.read() as tx:
        return [each.id for each in parties.living_mandates(tx, by.clock().date())]


def holders(by: Country) -> set[str]:
    with by.node.database.read() as tx:
        return {person.id for _, person, _ in tokens.living(tx, by.clock())}


def actor(by: Country) -> dict[str, Any]:
    return by.by("operator") | {"by": by.people["operator"].actor}


def revoke(by: Country, who: str) -> None:
    with by.tx() as tx:
        for token, _, _ in tokens.living(tx, by.clock(), person=by.people[who].person):
            register_party.revoke_token(tx, token.id, **actor(by))


def said(done: Any) -> dict[str, Any]:
    return {name: done.said[name] for name in NOTHING}


def test_a_token_that_was_revoked_since_the_backup_opens_nothing_after_it(corridor: Corridor, backup: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    revoke(by, "signatory")
    with by.tx() as tx:
        register_party.change_roles(tx, by.people["signatory"].person, [], **actor(by))
    carry(by, uz)
    backup.restore()
    before = holders(by)
    done = recovered(by, uz)
    assert said(done) == {
        "revocations_lost": {"person.changed": 1, "token.revoked": 1},
        "tokens_ended": len(before) - 1,
        "mandates_ended": [],
    }
    assert by.acts(Kind.LOG_RECOVERED)[0].private | said(done) == by.acts(Kind.LOG_RECOVERED)[0].private
    with by.node.database.read() as tx, pytest.raises(TokenNotAccepted):
        identify(tx, by.tokens["signatory"], node=by.did, at=by.clock())
    assert holders(by) == {by.people["operator"].person}
    assert len(mandates(by)) == 1
    assert (behind(by), found(by)) == ([], [])


def test_whoever_recovered_confirms_nothing_until_operators_are_made_anew_and_is_none_then(
    corridor: Corridor, backup: Backup
) -> None:
    by, uz = corridor.by, corridor.uz
    revoke(by, "operator")
    carry(by, uz)
    backup.restore()
    recovered(by, uz)
    assert holders(by) == {by.people["operator"].person}, "it is the very token that was stolen"
    with by.node.database.read() as tx:
        assert "nobody can confirm anything" in count_operators(tx, by.clock()).alarms()[0]
    owner = Database.open(corridor.forge.server.url(OWNER, by.database))
    _, named = people(by, "Первый", "Второй")
    _, made = begins(owner, by, named)
    owner.close()
    assert holders(by) == {party.person for party in made}
    with by.node.database.read() as tx:
        assert {row.id for row in parties.holders(tx, Role.OPERATOR)} == holders(by)
    carry(by, uz)
    assert found(by) == []


def test_a_mandate_that_was_revoked_since_the_backup_is_none_after_it_and_each_that_ended_is_named(
    corridor: Corridor, backup: Backup
) -> None:
    by, uz = corridor.by, corridor.uz
    (living,) = mandates(by)
    with by.tx() as tx:
        grant_mandate.revoke(tx, living, **actor(by))
    carry(by, uz)
    backup.restore()
    before = holders(by)
    done = recovered(by, uz)
    assert done.said["mandates_ended"] == [
        {
            "mandate": living,
            "principal": by.people["importer"].organisation,
            "agent": by.people["exporter"].organisation,
            "schemes": ["origin-st1"],
            "until": (by.clock().date() + timedelta(days=100)).isoformat(),
        }
    ]
    assert (done.said["revocations_lost"], done.said["tokens_ended"]) == ({"mandate.revoked": 1}, 0)
    assert (mandates(by), holders(by)) == ([], before)
    assert found(by) == []


def test_nothing_ends_where_nothing_that_ended_is_lost(corridor: Corridor, backup: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.renews("signatory")
    carry(by, uz)
    backup.restore()
    before = holders(by)
    assert said(recovered(by, uz)) == NOTHING
    assert (holders(by), len(mandates(by))) == (before, 1)


def test_what_is_given_up_may_have_been_a_revocation(corridor: Corridor, backup: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    revoke(by, "officer")
    by.sequence()
    backup.restore()
    done = recovered(by, uz, give_up=1)
    assert done.said["revocations_lost"] == {}
    assert (holders(by), mandates(by)) == ({by.people["operator"].person}, [])
    assert len(done.said["mandates_ended"]) == 1  # type: ignore[arg-type]  # it is an array
