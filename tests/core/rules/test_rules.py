import re
from datetime import timedelta
from typing import Any

import pytest

from registry.core.certificate.claims import RulesSet
from registry.core.rules.cis_1993 import CIS_1993
from registry.core.rules.cis_2009 import CIS_2009
from registry.core.rules.finding import Intake, Rule
from registry.core.rules.st1 import ST1
from tests.core.applications import AGREED, APPLICATIONS, MISSING, TODAY, intake

RULES = {
    **{(rules_set.value, rule.code): rule for rules_set in RulesSet for rule in ST1},
    **{("CIS-1993", rule.code): rule for rule in CIS_1993},
    **{("CIS-2009", rule.code): rule for rule in CIS_2009},
}
TODAY_TEXT = TODAY.isoformat()
YESTERDAY = (TODAY - timedelta(days=1)).isoformat()
TOMORROW = (TODAY + timedelta(days=1)).isoformat()
RETROSPECTIVE = {"code": "ISSUED_RETROSPECTIVELY"}
PROOF = {"date": YESTERDAY, "declaration": "ЭД-1"}
BASED_ON = {"code": "BASED_ON", "number": "1", "date": "2026-01-31", "body": "Палата"}
IN_LIEU = {"code": "ISSUED_IN_LIEU", "number": "1", "date": "2026-01-31"}
PRINCIPAL = {"name": "Завод", "address": "Минск", "country": "BY"}
ACT = {"number": "7", "until": TODAY_TEXT, "expert": "Э"}
MANDATE = {"principal": "А", "agent": "Б", "until": TODAY_TEXT}
SECOND = {**APPLICATIONS["tyres"]["items"][0], "seq": 2}
CONTINUED = {"items[0].seq": 3, "items[1].seq": 4}
PERSON = "31507901234564"

