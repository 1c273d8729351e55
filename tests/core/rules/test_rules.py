import re
from collections import Counter
from dataclasses import astuple
from pathlib import Path

import pytest

from registry.core.certificate.relation import Relation
from registry.core.codes.units import UNITS
from registry.core.rules.catalogue import rule_catalogue, source_list
from registry.core.rules.cis_1993 import CIS_1993
from registry.core.rules.cis_2009 import CIS_2009
from registry.core.rules.finding import Intake, Rule, Severity
from registry.core.rules.left_to_people import BOXES, LEFT, STEPS, Left
from registry.core.rules.sources import SOURCES, cited
from registry.core.rules.st1 import ST1
from registry.core.rules.st1_goods import WEIGHTS
from tests.core.applications import intake
from tests.core.rules.cases import CASES, CONTINUED, Changes

API_DOCS = Path(__file__).parents[3] / "api_docs"
FACTS = Path(__file__).parents[4] / "shared" / "domain" / "agreement-and-certificates.md"
_CLAUSE = r"(?:form|(?:annex |box |fn |App\. |s\.)?\d[\d.-]*)"
CITATION = re.compile(rf"(?:S\d+|domain 2\.1|ISO 3166-1|UN/ECE Recommendation 2[01])(?: {_CLAUSE}(?:, {_CLAUSE})*)?")
RULES = {
    **{("CIS-1993", rule.code): rule for rule in CIS_1993},
    **{("CIS-2009", rule.code): rule for rule in CIS_2009},
}
IDS = [f"{code} in {key} #{number}" for number, (code, key, *_) in enumerate(CASES)]


def find(code: str, application: Intake) -> list[str]:
    rule = RULES[application.rules_set.value, code]
    found = list(rule(application))
    assert {(item.rule, item.severity, item.source) for item in found} <= {(code, rule.severity, rule.source)}
    for item in found:
        for said, text in zip(astuple(item.message), astuple(rule.message), strict=True):
            assert said.startswith(text)
            assert said.endswith(".")
    return [item.path for item in found]


@pytest.mark.parametrize(("code", "key", "broken", "where", "kept"), CASES, ids=IDS)
def test_a_rule_finds_what_breaks_it_and_nothing_in_what_just_keeps_it(
    code: str, key: str, broken: Changes, where: list[str], kept: Changes
) -> None:
    assert sorted(find(code, intake(key, broken))) == sorted(where)
    assert find(code, intake(key, kept)) == []


@pytest.mark.parametrize(
    ("code", "broken", "where", "more"),
    [
        (
            "sheet-misnumbered",
            {"sheet": 3, **CONTINUED, "sheets": {2: {"items[0].seq": 5, "items[1].seq": 6}}},
            "items[0].seq",
            (
                "Лист 3 начинается с номера 7.",
                "Sheet 3 begins with number 7.",
                "3-varaq 7 raqamidan boshlanadi.",
            ),
        ),
        (
            "sheet-misnumbered",
            {"sheet": 3},
            "items[0].seq",
            (
                "Лист 2 ещё не подан: с единицы начинается только лист 1.",
                "Sheet 2 has not been applied for yet: only sheet 1 begins with one.",
                "2-varaq hali topshirilmagan: faqat 1-varaq birdan boshlanadi.",
            ),
        ),
        (
            "sheet-misnumbered",
            {"sheet": 2, **CONTINUED, "sheets": {3: {"items[0].seq": 6, "items[1].seq": 7}}},
            "items[1].seq",
            (
                "Лист 3 уже подан и начинается с номера 6: этот лист заканчивается номером 5.",
                "Sheet 3 was applied for and begins with number 6: this one ends with number 5.",
                "3-varaq topshirilgan va 6 raqamidan boshlanadi: bu varaq 5 raqami bilan tugaydi.",
            ),
        ),
        (
            "sheet-place-left",
            {"place_left": Relation("sheet_of", set="0" * 32, k=2, n=3)},
            "sheet",
            tuple(
                text.format('"sheet": {"k": 2, "n": 3, "set": "' + "0" * 32 + '"}')
                for text in ("Укажите {}.", "Say {}.", "{} deb koʻrsating.")
            ),
        ),
    ],
    ids=["the number", "the sheet that is missing", "the sheet that came first", "the place"],
)
def test_what_is_said_of_a_sheet_names_the_number_or_the_place_that_is_wanted(
    code: str, broken: Changes, where: str, more: tuple[str, str, str]
) -> None:
    application = intake("tractors", broken)
    rule = RULES[application.rules_set.value, code]
    (found,) = rule(application)
    said = (rule.message.ru, rule.message.en, rule.message.uz)
    assert found.path == where
    assert astuple(found.message) == tuple(f"{text} {added}" for text, added in zip(said, more, strict=True))


