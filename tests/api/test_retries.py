"""The same key gives the same bytes and never does the work twice (promise D5)."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select, text

from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.certificates import CertificateRow
from tests.api.conftest import Served
from tests.api.desk import Office, assert_problem, product


def at_once(calls: list[Callable[[], httpx2.Response]]) -> list[httpx2.Response]:
    """Make calls, 50 at a time."""
    with ThreadPoolExecutor(50) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def issued_on(office: Office, application: dict[str, Any]) -> tuple[int, int]:
    """Count the certificates of an application, and the acts that issued them."""
    with office.country.node.database.read() as tx:
        ids = list(tx.scalars(select(CertificateRow.id).where(CertificateRow.application == application["id"])))
        acts = select(func.count()).where(Act.kind == Kind.CERTIFICATE_ISSUED, Act.subject.in_(ids))
        return len(ids), tx.scalar(acts) or 0


@pytest.mark.parametrize("key", ["", "x" * 129, "two words", "ключ", " ", None])
def test_a_change_without_a_fit_key_is_refused(minsk: Office, key: str | None) -> None:
    headers = {"Authorization": f"Bearer {minsk.country.tokens['exporter']}".encode()}
    if key is not None:
        headers["Idempotency-Key"] = key.encode()
    answer = minsk.http.post("/api/v1/products", json=product(), headers=headers)  # type: ignore[arg-type]  # bytes are headers too
    assert_problem(answer, 400, "idempotency-key-missing")
    assert minsk.desk("exporter").get("/api/v1/products").json() == {"items": []}


def test_a_retry_gets_the_same_bytes_and_headers(minsk: Office) -> None:
    exporter = minsk.desk("exporter")
    first, again = (exporter.post("/api/v1/products", product(), key="k" * 128) for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content)
    for header in ("etag", "location", "content-type", "cache-control"):
        assert first.headers[header] == again.headers[header]
    assert len(exporter.get("/api/v1/products").json()["items"]) == 1


def test_a_key_of_another_request_is_refused(minsk: Office) -> None:
    exporter = minsk.desk("exporter")
    path = exporter.post("/api/v1/products", product(), key="a").headers["location"]
    others = (
        exporter.post("/api/v1/products", product(description="Другое"), key="a"),
        exporter.post("/api/v1/applications", minsk.form(), key="a"),
        exporter.put(path, product(), '"1"', key="a"),
        exporter.upload(path.rpartition("/")[2], key="a"),
    )
    for answer in others:
        assert_problem(answer, 422, "idempotency-key-reused")
    exporter.put(path, product(), '"1"', key="b")
    assert_problem(exporter.put(path, product(), '"2"', key="b"), 422, "idempotency-key-reused")


def test_every_change_keeps_its_key(lasting: Office) -> None:
    """Each kind of change, done twice under one key, and another one refused under it."""
    exporter, examiner, signatory = lasting.desk("exporter"), lasting.desk("examiner"), lasting.desk("signatory")
    submitted = lasting.submitted()
    path = f"/api/v1/applications/{submitted['id']}"
    steps: list[tuple[Any, str, Any]] = [
        (examiner, f"{path}/take-up", None),
        (examiner, f"{path}/send-back", {"reason": "нет акта"}),
        (exporter, f"{path}/submit", None),
        (examiner, f"{path}/take-up", None),
        (examiner, f"{path}/offer-draft", None),
    ]
    for number, (desk, step, body) in enumerate(steps):
        first, again = (desk.post(step, body, key=f"step {number}".replace(" ", "-")) for _ in range(2))
        assert first.status_code == 200
        assert first.content == again.content
    offered = first.json()
    accepted, again = (exporter.post(f"{path}/accept", {"draft": offered["draft"]}, key="accept") for _ in range(2))
    assert accepted.content == again.content
    issued, again = (signatory.post(f"{path}/issue", {"draft": offered["draft"]}, key="issue") for _ in range(2))
    assert (issued.status_code, issued.content) == (201, again.content)
    annulment = f"{issued.json()['href']}/annulment"
    proposal = {"reason": "ошибка", "effective_from": "2026-11-21+03:00"}
    proposed, again = (signatory.post(annulment, proposal, key="propose") for _ in range(2))
    assert (proposed.status_code, proposed.content) == (201, again.content)
    withdrawn, again = (signatory.post(f"{annulment}/withdraw", key="withdraw") for _ in range(2))
    assert (withdrawn.status_code, again.status_code, again.content) == (204, 204, b"")
    officer = lasting.desk("officer")
    verified, again = (officer.post("/api/v1/verifications", {"number": "1"}, key="verify") for _ in range(2))
    assert (verified.status_code, verified.content) == (201, again.content)


def test_two_people_may_choose_the_same_key(lasting: Office) -> None:
    first = lasting.desk("exporter").post("/api/v1/products", product(), key="1")
    second = lasting.desk("second_exporter").post("/api/v1/products", product(), key="1")
    assert first.json()["id"] != second.json()["id"]


def test_a_refusal_is_not_kept(lasting: Office) -> None:
    offered = lasting.offered()
    body = {"draft": offered["draft"]}
    path = f"/api/v1/applications/{offered['id']}"
    assert_problem(lasting.desk("signatory").post(f"{path}/issue", body, key="once"), 409, "illegal-move")
    lasting.desk("exporter").post(f"{path}/accept", body)
    assert lasting.desk("signatory").post(f"{path}/issue", body, key="once").status_code == 201


def test_a_thousand_retries_of_one_issue_make_one_certificate(served: Served) -> None:
    office = served.office
    approved = office.approved()
    answers = at_once([lambda: office.issue(approved, key="the-only-one")] * 1_000)
    assert Counter(answer.status_code for answer in answers) == {201: 1_000}
    assert len({answer.content for answer in answers}) == 1
    assert issued_on(office, approved) == (1, 1)


def test_two_signatories_at_once_make_one_certificate(served: Served) -> None:
    office = served.office
    approved = office.approved()
    people = ["signatory", "second_signatory"] * 25
    answers = at_once([lambda who=who: office.issue(approved, who) for who in people])  # type: ignore[misc]
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 49}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"illegal-move"}
    assert issued_on(office, approved) == (1, 1)


def test_one_key_for_two_requests_at_once_does_one_of_them(served: Served) -> None:
    office = served.office
    bodies = [product(description=f"Товар {number % 2}") for number in range(50)]
    answers = at_once(
        [lambda body=body: office.desk("exporter").post("/api/v1/products", body, key="race") for body in bodies]  # type: ignore[misc]
    )
    assert Counter(answer.status_code for answer in answers) == {201: 25, 422: 25}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1


def test_a_request_that_waits_too_long_for_a_lock_is_answered(served: Served) -> None:
    office = served.office
    product_id = office.product()["id"]
    with office.country.tx() as holds:
        holds.execute(text("SELECT 1 FROM product WHERE id = :id FOR UPDATE"), {"id": product_id})
        answer = office.desk("exporter").put(f"/api/v1/products/{product_id}", product(), '"1"', key="waits")
        assert_problem(answer, 503, "database-unavailable")
    again = office.desk("exporter").put(f"/api/v1/products/{product_id}", product(), '"1"', key="waits")
    assert again.status_code == 200, again.text
