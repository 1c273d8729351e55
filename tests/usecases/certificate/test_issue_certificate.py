"""Issuing, and what it is refused for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from registry.api.issuer import issuer_of
from registry.core.agreement import NotAgreed
from registry.core.application.lifecycle import IllegalMove, State
from registry.core.certificate.credential import Certificate
from registry.core.envelope.jose import Envelope, Typ
from registry.core.number_pattern import NumbersExhausted
from registry.core.rules.finding import Severity
from registry.core.tlog.entry import Kind
from registry.core.trust.believed_list import BelievedList
from registry.store import serials, status_indices
from registry.store.applications import Application
from registry.store.parties import Person, Role
from registry.usecases.application.check_application import FindingsSevere
from registry.usecases.application.check_expert import SignatoryIsExpert
from registry.usecases.application.find_application import AnotherPart, ApplicationNotFound
from registry.usecases.application.submit_application import DraftDiffers
from registry.usecases.certificate import issue_certificate
from registry.usecases.certificate.issue_certificate import NotIssuable, issue
from registry.usecases.party import register_party
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.trust.believe_peers import Beliefs, CountryNotTrusted
from registry.usecases.trust.sign_for_body import Issuer, SignerMissing
from tests.kit import Corridor, Country


def without_bodies(beliefs: Beliefs) -> Beliefs:
    def cut(believed: BelievedList) -> BelievedList:
        return replace(believed, list=replace(believed.list, bodies=()))

    return replace(beliefs, lists={code: cut(believed) for code, believed in beliefs.lists.items()})


def test_the_certificate_is_the_accepted_draft_under_the_next_number(corridor: Corridor) -> None:
    by = corridor.by
    approved = by.approved()
    first, second = by.issue(approved), by.issued()
    assert [first.number, second.number] == ["BYUZ6101000001", "BYUZ6101000002"]
    certificate = Certificate.parse(Envelope.parse(first.envelope, Typ.CERTIFICATE).payload)
    assert certificate.subject.claims == approved.claims
    assert certificate.subject.signatory.id == by.people["signatory"].person
    assert by.application(approved.id).state == State.ISSUED
    assert [act.subject for act in by.acts(Kind.CERTIFICATE_ISSUED) if act.digest == first.digest] == [first.id]
    assert first.application == approved.id


def test_an_application_is_issued_once(corridor: Corridor) -> None:
    by = corridor.by
    approved = by.approved()
    by.issue(approved)
    with by.refuses(IllegalMove) as refused:
        issue(
            refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("second_signatory")
        )
    assert str(refused.value) == "an application that is issued cannot be issued"


def test_only_a_signatory_of_the_body_issues(corridor: Corridor) -> None:
    by = corridor.by
    approved = by.approved()
    issuer, beliefs, draft = issuer_of(by.node), by.beliefs(), str(approved.draft)
    with by.refuses(RoleMissing) as refused:
        issue(refused.tx, approved.id, draft, issuer, beliefs, **by.by("examiner"))
    for who in ("second_exporter", "stranger"):
        by.gives(who, Role.SIGNATORY)
        with by.refuses(ApplicationNotFound) as missing:
            issue(missing.tx, approved.id, draft, issuer, beliefs, **by.by(who))


def test_what_was_not_approved_as_it_is_now_is_not_issued(corridor: Corridor) -> None:
    by = corridor.by
    approved = by.approved()
    with by.refuses(DraftDiffers) as refused:
        issue(refused.tx, approved.id, "0" * 64, issuer_of(by.node), by.beliefs(), **by.by("signatory"))
    with corridor.forge.breaking(by) as tx:
        tx.execute(
            text("UPDATE application SET claims = jsonb_set(claims, '{items,0,quantity,value}', '\"999\"')"),
        )
    with by.refuses(DraftDiffers) as refused:
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("signatory"))


def test_whoever_examined_does_not_issue(corridor: Corridor) -> None:
    by = corridor.by
    by.people["examiner"] = by.people["both"]
    approved = by.approved()
    with by.refuses(AnotherPart) as refused:
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("both"))
    assert str(refused.value) == "whoever is examiner of an application cannot be its signatory"


def with_act(country: Country, **changes: str) -> Application:
    """Return an approved application that rests on an expert act."""
    act = {"number": "А-17", "until": "2026-11-21", "expert": "Э. Эксперт", "goods": "тракторы"} | changes
    return country.approves(country.form(expert_act=act | {"rules_set": "CIS-1993"}))


def test_the_expert_of_the_act_does_not_certify_by_it(corridor: Corridor) -> None:
    by = corridor.by
    approved = with_act(by, expert=by.people["signatory"].name)
    with by.refuses(SignatoryIsExpert) as refused:
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("signatory"))
    assert str(refused.value) == "whoever made the expert act does not certify by it"
    assert by.issue(approved, "second_signatory").application == approved.id


def test_an_expert_act_that_ended_since_the_approval_is_in_the_way_of_issuing(corridor: Corridor) -> None:
    by = corridor.by
    approved, another = with_act(by), with_act(by)
    assert by.issue(another).application == another.id
    corridor.clock.forward(timedelta(days=1))
    with by.refuses(FindingsSevere) as refused:
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("signatory"))
    assert {each.rule for each in refused.value.findings if each.severity is Severity.SEVERE} == {"expert-act-expired"}


def test_a_power_of_attorney_is_asked_for_at_submission_and_not_again_at_issue(corridor: Corridor) -> None:
    by = corridor.by
    applicant = by.people["exporter"].organisation_name
    mandate = {"principal": applicant, "agent": applicant, "until": "2026-11-21", "scope": "всё"}
    approved = by.approves(by.form(mandate=mandate))
    corridor.clock.forward(timedelta(days=1))
    assert by.issue(approved).application == approved.id


def test_an_applicant_who_became_signatory_of_the_body_cannot_issue_their_own_application(corridor: Corridor) -> None:
    by = corridor.by
    approved = by.approved()
    with corridor.forge.breaking(by) as tx:
        tx.get_one(Person, by.people["exporter"].person).organisation = by.people["signatory"].organisation
    by_operator = by.by("operator") | {"by": by.people["operator"].actor}
    with by.tx() as tx:
        register_party.change_roles(
            tx,
            by.people["exporter"].person,
            [Role.SIGNATORY, Role.EXAMINER],
            **by_operator,
        )
    by.renews("exporter")
    with by.refuses(AnotherPart) as refused:
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("exporter"))
    assert refused.value.played == "applicant"


def test_nothing_is_issued_without_the_bodys_key_its_list_and_an_agreement(corridor: Corridor) -> None:
    by = corridor.by
    approved = by.approved()
    issuer, beliefs = issuer_of(by.node), by.beliefs()
    refusals: list[tuple[Issuer, Beliefs, type[Exception]]] = [
        (replace(issuer, signers={}), beliefs, SignerMissing),
        (issuer, replace(beliefs, lists={}), CountryNotTrusted),
        (issuer, without_bodies(beliefs), NotAgreed),
        (issuer, replace(beliefs, agreements={}), NotAgreed),
        (issuer, without_numbers(beliefs), NotAgreed),
    ]
    for without, believed, refusal in refusals:
        with by.refuses(refusal) as refused:
            issue(refused.tx, approved.id, str(approved.draft), without, believed, **by.by("signatory"))
        assert str(refused.value)
    assert by.issue(approved).number == "BYUZ6101000001"


def without_numbers(beliefs: Beliefs) -> Beliefs:
    agreements = {id_: replace(agreement, numbers=()) for id_, agreement in beliefs.agreements.items()}
    return replace(beliefs, agreements=agreements)


def test_a_body_out_of_numbers_issues_nothing(corridor: Corridor) -> None:
    by = corridor.by
    approved = by.approved()
    with by.tx() as tx:
        for row in range(2):
            serials.allot(tx, str(by.people["signatory"].did), 2026 + row)
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE number_counter SET last = 999999"))
    with by.refuses(NumbersExhausted) as refused:
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("signatory"))
    assert refused.value.serial == 1_000_000


def test_what_our_own_verifier_would_not_pass_is_not_issued(corridor: Corridor) -> None:
    by = corridor.by
    approved = by.approved()
    by.people["signatory"] = replace(by.people["signatory"], name="Кто-то другой")
    with by.refuses(NotIssuable) as refused:
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("signatory"))
    assert (refused.value.check, refused.value.finding) == ("body", "signatory-not-notified")
    assert str(refused.value).startswith("the certificate would not verify: body: ")


def test_a_status_index_is_never_given_twice(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        assert status_indices.draw_index(tx, issue_certificate.STATUS_LIST, [7]) == 7
        assert status_indices.draw_index(tx, issue_certificate.STATUS_LIST, [7, 7, 8]) == 8
        with pytest.raises(AssertionError, match="the status list is full"):
            status_indices.draw_index(tx, issue_certificate.STATUS_LIST, [7, 8])


def test_tashkent_issues_between_midnight_and_two_when_it_is_still_yesterday_in_minsk(corridor: Corridor) -> None:
    uz = corridor.uz
    approved = uz.approved("cotton-yarn")
    started = corridor.clock()
    corridor.clock.at = started.replace(hour=19, minute=30)
    issued = uz.issue(approved)
    assert (issued.issued_on - started.date()).days == 1
    uz.deliver(corridor.by)
    assert len(corridor.by.everything()["certificate"]) == 1
