"""Certificates over HTTP: as a view, as the signed file, as the proof; and their annulment by two people."""

from datetime import timedelta

import pytest

from tests.api.desk import Office, assert_problem
from tests.kit import Corridor

VC_JWT, ENVELOPE, PROOF = "application/vc+jwt", "application/vnd.registry.envelope+json", "text/vnd.tlog-proof"
PROPOSAL = {"reason": "Акт экспертизы отозван экспертом.", "effective_from": "2026-11-21+03:00"}
NOT_THERE = {"proposal": "0" * 32}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        (VC_JWT, VC_JWT),
        ("Application/VC+JWT; q=0.5", VC_JWT),
        (f"text/html, {ENVELOPE}", ENVELOPE),
        (PROOF, PROOF),
    ],
)
def test_a_certificate_is_given_as_it_is_asked_for(
    lasting: Office, lasting_corridor: Corridor, accept: str, media_type: str
) -> None:
    view = lasting.issued()
    lasting.country.sequence()
    lasting.country.witnessed(lasting_corridor.uz)
    answer = lasting.desk("exporter").get(view["href"], accept=accept)
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("accept", ["text/html", "application/pdf, image/*", "application/jwt", "x"])
def test_a_certificate_is_not_given_as_what_it_is_not(lasting: Office, accept: str) -> None:
    answer = lasting.desk("exporter").get(lasting.issued()["href"], accept=accept)
    assert_problem(answer, 406, "not-acceptable")


def test_until_the_log_has_it_the_file_is_given_and_the_proof_is_pending(lasting: Office) -> None:
    href = lasting.issued()["href"]
    exporter = lasting.desk("exporter")
    pending = exporter.get(href, accept=PROOF)
    assert_problem(pending, 503, "proof-pending")
    assert pending.headers["retry-after"] == "1"
    assert exporter.get(href, accept=ENVELOPE).json()["proof"] == "pending"
    assert exporter.get(href, accept=VC_JWT).status_code == 200


def test_a_certificate_names_its_body_as_it_signed(lasting: Office) -> None:
    view = lasting.desk("exporter").get(lasting.issued()["href"]).json()
    did = "did:web:by.registry.example:bodies:bcci"
    assert view["issuer"] == {"id": did, "name": "УП «Минское отделение БелТПП» (учебное)"}


def test_each_sees_the_certificates_that_concern_them(corridor: Corridor, minsk: Office, tashkent: Office) -> None:
    first = minsk.issued()
    corridor.clock.forward(timedelta(seconds=1))
    second = minsk.issued()
    for who in ("exporter", "examiner", "signatory", "auditor"):
        page = minsk.desk(who).get("/api/v1/certificates").json()
        assert [one["number"] for one in page["items"]] == [second["number"], first["number"]]
        page = minsk.desk(who).get("/api/v1/certificates?limit=1").json()
        last = minsk.desk(who).get(f"/api/v1/certificates?limit=1&after={page['next']}").json()
        assert [one["number"] for one in last["items"]] == [first["number"]]
        assert "next" not in last
    for who in ("stranger", "officer"):
        assert minsk.desk(who).get("/api/v1/certificates").json() == {"items": []}
        assert_problem(minsk.desk(who).get(first["href"]), 404, "certificate-not-found")
    assert tashkent.desk("officer").get("/api/v1/certificates").json() == {"items": []}
    corridor.by.deliver(corridor.uz)
    seen = tashkent.desk("officer").get("/api/v1/certificates?number=by uz61010 00002").json()["items"]
    assert [one["digest"] for one in seen] == [second["digest"]]
    assert seen[0]["claims"]["consignor_exporter"]["name"] == "ОАО «Полесский тракторный завод»"
    assert seen[0]["source"] == "delivered"
    cyrillic = tashkent.desk("officer").get("/api/v1/certificates?number=ВYUZ6101000002")
    assert assert_problem(cyrillic, 422, "number-not-latin")["letters"] == ["В (CYRILLIC CAPITAL LETTER VE)"]
    assert minsk.desk("exporter").get("/api/v1/certificates?number=BYUZ6101000009").json() == {"items": []}


