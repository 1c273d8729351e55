import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from registry.core.certificate.claims import Claims, MalformedClaims, NoteCode
from registry.core.certificate.goods import Quantity
from tests.core.applications import APPLICATIONS, MISSING, changed, claims_of

FULL: dict[str, Any] = changed(
    claims_of(APPLICATIONS["tyres"]),
    {
        "consignor_exporter.on_behalf_of": {"name": "Завод", "address": "Минск", "country": "BY"},
        "official_notes": [
            {"code": "ISSUED_RETROSPECTIVELY"},
            {"code": "BASED_ON", "number": "1", "date": "2026-01-31", "body": "Палата"},
            {"code": "EXHIBITION", "text": "Выставка"},
        ],
        "export": {"date": "2026-11-01", "declaration": "ЭД-1"},
        "expert_act": {"number": "7", "until": "2027-01-01", "expert": "Э", "goods": "шины", "rules_set": "CIS-2009"},
        "mandate": {"principal": "А", "agent": "Б", "until": "2027-01-01", "scope": "всё"},
        "items[0].product": "0123456789abcdef" * 2,
        "items[0].description": "Шины\nновые",
    },
)
OPTIONAL = {
    "tax_id",
    "on_behalf_of",
    "transport",
    "route",
    "means",
    "official_notes",
    "number",
    "date",
    "body",
    "text",
    "contract",
    "export",
    "declaration",
    "expert_act",
    "goods",
    "rules_set",
    "mandate",
    "scope",
    "packages",
    "origin_criterion",
    "heading",
    "invoice",
    "product",
    "net_kg",
    "gross_kg",
}
STILL_WANTED = {"declaration", "contract.number", "contract.date", "expert_act.number"}


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Return the path of every member of every object."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield (inner := f"{path}.{name}" if path else name)
            yield from paths(member, inner)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, f"{path}[{index}]")


def may_be_absent(path: str) -> bool:
    return (
        re.split(r"\W", path)[-1] in OPTIONAL
        and path not in STILL_WANTED
        and not re.fullmatch(r"items\[0\]\.invoice\.(number|date)|declaration\.date", path)
    )


def refusal(value: Any) -> MalformedClaims:
    with pytest.raises(MalformedClaims) as caught:
        Claims.parse(value)
    return caught.value


@pytest.mark.parametrize("key", APPLICATIONS)
def test_every_application_reads_as_it_writes(key: str) -> None:
    draft = claims_of(APPLICATIONS[key])
    claims = Claims.draft(draft, draft["declaration"]["applicant"])
    assert Claims.parse(claims.encode()) == claims
    if draft["transport"]["route"]:
        assert claims.encode() == draft


def test_parse_reads_what_encode_writes() -> None:
    assert Claims.parse(FULL).encode() == FULL


@pytest.mark.parametrize("path", list(paths(FULL)))
def test_a_member_that_is_missing_is_either_optional_or_named(path: str) -> None:
    value = changed(FULL, {path: MISSING})
    if may_be_absent(path):
        assert Claims.parse(value).encode() == value
    else:
        assert refusal(value).path == path


@pytest.mark.parametrize("path", list(paths(FULL)))
def test_no_member_may_be_null_or_of_another_type(path: str) -> None:
    others: list[object] = [None, 1.5, []]
    for other in others:
        assert refusal(changed(FULL, {path: other})).path == path


@pytest.mark.parametrize("path", ["", *(path for path in paths(FULL))])
def test_a_member_that_is_not_known_is_refused(path: str) -> None:
    name = f"{path}.colour" if path else "colour"
    target: Any = FULL
    for step in re.findall(r"\w+", path):
        target = target[int(step) if step.isdigit() else step]
    if isinstance(target, dict):
        assert refusal(changed(FULL, {name: "red"})).path == name


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("items[0].quantity.value", value)
        for value in ("1.0", "01", "-0", "-1", "1.", ".5", "1e3", "1,5", "1" * 16, "0.1234567", "١", "1\n", " 1", 5)
    ]
    + [("declaration.date", value) for value in ("2026-02-30", "20260228", "2026-2-28", "2026-W09-1", "28.02.2026")]
    + [
        ("items[0].product", "0123456789ABCDEF" * 2),
        ("items[0].product", "0" * 31),
        ("items[0].seq", 0),
        ("items[0].seq", True),
        ("items[0].seq", "1"),
        ("items[0].packages.count", -1),
        ("items[0].packages.count", 1_000_000_000),
        ("contract.long_term", 1),
        ("items", []),
        ("export", {}),
        ("transport", {}),
        ("transport.means", []),
        ("transport.route", ""),
        ("official_notes", []),
        ("official_notes[0].code", "LOST"),
        ("expert_act.rules_set", "CIS-2010"),
    ],
)
def test_a_value_out_of_its_spelling_or_bounds_is_named(path: str, value: Any) -> None:
    assert refusal(changed(FULL, {path: value})).path == path


