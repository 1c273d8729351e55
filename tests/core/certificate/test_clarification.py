"""What a clarification may mend, and what wants a new certificate."""

from typing import Any

import pytest

from registry.core.certificate.clarification import ClarificationDiffers, NotClarifiable, check_mends
from registry.core.product.texts import texts

CLAIMS: dict[str, Any] = {
    "consignor_exporter": {
        "name": "ОАО «Трактор»",
        "address": "г. Минск, ул. Ленена, 29",
        "country": "BY",
        "tax_id": "1",
    },
    "consignee_importer": {
        "name": "MChJ",
        "address": "Toshkent sh.",
        "country": "UZ",
        "on_behalf_of": {"name": "QK", "address": "Samarqand sh.", "country": "UZ"},
    },
    "transport": {"means": ["автомобильный", "железнодорожный"], "route": "Минск - Ташкент"},
    "official_notes": [
        {"code": "EXHIBITION", "text": "Выставка"},
        {"code": "ISSUED_IN_LIEU", "number": "X", "date": "D"},
    ],
    "items": [
        {
            "seq": 1,
            "description": "Трактор колёсный 82.1",
            "hs_code": "870193",
            "packages": {"count": 2, "kind_code": "PX"},
            "quantity": {"value": "2", "unit": "PCE", "net_kg": "1", "gross_kg": "1"},
            "origin_criterion": {"code": "П"},
            "invoice": {"number": "1", "date": "2026-11-10", "kind": "invoice"},
        }
    ],
    "contract": {"number": "1", "date": "2026-11-10"},
    "declaration": {"origin_country": "BY", "applicant": "ОАО", "signatory": "Иванов", "date": "2026-11-10"},
}
MENDED = {
    "consignor_exporter.address": "г. Минск, ул. Ленина, 29",
    "consignee_importer.address": "Toshkent shahri",
    "consignee_importer.on_behalf_of.address": "Samarqand shahri",
    "transport.means[0]": "автотранспорт",
    "transport.means[1]": "железная дорога",
    "transport.route": "Минск - Самарканд",
    "official_notes[0].text": "Выставка-ярмарка",
    "items[0].description": "Трактор\nколесный 82.1",
}


@pytest.mark.parametrize("box", [path for path, _ in texts(CLAIMS)])
def test_only_texts_in_which_a_typo_changes_nothing_are_mended(box: str) -> None:
    old = dict(texts(CLAIMS))[box]
    if box in MENDED:
        check_mends(CLAIMS, box, old, MENDED[box])
    else:
        with pytest.raises(NotClarifiable) as refused:
            check_mends(CLAIMS, box, old, old + "x")
        assert str(refused.value).startswith(f"{box} cannot be clarified: it is none of the texts")


@pytest.mark.parametrize("box", ["items[0].seq", "items", "", "transport.route.x", "xtransport.route"])
def test_what_is_no_text_is_not_clarified(box: str) -> None:
    with pytest.raises(NotClarifiable):
        check_mends(CLAIMS, box, "x", "y")


@pytest.mark.parametrize(("box", "old"), [("transport.route", "Минск"), ("items[7].description", "x")])
def test_the_old_text_is_the_one_that_was_signed(box: str, old: str) -> None:
    with pytest.raises(ClarificationDiffers) as refused:
        check_mends(CLAIMS, box, old, "y")
    assert str(refused.value) == f"what was signed at {box} is another text"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("жира 1,5 %", "жира 15 %"),
        ("жира 1,5 %", "жира 1.5 %"),
        ("жира 1,5 %", "жира 1,5 ‰"),
        ("труба ½ дюйма", "труба ¾ дюйма"),
        ("труба ½ дюйма", "труба дюйма"),
        ("10 000 штук", "100 00 штук"),
        ("до -20 °C", "до 20 °C"),
        ("2/3 объёма", "23 объёма"),
        ("сорт Ⅱ", "сорт Ⅲ"),
        ("20 м²", "20 м³"),
        ("12-14 мм", "1214 мм"),
    ],
)
def test_a_figure_is_its_digits_with_all_that_stands_between_them(old: str, new: str) -> None:
    claims = {"transport": {"route": old}}
    for one, two in ((old, new), (new, old)):
        with pytest.raises(NotClarifiable):
            check_mends({"transport": {"route": one}}, "transport.route", one, two)
    check_mends(claims, "transport.route", old, f"{old}, опечатка")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("молоко 1,5 %, сухое", "молоко (1,5 %) сухое"),
        ("дом.5", "дом. 5;"),
        ("№ 82.1 синый", "№ 82.1. Синий"),
        ("смазка Shеll, бочки", "смазка Shеll, бочка"),
    ],
)
def test_what_stands_around_a_figure_may_be_a_typo(old: str, new: str) -> None:
    check_mends({"transport": {"route": old}}, "transport.route", old, new)


@pytest.mark.parametrize(
    ("box", "new", "why"),
    [
        ("transport.route", "Минск - Ташкент", "both texts are the same"),
        ("items[0].description", "Трактор колёсный 82.2", "the figures in it are no typo"),
        ("items[0].description", "Трактор колёсный", "the figures in it are no typo"),
        ("consignor_exporter.address", "г. Минск, ул. Ленина, 92", "the figures in it are no typo"),
        ("official_notes[0].text", "Выставка 5", "the figures in it are no typo"),
        ("transport.route", "", "the new text is empty"),
        ("transport.route", "Минcк - Ташкент", "the new text mixes letters of two scripts in one word"),
        (
            "transport.route",
            "Минск\nТашкент",
            "the new text holds what does not show: U+000A, a control character, at place 6",
        ),
        ("transport.route", " Минск", "the new text begins or ends with a space"),
    ],
)
def test_what_is_no_typo_is_refused(box: str, new: str, why: str) -> None:
    old = dict(texts(CLAIMS))[box]
    with pytest.raises(NotClarifiable) as refused:
        check_mends(CLAIMS, box, old, new)
    assert refused.value.reason == why
