"""What the guides show is read by the code that they speak of."""

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from pydantic import BaseModel

from registry.api import verifications
from registry.core.certificate.claims import Claims, RulesSet
from registry.core.product.product import Product
from registry.core.rules.finding import Intake, Severity
from registry.core.scheme.origin_st1 import examine

GUIDES = Path(__file__).parents[2] / "api_docs" / "guide"
GUIDE = GUIDES / "exporter.md"
QUESTIONS: Mapping[str, type[BaseModel]] = {
    "verifications": verifications.QuestionBody,
    "verifications/bulk": verifications.BulkBody,
    "verifications/held": verifications.HeldBody,
}


def test_the_exporters_guide_shows_a_product_and_an_application_that_nothing_blocks() -> None:
    product, application = (
        json.loads(block) for block in re.findall(r"```json \S+\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    )
    Product.parse(product).check()
    claims = Claims.draft(application["claims"], application["claims"]["consignor_exporter"]["name"])
    rules_set = RulesSet(application["rules_set"])
    found = examine(
        Intake(
            claims, application["scheme"], rules_set, "BY", application["presented_in"], rules_set, date(2026, 11, 22)
        )
    )
    assert [finding.rule for finding in found if finding.severity is not Severity.INFO] == []


@pytest.mark.parametrize(("guide", "shown"), [("customs.md", 2), ("importer.md", 2)])
def test_the_guides_of_customs_and_importers_show_questions_that_are_read(guide: str, shown: int) -> None:
    blocks = re.findall(r"```json (\S+)(?: \S+)?\n(.*?)```", (GUIDES / guide).read_text(), re.DOTALL)
    assert len(blocks) == shown
    for path, block in blocks:
        asked = QUESTIONS[path].model_validate(json.loads(block))
        for question in getattr(asked, "questions", []):
            verifications.QuestionBody.model_validate(question)
