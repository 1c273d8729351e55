"""Customs asks over HTTP: by number, by file, for another day; and what is kept of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from registry.core.tlog.entry import Kind
from registry.store import peers
from registry.store.certificates import CertificateRow
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor, waits_for_a_lock


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
    code = "not-delivered" if number.isascii() else "number-not-latin"
    assert [finding["code"] for finding in verdict["findings"]] == [code]
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
    for forged in (f"{head}.{body}.{signature[:-4]}AAAA", f"{head[::-1]}.{body}.{signature}"):
        assert ask(tashkent, certificate=forged)["indication"] == "TOTAL-FAILED"
    for cut in (f"{head}.{body}.{signature[:-4]}", f"{head}.{body}", "x", "сертификат", " ", "{" * 30):
        answer = tashkent.desk("officer").post("/api/v1/verifications", {"certificate": cut})
        assert_problem(answer, 400, "malformed-json" if cut.startswith("{") else "malformed-envelope")
    answer = tashkent.desk("officer").post("/api/v1/verifications", {"certificate": '{"certificate": 1}'})
    assert_problem(answer, 400, "malformed-record")


def test_a_day_is_the_day_that_is_judged_for(corridor: Corridor, minsk: Office, tashkent: Office) -> None:
    number = minsk.issued()["number"]
    corridor.by.deliver(corridor.uz)
    assert ask(tashkent, number=number, day="2026-11-21")["indication"] == "TOTAL-PASSED"
    assert ask(tashkent, number=number, day="2028-01-01")["indication"] == "TOTAL-FAILED"
    answer = tashkent.desk("officer").post("/api/v1/verifications", {"number": number, "day": "2026-02-30"})
    problem = assert_problem(answer, 422, "request-invalid")
    assert problem["errors"] == [
        {"path": "body.day", "reason": "there is no 2026-02-30 in the calendar or on the clock"}
    ]


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


def in_bulk(office: Office, *questions: Any, key: str | None = None) -> Any:
    answer = office.desk("officer").post("/api/v1/verifications/bulk", {"questions": list(questions)}, key=key)
    assert answer.status_code == 201, answer.text
    return answer.json()["answers"]


def test_many_are_answered_in_the_order_asked_and_each_is_kept_by_itself(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    first, second = minsk.issued(), minsk.issued()
    shown = minsk.desk("exporter").get(second["href"], accept="application/vc+jwt").text
    corridor.by.deliver(corridor.uz)
    answers = in_bulk(
        tashkent,
        {"number": second["number"]},
        {"number": "нет такого"},
        {"number": first["number"].lower(), "id": first["id"], "day": "2026-11-21"},
        {"certificate": shown},
        {"certificate": f"a.b.{'c' * 86}"},
        {"number": first["number"], "day": "2028-01-01"},
    )
    verdicts = [answer["verdict"] for answer in answers]
    passed, failed = "TOTAL-PASSED", "TOTAL-FAILED"
    assert [each["indication"] for each in verdicts] == [passed, "INDETERMINATE", passed, passed, failed, failed]
    about = [each.get("certificate", {}).get("digest") for each in verdicts]
    assert about == [second["digest"], None, first["digest"], second["digest"], None, first["digest"]]
    assert verdicts[0]["certificate"]["href"] == second["href"]
    kept = tashkent.desk("officer").get("/api/v1/verifications").json()["items"]
    assert [each["id"] for each in reversed(kept)] == [each["id"] for each in verdicts]
    for one, each in zip(reversed(kept), verdicts, strict=True):
        assert one["findings"] == each["findings"]


def test_a_question_that_cannot_be_answered_gets_its_problem_in_its_place(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    first, second = minsk.issued(), minsk.issued()
    corridor.by.deliver(corridor.uz)
    with corridor.forge.breaking(corridor.uz) as tx:
        same = update(CertificateRow).where(CertificateRow.id == second["id"])
        tx.execute(same.values(number=first["number"], year=2016))
    answers = in_bulk(
        tashkent,
        {"number": "x", "certificate": "y"},
        None,
        "BYUZ6101000001",
        {"number": "x", "role": "y"},
        {"number": "x", "day": "2026-02-30"},
        {"certificate": '{"certificate": 1}'},
        {"certificate": "{"},
        {"number": first["number"]},
        {"number": first["number"], "id": second["id"]},
    )
    codes = [answer["problem"]["code"] for answer in answers[:-1]]
    invalid = ["request-invalid"] * 5
    assert codes == [*invalid, "malformed-record", "malformed-json", "number-ambiguous"]
    assert answers[3]["problem"]["errors"][0]["path"] == "role"
    assert set(answers[7]["problem"]["candidates"]) == {first["id"], second["id"]}
    assert [answer["problem"]["status"] for answer in answers[:-1]] == [*[422] * 5, 400, 400, 409]
    assert answers[-1]["verdict"]["certificate"]["id"] == second["id"]
    assert len(tashkent.desk("officer").get("/api/v1/verifications").json()["items"]) == 1


def test_a_thousand_numbers_fit_and_a_retry_gets_the_same_bytes(corridor: Corridor, tashkent: Office) -> None:
    questions = [{"number": f"BYUZ6101{number:06}"} for number in range(1000)]
    answers = in_bulk(tashkent, *questions, key="once")
    assert len(answers) == 1000
    assert in_bulk(tashkent, *questions, key="once") == answers
    assert len(corridor.uz.acts(Kind.VERIFICATION_MADE)) == 1000


@pytest.mark.parametrize("questions", [[], [{"number": "x"}] * 1001, {}, None])
def test_a_bulk_holds_one_to_a_thousand_questions(lasting: Office, questions: Any) -> None:
    answer = lasting.desk("officer").post("/api/v1/verifications/bulk", {"questions": questions})
    assert_problem(answer, 422, "request-invalid")


def test_what_was_asked_is_found_by_number_whether_or_not_it_was_held_then(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    before = ask(tashkent, number="byuz6101000001")
    ask(tashkent, number="другой")
    issued = minsk.issued()
    corridor.by.deliver(corridor.uz)
    corridor.clock.forward(timedelta(seconds=1))
    after = ask(tashkent, number=issued["number"])
    text = minsk.desk("exporter").get(issued["href"], accept="application/vc+jwt").text
    shown = ask(tashkent, certificate=text)
    found = tashkent.desk("officer").get("/api/v1/verifications?number=BYUZ%206101%20000001").json()["items"]
    assert {one["id"] for one in found} == {before["id"], after["id"], shown["id"]}
    assert found[-1]["id"] == before["id"]
    assert tashkent.desk("officer").get("/api/v1/verifications?number=x").json() == {"items": []}


def test_an_importer_verifies_what_they_hold_and_reads_it_again(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    issued = minsk.issued()
    corridor.by.deliver(corridor.uz)
    importer, other = tashkent.desk("importer"), tashkent.desk("other_importer")
    path = "/api/v1/verifications/held"
    named = {"number": issued["number"], "id": issued["id"]}
    answer = importer.post(path, named)
    assert answer.status_code == 201, answer.text
    assert answer.json()["indication"] == "TOTAL-PASSED"
    assert answer.json()["certificate"]["digest"] == issued["digest"]
    kept = importer.get(answer.headers["location"])
    assert kept.json()["findings"] == answer.json()["findings"]
    assert [one["id"] for one in importer.get("/api/v1/verifications").json()["items"]] == [answer.json()["id"]]
    assert_problem(other.get(answer.headers["location"]), 404, "verification-not-found")
    absent = assert_problem(other.post(path, named), 404, "certificate-not-found")
    assert {name: absent[name] for name in named} == named
    assert_problem(importer.post(path, named | {"number": "ВYUZ6101000001"}), 422, "number-not-latin")
    assert_problem(importer.post(path, {"certificate": '{"certificate": 1}'}), 400, "malformed-record")
    principal = {"principal": corridor.uz.people["importer"].organisation}
    assert_problem(other.post(path, named | principal), 404, "certificate-not-found")
    for question in ({"number": issued["number"]}, {"certificate": "x"} | principal, {}):
        assert_problem(importer.post(path, question), 422, "request-invalid")


def test_customs_asks_so_often_a_minute_and_a_retry_costs_nothing(corridor: Corridor, tashkent: Office) -> None:
    corridor.clock.forward(timedelta(seconds=15))
    officer, path = tashkent.desk("officer"), "/api/v1/verifications"
    thousand = {"questions": [{"number": f"BYUZ6101{number:06}"} for number in range(1_000)]}
    tashkent.country.node.pace.most = 1_002
    first = officer.post(f"{path}/bulk", thousand, key="once")
    assert (first.status_code, officer.post(f"{path}/bulk", thousand, key="once").content) == (201, first.content)
    answer = officer.post(f"{path}/bulk", thousand)
    problem = assert_problem(answer, 429, "too-many-verifications")
    assert (problem["title"], answer.headers["retry-after"]) == ("a person asks at most 1002 times a minute", "45")
    for _ in range(2):
        assert officer.post(path, {"number": "BYUZ6101000001"}).status_code == 201
    assert_problem(officer.post(path, {"number": "BYUZ6101000001"}), 429, "too-many-verifications")
    corridor.clock.forward(timedelta(seconds=45))
    assert officer.post(path, {"number": "BYUZ6101000001"}).status_code == 201


def test_whoever_counts_numbers_up_is_stopped(corridor: Corridor, tashkent: Office) -> None:
    importer, path = tashkent.desk("importer"), "/api/v1/verifications/held"
    corridor.clock.forward(timedelta(seconds=15))
    for number in range(30):
        question = {"number": f"BYUZ6101{number:06}", "id": f"https://x/certificates/x/2026/{number}"}
        assert_problem(importer.post(path, question), 404, "certificate-not-found")
    unread = {"certificate": f"a.b.{'c' * 86}"}
    answer = importer.post(path, unread)
    assert assert_problem(answer, 429, "too-many-verifications")["retry_after"] == 45
    assert answer.headers["retry-after"] == "45"
    corridor.clock.forward(timedelta(seconds=45))
    assert importer.post(path, unread).status_code == 201
    assert_problem(importer.post(path, {"certificate": "x"}), 400, "malformed-envelope")


@pytest.mark.parametrize("many", ["", "/bulk"])
def test_a_verdict_waits_for_the_list_that_is_being_adopted(corridor: Corridor, tashkent: Office, many: str) -> None:
    """Whoever found good what the list revokes is told: no verdict by the list before it is kept after that."""
    uz = corridor.uz
    question: dict[str, Any] = {"number": "BY-1"}
    body = {"questions": [question]} if many else question
    with ThreadPoolExecutor(1) as pool:
        with uz.tx() as tx:
            peers.lock_adoption(tx)
            asked = pool.submit(tashkent.desk("officer").post, f"/api/v1/verifications{many}", body)
            waits_for_a_lock(uz)
        assert asked.result().status_code == 201
