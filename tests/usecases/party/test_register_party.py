"""Who is registered: organisations, people and tokens."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from registry.core.product.identifiers import InvalidIdentifier
from registry.core.tlog.entry import Kind
from registry.core.trust.trust_list import BodyRole
from registry.store import parties
from registry.store.parties import OrganisationKind, Role
from registry.usecases.party import register_party
from registry.usecases.party.identify_party import TokenNotAccepted, identify
from registry.usecases.party.register_party import ROLES, NameTaken, PartyExists, PartyNotFound, PartyWrong, RoleUnfit
from registry.usecases.party.tell_standing import TokenEnded
from tests.kit import Corridor, Country
from tests.usecases.fsck.lived import found


def organisation(**changes: Any) -> dict[str, Any]:
    stated = {
        "kind": OrganisationKind.EXPORTER,
        "name": "ОАО «Новое»",
        "country": "BY",
        "address": "Минск",
        "tax_id": None,
        "code": None,
        "body_role": None,
        "node_name": "by.registry.example",
    }
    return stated | changes


def by_operator(country: Country) -> dict[str, Any]:
    return country.by("operator") | {"by": country.people["operator"].actor}


BODY = {"kind": OrganisationKind.BODY, "code": "bobruisk", "body_role": BodyRole.AUTHORISED}


def test_a_body_is_registered_with_its_code_role_and_did(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        row = register_party.register_organisation(tx, **organisation(**BODY), **by_operator(by))
    assert row.did == "did:web:by.registry.example:bodies:bobruisk"
    (act,) = [act for act in by.acts(Kind.ORGANISATION_REGISTERED) if act.subject == row.id]
    assert act.private == {"organisation": row.id, "kind": "body", "name": "ОАО «Новое»", "country": "BY"}


def test_an_organisation_whose_parts_do_not_fit_is_not_registered(corridor: Corridor) -> None:
    by = corridor.by
    refusals: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"code": "bobruisk"}, PartyWrong),
        ({"body_role": BodyRole.CENTRAL}, PartyWrong),
        ({**BODY, "code": None}, PartyWrong),
        ({**BODY, "body_role": None}, PartyWrong),
        ({**BODY, "code": "Bobruisk"}, PartyWrong),
        ({"tax_id": "123456789"}, InvalidIdentifier),
        ({"country": "Беларусь"}, PartyWrong),
        ({"kind": OrganisationKind.IMPORTER, "tax_id": None}, PartyWrong),
        ({"country": "by"}, PartyWrong),
        ({"name": ""}, PartyWrong),
        ({"name": " ОАО"}, PartyWrong),
        ({"address": "Минск\u202e"}, PartyWrong),
    ]
    for stated, refusal in refusals:
        with by.refuses(refusal) as refused:
            register_party.register_organisation(refused.tx, **organisation(**stated), **by_operator(by))


def test_a_person_without_a_name_is_not_registered(corridor: Corridor) -> None:
    by = corridor.by
    of = by.people["exporter"].organisation
    with by.refuses(PartyWrong) as refused:
        register_party.register_person(
            refused.tx, organisation=of, name="", roles=[Role.EXPORTER], node_did=by.did, **by_operator(by)
        )


def test_no_two_organisations_have_one_code_or_one_tax_id(corridor: Corridor) -> None:
    by = corridor.by
    with by.node.database.read() as tx:
        known = tx.get(parties.Organisation, by.people["exporter"].organisation)
    assert known is not None
    for stated in ({**BODY, "code": by.people["examiner"].code}, {"tax_id": known.tax_id}):
        with by.refuses(PartyExists) as refused:
            register_party.register_organisation(refused.tx, **organisation(**stated), **by_operator(by))
        assert "is registered" in str(refused.value)


@pytest.mark.parametrize("name", ["ОАО «Новое»", "OAO «Hoвое»", "оао новое", "О А О  „Новоё”".replace("ё", "е")])
def test_no_two_organisations_of_a_country_and_kind_have_names_that_look_alike(corridor: Corridor, name: str) -> None:
    by = corridor.by
    with by.tx() as tx:
        register_party.register_organisation(tx, **organisation(), **by_operator(by))
    with by.refuses(NameTaken) as refused:
        register_party.register_organisation(refused.tx, **organisation(name=name), **by_operator(by))
    assert str(refused.value) == f"{name!r} looks like 'ОАО «Новое»', which is registered"
    with by.tx() as tx:
        for elsewhere in ({**BODY}, {"country": "KZ"}, {"name": "ОАО «Новые»"}):
            register_party.register_organisation(tx, **organisation(name=name) | elsewhere, **by_operator(by))


def test_natural_persons_may_be_namesakes(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        for tax_id in ("MA1953684", "MA1953005"):
            stated = {"name": "Иванов Иван Иванович", "tax_id": tax_id}
            register_party.register_organisation(tx, **organisation(**stated), **by_operator(by))
    assert found(by) == []


def test_the_database_itself_refuses_a_second_of_one_look_and_fsck_knows_whose_it_is(corridor: Corridor) -> None:
    by = corridor.by
    known = by.people["exporter"].organisation
    alike = (
        "INSERT INTO organisation SELECT 'x', kind, name, country, address, NULL, NULL, NULL, NULL, registered_at, look"
    )
    with pytest.raises(IntegrityError, match="ix_organisation_country_kind_look"), by.tx() as tx:
        tx.execute(text(f"{alike} FROM organisation WHERE id = :id"), {"id": known})
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE organisation SET look = 'X' WHERE id = :id"), {"id": known})
    assert found(by) == [f"organisation {known}: its columns are not what its act says: look"]


def test_a_person_of_an_unknown_organisation_is_not_registered(corridor: Corridor) -> None:
    by = corridor.by
    with by.refuses(PartyNotFound) as refused:
        register_party.register_person(
            refused.tx, organisation="nowhere", name="Никто", roles=[], node_did=by.did, **by_operator(by)
        )
    said = "no organisation 'nowhere' is registered here: registry party organisations lists them"
    assert str(refused.value) == said


def test_a_person_registered_by_an_operator_is_an_act_of_the_operator(corridor: Corridor) -> None:
    by = corridor.by
    of = by.people["exporter"].organisation
    with by.tx() as tx:
        row = register_party.register_person(
            tx,
            organisation=of,
            name="Новый",
            roles=[Role.EXPORTER, Role.EXPORTER],
            node_did=by.did,
            **by_operator(by),
        )
    assert row.roles == ["exporter"]
    (act,) = [act for act in by.acts(Kind.PERSON_REGISTERED) if act.subject == row.id]
    assert act.person == by.people["operator"].person


def test_other_roles_hold_from_the_next_request_on_and_a_new_one_ends_tokens(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        register_party.change_roles(
            tx, by.people["registrar"].person, [Role.SIGNATORY, Role.EXAMINER], **by_operator(by)
        )
    with by.refuses(TokenNotAccepted):
        by.knows("registrar")
    assert by.renews("registrar").roles == {Role.EXAMINER, Role.SIGNATORY}
    with by.tx() as tx:
        register_party.change_roles(tx, by.people["registrar"].person, [Role.EXAMINER], **by_operator(by))
    assert by.knows("registrar").roles == {Role.EXAMINER}
    changes = [act.private for act in by.acts(Kind.PERSON_CHANGED) if act.subject == by.people["registrar"].person]
    assert {
        "person": by.people["registrar"].person,
        "before": ["registrar"],
        "roles": ["examiner", "signatory"],
    } in changes


@pytest.mark.parametrize("role", list(Role))
def test_a_role_is_for_people_of_organisations_whose_work_it_is(corridor: Corridor, role: Role) -> None:
    by = corridor.by
    for who in ("exporter", "importer", "examiner", "officer", "operator"):
        party = by.people[who]
        stated = {"organisation": party.organisation, "name": "Кто-то", "node_did": by.did} | by_operator(by)
        if role in ROLES[party.kind]:
            with by.tx() as tx:
                assert register_party.register_person(tx, roles=[role], **stated).roles == [role]
        else:
            with by.refuses(RoleUnfit) as refused:
                register_party.register_person(refused.tx, roles=[role], **stated)
            with by.refuses(RoleUnfit) as refused:
                register_party.change_roles(refused.tx, party.person, [role], **by_operator(by))
            assert str(refused.value) == f"the role {role} is not for people of an organisation that is {party.kind}"


@pytest.mark.parametrize("unseen", ["\u2060", "\u00ad", "\u061c", "\ufeff", "\U000e0041", "\u200b", "\u0301", "\n"])
def test_a_name_holds_nothing_that_does_not_show(corridor: Corridor, unseen: str) -> None:
    by = corridor.by
    odd = f"ОАО «Новое»{unseen}е" if unseen != "\u0301" else "Е\u0308лка"
    for stated in ({"name": odd}, {"address": odd}):
        with by.refuses(PartyWrong) as refused:
            register_party.register_organisation(refused.tx, **organisation(**stated), **by_operator(by))
        assert str(refused.value).startswith(f"the {next(iter(stated))} ")


def test_nobody_unknown_is_given_roles(corridor: Corridor) -> None:
    by = corridor.by
    with by.refuses(PartyNotFound) as refused:
        register_party.change_roles(refused.tx, "nobody", [Role.CUSTOMS], **by_operator(by))


def test_a_revoked_token_is_dead_at_once_and_is_not_revoked_twice(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        token, row = by.issues_token(tx, by.people["exporter"].person)
    with by.tx() as tx:
        register_party.revoke_token(tx, row.id, **by_operator(by))
    with by.refuses(TokenNotAccepted) as refused:
        identify(refused.tx, token, node=by.did, at=by.clock())
    with by.refuses(TokenEnded) as ended:
        register_party.revoke_token(ended.tx, row.id, **by_operator(by) | {"at": by.clock() + timedelta(days=300)})
    assert str(ended.value) == f"this token was revoked at 2026-11-21T09:30:00Z by {by.people['operator'].name}"


def test_a_token_that_has_expired_or_never_was_is_not_revoked(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        _, row = by.issues_token(tx, by.people["exporter"].person)
    corridor.clock.forward(timedelta(days=1))
    with by.refuses(TokenEnded) as ended:
        register_party.revoke_token(ended.tx, row.id, **by_operator(by))
    assert str(ended.value) == "this token has expired: it lived until 2026-11-22T09:30:00Z"
    with by.refuses(PartyNotFound) as missing:
        register_party.revoke_token(missing.tx, "0" * 32, **by_operator(by))
    assert str(missing.value) == f"no token '{'0' * 32}' is registered here: registry party token list lists them"


def test_what_is_no_token_of_ours_is_not_accepted(corridor: Corridor) -> None:
    by = corridor.by
    for shown in ("", "brt_", "brt_" + "0" * 64, "brx_" + "0" * 64, "brt_" + "0" * 63):
        with by.refuses(TokenNotAccepted) as refused:
            identify(refused.tx, shown, node=by.did, at=by.clock())
    assert str(refused.value) == "no token that is accepted here was shown"