Changes = dict[str, Any]
CASES: list[tuple[str, str, Changes, list[str], Changes]] = [
    # rule, application, what breaks the rule, where, what just does not
    ("country-unknown", "tractors", {"consignor_exporter.country": "XX"}, ["consignor_exporter.country"], {}),
    (
        "country-unknown",
        "tyres",
        {"consignee_importer.on_behalf_of": {**PRINCIPAL, "country": "by"}},
        ["consignee_importer.on_behalf_of.country"],
        {"consignee_importer.on_behalf_of": PRINCIPAL},
    ),
    ("country-unknown", "tyres", {"declaration.origin_country": "EU"}, ["declaration.origin_country"], {}),
    ("country-unknown", "tyres", {"issued_in": "EU", "presented_in": "UK"}, ["issued_in", "presented_in"], {}),
    (
        "tax-id-invalid",
        "tractors",
        {"consignor_exporter.tax_id": "100321008", "consignee_importer.tax_id": "30123456"},
        ["consignor_exporter.tax_id", "consignee_importer.tax_id"],
        {"consignor_exporter.tax_id": MISSING},
    ),
    ("tax-id-invalid", "tyres", {"consignee_importer.tax_id": "x" * 21}, ["consignee_importer.tax_id"], {}),
    ("tax-id-unchecked", "tyres", {}, ["consignee_importer.tax_id"], {"consignee_importer.tax_id": MISSING}),
    ("tax-id-unchecked", "tyres", {}, ["consignee_importer.tax_id"], {"consignee_importer.tax_id": "x" * 21}),
    ("consignee-elsewhere", "tractors", {"presented_in": "KZ"}, ["consignee_importer.country"], {}),
    (
        "consignee-natural-person",
        "tractors",
        {"consignee_importer.tax_id": PERSON},
        ["consignee_importer.name"],
        {"consignee_importer.tax_id": PERSON, "consignee_importer.name": "Каримов А. Для свободного обращения"},
    ),
    (
        "consignee-natural-person",
        "grapes",
        {"consignee_importer.tax_id": "MA1953684"},
        ["consignee_importer.name"],
        {"consignee_importer.tax_id": MISSING},
    ),
    (
        "applicant-without-mandate",
        "tractors",
        {"declaration.applicant": "Б"},
        ["declaration.applicant"],
        {"declaration.applicant": "Б", "mandate": MANDATE},
    ),
    (
        "applicant-without-mandate",
        "tyres",
        {"declaration.applicant": "Завод"},
        ["declaration.applicant"],
        {"declaration.applicant": "Завод", "consignor_exporter.on_behalf_of": PRINCIPAL},
    ),
    (
        "applicant-without-mandate",
        "tractors",
        {"declaration.applicant": "Б"},
        ["declaration.applicant"],
        {"declaration.applicant": "Б", "by_agent": True, "mandated": True},
    ),
    (
        "exporter-is-another",
        "tractors",
        {"principal_tax_id": "690112007"},
        ["consignor_exporter.tax_id"],
        {"principal_tax_id": "100321003"},
    ),
    (
        "exporter-is-another",
        "tyres",
        {"principal_tax_id": "690112007", "consignor_exporter.on_behalf_of": PRINCIPAL},
        ["consignor_exporter.tax_id"],
        {
            "principal_tax_id": "690112007",
            "consignor_exporter.on_behalf_of": {**PRINCIPAL, "tax_id": "690112007"},
        },
    ),
    ("mandate-not-registered", "tractors", {"by_agent": True}, ["principal"], {"by_agent": True, "mandated": True}),
    (
        "mandate-expired",
        "tractors",
        {"mandate": {**MANDATE, "until": YESTERDAY}},
        ["mandate.until"],
        {"mandate": MANDATE},
    ),
    ("packages-missing", "grapes", {"items[1].packages": MISSING}, ["items[1].packages"], {}),
    (
        "package-kind-unknown",
        "tractors",
        {"items[0].packages.kind_code": "XX"},
        ["items[0].packages.kind_code"],
        {"items[0].packages": MISSING},
    ),
    (
        "packages-none",
        "milk-powder",
        {"items[0].packages.count": 0},
        ["items[0].packages.count"],
        {"items[0].packages.count": 0, "items[0].packages.kind_code": "VY"},
    ),
    ("packages-none", "milk-powder", {"items[0].packages.count": 0}, ["items[0].packages.count"], {}),
    (
        "packages-none",
        "milk-powder",
        {"items[0].packages.count": 0},
        ["items[0].packages.count"],
        {"items[0].packages": MISSING},
    ),
    (
        "description-not-russian",
        "cotton-yarn",
        {"items[0].description": "Cotton yarn Ne 30/1"},
        ["items[0].description"],
        {"items[0].description": "Пряжа Cotton Ne 30/1"},
    ),
    (
        "mixed-scripts",
        "milk-powder",
        {"items[0].description": "МолокA", "items[0].invoice.number": "MК-3391", "declaration.signatory": "Kлимук"},
        ["declaration.signatory", "items[0].description", "items[0].invoice.number"],
        {"items[0].description": "Молоко A", "items[0].invoice.number": "M-К-3391"},
    ),
    (
        "hs-code-invalid",
        "tractors",
        {"items[1].hs_code": "87089"},
        ["items[1].hs_code"],
        {"items[1].hs_code": "870899"},
    ),
    ("unit-unknown", "grapes", {"items[0].quantity.unit": "kg"}, ["items[0].quantity.unit"], {}),
    (
        "quantity-zero",
        "tractors",
        {"items[0].quantity.value": "0"},
        ["items[0].quantity.value"],
        {"items[0].quantity.value": "0.000001"},
    ),
    (
        "net-above-gross",
        "grapes",
        {"items[1].quantity.net_kg": "1272.000001"},
        ["items[1].quantity.net_kg"],
        {"items[1].quantity.net_kg": "1272"},
    ),
    (
        "net-above-gross",
        "grapes",
        {"items[1].quantity.net_kg": "1300"},
        ["items[1].quantity.net_kg"],
        {"items[0].quantity.net_kg": MISSING, "items[1].quantity.gross_kg": MISSING},
    ),
    (
        "net-missing",
        "grapes",
        {"items[0].quantity.net_kg": MISSING},
        ["items[0].quantity.net_kg"],
        {"items[0].quantity.net_kg": MISSING, **CONTINUED},
    ),
    (
        "net-missing",
        "tractors",
        {"items[1].quantity.net_kg": MISSING},
        ["items[1].quantity.net_kg"],
        {"items[0].quantity.net_kg": MISSING},
    ),
    (
        "net-differs",
        "milk-powder",
        {"items[0].quantity.value": "20000.5"},
        ["items[0].quantity.value"],
        {"items[0].quantity.value": "20", "items[0].quantity.unit": "TNE"},
    ),
    (
        "net-differs",
        "milk-powder",
        {"items[0].quantity.value": "20.5", "items[0].quantity.unit": "TNE"},
        ["items[0].quantity.value"],
        {"items[0].quantity.net_kg": MISSING},
    ),
    ("not-agreed", "tractors", {AGREED: None}, ["scheme"], {AGREED: "CIS-2009"}),
    ("rules-set-not-agreed", "tractors", {AGREED: "CIS-2009"}, ["rules_set"], {AGREED: None}),
    (
        "origin-elsewhere",
        "tractors",
        {"declaration.origin_country": "RU"},
        ["declaration.origin_country"],
        {"declaration.origin_country": "RU", "official_notes": [BASED_ON]},
    ),
    (
        "presented-where-issued",
        "tractors",
        {"issued_in": "UZ"},
        ["presented_in"],
        {"issued_in": "UZ", "official_notes": [BASED_ON]},
    ),
    (
        "declared-later",
        "tractors",
        {"declaration.date": TOMORROW},
        ["declaration.date"],
        {"declaration.date": TODAY_TEXT},
    ),
    (
        "retrospective-note-missing",
        "medicines",
        {"export": PROOF},
        ["official_notes"],
        {"export": PROOF, "official_notes": [RETROSPECTIVE]},
    ),
    (
        "retrospective-note-missing",
        "medicines",
        {"export": PROOF},
        ["official_notes"],
        {"export": {"date": TODAY_TEXT}},
    ),
    (
        "retrospective-proof-missing",
        "medicines",
        {"export": {"date": YESTERDAY}},
        ["export.declaration"],
        {"export": PROOF, "official_notes": [RETROSPECTIVE]},
    ),
    (
        "retrospective-proof-missing",
        "medicines",
        {"official_notes": [RETROSPECTIVE]},
        ["export.date", "export.declaration"],
        {"export": {"declaration": "ЭД-1"}},
    ),
    (
        "retrospective-proof-missing",
        "medicines",
        {"official_notes": [RETROSPECTIVE], "export": {"declaration": "ЭД-1"}},
        ["export.date"],
        {"export": {"date": TODAY_TEXT}},
    ),
    (
        "retrospective-too-early",
        "medicines",
        {"official_notes": [RETROSPECTIVE], "export": {"date": TODAY_TEXT}},
        ["export.date"],
        {"official_notes": [RETROSPECTIVE], "export": PROOF},
    ),
    (
        "retrospective-too-early",
        "medicines",
        {"official_notes": [RETROSPECTIVE], "export": {"date": TOMORROW}},
        ["export.date"],
        {"export": {"date": TOMORROW}},
    ),
    (
        "note-incomplete",
        "tractors",
        {
            "official_notes": [
                {"code": "DUPLICATE"},
                {"code": "ISSUED_IN_LIEU", "number": "1"},
                {"code": "BASED_ON", "number": "1", "date": "2026-01-31"},
                {"code": "EXHIBITION"},
                {"code": "MADE_IN_OLD_STOCK"},
            ]
        },
        [
            "official_notes[0].number",
            "official_notes[0].date",
            "official_notes[1].date",
            "official_notes[2].body",
            "official_notes[3].text",
            "official_notes[4].text",
        ],
        {
            "official_notes": [
                {"code": "COPY"},
                RETROSPECTIVE,
                {**IN_LIEU, "code": "DUPLICATE"},
                IN_LIEU,
                BASED_ON,
                {"code": "EXHIBITION", "text": "Выставка"},
                {"code": "MADE_IN_OLD_STOCK", "text": "Товар изготовлен в 1990 году"},
            ]
        },
    ),
    (
        "duplicate-of-electronic",
        "grapes",
        {"official_notes": [{**IN_LIEU, "code": "DUPLICATE"}]},
        ["official_notes"],
        {"official_notes": [IN_LIEU]},
    ),
    (
        "duplicate-of-electronic",
        "grapes",
        {"official_notes": [{**IN_LIEU, "code": "DUPLICATE"}]},
        ["official_notes"],
        {"official_notes": [{**IN_LIEU, "code": "DUPLICATE"}], "issued_in": "BY"},
    ),
    ("contract-missing", "tractors", {"contract": MISSING}, ["contract"], {}),
    ("expert-act-missing", "tractors", {}, ["expert_act"], {"expert_act": ACT}),
    (
        "expert-act-expired",
        "tractors",
        {"expert_act": {**ACT, "until": YESTERDAY}},
        ["expert_act.until"],
        {"expert_act": ACT},
    ),
    (
        "expert-act-of-other-rules",
        "tractors",
        {"expert_act": {**ACT, "rules_set": "CIS-2009"}},
        ["expert_act.rules_set"],
        {"expert_act": {**ACT, "rules_set": "CIS-1993"}},
    ),
    (
        "expert-act-of-other-rules",
        "tyres",
        {"expert_act": {**ACT, "rules_set": "CIS-1993"}},
        ["expert_act.rules_set"],
        {},
    ),
    (
        "criterion-not-in-form",
        "tractors",
        {"items[1].origin_criterion": {"code": "П"}},
        ["items[1].origin_criterion"],
        {},
    ),
    (
        "consignor-shown",
        "tractors",
        {"consignor_exporter.on_behalf_of": PRINCIPAL},
        ["consignor_exporter.on_behalf_of"],
        {"consignee_importer.on_behalf_of": PRINCIPAL},
    ),
    (
        "consignor-shown",
        "tractors",
        {"consignor_exporter.name": "А по поручению Б", "consignor_exporter.address": "Минск, По поручению Б"},
        ["consignor_exporter.name", "consignor_exporter.address"],
        {"consignee_importer.name": "А по поручению Б"},
    ),
    ("numbering-broken", "grapes", {"items[1].seq": 3}, ["items[1].seq"], CONTINUED),
    ("numbering-broken", "tyres", {"items[0].seq": 2}, ["items[0].seq"], {"items[1]": SECOND}),
    ("numbering-broken", "tyres", {"items[1]": {**SECOND, "seq": 1}}, ["items[1].seq"], {}),
    (
        "gross-missing",
        "grapes",
        {"items[1].quantity.gross_kg": MISSING},
        ["items[1].quantity.gross_kg"],
        {"items[1].quantity.gross_kg": MISSING, **CONTINUED},
    ),
    ("invoice-missing", "milk-powder", {"items[0].invoice": MISSING}, ["items[0].invoice"], {}),
    (
        "exhibition-not-in-form",
        "tractors",
        {"official_notes": [{"code": "EXHIBITION", "text": "Выставка"}]},
        ["official_notes"],
        {"official_notes": [{"code": "COPY"}]},
    ),
    (
        "resale-not-in-form",
        "tractors",
        {"consignee_importer.name": "Для последующей реализации"},
        ["consignee_importer.name"],
        {},
    ),
    (
        "resale-not-in-form",
        "tractors",
        {"consignee_importer.address": "Ташкент, для последующей реализации"},
        ["consignee_importer.address"],
        {"consignee_importer.address": "Ташкент, для реализации"},
    ),
    (
        "resale-not-in-form",
        "tractors",
        {"official_notes": [{"code": "COPY"}, {"code": "MADE_IN_OLD_STOCK", "text": "Для последующей реализации"}]},
        ["official_notes[1].text"],
        {"official_notes": [{"code": "COPY"}]},
    ),
    ("criterion-missing", "tyres", {"items[0].origin_criterion": MISSING}, ["items[0].origin_criterion"], {}),
    (
        "criterion-unknown",
        "tyres",
        {"items[0].origin_criterion": {"code": "K"}},
        ["items[0].origin_criterion.code"],
        {"items[0].origin_criterion": {"code": "К"}},
    ),
    (
        "criterion-unknown",
        "tyres",
        {"items[0].origin_criterion": {"code": "Y"}},
        ["items[0].origin_criterion.code"],
        {"items[0].origin_criterion": MISSING},
    ),
    (
        "criterion-heading-differs",
        "tyres",
        {"items[0].origin_criterion": {"code": "Д"}},
        ["items[0].origin_criterion.heading"],
        {"items[0].origin_criterion": {"code": "П"}},
    ),
    (
        "criterion-heading-differs",
        "tyres",
        {"items[0].origin_criterion.heading": "40117"},
        ["items[0].origin_criterion.heading"],
        {"items[0].origin_criterion": MISSING},
    ),
    (
        "criterion-heading-superfluous",
        "tyres",
        {"items[0].origin_criterion.code": "П"},
        ["items[0].origin_criterion.heading"],
        {"items[0].origin_criterion": {"code": "П"}},
    ),
    (
        "criterion-heading-superfluous",
        "tyres",
        {"items[0].origin_criterion.code": "К"},
        ["items[0].origin_criterion.heading"],
        {"items[0].origin_criterion": MISSING},
    ),
    (
        "criterion-dash-unfounded",
        "tyres",
        {"items[0].origin_criterion": {"code": "-"}},
        ["items[0].origin_criterion.code"],
        {"items[0].origin_criterion": {"code": "-"}, "official_notes": [IN_LIEU]},
    ),
    (
        "criterion-dash-unfounded",
        "tyres",
        {"items[0].origin_criterion": {"code": "-"}, "official_notes": [{"code": "COPY"}]},
        ["items[0].origin_criterion.code"],
        {"items[0].origin_criterion": {"code": "-"}, "official_notes": [BASED_ON]},
    ),
    (
        "criterion-dash-unfounded",
        "tyres",
        {"items[0].origin_criterion": {"code": "-"}},
        ["items[0].origin_criterion.code"],
        {"items[0].origin_criterion": MISSING},
    ),
    (
        "invoice-missing",
        "tyres",
        {"items[0].invoice": MISSING, "contract": MISSING},
        ["items[0].invoice"],
        {"items[0].invoice": MISSING},
    ),
    (
        "invoice-later",
        "tyres",
        {"items[0].invoice": MISSING},
        ["items[0].invoice"],
        {"items[0].invoice": MISSING, "contract.long_term": False},
    ),
]
IDS = [f"{code} in {key} #{number}" for number, (code, key, *_) in enumerate(CASES)]


