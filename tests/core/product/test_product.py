from typing import Any

import pytest

from registry.core.product.identifiers import InvalidIdentifier
from registry.core.product.product import MalformedProduct, Product
from tests.core.applications import MISSING, changed

TRACTOR: dict[str, Any] = {
    "description": "Тракторы колёсные\n«ПТЗ-82.1»",
    "hs_code": "8701931000",
    "manufacturer": {"name": "ПТЗ", "address": "г. Минск", "country": "BY", "tax_id": "100321003"},
    "origin_basis": "изменение позиции ТН ВЭД",
    "gtin": "40170725",
}


@pytest.mark.parametrize("changes", [{}, {"gtin": MISSING}, {"manufacturer.tax_id": MISSING}])
def test_parse_reads_what_encode_writes(changes: dict[str, Any]) -> None:
    value = changed(TRACTOR, changes)
    product = Product.parse(value)
    assert product.encode() == value
    product.check()


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"description": MISSING}, "description"),
        ({"gtin": None}, "gtin"),
        ({"colour": "red"}, "colour"),
        ({"manufacturer.on_behalf_of": {}}, "manufacturer.on_behalf_of"),
        ({"manufacturer": "ПТЗ"}, "manufacturer"),
        ({"manufacturer.name": "ПТЗ\nМинск"}, "manufacturer.name"),
        ({"origin_basis": ""}, "origin_basis"),
        ({"origin_basis": " "}, "origin_basis"),
        ({"origin_basis": "и\u0306"}, "origin_basis"),
        ({"description": "x" * 2001}, "description"),
        ({"description": "\u200bx"}, "description"),
    ],
)
def test_another_shape_or_spelling_is_refused_by_its_path(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(MalformedProduct) as caught:
        Product.parse(changed(TRACTOR, changes))
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path} ")


@pytest.mark.parametrize("changes", [{"hs_code": "8701"}, {"gtin": "40170726"}, {"manufacturer.tax_id": "100321008"}])
def test_an_identifier_that_cannot_be_one_is_found_by_check(changes: dict[str, Any]) -> None:
    product = Product.parse(changed(TRACTOR, changes))
    with pytest.raises(InvalidIdentifier):
        product.check()
