"""Applications over HTTP: each move by whose work it is, and every way in which one is refused."""

from typing import Any

import pytest
from sqlalchemy import update

from registry.core.application.lifecycle import Part
from registry.store import applications
from registry.store.applications import Application
from registry.usecases.party import grant_mandate
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor

MOVES = {
    "submit": ("exporter", None),
    "withdraw": ("exporter", None),
    "accept": ("exporter", {"draft": "0" * 64}),
    "object": ("exporter", {"draft": "0" * 64, "reason": "не то"}),
    "take-up": ("examiner", None),
    "send-back": ("examiner", {"reason": "нет акта"}),
    "refuse": ("examiner", {"reason": "нет акта"}),
    "offer-draft": ("examiner", None),
    "issue": ("signatory", {"draft": "0" * 64}),
}


def at(application: dict[str, Any], move: str = "") -> str:
    return f"/api/v1/applications/{application['id']}{'/' if move else ''}{move}"


def test_a_draft_is_changed_by_whoever_read_it_last_until_it_is_submitted(lasting: Office) -> None:
    exporter = lasting.desk("exporter")
    drafted = lasting.drafted()
    read = exporter.get(at(drafted))
    form = lasting.form()
    form["claims"]["transport"]["route"] = "Минск – Ташкент"
    changed = exporter.put(at(drafted), form, read.headers["etag"])
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json()["claims"]["transport"]["route"] == "Минск – Ташкент"
    assert_problem(exporter.put(at(drafted), form, read.headers["etag"]), 412, "version-stale")
    assert_problem(exporter.put(at(drafted), form, None), 428, "if-match-missing")
    assert_problem(exporter.put(at(drafted), form, '"two"'), 400, "if-match-unreadable")
    etag = exporter.post(at(drafted, "submit")).headers["etag"]
    assert_problem(exporter.put(at(drafted), form, etag), 409, "illegal-move")


def test_an_application_goes_back_and_forth_with_its_reasons(lasting: Office) -> None:
    exporter, examiner = lasting.desk("exporter"), lasting.desk("examiner")
    submitted = lasting.submitted()
    examiner.post(at(submitted, "take-up"))
    back = examiner.post(at(submitted, "send-back"), {"reason": "нет акта\nэкспертизы"}).json()
    assert (back["state"], back["reason"]) == ("draft", "нет акта\nэкспертизы")
    exporter.post(at(submitted, "submit"))
    examiner.post(at(submitted, "take-up"))
    offered = examiner.post(at(submitted, "offer-draft")).json()
    objection = {"draft": offered["draft"], "reason": "не тот получатель"}
    objected = exporter.post(at(submitted, "object"), objection).json()
    assert (objected["state"], objected["reason"]) == ("in_examination", "не тот получатель")
    refused = examiner.post(at(submitted, "refuse"), {"reason": "страна происхождения не доказана"}).json()
    assert refused["state"] == "refused"
    withdrawn = exporter.post(at(lasting.drafted(), "withdraw")).json()
    assert withdrawn["state"] == "withdrawn"


def test_what_is_accepted_and_issued_is_the_draft_that_was_offered(lasting: Office) -> None:
    offered = lasting.offered()
    exporter = lasting.desk("exporter")
    wrong = {"draft": "0" * 64}
    answer = exporter.post(at(offered, "accept"), wrong)
    assert assert_problem(answer, 409, "draft-differs")["draft"] == offered["draft"]
    assert_problem(exporter.post(at(offered, "object"), wrong | {"reason": "x"}), 409, "draft-differs")
    exporter.post(at(offered, "accept"), {"draft": offered["draft"]})
    assert_problem(lasting.desk("signatory").post(at(offered, "issue"), wrong), 409, "draft-differs")


@pytest.mark.parametrize("move", MOVES)
def test_a_move_from_another_state_is_a_conflict(lasting: Office, move: str) -> None:
    who, body = MOVES[move]
    refused = lasting.submitted()
    lasting.desk("examiner").post(at(refused, "take-up"))
    lasting.desk("examiner").post(at(refused, "refuse"), {"reason": "x"})
    answer = assert_problem(lasting.desk(who).post(at(refused, move), body), 409, "illegal-move")
    assert answer["state"] == "refused"


@pytest.mark.parametrize("move", MOVES)
def test_one_person_plays_one_part(lasting: Office, move: str) -> None:
    who, body = MOVES[move]
    made = {"submit": lasting.drafted, "accept": lasting.offered, "object": lasting.offered, "issue": lasting.approved}
    application = made.get(move, lasting.submitted)()
    if move in {"offer-draft", "send-back", "refuse"}:
        lasting.desk("examiner").post(at(application, "take-up"))
    sent = body if body is None or "draft" not in body else body | {"draft": application["draft"]}
    other = Part.EXAMINER if who == "signatory" else Part.SIGNATORY
    person = lasting.country.people[f"second_{who}"].person
    with lasting.country.tx() as tx:
        applications.claim_part(tx, application["id"], person, other, lasting.country.clock())
    answer = assert_problem(lasting.desk(f"second_{who}").post(at(application, move), sent), 403, "another-part")
    assert (answer["clause"], answer["played"]) == ("S5 3.15", other)