def find(code: str, application: Intake) -> list[str]:
    rule = RULES[application.rules_set.value, code]
    found = list(rule(application))
    assert {(item.rule, item.severity, item.message, item.source) for item in found} <= {
        (code, rule.severity, rule.message, rule.source)
    }
    return [item.path for item in found]


@pytest.mark.parametrize(("code", "key", "broken", "where", "kept"), CASES, ids=IDS)
def test_a_rule_finds_what_breaks_it_and_nothing_in_what_just_keeps_it(
    code: str, key: str, broken: Changes, where: list[str], kept: Changes
) -> None:
    assert sorted(find(code, intake(key, broken))) == sorted(where)
    assert find(code, intake(key, kept)) == []


def test_every_rule_of_both_forms_has_a_case() -> None:
    common = {rule.code for rule in ST1}
    cases = {(APPLICATIONS[key]["rules_set"], code) for code, key, *_ in CASES}
    assert common <= {code for _, code in cases}
    assert {(set_, code) for set_, code in RULES if code not in common} <= cases


@pytest.mark.parametrize("rule", RULES.values(), ids=["/".join(name) for name in RULES])
def test_every_rule_cites_a_source_and_speaks_both_languages(rule: Rule) -> None:
    assert re.match(r"S\d+\b|domain 2\.1|ISO 3166-1|UN/ECE Recommendation 2[01]", rule.source)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.code)
    assert re.search(r"[а-я]", rule.message.ru)
    assert rule.message.ru.endswith(".")
    assert rule.message.en.endswith(".")
