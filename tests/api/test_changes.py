"""Customs follows what comes, page by page, and goes on from the cursor that it was given last."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.desk import Office, assert_problem
from tests.kit import Corridor


def follow(office: Office, **asked: Any) -> Any:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    answer = office.desk("officer").get(f"/api/v1/changes?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_subscription_goes_on_where_it_stood(corridor: Corridor, minsk: Office, tashkent: Office) -> None:
    assert follow(tashkent) == {"items": [], "more": False}
    first, second = minsk.issued(), minsk.issued()
    corridor.by.deliver(corridor.uz)
    page = follow(tashkent, limit=1)
    assert page["more"]
    assert [each["kind"] for each in page["items"]] == ["delivered"]
    assert page["items"][0]["certificate"]["href"] == first["href"]
    rest = follow(tashkent, after=page["cursor"])
    assert [each["certificate"]["id"] for each in rest["items"]] == [second["id"]]
    assert not rest["more"]
    assert follow(tashkent, after=rest["cursor"]) == {"items": [], "cursor": rest["cursor"], "more": False}
    corridor.clock.forward(timedelta(minutes=1))
    annul(minsk, first)
    corridor.by.deliver(corridor.uz)
    (change,) = follow(tashkent, after=rest["cursor"])["items"]
    assert (change["kind"], change["certificate"]["number"]) == ("status", first["number"])
    assert (change["status"]["status"], change["status"]["reason"]) == ("annulled", "ошибка")
    assert change["at"] == "2026-11-21T09:31:00Z"


def test_a_clarification_is_news_and_stands_beside_every_verdict(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    issued, other = minsk.issued(), minsk.issued()
    corridor.by.deliver(corridor.uz)
    cursor = follow(tashkent)["cursor"]
    old = issued["claims"]["consignor_exporter"]["address"]
    said = {"box": "consignor_exporter.address", "old": old, "new": old.replace("ул.", "улица"), "reason": "опечатка"}
    read = {"proposal": minsk.desk("signatory").post(f"{issued['href']}/clarification", said).json()["id"]}
    assert minsk.desk("examiner").post(f"{issued['href']}/clarification/confirm", read).status_code == 200
    corridor.by.deliver(corridor.uz)
    (news,) = follow(tashkent, after=cursor)["items"]
    assert (news["kind"], news["certificate"]["id"]) == ("clarified", issued["id"])
    assert {name: news["clarification"][name] for name in said} == said
    asked = {"number": issued["number"]}
    verdict = tashkent.desk("officer").post("/api/v1/verifications", asked).json()
    assert verdict["beside"]["clarifications"] == [news["clarification"]]
    held = tashkent.desk("importer").post("/api/v1/verifications/held", asked | {"id": issued["id"]}).json()
    assert held["beside"]["clarifications"] == [news["clarification"]]
    questions = {"questions": [asked, {"number": other["number"]}, {"number": "NONE"}, asked]}
    bulk = tashkent.desk("officer").post("/api/v1/verifications/bulk", questions).json()
    assert [each["verdict"].get("clarified") for each in bulk["answers"]] == [True, None, None, True]


def annul(office: Office, issued: Any) -> None:
    path = f"{issued['href']}/annulment"
    proposal = {"reason": "ошибка", "effective_from": "2026-11-21+03:00"}
    read = {"proposal": office.desk("signatory").post(path, proposal).json()["id"]}
    assert office.desk("second_signatory").post(f"{path}/confirm", read).status_code == 200


def test_a_cursor_of_another_order_is_told_apart(corridor: Corridor, minsk: Office, tashkent: Office) -> None:
    minsk.issued()
    corridor.by.deliver(corridor.uz)
    place = follow(tashkent)["cursor"]
    assert_problem(minsk.desk("officer").get(f"/api/v1/changes?after={place}"), 409, "changes-renumbered")
    listed = tashkent.desk("officer").get("/api/v1/certificates?limit=1").json()
    assert "next" not in listed


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", "12"),
        ("importer=301234567", "12"),
        ("importer=%C2%ABToshkent%20%20agrotexnika%C2%BB%20MChJ", "12"),
        ("importer=301234568", ""),
        ("exporter=100321003", "12"),
        ("exporter=301234567", ""),
        ("heading=8701", "12"),
        ("heading=870193", "12"),
        ("heading=0402", ""),
        ("from=2026-11-21&until=2026-11-21", "12"),
        ("from=2026-11-22", ""),
        ("until=2026-11-20", ""),
        ("status=in-force", "2"),
        ("status=annulled", "1"),
        ("status=suspended", ""),
        ("status=annulled&importer=301234567&heading=8701&number=byuz%206101%20000001", "1"),
        ("status=annulled&number=BYUZ6101000002", ""),
    ],
)
def test_customs_search_what_is_presented_here(searched: tuple[Office, Office], asked: str, found: str) -> None:
    minsk, tashkent = searched
    shown = tashkent.desk("officer").get(f"/api/v1/certificates?{asked}").json()["items"]
    assert "".join(sorted(each["number"][-1] for each in shown)) == found
    assert minsk.desk("officer").get(f"/api/v1/certificates?{asked}").json() == {"items": []}


@pytest.mark.parametrize("asked", ["heading=87", "heading=87019", "from=today", "status=good", "importer="])
def test_what_cannot_be_searched_for_is_unprocessable(lasting: Office, asked: str) -> None:
    assert_problem(lasting.desk("officer").get(f"/api/v1/certificates?{asked}"), 422, "request-invalid")


@pytest.mark.parametrize(
    ("asked", "path", "reason"),
    [
        ("from=2026-02-30", "query.from", "there is no 2026-02-30 in the calendar or on the clock"),
        ("until=today", "query.until", "what is read here is a day, as 2026-11-21"),
        ("heading=87019", "query.heading", "what is read here is an HS heading of 4 digits, or a code of 6, 8 or 10"),
    ],
)
def test_what_is_spelled_otherwise_is_told_in_words_where_and_how(
    lasting: Office, asked: str, path: str, reason: str
) -> None:
    answer = lasting.desk("officer").get(f"/api/v1/certificates?{asked}")
    assert assert_problem(answer, 422, "request-invalid")["errors"] == [{"path": path, "reason": reason}]


def test_a_search_whose_period_ends_before_it_begins_is_refused_not_empty(lasting: Office) -> None:
    officer, auditor = lasting.desk("officer"), lasting.desk("auditor")
    one_day = "/api/v1/certificates?from=2026-11-21&until=2026-11-21"
    assert officer.get(one_day).status_code == 200
    assert_problem(officer.get("/api/v1/certificates?from=2026-11-22&until=2026-11-21"), 422, "period-reversed")
    reversed_ = "/api/v1/acts?from=2026-11-21T09:30:01Z&until=2026-11-21T09:30:00Z"
    assert_problem(auditor.get(reversed_), 422, "period-reversed")
