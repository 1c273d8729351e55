"""Replacement and clarification as programs of the body ask for them, and what customs sees."""

from datetime import timedelta
from typing import Any

import pytest

from registry.store import certificates
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor

REASON = {"reason": "Опечатка в графе 2."}
NOT_THERE = {"proposal": "0" * 32}


def related(view: dict[str, Any], kind: str = "replaces") -> dict[str, Any]:
    return {"related": {"kind": kind, "certificate": view["id"]}}


def test_a_certificate_is_replaced_and_both_sides_say_so(corridor: Corridor, minsk: Office, tashkent: Office) -> None:
    old = minsk.issued()
    approved = minsk.approved(**related(old))
    assert approved["relations"] == [{"kind": "replaces", "certificate": old["id"]}]
    assert approved["claims"]["official_notes"][0]["number"] == old["number"]
    path = f"/api/v1/applications/{approved['id']}"
    assert_problem(minsk.issue(approved), 409, "replacement-not-proposed")
    signatory, second = minsk.desk("signatory"), minsk.desk("second_signatory")
    proposed = signatory.post(f"{path}/replacement", REASON)
    assert (proposed.status_code, proposed.json()["application"]) == (201, approved["id"])
    assert_problem(second.post(f"{path}/replacement", REASON), 409, "annulment-open")
    read = {"proposal": proposed.json()["id"]}
    assert_problem(minsk.issue(approved, **read), 403, "same-person")
    assert (
        assert_problem(minsk.issue(approved, "second_signatory"), 409, "proposal-differs")["proposal"] in read.values()
    )
    assert_problem(second.post(f"{old['href']}/annulment/confirm", read), 409, "replacement-open")
    assert signatory.get(old["href"]).json()["annulment"]["draft"] == approved["draft"]
    new = minsk.issue(approved, "second_signatory", **read).json()
    assert new["relations"] == [{"kind": "replaces", "certificate": old["id"]}]
    (change,) = signatory.get(old["href"]).json()["changes"]
    assert (change["status"], change["replaced_by"], change["from_start"]) == ("replaced", new["id"], True)
    corridor.by.deliver(corridor.uz)
    customs = tashkent.desk("officer")
    verdict = customs.post("/api/v1/verifications", {"number": old["number"]}).json()
    assert verdict["indication"] == "TOTAL-FAILED"
    assert verdict["beside"]["changes"][0]["replaced_by"] == new["id"]
    assert verdict["beside"]["named_by"] == [{"kind": "replaces", "certificate": new["id"], "number": new["number"]}]
    verdict = customs.post("/api/v1/verifications", {"number": new["number"]}).json()
    assert verdict["indication"] == "TOTAL-PASSED"
    assert verdict["certificate"]["relations"] == new["relations"]


def test_what_cannot_be_replaced_is_refused_with_its_code(minsk: Office) -> None:
    old = minsk.issued()
    exporter = minsk.desk("exporter")
    unknown = minsk.form() | related({"id": old["id"] + "9"})
    assert_problem(exporter.post("/api/v1/applications", unknown), 404, "certificate-not-found")
    elsewhere = minsk.form() | related(old) | {"presented_in": "KZ"}
    assert_problem(exporter.post("/api/v1/applications", elsewhere), 422, "related-elsewhere")
    assert_problem(exporter.post("/api/v1/applications", minsk.form() | related(old, "copies")), 422, "request-invalid")
    plain = minsk.approved()
    answer = minsk.desk("signatory").post(f"/api/v1/applications/{plain['id']}/replacement", REASON)
    assert_problem(answer, 422, "nothing-to-replace")
    assert_problem(minsk.issue(plain, **NOT_THERE), 422, "nothing-to-replace")
    approved, waiting = minsk.approved(**related(old)), minsk.drafted(**related(old))
    minsk.country.annulled(_row(minsk, old))
    propose = f"/api/v1/applications/{approved['id']}/replacement"
    assert_problem(minsk.desk("signatory").post(propose, REASON), 409, "already-annulled")
    assert_problem(
        exporter.post("/api/v1/applications", minsk.form() | related(old, "duplicates")), 409, "already-annulled"
    )
    in_lieu = minsk.issue(minsk.approved(**related(old))).json()
    assert in_lieu["relations"] == [{"kind": "replaces", "certificate": old["id"]}]
    refused = assert_problem(exporter.post("/api/v1/applications", minsk.form() | related(old)), 409, "in-lieu-issued")
    assert refused["certificate"] == in_lieu["id"]
    assert_problem(exporter.post(f"/api/v1/applications/{waiting['id']}/submit"), 409, "in-lieu-issued")
    assert_problem(minsk.issue(approved), 409, "in-lieu-issued")


def _row(office: Office, view: dict[str, Any]) -> Any:
    with office.country.node.database.read() as tx:
        return certificates.certificate(tx, view["id"])


