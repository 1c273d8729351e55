"""The main job over HTTP: from a product to the verdict in the other country, each step by whose work it is."""

from registry.core.certificate.credential import Certificate
from registry.core.envelope.jose import Envelope, Typ
from registry.core.identifiers import Digest
from registry.core.tlog.entry import Kind
from registry.core.tlog.proof import TlogProof, verify_proof
from registry.core.verification.presentation import Presentation
from tests.api.desk import Office
from tests.kit import Corridor

ENVELOPE = "application/vnd.registry.envelope+json"


def test_a_certificate_is_issued_crosses_and_is_verified_by_number_and_by_file(
    corridor: Corridor, minsk: Office, tashkent: Office
) -> None:
    exporter, examiner = minsk.desk("exporter"), minsk.desk("examiner")
    drafted = minsk.drafted(with_product=True)
    assert drafted["state"] == "draft"
    path = f"/api/v1/applications/{drafted['id']}"
    findings = exporter.get(f"{path}/findings").json()["findings"]
    assert all(finding["severity"] != "severe" for finding in findings)
    submitted = exporter.post(f"{path}/submit").json()
    assert (submitted["state"], submitted["findings"]) == ("submitted", findings)
    taken_up = examiner.post(f"{path}/take-up").json()
    assert "draft" not in taken_up
    offered = examiner.post(f"{path}/offer-draft").json()
    accepted = exporter.post(f"{path}/accept", {"draft": offered["draft"]}).json()
    assert accepted["draft"] == offered["draft"]
    issued = minsk.desk("signatory").post(f"{path}/issue", {"draft": offered["draft"]})
    certificate = issued.json()
    assert issued.headers["location"] == certificate["href"]
    assert certificate["number"] == "BYUZ6101000001"
    read = exporter.get(path).json()
    assert read["state"] == "issued"
    named = {name: certificate[name] for name in ("id", "href", "number", "digest")}
    assert read["certificate"] == named
    assert [each["certificate"] for each in exporter.get("/api/v1/applications").json()["items"]] == [named]
    assert "certificate" not in offered
    assert {person["part"] for person in read["people"]} == {"applicant", "examiner", "signatory"}
    assert len({person["person"] for person in read["people"]}) == 3
    assert exporter.get(certificate["href"]).json()["logged"] is False

    corridor.by.deliver(corridor.uz)

    view = exporter.get(certificate["href"]).json()
    assert view["logged"] is True
    assert view["delivery"]["outcome"] == "accepted"
    shown = exporter.get(certificate["href"], accept=ENVELOPE).text
    officer = tashkent.desk("officer")
    for question in ({"number": certificate["number"]}, {"certificate": shown}):
        answer = officer.post("/api/v1/verifications", question)
        verdict = answer.json()
        assert (answer.status_code, verdict["indication"]) == (201, "TOTAL-PASSED")
        assert verdict["certificate"]["digest"] == certificate["digest"]
        kept = officer.get(answer.headers["location"]).json()
        assert kept["findings"] == verdict["findings"]


def test_the_signed_file_and_its_proof_are_what_the_core_verifies(corridor: Corridor, minsk: Office) -> None:
    view = minsk.issued()
    corridor.by.sequence()
    corridor.by.witnessed(corridor.uz)
    (policy,) = corridor.uz.beliefs().log_policies(corridor.by.did, corridor.by.clock())
    desk = minsk.desk("exporter")
    text = desk.get(view["href"], accept="application/vc+jwt").text
    envelope = Envelope.parse(text, Typ.CERTIFICATE)
    assert envelope.digest == view["digest"]
    assert Certificate.parse(envelope.payload).subject.claims == view["claims"]
    proof = desk.get(view["href"], accept="text/vnd.tlog-proof").text
    logged = verify_proof(
        TlogProof.parse(proof),
        policy,
        kind=Kind.CERTIFICATE_ISSUED,
        digest=Digest(envelope.digest),
    )
    assert logged.leaf.to == "UZ"
    assert Presentation.parse(desk.get(view["href"], accept=ENVELOPE).text) == Presentation(text, proof)