def test_two_people_annul_and_the_other_country_is_told(corridor: Corridor, minsk: Office, tashkent: Office) -> None:
    view = minsk.issued()
    corridor.by.deliver(corridor.uz)
    path = f"{view['href']}/annulment"
    signatory, second = minsk.desk("signatory"), minsk.desk("second_signatory")
    for step, read in (("confirm", NOT_THERE), ("withdraw", None)):
        assert_problem(signatory.post(f"{path}/{step}", read), 409, "nothing-proposed")
    proposed = signatory.post(path, PROPOSAL)
    assert (proposed.status_code, proposed.json()["effective_from"]) == (201, "2026-11-21")
    assert_problem(second.post(path, PROPOSAL), 409, "annulment-open")
    first = {"proposal": proposed.json()["id"]}
    assert_problem(signatory.post(f"{path}/confirm", first), 403, "same-person")
    withdrawn = second.post(f"{path}/withdraw")
    assert (withdrawn.status_code, withdrawn.content) == (204, b"")
    assert "changes" in signatory.get(view["href"]).json()
    assert signatory.get(view["href"]).json()["changes"] == []
    again = {"proposal": signatory.post(path, PROPOSAL).json()["id"]}
    differs = assert_problem(minsk.desk("examiner").post(f"{path}/confirm", first), 409, "proposal-differs")
    assert differs["proposal"] == signatory.get(view["href"]).json()["annulment"]["id"] == again["proposal"]
    confirmed = minsk.desk("examiner").post(f"{path}/confirm", again)
    assert (confirmed.status_code, confirmed.json()["status"]) == (200, "annulled")
    for step, body in (("", PROPOSAL), ("/confirm", again), ("/withdraw", None)):
        answer = second.post(f"{path}{step}", body)
        assert_problem(answer, 409, "already-annulled")
    assert signatory.get(view["href"]).json()["changes"] == [confirmed.json()]
    corridor.by.deliver(corridor.uz)
    verdict = tashkent.desk("officer").post("/api/v1/verifications", {"number": view["number"]}).json()
    assert verdict["indication"] == "TOTAL-FAILED"
    assert "annulled" in {finding["code"] for finding in verdict["findings"]}


@pytest.mark.parametrize(
    ("effective_from", "status", "code"),
    [
        ("2026-11-20+03:00", 422, "date-outside"),
        ("2026-11-22+03:00", 422, "date-outside"),
        ("2026-11-21+05:00", 422, "date-outside"),
        ("2026-02-30+03:00", 422, "request-invalid"),
        ("2026-11-21-00:00", 422, "request-invalid"),
        ("٢٠٢٦-11-21+03:00", 422, "request-invalid"),
        ("2026-11-21", 422, "request-invalid"),
        ("2026-11-21T00:00:00Z", 422, "request-invalid"),
    ],
)
def test_an_annulment_holds_from_a_day_between_issue_and_today(
    lasting: Office, effective_from: str, status: int, code: str
) -> None:
    proposal = PROPOSAL | {"effective_from": effective_from}
    answer = lasting.desk("signatory").post(f"{lasting.issued()['href']}/annulment", proposal)
    assert_problem(answer, status, code)


def test_an_annulment_is_not_signed_without_the_key_of_the_body(corridor: Corridor, minsk: Office) -> None:
    path = f"{minsk.issued()['href']}/annulment"
    read = {"proposal": minsk.desk("signatory").post(path, PROPOSAL).json()["id"]}
    object.__setattr__(corridor.by.node.keyring, "documents", {})
    assert_problem(minsk.desk("examiner").post(f"{path}/confirm", read), 503, "signer-missing")


def test_what_came_from_the_other_country_cannot_be_annulled_here(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    view = minsk.issued()
    corridor.by.deliver(corridor.uz)
    for step, body in (("", PROPOSAL), ("/confirm", NOT_THERE), ("/withdraw", None)):
        answer = tashkent.desk("signatory").post(f"{view['href']}/annulment{step}", body)
        assert_problem(answer, 404, "certificate-not-found")
