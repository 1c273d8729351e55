"""A body's own system registers what the body issued there: once, marked wherever it is shown."""

from typing import Any

from registry.core.envelope.jose import Envelope
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor
from tests.outside import EXAMINER, issued_outside, registration_of
from tests.usecases.certificate.test_relate_registered import in_lieu

PATH = "/api/v1/registrations"


def registration(envelope: Envelope) -> dict[str, Any]:
    return {"certificate": envelope.text, "examiner": EXAMINER}


def test_a_certificate_that_was_issued_outside_is_registered_and_marked_wherever_it_is_shown(minsk: Office) -> None:
    registrar, body = minsk.desk("registrar"), registration_of(minsk.country)
    answer = registrar.post(PATH, body, key="once")
    assert answer.status_code == 201, answer.text
    shown = answer.json()["certificate"]
    assert shown["source"] == "issued-outside"
    assert shown["registration"] == {
        "examiner": EXAMINER["name"],
        "registered_on": "2026-11-21",
        "due_on": "2026-11-23",
        "late": False,
    }
    assert registrar.post(PATH, body, key="once").content == answer.content
    assert registrar.post(PATH, body, key="again").content == answer.content
    signatory = minsk.desk("signatory")
    assert signatory.get(answer.headers["location"]).json()["registration"] == shown["registration"]
    assert signatory.get(answer.headers["location"], Accept="application/vc+jwt").text == body["certificate"]
    (listed,) = signatory.get("/api/v1/certificates").json()["items"]
    assert listed["source"] == "issued-outside"
    (own,) = minsk.desk("exporter").get("/api/v1/certificates").json()["items"]
    assert own["id"] == shown["id"]


def test_customs_of_the_other_country_see_it_in_certificate_verdict_and_search(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    shown = minsk.desk("registrar").post(PATH, registration_of(minsk.country)).json()["certificate"]
    corridor.by.deliver(corridor.uz)
    officer = tashkent.desk("officer")
    mark = {"registered_on": "2026-11-21", "due_on": "2026-11-23", "late": False}
    asked = {"number": shown["number"]}
    verdict = officer.post("/api/v1/verifications", asked).json()
    (bulk,) = officer.post("/api/v1/verifications/bulk", {"questions": [asked]}).json()["answers"]
    (listed,) = officer.get("/api/v1/certificates").json()["items"]
    assert listed["registration"] == mark
    assert officer.get(shown["href"]).json()["registration"] == mark
    assert verdict["certificate"]["registration"] == mark
    for answer in (verdict, bulk["verdict"], officer.get(f"/api/v1/verifications/{verdict['id']}").json()):
        assert [(found["code"], found["severity"]) for found in answer["preference"]] == [("issued-outside", "info")]


def test_late_registration_is_found_and_shown(corridor: Corridor, minsk: Office) -> None:
    body = registration_of(corridor.by)
    corridor.clock.at = corridor.clock.at.replace(day=24)
    answer = minsk.desk("registrar").post(PATH, body).json()
    assert answer["certificate"]["registration"]["late"] is True
    (late,) = [finding for finding in answer["findings"] if finding["rule"] == "registered-late"]
    assert (late["severity"], late["source"]) == ("warning", "S4 App. 4; S5 4.15")


def test_what_is_wrong_with_a_registration_is_said_by_its_code(corridor: Corridor, minsk: Office) -> None:
    by, registrar = corridor.by, minsk.desk("registrar")
    assert registrar.post(PATH, registration_of(by, 7)).status_code == 201
    assert_problem(registrar.post(PATH, registration_of(by, 7)), 409, "number-taken")
    assert_problem(registrar.post(PATH, registration_of(corridor.uz)), 403, "issued-by-another")
    unfit = {"certificate": issued_outside(by, number="BYUZ1").text, "examiner": EXAMINER}
    assert_problem(registrar.post(PATH, unfit), 422, "number-unfit")
    old = by.issued()
    assert_problem(registrar.post(PATH, registration(in_lieu(by, old, 8))), 409, "still-in-force")
    by.annulled(old)
    assert_problem(registrar.post(PATH, registration(in_lieu(by, old, 8, claims={}))), 422, "relation-wrong")
    foreign = corridor.uz.issued("cotton-yarn")
    assert_problem(registrar.post(PATH, registration(in_lieu(by, foreign, 8))), 422, "relation-wrong")
    assert registrar.post(PATH, registration(in_lieu(by, old, 8))).status_code == 201
    assert_problem(registrar.post(PATH, registration(in_lieu(by, old, 9))), 409, "in-lieu-issued")
    assert_problem(registrar.post(PATH, {"certificate": "x", "examiner": EXAMINER}), 400, "malformed-envelope")
    assert_problem(registrar.post(PATH, registration_of(by) | {"examiner": {"id": "x"}}), 422, "request-invalid")
