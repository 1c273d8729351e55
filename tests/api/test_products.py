"""Products and their evidence over HTTP."""

from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.api.desk import JPEG, PDF, PNG, Office, assert_problem, product


def test_a_product_is_kept_read_and_changed_by_whoever_read_it_last(lasting: Office) -> None:
    exporter = lasting.desk("exporter")
    kept = exporter.post("/api/v1/products", product())
    assert (kept.status_code, kept.headers["etag"]) == (201, '"1"')
    path = kept.headers["location"]
    read = exporter.get(path)
    assert (read.json()["content"], read.headers["etag"]) == (product(), '"1"')
    better = product(description="Тракторы\nновые")
    changed = exporter.put(path, better, read.headers["etag"])
    assert (changed.status_code, changed.headers["etag"], changed.json()["content"]) == (200, '"2"', better)
    stale = exporter.put(path, product(), read.headers["etag"])
    assert assert_problem(stale, 412, "version-stale")["version"] == 2
    assert exporter.get(path).json()["content"] == better


@pytest.mark.parametrize("etag", ["*", "1", 'W/"1"', '"x"', '"1", "2"', '"-1"', '""', '"' + "9" * 10 + '"'])
def test_a_change_names_one_etag(lasting: Office, etag: str) -> None:
    path = f"/api/v1/products/{lasting.product()['id']}"
    assert_problem(lasting.desk("exporter").put(path, product(), None), 428, "if-match-missing")
    assert_problem(lasting.desk("exporter").put(path, product(), etag), 400, "if-match-unreadable")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"hs_code": "87"}, "invalid-identifier"),
        ({"gtin": "4810000000002"}, "invalid-identifier"),
        ({"description": " x"}, "malformed-product"),
        ({"description": "и\u0306"}, "malformed-product"),
        ({"description": None}, "malformed-product"),
        ({"manufacturer": {"name": "x"}}, "malformed-product"),
    ],
)
def test_a_product_that_cannot_be_is_not_kept(lasting: Office, changes: dict[str, object], code: str) -> None:
    assert_problem(lasting.desk("exporter").post("/api/v1/products", product(**changes)), 422, code)


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("act.pdf", PDF, "application/pdf"),
        ("plate.PNG", PNG, "image/png"),
        ("plate.jpg", JPEG, "image/jpeg"),
        ("Акт экспертизы № 5 «ПТЗ».pdf", PDF, "application/pdf"),
        ("oʻlchov; filename=x.jpeg", JPEG, "image/jpeg"),
    ],
)
def test_evidence_comes_back_as_it_was_and_only_to_be_saved(
    lasting: Office, name: str, content: bytes, media_type: str
) -> None:
    exporter = lasting.desk("exporter")
    id = lasting.product()["id"]
    kept = exporter.upload(id, quote(name), content, **{"Content-Type": media_type})
    assert kept.status_code == 201
    assert (kept.json()["name"], kept.json()["media_type"], kept.json()["size"]) == (name, media_type, len(content))
    found = exporter.get(kept.headers["location"])
    assert found.content == content
    assert found.headers["content-type"] == media_type
    assert found.headers["content-disposition"] == f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    assert found.headers["content-security-policy"] == "sandbox"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["cache-control"] == "no-store"
    assert [one["sha256"] for one in exporter.get(f"/api/v1/products/{id}").json()["evidence"]] == [
        kept.json()["sha256"]
    ]
    again = exporter.upload(id, quote(name), content, **{"Content-Type": media_type})
    assert again.json()["sha256"] == kept.json()["sha256"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("act.pdf", b"PK\x03\x04" + bytes(20)),
        ("act.pdf", PNG),
        ("act.exe", PDF),
        ("act", PDF),
        ("act.pdf", b" " + PDF),
        ("act.pdf", b""),
        ("..%2Fact.pdf", PDF),
        ("..%5Cact.pdf", PDF),
        ("act%0D%0ASet-Cookie%3A%20a.pdf", PDF),
        ("act%E2%80%AEfdp.pdf", PDF),
        ("a" * 300 + ".pdf", PDF),
    ],
)
def test_evidence_that_is_not_what_its_name_says_is_not_kept(lasting: Office, name: str, content: bytes) -> None:
    assert_problem(
        lasting.desk("exporter").upload(lasting.product()["id"], name, content), 422, "evidence-not-accepted"
    )


def test_a_file_name_is_utf_8_percent_encoded_or_as_it_is(lasting: Office) -> None:
    path = f"/api/v1/products/{lasting.product()['id']}/evidence"

    def upload(name: bytes) -> httpx2.Response:
        headers: Any = {"X-File-Name": name, "Content-Type": "application/pdf"}
        return lasting.desk("exporter").ask("POST", path, content=PDF, headers=headers)

    assert_problem(upload(b"%FF.pdf"), 400, "file-name-unreadable")
    assert upload("акт 100%.pdf".encode()).json()["name"] == "акт 100%.pdf"
    answer = lasting.desk("exporter").ask("POST", path, content=PDF, headers={"Content-Type": "application/pdf"})
    assert_problem(answer, 422, "request-invalid")


def test_what_is_not_there_is_not_found(lasting: Office) -> None:
    exporter = lasting.desk("exporter")
    nowhere = f"/api/v1/products/{'0' * 32}"
    assert_problem(exporter.get(nowhere), 404, "product-not-found")
    assert_problem(exporter.put(nowhere, product(), '"1"'), 404, "product-not-found")
    assert_problem(exporter.upload("0" * 32), 404, "product-not-found")
    assert_problem(exporter.get(f"/api/v1/products/{lasting.product()['id']}/evidence/{'0' * 64}"), 404)


def test_a_body_reads_what_an_application_submitted_to_it_names_and_nothing_else(lasting: Office) -> None:
    drafted = lasting.drafted(with_product=True)
    id = drafted["claims"]["items"][0]["product"]
    evidence = lasting.desk("exporter").get(f"/api/v1/products/{id}").json()["evidence"][0]["sha256"]
    paths = (f"/api/v1/products/{id}", f"/api/v1/products/{id}/evidence/{evidence}")
    for path in paths:
        assert_problem(lasting.desk("examiner").get(path), 404, "product-not-found")
    lasting.desk("exporter").post(f"/api/v1/applications/{drafted['id']}/submit")
    for path in paths:
        assert lasting.desk("examiner").get(path).status_code == 200
        assert lasting.desk("signatory").get(path).status_code == 200
    other = lasting.product()["id"]
    assert_problem(lasting.desk("examiner").get(f"/api/v1/products/{other}"), 404, "product-not-found")


def test_a_list_goes_from_page_to_page_to_its_end(minsk: Office) -> None:
    exporter = minsk.desk("exporter")
    assert exporter.get("/api/v1/products").json() == {"items": []}
    made = [minsk.product()["id"] for _ in range(5)]
    pages, after = [], ""
    while True:
        page = exporter.get(f"/api/v1/products?limit=2{after}").json()
        pages.append([item["id"] for item in page["items"]])
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(id for page in pages for id in page) == sorted(made)
    assert minsk.desk("stranger").get("/api/v1/products").json() == {"items": []}
