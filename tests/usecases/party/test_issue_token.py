"""A token: made by its person, proposed by one operator, confirmed by another, and seen by nobody else."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InternalError, ProgrammingError

from registry.core.tlog.entry import Kind
from registry.store.parties import Role
from registry.store.tokens import Token
from registry.usecases.node import measure_node
from registry.usecases.party import issue_token, register_party
from registry.usecases.party.confirm_proposal import SameOperator, spoken
from registry.usecases.party.identify_party import Party, RoleMissing, TokenNotAccepted, identify
from registry.usecases.party.issue_token import (
    FingerprintUsed,
    NotAFingerprint,
    OwnToken,
    ProposedAlready,
    TokenNotProposed,
)
from registry.usecases.party.register_party import PartyNotFound, PartyWrong
from registry.usecases.party.tell_standing import TokenIssuedBefore
from tests.kit import Corridor, Country
from tests.older import issued_by_one
from tests.usecases.fsck.lived import found

DIGEST = sha256(b"of a token").hexdigest()


def proposes(by: Country, who: str, person: str, fingerprint: str = DIGEST, days: int = 90) -> None:
    with by.tx() as tx:
        issue_token.propose(tx, person, fingerprint, days=days, **by.by(who))


def confirms(by: Country, who: str, person: str, fingerprint: str = DIGEST) -> Token:
    with by.tx() as tx:
        return issue_token.confirm(tx, person, fingerprint, **by.by(who))


def third_operator(by: Country) -> Party:
    """Register a third operator, with a token that the first two issue, and return them."""
    operator = by.by("operator") | {"by": by.people["operator"].actor}
    stated: dict[str, Any] = {"organisation": by.people["operator"].organisation, "name": "Третий", "node_did": by.did}
    with by.tx() as tx:
        row = register_party.register_person(tx, roles=[Role.OPERATOR], **stated, **operator)
        by.tokens["third"], _ = by.issues_token(tx, row.id)
    return by.knows("third")


def test_a_token_lives_once_two_operators_typed_its_fingerprint(corridor: Corridor) -> None:
    by = corridor.by
    person = by.people["signatory"].person
    token, fingerprint = issue_token.make(by.node.draw)
    assert fingerprint == sha256(token.encode()).hexdigest()
    proposes(by, "operator", person, spoken(fingerprint).upper(), days=30)
    with by.refuses(TokenNotAccepted) as early:
        identify(early.tx, token, node=by.did, at=by.clock())
    row = confirms(by, "second_operator", person, f" {spoken(fingerprint)} ")
    assert (row.expires_at, row.issued_at) == (by.clock() + timedelta(days=30), by.clock())
    with by.node.database.read() as tx:
        assert identify(tx, token, node=by.did, at=row.expires_at - timedelta(seconds=1)).person == person
        with pytest.raises(TokenNotAccepted):
            identify(tx, token, node=by.did, at=row.expires_at)
    proposed = next(act for act in by.acts(Kind.TOKEN_PROPOSED) if act.private["sha256"] == fingerprint)
    (issued,) = (act for act in by.acts(Kind.TOKEN_ISSUED) if act.private["sha256"] == fingerprint)
    assert proposed.private == {"person": person, "sha256": fingerprint, "days": 30}
    assert (proposed.person, proposed.subject) == (by.people["operator"].person, person)
    assert (issued.person, issued.private["proposal"]) == (by.people["second_operator"].person, proposed.id)
    assert token not in repr(by.everything())
    assert found(by) == []


def withdraws(by: Country, who: str, person: str) -> None:
    with by.tx() as tx:
        issue_token.withdraw(tx, person, DIGEST, **by.by(who))


def test_nobody_confirms_what_they_proposed(corridor: Corridor) -> None:
    by = corridor.by
    person = by.people["signatory"].person
    proposes(by, "operator", person)
    with by.refuses(SameOperator) as refused:
        issue_token.confirm(refused.tx, person, DIGEST, **by.by("operator"))
    with by.refuses(ProposedAlready) as already:
        issue_token.propose(already.tx, person, DIGEST, days=7, **by.by("second_operator"))
    assert str(already.value).startswith("this token is proposed already, for 90 days, since 2026-11-21T09:30:00Z: ")
    withdraws(by, "operator", person)
    proposes(by, "second_operator", person, days=7)
    assert confirms(by, "operator", person).expires_at == by.clock() + timedelta(days=7)


def test_an_operator_proposes_their_own_token_and_another_confirms_it(corridor: Corridor) -> None:
    by = corridor.by
    own = by.people["operator"].person
    proposes(by, "second_operator", own)
    with by.refuses(OwnToken) as refused:
        issue_token.confirm(refused.tx, own, DIGEST, **by.by("operator"))
    assert str(refused.value).startswith("nobody confirms their own token")
    withdraws(by, "operator", own)
    proposes(by, "operator", own)
    assert confirms(by, "second_operator", own).proposed_by == own
    assert found(by) == []


def test_what_one_proposed_who_is_no_operator_any_more_does_not_count(corridor: Corridor) -> None:
    by = corridor.by
    person, third = by.people["signatory"].person, third_operator(by)
    proposes(by, "third", person)
    operator = by.by("operator") | {"by": by.people["operator"].actor}
    with by.tx() as tx:
        register_party.change_roles(tx, third.person, [Role.AUDITOR], **operator)
    with by.refuses(TokenNotProposed):
        confirms(by, "operator", person)
    proposes(by, "second_operator", person)
    confirms(by, "operator", person)


def test_only_what_was_proposed_for_that_person_is_confirmed(corridor: Corridor) -> None:
    by = corridor.by
    person, another = by.people["signatory"].person, by.people["examiner"].person
    proposes(by, "operator", person)
    for whose, digest in ((another, DIGEST), (person, "0" * 64), ("nobody", DIGEST)):
        with by.refuses(TokenNotProposed) as refused:
            issue_token.confirm(refused.tx, whose, digest, **by.by("second_operator"))
    assert "'nobody'" in str(refused.value)


def test_a_fingerprint_is_a_tokens_once_whoevers_it_is_and_whether_or_not_it_lives(corridor: Corridor) -> None:
    by = corridor.by
    person, another = by.people["signatory"].person, by.people["examiner"].person
    proposes(by, "operator", person)
    proposes(by, "operator", another)
    row = confirms(by, "second_operator", person)
    for _ in range(2):
        with by.refuses(FingerprintUsed) as refused:
            issue_token.confirm(refused.tx, another, DIGEST, **by.by("second_operator"))
        with by.refuses(FingerprintUsed):
            proposes(by, "operator", another)
        with by.tx() as tx:
            tx.execute(text("UPDATE token SET revoked_at = :at WHERE id = :id"), {"at": by.clock(), "id": row.id})
    assert "a token of someone else with this fingerprint was issued before" in str(refused.value)


def test_who_types_a_token_again_is_told_how_it_stands(corridor: Corridor) -> None:
    by = corridor.by
    person, name = by.people["signatory"].person, by.people["operator"].name
    operator = by.by("operator") | {"by": by.people["operator"].actor}
    proposes(by, "operator", person, days=2)
    row = confirms(by, "second_operator", person)
    ended = ("0" * 64, "1" * 64)
    for digest in ended:
        proposes(by, "operator", person, digest, days=1)
        by_two = confirms(by, "second_operator", person, digest)
        if digest == ended[0]:
            with by.tx() as tx:
                register_party.revoke_token(tx, by_two.id, **operator)
    corridor.clock.forward(timedelta(days=1))
    for digest, said in {
        DIGEST: "lives since 2026-11-21T09:30:00Z, until 2026-11-23T09:30:00Z",
        ended[0]: f"was revoked at 2026-11-21T09:30:00Z by {name}",
        ended[1]: "has expired: it lived until 2026-11-22T09:30:00Z",
    }.items():
        for typed in (issue_token.confirm, issue_token.withdraw):
            with by.refuses(TokenIssuedBefore) as refused:
                typed(refused.tx, person, digest, **by.by("second_operator"))
            assert str(refused.value) == f"this token of this person {said}"
        with by.refuses(TokenIssuedBefore):
            proposes(by, "operator", person, digest)
    assert row.sha256.hex() == DIGEST


def test_of_two_who_confirm_at_once_one_does(corridor: Corridor) -> None:
    by = corridor.by
    person = by.people["signatory"].person
    third_operator(by)
    proposes(by, "operator", person)

    def confirm(who: str) -> str:
        try:
            return confirms(by, who, person).id
        except TokenIssuedBefore as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(confirm, ("second_operator", "third")))
    assert ended.count("token-issued-before") == 1


@pytest.mark.parametrize("text_", ["", "brt_" + "0" * 64, "0" * 63, "0" * 65, "g" * 64])
def test_what_is_no_fingerprint_is_refused_and_not_repeated(corridor: Corridor, text_: str) -> None:
    by = corridor.by
    person = by.people["signatory"].person
    with by.refuses(NotAFingerprint) as refused:
        issue_token.propose(refused.tx, person, text_, days=1, **by.by("operator"))
    with by.refuses(NotAFingerprint):
        confirms(by, "operator", person, text_)
    assert "0000" not in str(refused.value)


def test_a_token_is_for_someone_registered_and_lasts_from_a_day_to_a_year(corridor: Corridor) -> None:
    by = corridor.by
    with by.refuses(PartyNotFound):
        proposes(by, "operator", "nobody")
    for days in (0, -1, 367):
        with by.refuses(PartyWrong) as refused:
            issue_token.propose(refused.tx, by.people["exporter"].person, DIGEST, days=days, **by.by("operator"))
    assert str(refused.value) == "a token lasts from one day to 366"


def test_only_operators_propose_and_confirm(corridor: Corridor) -> None:
    by = corridor.by
    person = by.people["exporter"].person
    with by.refuses(RoleMissing):
        proposes(by, "auditor", person)
    proposes(by, "operator", person)
    with by.refuses(RoleMissing):
        confirms(by, "signatory", person)


def test_the_database_itself_takes_no_token_that_two_people_did_not_issue(corridor: Corridor) -> None:
    by = corridor.by
    one, other, holder = (by.people[who].person for who in ("operator", "second_operator", "signatory"))
    stated = "INSERT INTO token VALUES ('x', :holder, 'x', now(), now(), NULL, :one, :other)"
    for pair, error, match in (
        ((None, None), (InternalError, ProgrammingError), "issued by two people"),
        ((None, other), IntegrityError, "proposed_and_confirmed"),
        ((one, one), IntegrityError, "two_people"),
        ((one, holder), IntegrityError, "two_people"),
    ):
        with pytest.raises(error, match=match), by.tx() as tx:
            tx.execute(text(stated), {"holder": holder, "one": pair[0], "other": pair[1]})


def test_a_token_that_one_alone_issued_before_is_read_and_counted_until_it_ends(corridor: Corridor) -> None:
    by = corridor.by
    issued_by_one(corridor, by)
    assert by.knows("signatory").roles == {Role.SIGNATORY}
    assert found(by) == []

    def counted() -> int:
        with by.node.database.read() as tx:
            return measure_node.measure(tx, by.node.pins, country="BY", at=by.clock()).by_one

    many = counted()
    of_an_office = [who for who, party in by.people.items() if party.roles & set(measure_node.OFFICES)]
    assert many == len(of_an_office) < len(by.people)
    operator = by.by("operator") | {"by": by.people["operator"].actor}
    with by.tx() as tx:
        id = tx.scalar(text("SELECT id FROM token WHERE person = :id"), {"id": by.people["signatory"].person})
        by.issues_token(tx, by.people["signatory"].person)
        register_party.revoke_token(tx, str(id), **operator)
    assert counted() == many - 1
    assert found(by) == []


BROKEN = {
    "another holder's digest": (
        "UPDATE token SET sha256 = 'x' WHERE id = :id",
        "its columns are not what its act says: sha256",
    ),
    "another who confirmed": (
        "UPDATE token SET confirmed_by = :other WHERE id = :id",
        "its columns are not what its act says: confirmed_by",
    ),
    "another who proposed": (
        "UPDATE token SET proposed_by = :other WHERE id = :id",
        "whoever it names did not propose it so",
    ),
    "more days than were proposed": (
        "UPDATE token SET expires_at = expires_at + interval '1 day' WHERE id = :id",
        "whoever it names did not propose it so",
    ),
    "issued by one, by its columns": (
        "UPDATE token SET proposed_by = NULL, confirmed_by = NULL WHERE id = :id",
        "its columns are not what its act says: confirmed_by",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_token_is_what_one_proposed_and_another_confirmed(corridor: Corridor, what: str) -> None:
    by = corridor.by
    person = by.people["signatory"].person
    other = by.people["examiner"].person
    proposes(by, "operator", person)
    row = confirms(by, "second_operator", person)
    statement, said = BROKEN[what]
    with corridor.forge.breaking(by) as tx:
        tx.execute(text(statement), {"id": row.id} | ({"other": other} if ":other" in statement else {}))
    assert f"token {row.id}: {said}" in found(by)


def test_one_who_confirmed_what_they_proposed_is_found_where_the_database_was_disarmed(corridor: Corridor) -> None:
    by = corridor.by
    row = confirms_alone(corridor, by)
    assert f"token {row.id}: it was not confirmed by another than proposed it, and than holds it" in found(by)


def confirms_alone(corridor: Corridor, by: Country) -> Token:
    """Issue a token by two, and put the one who confirmed in the place of both."""
    person = by.people["signatory"].person
    proposes(by, "operator", person)
    row = confirms(by, "second_operator", person)
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("ALTER TABLE token DROP CONSTRAINT ck_token_two_people"))
        tx.execute(text("UPDATE token SET proposed_by = confirmed_by WHERE id = :id"), {"id": row.id})
    return row
