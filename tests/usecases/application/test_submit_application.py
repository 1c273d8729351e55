"""The applicant's work, and what it is refused for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from registry.core.application.lifecycle import IllegalMove, Part, State
from registry.core.certificate.claims import MalformedClaims
from registry.core.errors import RegistryError
from registry.core.product.product import Party as Maker
from registry.core.product.product import Product
from registry.core.rules.finding import Severity
from registry.core.scheme.catalogue import UnknownScheme
from registry.core.tlog.entry import Kind
from registry.store import applications, parties
from registry.store.parties import Person, Role
from registry.usecases.application import keep_product, submit_application
from registry.usecases.application.check_application import FindingsSevere, check
from registry.usecases.application.find_application import AnotherPart, ApplicationNotFound
from registry.usecases.application.keep_product import ProductNotFound, VersionStale
from registry.usecases.application.submit_application import DraftDiffers, Form, MandateMissing
from registry.usecases.party import grant_mandate, register_party
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.party.register_party import PartyNotFound
from registry.usecases.trust.believe_peers import Beliefs
from tests.kit import AT, Corridor, Country

NOTHING_BELIEVED = Beliefs({}, {})


def goods(country: Country, **changes: Any) -> list[dict[str, Any]]:
    item, *others = country.boxes()["items"]
    return [item | changes, *others]


def test_a_draft_is_changed_by_whoever_saw_its_newest_version(corridor: Corridor) -> None:
    by = corridor.by
    drafted = by.draft()
    with by.tx() as tx:
        changed = submit_application.change(
            tx, drafted.id, by.form(items=goods(by, hs_code="8701940000")), version=1, **by.by("second_exporter")
        )
    assert (changed.version, changed.state) == (2, State.DRAFT)
    assert changed.claims["items"][0]["hs_code"] == "8701940000"
    with by.refuses(VersionStale) as refused:
        submit_application.change(refused.tx, drafted.id, by.form(), version=1, **by.by("exporter"))
    (act,) = by.acts(Kind.APPLICATION_CHANGED)
    assert act.person == by.people["second_exporter"].person


def test_what_names_no_scheme_body_principal_or_product_is_not_drafted(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        other = keep_product.keep(
            tx, Product("Йогурт", "040310", Maker("Завод", "Минск", "BY"), "Произведён."), **by.by("stranger")
        )
    refused_forms: list[tuple[Form, type[RegistryError]]] = [
        (replace(by.form(), scheme="origin-st9"), UnknownScheme),
        (replace(by.form(), rules_set="CIS-1812"), UnknownScheme),
        (replace(by.form(), body="nobody"), PartyNotFound),
        (by.form(principal="nobody"), PartyNotFound),
        (by.form(items=goods(by, product=other.id)), ProductNotFound),
        (by.form(items=goods(by, product="f" * 32)), ProductNotFound),
        (by.form(colour="red"), MalformedClaims),
    ]
    for form, refusal in refused_forms:
        with by.refuses(refusal) as refused:
            submit_application.draft(refused.tx, form, country="BY", **by.by("exporter"))


def test_a_product_of_ones_own_is_named_in_an_application(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        own = keep_product.keep(
            tx, Product("Трактор", "870195", Maker("Завод", "Минск", "BY"), "Произведён."), **by.by("second_exporter")
        )
        drafted = submit_application.draft(
            tx, by.form(items=goods(by, product=own.id)), country="BY", **by.by("exporter")
        )
    assert drafted.claims["items"][0]["product"] == own.id


def test_only_exporters_apply(corridor: Corridor) -> None:
    by = corridor.by
    offered = by.offered()
    with by.refuses(RoleMissing) as refused:
        submit_application.draft(refused.tx, by.form(), country="BY", **by.by("officer"))
    with by.refuses(RoleMissing) as refused:
        submit_application.change(refused.tx, offered.id, by.form(), version=1, **by.by("examiner"))
    with by.refuses(RoleMissing) as refused:
        submit_application.submit(refused.tx, offered.id, by.beliefs(), **by.by("signatory"))
    with by.refuses(RoleMissing) as refused:
        submit_application.accept(refused.tx, offered.id, str(offered.draft), **by.by("examiner"))


def test_an_application_of_another_organisation_does_not_exist_for_the_asker(corridor: Corridor) -> None:
    by = corridor.by
    drafted = by.draft()
    with by.refuses(ApplicationNotFound) as refused:
        submit_application.change(refused.tx, drafted.id, by.form(), version=1, **by.by("stranger"))
    assert str(refused.value) == "there is no such application"
    with by.refuses(ApplicationNotFound) as refused:
        submit_application.withdraw(refused.tx, drafted.id, **by.by("stranger"))
    with by.refuses(ApplicationNotFound) as refused:
        submit_application.submit(refused.tx, "0" * 32, by.beliefs(), **by.by("exporter"))


def test_the_body_sees_an_application_once_it_is_submitted_and_never_answers_for_the_applicant(
    corridor: Corridor,
) -> None:
    by = corridor.by
    everything = by.people["everything"].organisation
    drafted = by.draft()
    with by.refuses(ApplicationNotFound) as refused:
        submit_application.withdraw(refused.tx, drafted.id, **by.by("everything"))
    offered = by.offered()
    with by.node.database.read() as tx:
        assert [row.id for row in applications.page(tx, everything, after=None, limit=9)] == [offered.id]
    with by.refuses(ApplicationNotFound) as refused:
        submit_application.accept(refused.tx, offered.id, str(offered.draft), **by.by("everything"))
    with by.refuses(ApplicationNotFound) as refused:
        submit_application.change(refused.tx, offered.id, by.form(), version=offered.version, **by.by("everything"))
    with by.refuses(ApplicationNotFound) as refused:
        submit_application.submit(refused.tx, offered.id, by.beliefs(), **by.by("everything"))


def test_what_is_submitted_is_neither_changed_nor_submitted_again(corridor: Corridor) -> None:
    by = corridor.by
    submitted = by.submitted()
    with by.refuses(IllegalMove) as refused:
        submit_application.change(refused.tx, submitted.id, by.form(), version=submitted.version, **by.by("exporter"))
    with by.refuses(IllegalMove) as refused:
        submit_application.submit(refused.tx, submitted.id, by.beliefs(), **by.by("second_exporter"))
    assert str(refused.value) == "an application that is submitted cannot be submitted"


def test_severe_findings_block_the_application_and_say_why(corridor: Corridor) -> None:
    by = corridor.by
    drafted = by.draft(items=goods(by, hs_code="99"))
    with by.tx() as tx:
        findings = check(tx, drafted, by.beliefs(), at=by.clock())
    assert findings[0].severity is Severity.SEVERE
    with by.refuses(FindingsSevere) as refused:
        submit_application.submit(refused.tx, drafted.id, by.beliefs(), **by.by("exporter"))
    assert refused.value.findings == tuple(findings)
    assert sum(finding.severity is Severity.SEVERE for finding in findings) == 1
    assert str(refused.value) == "1 severe finding blocks the application"
    assert str(FindingsSevere((findings[0],) * 2)) == "2 severe findings block the application"


def test_nobody_names_another_registered_company_by_its_tax_id_under_a_false_name(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        other = parties.organisation(tx, by.people["stranger"].organisation)
        assert other is not None

    def found(**box: object) -> set[str]:
        drafted = by.draft(consignor_exporter=by.boxes()["consignor_exporter"] | {"tax_id": other.tax_id} | box)
        with by.tx() as tx:
            return {
                f.path for f in check(tx, drafted, by.beliefs(), at=by.clock()) if f.rule == "exporter-named-otherwise"
            }

    assert found(name="Чужое имя") == {"consignor_exporter.name"}
    assert found(name=other.name) == set()
    assert found(name="Чужое имя", country="UZ") == set()


def test_intake_compares_with_the_register_the_product_file_and_the_agreement(corridor: Corridor) -> None:
    by = corridor.by
    maker = Maker("ПТЗ", "Минск", "BY")
    with by.tx() as tx:
        own = keep_product.keep(tx, Product("Молоко", "040210", maker, "полностью произведён"), **by.by("exporter"))
    traded = by.boxes()["consignor_exporter"] | {"name": "Другое имя"}
    drafted = by.draft(items=goods(by, product=own.id), consignor_exporter=traded)
    with by.tx() as tx:
        findings = {finding.rule: finding.path for finding in check(tx, drafted, by.beliefs(), at=by.clock())}
        nothing_agreed = {finding.rule for finding in check(tx, drafted, NOTHING_BELIEVED, at=by.clock())}
    assert findings["hs-code-not-of-product"] == "items[0].hs_code"
    assert findings["evidence-missing"] == "items[0].product"
    assert findings["exporter-named-otherwise"] == "consignor_exporter.name"
    assert nothing_agreed - findings.keys() == {"not-agreed"}
    assert findings.keys() - nothing_agreed == set()
    with by.tx() as tx:
        keep_product.attach(tx, own.id, "akt.pdf", b"%PDF-1.7", **by.by("exporter"))
    with by.tx() as tx:
        assert "evidence-missing" not in {finding.rule for finding in check(tx, drafted, by.beliefs(), at=by.clock())}


def test_another_organisations_product_is_not_looked_into(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        other = keep_product.keep(
            tx, Product("Молоко", "040210", Maker("М", "Минск", "BY"), "полностью произведён"), **by.by("stranger")
        )
    drafted = by.draft()
    drafted.claims["items"][0]["product"] = other.id
    with by.tx() as tx:
        findings = {finding.rule for finding in check(tx, drafted, by.beliefs(), at=by.clock())}
    assert findings & {"hs-code-not-of-product", "evidence-missing"} == set()


def test_intake_without_an_agreement_asks_the_rules_on_the_day_of_utc(corridor: Corridor) -> None:
    by = corridor.by
    drafted = by.draft()
    midnight_in_minsk = AT.replace(hour=21)
    assert by.beliefs().local_day("BY", midnight_in_minsk) == AT.date() + timedelta(days=1)
    assert NOTHING_BELIEVED.local_day("BY", midnight_in_minsk) == AT.date()
    with by.tx() as tx:
        agreed, not_agreed = (check(tx, drafted, each, at=AT) for each in (by.beliefs(), NOTHING_BELIEVED))
    assert {finding.rule for finding in not_agreed} - {finding.rule for finding in agreed}


def test_an_agent_submits_only_under_a_living_mandate_of_the_principal(corridor: Corridor) -> None:
    by = corridor.by
    principal, agent = by.people["exporter"].organisation, by.people["stranger"].organisation
    form = by.form(
        "milk-powder",
        principal=principal,
        declaration=by.boxes("milk-powder")["declaration"] | {"applicant": by.people["stranger"].organisation_name},
    )
    with by.tx() as tx:
        drafted = submit_application.draft(tx, form, country="BY", **by.by("stranger"))

    def submit_refused() -> None:
        with by.refuses(MandateMissing) as refused:
            submit_application.submit(refused.tx, drafted.id, by.beliefs(), **by.by("stranger"))
        assert str(refused.value) == "no mandate of the principal for origin-st1 holds today"

    submit_refused()
    by_operator = by.by("operator") | {"by": by.people["operator"].actor}
    for until in (AT.date() - timedelta(days=1), AT.date()):
        with by.tx() as tx:
            granted = grant_mandate.grant(
                tx, principal=principal, agent=agent, schemes=["origin-st1"], until=until, today=until, **by_operator
            )
        if until < AT.date():
            submit_refused()
    with by.tx() as tx:
        row, _ = submit_application.submit(tx, drafted.id, by.beliefs(), **by.by("stranger"))
        assert row.state == State.SUBMITTED
        tx.rollback()
    with by.tx() as tx:
        grant_mandate.revoke(tx, granted.id, **by_operator)
    submit_refused()


def test_the_principal_sees_and_withdraws_what_was_filed_for_it(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        form = by.form("milk-powder", principal=by.people["exporter"].organisation)
        drafted = submit_application.draft(tx, form, country="BY", **by.by("stranger"))
    with by.tx() as tx:
        withdrawn = submit_application.withdraw(tx, drafted.id, **by.by("second_exporter"))
    assert withdrawn.state == State.WITHDRAWN
    with by.node.database.read() as tx:
        parts = [(row.person, row.part) for row in applications.parts(tx, drafted.id)]
    assert len(parts) == 2
    assert {part for _, part in parts} == {Part.APPLICANT}


def test_an_objection_goes_back_to_examination_and_the_draft_is_no_more(corridor: Corridor) -> None:
    by = corridor.by
    offered = by.offered()
    with by.tx() as tx:
        row = submit_application.object_to(
            tx, offered.id, str(offered.draft), "Вес указан неверно.", **by.by("exporter")
        )
    assert (row.state, row.draft, row.reason) == (State.IN_EXAMINATION, None, "Вес указан неверно.")
    (act,) = by.acts(Kind.APPLICATION_OBJECTED)
    assert act.private["reason"] == "Вес указан неверно."


def test_only_the_very_draft_that_was_offered_is_accepted_or_objected_to(corridor: Corridor) -> None:
    by = corridor.by
    offered = by.offered()
    with by.refuses(DraftDiffers) as refused:
        submit_application.accept(refused.tx, offered.id, "0" * 64, **by.by("exporter"))
    assert str(refused.value) == f"the draft that was offered is {offered.draft}"
    with by.refuses(DraftDiffers) as refused:
        submit_application.object_to(refused.tx, offered.id, "0" * 64, "нет", **by.by("exporter"))


def test_what_is_approved_is_no_longer_withdrawn(corridor: Corridor) -> None:
    by = corridor.by
    approved = by.approved()
    with by.refuses(IllegalMove) as refused:
        submit_application.withdraw(refused.tx, approved.id, **by.by("exporter"))


def test_the_examiner_of_an_application_cannot_answer_to_its_draft(corridor: Corridor) -> None:
    by = corridor.by
    offered = by.offered()
    by_operator = by.by("operator") | {"by": by.people["operator"].actor}
    with corridor.forge.breaking(by) as tx:
        examiner = tx.get_one(Person, by.people["examiner"].person)
        examiner.organisation = by.people["exporter"].organisation
    with by.tx() as tx:
        register_party.change_roles(tx, by.people["examiner"].person, [Role.EXPORTER], **by_operator)
    by.renews("examiner")
    with by.refuses(AnotherPart) as refused:
        submit_application.accept(refused.tx, offered.id, str(offered.draft), **by.by("examiner"))
    assert str(refused.value) == "whoever is examiner of an application cannot be its applicant"
