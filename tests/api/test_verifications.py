"""Customs asks over HTTP: by number, by file, for another day; and what is kept of it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from registry.store.certificates import CertificateRow
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor


def ask(office: Office, **question: Any) -> Any:
    answer = office.desk("officer").post("/api/v1/verifications", question)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_spaces_and_case_of_a_number_do_not_matter(corridor: Corridor, minsk: Office, tashkent: Office) -> None:
    minsk.issued()
    corridor.by.deliver(corridor.uz)
    for number in ("BYUZ6101000001", "byuz6101000001", " BY UZ 6101 000001 ", "by\tuz6101\u00a0000001"):
        assert ask(tashkent, number=number)["indication"] == "TOTAL-PASSED"


@pytest.mark.parametrize("number", ["BYUZ6101000001", "БЕЛУЗ", "' OR 1=1 --", "%", " ", "0" * 60])
def test_a_number_that_was_not_delivered_is_never_called_invalid(tashkent: Office, number: str) -> None:
    verdict = ask(tashkent, number=number)
    assert verdict["indication"] == "INDETERMINATE"
    assert [finding["code"] for finding in verdict["findings"]] == ["not-delivered"]
    assert "certificate" not in verdict


def test_a_number_that_several_bear_is_asked_about_by_id(corridor: Corridor, minsk: Office, tashkent: Office) -> None:
    first, second = minsk.issued(), minsk.issued()
    corridor.by.deliver(corridor.uz)
    with corridor.forge.breaking(corridor.uz) as tx:
        same = update(CertificateRow).where(CertificateRow.id == second["id"])
        tx.execute(same.values(number=first["number"], year=2016))
    answer = tashkent.desk("officer").post("/api/v1/verifications", {"number": first["number"]})
    candidates = assert_problem(answer, 409, "number-ambiguous")["candidates"]
    assert set(candidates) == {first["id"], second["id"]}
    verdict = ask(tashkent, number=first["number"], id=second["id"])
    assert verdict["certificate"]["digest"] == second["digest"]
    assert ask(tashkent, number=first["number"], id="https://x/certificates/x/2026/x")["indication"] == "INDETERMINATE"


def test_a_file_is_judged_by_what_it_is(corridor: Corridor, minsk: Office, tashkent: Office) -> None:
    view = minsk.issued()
    text = minsk.desk("exporter").get(view["href"], accept="application/vc+jwt").text
    assert ask(tashkent, certificate=text)["indication"] == "INDETERMINATE"
    corridor.by.deliver(corridor.uz)
    assert ask(tashkent, certificate=f" {text}\n")["indication"] == "TOTAL-PASSED"
    head, body, signature = text.split(".")
    for forged in (f"{head}.{body}.{signature[:-4]}AAAA", f"{head}.{body}", "x", "сертификат", "{" * 30):
        if forged.startswith("{"):
            answer = tashkent.desk("officer").post("/api/v1/verifications", {"certificate": forged})
            assert_problem(answer, 400, "malformed-json")
        else:
            assert ask(tashkent, certificate=forged)["indication"] == "TOTAL-FAILED"
    answer = tashkent.desk("officer").post("/api/v1/verifications", {"certificate": '{"certificate": 1}'})
    assert_problem(answer, 400, "malformed-record")


def test_a_day_is_the_day_that_is_judged_for(corridor: Corridor, minsk: Office, tashkent: Office) -> None:
    number = minsk.issued()["number"]
    corridor.by.deliver(corridor.uz)
    assert ask(tashkent, number=number, day="2026-11-21")["indication"] == "TOTAL-PASSED"
    assert ask(tashkent, number=number, day="2028-01-01")["indication"] == "TOTAL-FAILED"
    answer = tashkent.desk("officer").post("/api/v1/verifications", {"number": number, "day": "2026-02-30"})
    assert_problem(answer, 400, "malformed-time")


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"number": "x", "certificate": "y"},
        {"certificate": "y", "id": "z"},
        {"number": ""},
        {"number": "0" * 61},
        {"number": 1},
        {"number": "x", "day": "today"},
    ],
)
def test_a_question_asks_one_thing(lasting: Office, question: dict[str, Any]) -> None:
    answer = lasting.desk("officer").post("/api/v1/verifications", question)
    assert_problem(answer, 422, "request-invalid")


def test_what_was_asked_is_kept_for_the_service_that_asked(corridor: Corridor, tashkent: Office) -> None:
    officer = tashkent.desk("officer")
    assert officer.get("/api/v1/verifications").json() == {"items": []}
    asked = []
    for number in ("первый", "второй", "третий"):
        asked.append(ask(tashkent, number=number, day="2026-11-21"))
        corridor.clock.forward(timedelta(seconds=1))
    first = officer.get("/api/v1/verifications?limit=2").json()
    second = officer.get(f"/api/v1/verifications?limit=2&after={first['next']}").json()
    shown = [*first["items"], *second["items"]]
    assert [one["number"] for one in shown] == ["ТРЕТИЙ", "ВТОРОЙ", "ПЕРВЫЙ"]
    assert [one["id"] for one in reversed(shown)] == [one["id"] for one in asked]
    assert shown[0]["day"] == "2026-11-21"
    assert_problem(officer.get(f"/api/v1/verifications/{'0' * 32}"), 404, "verification-not-found")
    act = corridor.uz.acts()[0]
    assert_problem(officer.get(f"/api/v1/verifications/{act.id}"), 404, "verification-not-found")