def test_every_rule_of_both_forms_has_a_case() -> None:
    common = {rule.code for rule in ST1}
    cases = {(intake(key, broken).rules_set.value, code) for code, key, broken, *_ in CASES}
    assert common <= {code for _, code in cases}
    assert {(set_, code) for set_, code in RULES if code not in common} <= cases


def test_each_case_is_of_a_rule_and_both_forms_have_what_is_common() -> None:
    assert {code for code, *_ in CASES} == {code for _, code in RULES}
    assert all(where for _, _, _, where, _ in CASES)
    for rules_set in (CIS_1993, CIS_2009):
        assert rules_set[: len(ST1)] == ST1
        assert max(Counter(rule.code for rule in rules_set).values()) == 1


@pytest.mark.parametrize("rule", RULES.values(), ids=["/".join(name) for name in RULES])
def test_every_rule_cites_known_sources_and_speaks_three_languages(rule: Rule) -> None:
    assert set(cited(rule.source)) <= SOURCES.keys()
    assert all(CITATION.fullmatch(part) for part in rule.source.split("; "))
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.code)
    for text, letters in (
        (rule.message.ru, "[А-Яа-яЁё]"),
        (rule.message.en, "[A-Za-z]"),
        (rule.message.uz, "[A-Za-z]"),
    ):
        assert re.match(r"[А-ЯA-Z0-9«]", text)
        assert text.endswith(".")
        assert re.search(letters, text)
    assert not re.search("['`‘’]", rule.message.uz), "oʻ and gʻ are written with U+02BB, the stop with U+02BC"


def test_each_source_is_cited_by_a_rule_or_by_what_is_left_to_people() -> None:
    told = {source for rule in RULES.values() for source in cited(rule.source)}
    told |= {source for row in LEFT for source in cited(row.source)}
    assert told == SOURCES.keys()


@pytest.mark.parametrize(
    ("left", "heading", "end"), [(BOXES, "### 2.1", "### 2.2"), (STEPS, "## 3.", "## 4.")], ids=["boxes", "steps"]
)
def test_what_is_left_to_people_goes_through_every_row_of_the_facts(
    left: tuple[Left, ...], heading: str, end: str
) -> None:
    if not FACTS.is_file():
        pytest.skip(f"{FACTS} is not here")
    table = FACTS.read_text().partition(f"\n{heading}")[2].partition(f"\n{end}")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][1:]
    assert [row for row in rows if not any(row.startswith(each.row) for each in left)] == []


def test_the_documents_say_each_rule_word_by_word_as_it_stands() -> None:
    assert (API_DOCS / "rules.md").read_text() == rule_catalogue(), "rules.md is not up to date: make docs"
    assert (API_DOCS / "sources.md").read_text() == source_list(), "sources.md is not up to date: make docs"


def test_what_is_not_known_beside_an_application_is_not_held_against_it() -> None:
    known = intake("tractors")
    assert known == Intake(known.claims, known.scheme, known.rules_set, "BY", "UZ", known.agreed_rules_set, known.today)
    assert [severity.value for severity in Severity] == ["severe", "warning", "info"]


def test_the_catalogue_shows_every_rule_and_row_and_every_source() -> None:
    rules, sources = rule_catalogue(), source_list()
    for (_, code), rule in RULES.items():
        assert f"| `{code}` |" in rules
        assert f"| {rule.severity} | {rule.source} | {rule.message.ru}<br>{rule.message.en}<br>" in rules
    assert all(f"| {each.row} | {each.demand} | {each.source} | {each.why} |" in rules for each in LEFT)
    assert all(f"| {name} | {reference} | " in sources for name, reference in SOURCES.items())
    assert "| 1993, 2009 | severe | ISO 3166-1 |" in rules
    assert "| `criterion-missing` | 2009 | severe | S4 form, box 9 |" in rules
    assert "| S7 | pravsky.com/node/906 (UZ Decree 311, 30 May 2024). | `duplicate-of-electronic` |" in sources
    assert "| S25 | github legalize-dev/legalize-eu, eu/32024R2145.md. | what no rule decides |" in sources


def test_what_weighs_is_a_unit_of_the_list() -> None:
    assert WEIGHTS <= UNITS