@pytest.mark.parametrize(
    "text",
    ["", " ", "x ", "\u00a0x", "x" * 2001, "и\u0306", "a\tb", "a\u200bb", "a\u202eb", "a\u2028b", "\ue000", "\0"],
)
def test_a_text_that_is_not_what_it_shows_is_refused(text: str) -> None:
    for path in ("consignor_exporter.name", "items[0].description", "transport.means[0]"):
        assert refusal(changed(FULL, {path: text})).path == path


def test_lines_break_in_descriptions_only() -> None:
    assert Claims.parse(changed(FULL, {"items[0].description": "а\nб"})).items[0].description == "а\nб"
    assert refusal(changed(FULL, {"consignor_exporter.address": "а\nб"})).reason == (
        "holds what does not show: U+000A, a control character, at place 2"
    )
    assert refusal(changed(FULL, {"expert_act.goods": "а\nб"})).path == "expert_act.goods"


def test_the_number_of_items_and_notes_is_bounded() -> None:
    items = [{**FULL["items"][0], "seq": seq} for seq in range(1, 202)]
    assert len(Claims.parse({**FULL, "items": items[:200]}).items) == 200
    assert refusal({**FULL, "items": items}).path == "items"
    notes = [{"code": "COPY"}] * 51
    assert len(Claims.parse({**FULL, "official_notes": notes[:50]}).official_notes) == 50
    assert refusal({**FULL, "official_notes": notes}).path == "official_notes"


def test_what_is_no_object_is_refused_as_a_whole() -> None:
    value: Any = []
    assert str(refusal(value)) == "the whole is not an object"


def test_the_digest_stands_for_the_content_and_not_for_the_order() -> None:
    claims = Claims.parse(FULL)
    assert claims.digest == Claims.parse(dict(reversed(FULL.items()))).digest
    assert claims.digest != Claims.parse(changed(FULL, {"items[0].seq": 2})).digest
    assert re.fullmatch(r"[0-9a-f]{64}", claims.digest)


def test_notes_are_found_by_their_codes() -> None:
    claims = Claims.parse(FULL)
    assert [note.code for note in claims.notes(NoteCode.BASED_ON, NoteCode.EXHIBITION)] == ["BASED_ON", "EXHIBITION"]
    assert claims.notes(NoteCode.COPY) == []


def test_weights_are_numbers_where_they_are_stated() -> None:
    quantity = Quantity("1840.5", "KGM", "1840.5", "1960")
    assert (quantity.amount, quantity.net, quantity.gross) == (Decimal("1840.5"), Decimal("1840.5"), Decimal(1960))
    assert (Quantity("1", "C62").net, Quantity("1", "C62").gross) == (None, None)


def test_a_draft_gets_its_applicant_from_the_node() -> None:
    draft = changed(FULL, {"declaration.applicant": MISSING})
    assert Claims.draft(draft, "ОАО «Днепрошина»").encode() == FULL
    assert Claims.draft(FULL, "ОАО «Днепрошина»").encode() == FULL


def test_a_draft_in_the_name_of_another_is_refused() -> None:
    with pytest.raises(MalformedClaims) as caught:
        Claims.draft(FULL, "другой")
    assert caught.value.path == "declaration.applicant"


def test_a_draft_without_a_declaration_lacks_it() -> None:
    with pytest.raises(MalformedClaims) as caught:
        Claims.draft(changed(FULL, {"declaration": {}}), "кто-то")
    assert (caught.value.path, caught.value.reason) == ("declaration", "is missing")


def test_what_a_draft_leaves_empty_is_absent() -> None:
    empty = {
        "transport": {"means": [], "route": ""},
        "export": {"date": ""},
        "official_notes": [],
        "items[0].invoice": {"number": "", "date": "", "kind": ""},
        "consignor_exporter.tax_id": "",
    }
    absent = Claims.parse(changed(FULL, dict.fromkeys(empty, MISSING)))
    assert Claims.draft(changed(FULL, empty), "ОАО «Днепрошина»") == absent


def test_an_amount_that_is_spelled_otherwise_is_told_how_it_is_spelled() -> None:
    for spelled in ("20000,5", "20 000", "20000.50", "1e3"):
        told = refusal(changed(FULL, {"items[0].quantity.value": spelled}))
        assert "spelled as 20000 or 20000.5: a point, no spaces, no zeros at the end" in told.reason