def test_a_typo_is_mended_by_two_people_and_shown_beside_the_verdict(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    view = minsk.issued()
    corridor.by.deliver(corridor.uz)
    path, old = f"{view['href']}/clarification", view["claims"]["consignor_exporter"]["address"]
    said = {"box": "consignor_exporter.address", "old": old, "new": old.replace("ул.", "улица"), "reason": "Опечатка."}
    signatory, second = minsk.desk("signatory"), minsk.desk("second_signatory")
    for step, read in (("confirm", NOT_THERE), ("withdraw", None)):
        assert_problem(signatory.post(f"{path}/{step}", read), 409, "nothing-to-clarify")
    assert_problem(signatory.post(path, said | {"old": old + "."}), 409, "clarification-differs")
    figures = {"box": "items[0].hs_code", "old": "8701", "new": "8702"}
    assert_problem(signatory.post(path, said | figures), 422, "not-clarifiable")
    first = {"proposal": signatory.post(path, said).json()["id"]}
    assert_problem(second.post(path, said), 409, "clarification-open")
    assert signatory.get(view["href"]).json()["clarification"]["new"] == said["new"]
    assert "clarification" not in minsk.desk("exporter").get(view["href"]).json()
    assert_problem(signatory.post(f"{path}/confirm", first), 403, "same-person")
    assert second.post(f"{path}/withdraw").status_code == 204
    read = {"proposal": signatory.post(path, said).json()["id"]}
    assert_problem(minsk.desk("examiner").post(f"{path}/confirm", first), 409, "proposal-differs")
    confirmed = minsk.desk("examiner").post(f"{path}/confirm", read)
    assert (confirmed.status_code, confirmed.json()["new"]) == (200, said["new"])
    shown = minsk.desk("exporter").get(view["href"]).json()
    assert shown["clarifications"] == [confirmed.json()]
    assert shown["claims"] == view["claims"]
    corridor.by.deliver(corridor.uz)
    verdict = tashkent.desk("officer").post("/api/v1/verifications", {"number": view["number"]}).json()
    assert verdict["indication"] == "TOTAL-PASSED"
    assert verdict["beside"]["clarifications"] == [confirmed.json()]
    corridor.by.annulled(_row(minsk, view))
    for step, body in (("", said), ("/confirm", read), ("/withdraw", None)):
        assert_problem(second.post(f"{path}{step}", body), 409, "already-annulled")


def test_a_clarification_is_not_signed_without_the_key_of_the_body(corridor: Corridor, minsk: Office) -> None:
    view = minsk.issued()
    old = view["claims"]["consignor_exporter"]["address"]
    said = {"box": "consignor_exporter.address", "old": old, "new": old.replace("ул.", "улица"), "reason": "Опечатка."}
    read = {"proposal": minsk.desk("signatory").post(f"{view['href']}/clarification", said).json()["id"]}
    object.__setattr__(corridor.by.node.keyring, "documents", {})
    answer = minsk.desk("examiner").post(f"{view['href']}/clarification/confirm", read)
    assert_problem(answer, 503, "signer-missing")


@pytest.mark.parametrize(("day", "code"), [("21", "annulled"), ("22", "annulled-from-date")])
def test_an_annulment_says_in_words_whether_it_is_from_the_start(
    corridor: Corridor,
    minsk: Office,
    tashkent: Office,
    day: str,
    code: str,
) -> None:
    view, from_start = minsk.issued(), code == "annulled"
    corridor.by.deliver(corridor.uz)
    corridor.clock.forward(timedelta(days=1))
    proposal = {"reason": "ошибка", "effective_from": f"2026-11-{day}+03:00"}
    read = {"proposal": minsk.desk("signatory").post(f"{view['href']}/annulment", proposal).json()["id"]}
    confirmed = minsk.desk("examiner").post(f"{view['href']}/annulment/confirm", read).json()
    assert confirmed["from_start"] is from_start
    corridor.by.deliver(corridor.uz)
    verdict = tashkent.desk("officer").post("/api/v1/verifications", {"number": view["number"]}).json()
    (finding,) = [each for each in verdict["findings"] if each["check"] == "status"]
    assert finding["code"] == code
    assert ("from the start" in finding["sentence"]) is from_start
    assert verdict["beside"]["changes"][0]["from_start"] is from_start


def test_the_expert_of_the_act_does_not_examine(minsk: Office) -> None:
    name = minsk.country.people["examiner"].name
    act = {"number": "А-17", "until": "2027-03-01", "expert": name, "goods": "тракторы", "rules_set": "CIS-1993"}
    form = minsk.form()
    submitted = minsk.submitted(claims=form["claims"] | {"expert_act": act})
    answer = minsk.desk("examiner").post(f"/api/v1/applications/{submitted['id']}/take-up")
    assert_problem(answer, 403, "examiner-is-expert")


def test_no_draft_is_offered_without_an_expert_act(minsk: Office) -> None:
    claims = {name: value for name, value in minsk.form()["claims"].items() if name != "expert_act"}
    taken = minsk.submitted(claims=claims)
    minsk.desk("examiner").post(f"/api/v1/applications/{taken['id']}/take-up")
    answer = minsk.desk("examiner").post(f"/api/v1/applications/{taken['id']}/offer-draft")
    assert_problem(answer, 422, "expert-act-wanted")


def test_a_sheet_of_a_set_says_which_and_what_is_held_of_it(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    view = minsk.issued(sheet={"k": 1, "n": 2})
    (relation,) = view["relations"]
    assert (relation["kind"], relation["k"], relation["n"]) == ("sheet_of", 1, 2)
    exporter = minsk.desk("exporter")
    taken = minsk.form() | {"sheet": {"k": 1, "n": 2, "set": relation["set"]}}
    assert_problem(exporter.post("/api/v1/applications", taken), 409, "sheet-taken")
    unknown = minsk.form() | {"sheet": {"k": 2, "n": 2, "set": "0" * 32}}
    assert_problem(exporter.post("/api/v1/applications", unknown), 404, "sheet-set-not-found")
    backwards = minsk.form() | {"sheet": {"k": 2, "n": 1}}
    assert_problem(exporter.post("/api/v1/applications", backwards), 422, "malformed-claims")
    corridor.by.deliver(corridor.uz)
    beside = tashkent.desk("officer").post("/api/v1/verifications", {"number": view["number"]}).json()["beside"]
    assert beside["sheet"] == "sheet 1 of 2"
    assert beside["sheets"] == [{"kind": "sheet_of", "certificate": view["id"], "number": view["number"], "k": 1}]
