from datetime import date, timedelta
from typing import Any

import pytest

from registry.core.certificate.claims import RulesSet
from registry.core.rules.finding import Severity
from registry.core.scheme.catalogue import SCHEMES, UnknownScheme, find_scheme
from registry.core.scheme.origin_st1 import RULES, examine
from tests.core.applications import APPLICATIONS, DEFECTS, MISSING, TODAY, intake

TOMORROW = (TODAY + timedelta(days=1)).isoformat()
YESTERDAY = (TODAY - timedelta(days=1)).isoformat()

MEANT: dict[str, tuple[dict[str, Any], str]] = {
    'rules_set = "CIS-2009"': ({"rules_set": "CIS-2009"}, "rules-set-not-agreed"),
    'items[0].origin_criterion = {"code":"Д","heading":"8701"}': (
        {"items[0].origin_criterion": {"code": "Д", "heading": "8701"}},
        "criterion-not-in-form",
    ),
    'items[0].origin_criterion.heading = "8708"': (
        {"items[0].origin_criterion.heading": "8708"},
        "criterion-heading-differs",
    ),
    "items[0].origin_criterion missing": ({"items[0].origin_criterion": MISSING}, "criterion-missing"),
    'consignor_exporter.tax_id = "100321008"': ({"consignor_exporter.tax_id": "100321008"}, "tax-id-invalid"),
    "declaration.date after today": ({"declaration.date": TOMORROW}, "declared-later"),
    "export.date before today, no note ISSUED_RETROSPECTIVELY": (
        {"export": {"date": YESTERDAY}},
        "retrospective-note-missing",
    ),
    'items[1].quantity.net_kg = "1300"': ({"items[1].quantity.net_kg": "1300"}, "net-above-gross"),
    'items[0].quantity.unit = "kg"': ({"items[0].quantity.unit": "kg"}, "unit-unknown"),
    "items[0].description with a Latin A inside a Cyrillic word": (
        {"items[0].description": "МолокA сухое"},
        "mixed-scripts",
    ),
    "items[0].invoice missing": ({"items[0].invoice": MISSING}, "invoice-missing"),
    "items[0].invoice missing, contract.long_term true": (
        {"items[0].invoice": MISSING, "contract.long_term": True},
        "invoice-later",
    ),
}
"""What each `change` of the file's defects means, and the rule that finds it."""


@pytest.mark.parametrize("key", APPLICATIONS)
@pytest.mark.parametrize("today", [TODAY, TODAY + timedelta(days=30)])
def test_a_good_application_has_no_severe_finding_and_no_warning(key: str, today: date) -> None:
    assert {finding.severity for finding in examine(intake(key, today=today))} <= {Severity.INFO}


@pytest.mark.parametrize("defect", DEFECTS, ids=[f"{defect['from']}: {defect['change']}" for defect in DEFECTS])
def test_each_defect_is_found_as_severely_as_expected(defect: dict[str, str]) -> None:
    changes, rule = MEANT[defect["change"]]
    found = examine(intake(defect["from"], changes))
    before = examine(intake(defect["from"]))
    severity = Severity(defect["expect"].replace(":", " ").split()[0])
    assert rule not in {finding.rule for finding in before}
    assert severity in {finding.severity for finding in found if finding.rule == rule}
    worst = found[0].severity
    assert worst is severity


def test_goods_that_have_left_want_both_the_note_and_the_declaration() -> None:
    found = {finding.path for finding in examine(intake("medicines", {"export": {"date": YESTERDAY}}))}
    assert {"official_notes", "export.declaration"} <= found


def test_findings_come_severe_first_and_in_the_order_of_the_rules() -> None:
    changes = {
        "items[0].description": "МолокA",
        "items[0].invoice": MISSING,
        "contract": MISSING,
        "consignor_exporter.tax_id": "1",
    }
    found = [(finding.severity.value, finding.rule) for finding in examine(intake("milk-powder", changes))]
    assert found == [
        ("severe", "tax-id-invalid"),
        ("severe", "invoice-missing"),
        ("warning", "mixed-scripts"),
        ("warning", "contract-missing"),
        ("info", "expert-act-missing"),
    ]


@pytest.mark.parametrize("rules_set", RulesSet)
def test_each_rule_has_a_name_of_its_own_in_its_rules_set(rules_set: RulesSet) -> None:
    codes = [rule.code for rule in RULES[rules_set]]
    assert len(codes) == len(set(codes))


def test_the_scheme_knows_both_forms_and_no_suspension() -> None:
    scheme, rules_set = find_scheme("origin-st1", "CIS-1993")
    assert rules_set is RulesSet.CIS_1993
    assert scheme is SCHEMES["origin-st1"]
    assert scheme.rules_sets == set(RulesSet)
    assert not scheme.suspend
    assert scheme.examine(intake("tyres")) == examine(intake("tyres"))


@pytest.mark.parametrize(("name", "rules_set"), [("origin-st2", "CIS-1993"), ("origin-st1", "CIS-2010")])
def test_a_scheme_or_rules_set_that_is_not_in_the_table_is_refused(name: str, rules_set: str) -> None:
    with pytest.raises(UnknownScheme) as caught:
        find_scheme(name, rules_set)
    assert str(caught.value) == f"there is no scheme '{name}' by the rules '{rules_set}'"
