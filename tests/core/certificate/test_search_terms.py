"""A certificate is found by who imports, who exports, and by the goods' codes, as far as each of them is fine."""

from dataclasses import replace
from typing import Any

from registry.core.certificate.search_terms import exporter_term, heading_term, importer_term, search_terms
from tests.core.applications import APPLICATIONS, BESIDE_CLAIMS
from tests.core.world import World


def terms_of(world: World, **changes: Any) -> set[str]:
    certificate = world.certificate()
    filled = APPLICATIONS["tractors"]
    claims = {name: value for name, value in filled.items() if name not in BESIDE_CLAIMS} | changes
    return set(search_terms(replace(certificate, subject=replace(certificate.subject, claims=claims))))


def test_parties_are_found_by_tax_id_and_by_name_in_any_case_and_spacing(world: World) -> None:
    broker = {"name": "«BROKER»  MChJ", "address": "Toshkent", "country": "UZ", "tax_id": "300000001"}
    importer = {"name": "«IMPORT» MChJ", "address": "Toshkent", "country": "UZ", "tax_id": "300000002"}
    found = terms_of(world, consignee_importer=broker | {"on_behalf_of": importer})
    for text in ("300000001", "300000002", "«Broker» mchj", " «import»   MCHJ "):
        assert importer_term(text) in found
        assert exporter_term(text) not in found
    exporter = {"name": "ОАО «Экспорт»", "address": "Минск", "country": "BY"}
    agent = {"name": "ООО «Агент»", "address": "Минск", "country": "BY", "tax_id": "100000001"}
    found = terms_of(world, consignor_exporter=agent | {"on_behalf_of": exporter})
    for text in ("100000001", "оао «экспорт»", "ООО «АГЕНТ»"):
        assert exporter_term(text) in found


def test_goods_are_found_by_their_heading_and_by_each_finer_code(world: World) -> None:
    items = [{"seq": 1, "description": "Товар", "hs_code": "8701931000", "quantity": {"value": "1", "unit": "C62"}}]
    found = {term for term in terms_of(world, items=items) if term.startswith("hs:")}
    assert found == {heading_term(code) for code in ("8701", "870193", "87019310", "8701931000")}
    items[0]["hs_code"] = "870193"
    assert {term for term in terms_of(world, items=items) if term.startswith("hs:")} == {"hs:8701", "hs:870193"}


def test_a_name_that_no_index_could_hold_is_found_by_its_beginning(world: World) -> None:
    long = {"name": "Ж" * 2_000, "address": "Минск", "country": "BY"}
    found = terms_of(world, consignor_exporter=long)
    assert exporter_term("ж" * 200) in found
    assert max(map(len, found)) < 250


def test_claims_that_cannot_be_read_are_found_by_nothing(world: World) -> None:
    assert terms_of(world, items=[]) == set()
