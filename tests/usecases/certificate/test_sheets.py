"""Sheets of a set (form of 1993): each a certificate with its own number, numbered through, and known as one of n."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import pytest
from sqlalchemy import update

from registry.api.issuer import issuer_of
from registry.core.certificate.duplicate import DuplicateDiffers
from registry.core.certificate.relation import Relation
from registry.core.rules.finding import Severity
from registry.core.verification.verdict import Indication
from registry.store.applications import Application
from registry.store.certificates import CertificateRow
from registry.usecases.application import submit_application
from registry.usecases.application.check_application import FindingsSevere
from registry.usecases.application.place_sheet import SetNotFound, Sheet, SheetTaken, relations_of
from registry.usecases.application.relate_certificate import Related
from registry.usecases.application.submit_application import Form
from registry.usecases.certificate import replace_certificate
from registry.usecases.certificate.issue_certificate import issue
from registry.usecases.certificate.read_beside import read_beside
from registry.usecases.trust.sign_for_body import read
from tests.kit import Corridor, Country
from tests.usecases.application.test_relate_certificate import duplicate


def sheet(country: Country, k: int, first: int, set_: str | None = None, n: int = 3, **claims: Any) -> Form:
    """Return a sheet of a set whose items begin with a number; later ones state no weight."""
    items = country.boxes()["items"]
    for number, item in enumerate(items, first):
        item["seq"] = number
        if k > 1:
            item["quantity"] = {name: item["quantity"][name] for name in ("value", "unit")}
    return replace(country.form(items=items, **claims), sheet=Sheet(k, n, set_))


def issued(country: Country, form: Form) -> CertificateRow:
    return country.issue(country.approves(form))


def drafted(country: Country, form: Form, who: str = "exporter") -> Application:
    with country.tx() as tx:
        return submit_application.draft(tx, form, country="BY", **country.by(who))


def test_each_sheet_has_its_number_and_says_which_of_the_set_are_held(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    count = len(by.boxes()["items"])
    first = issued(by, sheet(by, 1, 1))
    relation = read(first).relation("sheet_of")
    assert relation is not None
    second = issued(by, sheet(by, 2, count + 1, relation.set))
    assert read(second).subject.relations == (Relation("sheet_of", set=relation.set, k=2, n=3),)
    assert first.number != second.number
    by.issued()
    by.deliver(uz)
    for country in (by, uz):
        with country.node.database.read() as tx:
            held = read_beside(tx, tx.get_one(CertificateRow, first.id), country.beliefs(), "demo").sheets
        assert [(each.k, each.certificate) for each in held] == [(1, first.id), (2, second.id)]


def told(country: Country, row: CertificateRow) -> list[tuple[str, str | None]]:
    """Return what customs is told of the set of a sheet, which leaves the verdict what it is."""
    verdict = country.asks(row.number).verdict
    assert verdict.indication is Indication.TOTAL_PASSED
    return [(each.code, each.detail) for each in verdict.preference]


def test_customs_is_told_which_sheets_are_missing_until_all_are_there(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    count = len(by.boxes()["items"])
    first = issued(by, sheet(by, 1, 1))
    set_ = str(relation_of(first).set)
    by.deliver(uz)
    assert told(uz, first) == [("sheet-of-set", "sheet 1 of 3"), ("sheets-missing", "sheets 2, 3 of 3")]
    second = issued(by, sheet(by, 2, count + 1, set_))
    third = issued(by, sheet(by, 3, 2 * count + 1, set_))
    by.deliver(uz)
    assert told(uz, first) == [("sheet-of-set", "sheet 1 of 3")]
    by.annulled(second)
    by.deliver(uz)
    for row in (first, third):
        assert told(uz, row)[1:] == [("sheets-missing", "sheets 2 of 3")]
    again = issued(by, replace(sheet(by, 2, count + 1, set_), related=Related("replaces", second.id)))
    assert relation_of(again) == Relation("sheet_of", set=set_, k=2, n=3)
    by.deliver(uz)
    assert told(uz, first) == [("sheet-of-set", "sheet 1 of 3")]


def test_a_sheet_is_replaced_again_and_keeps_its_place_in_the_set(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    count = len(by.boxes()["items"])
    first = issued(by, sheet(by, 1, 1, n=2))
    set_ = str(relation_of(first).set)
    second = issued(by, sheet(by, 2, count + 1, set_, n=2))
    for _ in range(2):  # in force, by two people
        form = replace(sheet(by, 2, count + 1, set_, n=2), related=Related("replaces", second.id))
        approved = by.approves(form)
        with by.tx() as tx:
            proposal = replace_certificate.propose(tx, approved.id, "Опечатка в графе 2.", **by.by("signatory"))
        second = by.issue(approved, "second_signatory", proposal.id)
    by.annulled(second)
    second = issued(by, replace(sheet(by, 2, count + 1, set_, n=2), related=Related("replaces", second.id)))
    by.deliver(uz)
    assert told(uz, second) == [("sheet-of-set", "sheet 2 of 2")]
    assert told(uz, first) == [("sheet-of-set", "sheet 1 of 2")]
    for related in (None, Related("replaces", first.id)):
        with by.refuses(SheetTaken) as taken:
            form = replace(sheet(by, 2, count + 1, set_, n=2), related=related)
            submit_application.draft(taken.tx, form, country="BY", **by.by("exporter"))
        assert str(taken.value).startswith("the set has a sheet 2 of 2")


def test_of_two_drafts_that_replace_one_sheet_the_first_that_is_submitted_has_its_place(corridor: Corridor) -> None:
    by = corridor.by
    only = issued(by, sheet(by, 1, 1, n=1))
    set_ = str(relation_of(only).set)
    by.annulled(only)
    only = issued(by, replace(sheet(by, 1, 1, set_, n=1), related=Related("replaces", only.id)))
    form = replace(sheet(by, 1, 1, set_, n=1), related=Related("replaces", only.id))
    with by.tx() as one, by.tx() as other:  # neither sees the other
        drafts = [submit_application.draft(tx, form, country="BY", **by.by("exporter")) for tx in (one, other)]
    with by.tx() as tx:
        submit_application.submit(tx, drafts[1].id, by.beliefs(), **by.by("exporter"))
    with by.refuses(SheetTaken) as taken:
        submit_application.submit(taken.tx, drafts[0].id, by.beliefs(), **by.by("exporter"))


def test_of_many_missing_sheets_twenty_are_named(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = issued(by, sheet(by, 1, 1, n=23))
    by.deliver(uz)
    ((_, missing),) = told(uz, row)[1:]
    assert missing == f"sheets {', '.join(str(k) for k in range(2, 22))} and 2 more of 23"


def relation_of(row: CertificateRow) -> Relation:
    relation = read(row).relation("sheet_of")
    assert relation is not None
    return relation


def test_a_sheet_finds_its_place_free_in_a_set_of_ones_own(corridor: Corridor) -> None:
    by = corridor.by
    opened = drafted(by, sheet(by, 1, 1))
    set_ = opened.relations["sheet_of"]["set"]
    for form in (sheet(by, 1, 1, set_), sheet(by, 2, 3, set_, n=4)):
        with by.refuses(SheetTaken) as taken:
            submit_application.draft(taken.tx, form, country="BY", **by.by("exporter"))
        assert str(taken.value) == f"the set has a sheet 1 of 3: it is application {opened.id}"
    declared = by.boxes()["declaration"]
    declared.pop("applicant", None)
    unknown, anothers = sheet(by, 2, 3, "0" * 32), sheet(by, 2, 3, set_, declaration=declared)
    for form, who in ((unknown, "exporter"), (anothers, "stranger")):
        with by.refuses(SetNotFound) as missing:
            submit_application.draft(missing.tx, form, country="BY", **by.by(who))
        assert str(missing.value) == "there is no such set of sheets"
    with by.tx() as tx:
        kept = submit_application.change(tx, opened.id, sheet(by, 1, 1), version=1, **by.by("exporter"))
    assert kept.relations["sheet_of"]["set"] != set_


def test_two_drafts_of_one_sheet_are_one_sheet_once_the_first_is_submitted(corridor: Corridor) -> None:
    by = corridor.by
    count = len(by.boxes()["items"])
    set_ = str(relation_of(issued(by, sheet(by, 1, 1))).set)
    with by.tx() as one, by.tx() as other:  # neither sees the other
        drafts = [
            submit_application.draft(tx, sheet(by, 2, count + 1, set_), country="BY", **by.by("exporter"))
            for tx in (one, other)
        ]
    with by.tx() as tx:
        submit_application.submit(tx, drafts[1].id, by.beliefs(), **by.by("exporter"))
    with by.refuses(SheetTaken) as taken:
        submit_application.submit(taken.tx, drafts[0].id, by.beliefs(), **by.by("exporter"))
    assert str(taken.value) == "the set has a sheet 2 of 3"


def submits(country: Country, row: Application) -> None:
    with country.tx() as tx:
        submit_application.submit(tx, row.id, country.beliefs(), **country.by("exporter"))


def severe_of(country: Country, row: Application) -> Mapping[str, str]:
    """Return what blocks the submission of a draft, in English, by its rule."""
    with country.refuses(FindingsSevere) as severe:
        submit_application.submit(severe.tx, row.id, country.beliefs(), **country.by("exporter"))
    found = severe.value.findings
    return {each.rule: each.message.en for each in found if each.severity is Severity.SEVERE}


@pytest.mark.parametrize("kind", ["replaces", "duplicates"])
def test_what_stands_for_a_sheet_of_a_set_is_that_sheet_or_is_not_issued(
    corridor: Corridor, kind: Literal["replaces", "duplicates"]
) -> None:
    by = corridor.by
    first = issued(by, sheet(by, 1, 1))
    place = relation_of(first)
    form = replace(by.form(), related=Related(kind, first.id))
    torn = drafted(by, form)
    with corridor.forge.breaking(by) as tx:  # as it was drafted before that was asked
        kept = {name: value for name, value in torn.relations.items() if name == kind}
        tx.execute(update(Application).where(Application.id == torn.id).values(relations=kept))
    said = f'Say "sheet": {{"k": 1, "n": 3, "set": "{place.set}"}}.'
    assert severe_of(by, torn)["sheet-place-left"].endswith(said)
    other = replace(sheet(by, 1, 1), related=Related(kind, first.id))
    if kind == "duplicates":
        with by.refuses(DuplicateDiffers) as refused:
            submit_application.draft(refused.tx, other, country="BY", **by.by("exporter"))
        assert refused.value.member == "sheet"
    else:
        assert "sheet-place-left" in severe_of(by, drafted(by, other))
    whole = by.approves(replace(other, sheet=Sheet(1, 3, place.set)))
    assert relations_of(whole)["sheet_of"] == place


def test_what_was_approved_in_lieu_of_a_sheet_without_its_place_is_not_issued(corridor: Corridor) -> None:
    by = corridor.by
    first = issued(by, sheet(by, 1, 1))
    by.annulled(first)
    approved = by.approves(replace(sheet(by, 1, 1, relation_of(first).set), related=Related("replaces", first.id)))
    with corridor.forge.breaking(by) as tx:
        kept = {"replaces": approved.relations["replaces"]}
        tx.execute(update(Application).where(Application.id == approved.id).values(relations=kept))
    with by.refuses(FindingsSevere) as severe:
        issue(severe.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("signatory"))
    assert "sheet-place-left" in {each.rule for each in severe.value.findings}


def test_a_duplicate_of_a_sheet_is_that_sheet_and_the_set_is_counted_by_the_originals(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    count = len(by.boxes()["items"])
    first = issued(by, sheet(by, 1, 1, n=2))
    set_ = str(relation_of(first).set)
    second = issued(by, sheet(by, 2, count + 1, set_, n=2))
    for original in (first, second, second):
        lost = by.issue(duplicate(by, original))
        assert relation_of(lost) == relation_of(original)
    by.deliver(uz)
    assert told(uz, lost) == [("sheet-of-set", "sheet 2 of 2")]
    by.annulled(second)
    by.deliver(uz)
    assert told(uz, first)[1:] == [("sheets-missing", "sheets 2 of 2")]
    again = issued(by, replace(sheet(by, 2, count + 1, set_, n=2), related=Related("replaces", second.id)))
    assert relation_of(again) == relation_of(second)


def test_a_draft_of_another_sheet_binds_nobody(corridor: Corridor) -> None:
    by = corridor.by
    count = len(by.boxes()["items"])
    set_ = str(relation_of(issued(by, sheet(by, 1, 1))).set)
    second = by.approves(sheet(by, 2, count + 1, set_))
    third = drafted(by, sheet(by, 3, count + 1, set_))
    by.issue(second)
    expected = f"Sheet 3 begins with number {2 * count + 1}."
    assert severe_of(by, third)["sheet-misnumbered"].endswith(expected)


def test_a_sheet_that_comes_first_is_told_which_is_missing(corridor: Corridor) -> None:
    by = corridor.by
    told = severe_of(by, drafted(by, sheet(by, 2, 1)))
    assert told["sheet-misnumbered"].endswith("Sheet 1 has not been applied for yet: only sheet 1 begins with one.")


def test_a_sheet_that_comes_after_the_next_one_ends_where_that_begins(corridor: Corridor) -> None:
    by = corridor.by
    second = issued(by, sheet(by, 2, 2))
    first = drafted(by, sheet(by, 1, 1, str(relation_of(second).set)))
    with by.refuses(FindingsSevere) as severe:
        submit_application.submit(severe.tx, first.id, by.beliefs(), **by.by("exporter"))
    assert {each.rule for each in severe.value.findings if each.severity is Severity.SEVERE} == {"sheet-misnumbered"}


@pytest.mark.parametrize(
    ("first", "claims", "rule"),
    [(1, {}, "sheet-misnumbered"), (9, {}, "sheet-misnumbered"), (None, {"name": "Другой"}, "sheet-of-other-parties")],
)
def test_sheets_are_numbered_through_and_for_one_batch(
    corridor: Corridor, first: int | None, claims: dict[str, Any], rule: str
) -> None:
    by = corridor.by
    opened = drafted(by, sheet(by, 1, 1))
    submits(by, opened)
    follows = len(by.boxes()["items"]) + 1 if first is None else first
    consignee = by.boxes()["consignee_importer"] | claims
    form = sheet(by, 2, follows, opened.relations["sheet_of"]["set"], consignee_importer=consignee)
    second = drafted(by, form)
    with by.refuses(FindingsSevere) as severe:
        submit_application.submit(severe.tx, second.id, by.beliefs(), **by.by("exporter"))
    assert rule in {finding.rule for finding in severe.value.findings}