def test_severe_findings_block_and_cite_their_source(lasting: Office) -> None:
    form = lasting.form("tractors")
    form["claims"]["items"][0]["quantity"]["net_kg"] = "999999"
    drafted = lasting.desk("exporter").post("/api/v1/applications", form).json()
    answer = assert_problem(lasting.desk("exporter").post(at(drafted, "submit")), 422, "findings-severe")
    severe = [finding for finding in answer["findings"] if finding["severity"] == "severe"]
    assert severe
    assert all(finding["source"] and finding["message"].keys() == {"ru", "en", "uz"} for finding in severe)
    assert lasting.desk("exporter").get(at(drafted)).json()["state"] == "draft"
    shown = lasting.desk("exporter").get(at(drafted, "findings")).json()["findings"]
    assert shown == answer["findings"]


def test_whoever_acts_for_another_needs_a_mandate(corridor: Corridor, minsk: Office) -> None:
    stranger = corridor.by.people["stranger"].organisation
    drafted = minsk.drafted(principal=stranger)
    refused = minsk.desk("exporter").post(at(drafted, "submit"), key="once")
    assert_problem(refused, 403, "mandate-missing")
    with corridor.by.tx() as tx:
        grant_mandate.grant(
            tx,
            principal=stranger,
            agent=corridor.by.people["exporter"].organisation,
            schemes=["origin-st1"],
            until=corridor.clock().date(),
            today=corridor.clock().date(),
            by=corridor.by.people["operator"].actor,
            at=corridor.clock(),
            draw=corridor.by.node.draw,
        )
    again = minsk.desk("exporter").post(at(drafted, "submit"), key="once")
    assert again.status_code == 200, again.text
    assert minsk.desk("stranger").get(at(drafted)).json()["id"] == drafted["id"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"scheme": "none"}, 422, "unknown-scheme"),
        ({"rules_set": "CIS-1900"}, 422, "unknown-scheme"),
        ({"body": "nobody"}, 404, "party-not-found"),
        ({"principal": "0" * 32}, 404, "party-not-found"),
        ({"presented_in": "uz"}, 422, "request-invalid"),
        ({"claims": {}}, 422, "malformed-claims"),
        ({"claims": []}, 422, "request-invalid"),
    ],
)
def test_a_form_that_names_what_is_not_there_is_refused(
    lasting: Office, change: dict[str, Any], status: int, code: str
) -> None:
    exporter = lasting.desk("exporter")
    assert_problem(exporter.post("/api/v1/applications", lasting.form() | change), status, code)
    drafted = lasting.drafted()
    assert_problem(exporter.put(at(drafted), lasting.form() | change, '"1"'), status, code)
    form = lasting.form()
    form["claims"]["items"][0]["product"] = "0" * 32
    assert_problem(exporter.post("/api/v1/applications", form), 404, "product-not-found")


def test_a_direction_that_nobody_agreed_on_is_not_issued(corridor: Corridor, minsk: Office) -> None:
    offered = minsk.approved()
    with corridor.by.tx() as tx:
        tx.execute(update(Application).values(presented_in="KZ"))
    assert_problem(minsk.issue(offered), 422, "not-agreed")


def test_a_body_whose_key_is_not_here_cannot_issue_now(corridor: Corridor, minsk: Office) -> None:
    approved = minsk.approved()
    object.__setattr__(corridor.by.node.keyring, "documents", {})
    answer = minsk.issue(approved, key="once")
    assert_problem(answer, 503, "signer-missing")


def test_an_application_that_is_not_there_is_not_found(lasting: Office) -> None:
    nowhere = {"id": "0" * 32}
    assert_problem(lasting.desk("exporter").get(at(nowhere)), 404, "application-not-found")
    assert_problem(lasting.desk("exporter").get(at(nowhere, "findings")), 404, "application-not-found")
    assert_problem(lasting.desk("exporter").put(at(nowhere), lasting.form(), '"1"'), 404, "application-not-found")
    for move, (who, body) in MOVES.items():
        assert_problem(lasting.desk(who).post(at(nowhere, move), body), 404, "application-not-found")


def test_each_sees_the_applications_that_concern_them(minsk: Office) -> None:
    drafted, submitted = minsk.drafted(), minsk.submitted()
    seen = minsk.desk("exporter").get("/api/v1/applications").json()["items"]
    assert {one["id"] for one in seen} == {drafted["id"], submitted["id"]}
    assert seen[0]["claims"]["consignor_exporter"]["name"] == "ОАО «Полесский тракторный завод»"
    for who in ("examiner", "signatory"):
        assert [one["id"] for one in minsk.desk(who).get("/api/v1/applications").json()["items"]] == [submitted["id"]]
    assert minsk.desk("stranger").get("/api/v1/applications").json() == {"items": []}
    only = minsk.desk("exporter").get("/api/v1/applications?state=draft").json()["items"]
    assert [one["id"] for one in only] == [drafted["id"]]
    first = minsk.desk("exporter").get("/api/v1/applications?limit=1").json()
    second = minsk.desk("exporter").get(f"/api/v1/applications?limit=1&after={first['next']}").json()
    assert {first["items"][0]["id"], second["items"][0]["id"]} == {drafted["id"], submitted["id"]}
    assert "next" not in second
    assert_problem(minsk.desk("exporter").get("/api/v1/applications?state=lost"), 422, "request-invalid")
