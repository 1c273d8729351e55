"""The auditor reads over HTTP who did what, and where the log holds it."""

import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind, Leaf
from registry.core.tlog.merkle import leaf_hash, verify_inclusion
from registry.core.tlog.note import Note
from registry.core.tlog.proof import TlogProof
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor
from tests.usecases.recovery.test_lost_acts import restore


def test_every_step_is_an_act_of_the_person_who_made_it(corridor: Corridor, minsk: Office) -> None:
    approved = minsk.approved()
    corridor.clock.forward(timedelta(seconds=1))
    certificate = minsk.issue(approved).json()
    auditor = minsk.desk("auditor")
    acts = auditor.get(f"/api/v1/acts?subject={approved['id']}").json()["items"]
    people = corridor.by.people
    assert {(act["kind"], act["person"]) for act in acts} == {
        ("application.drafted", people["exporter"].person),
        ("application.submitted", people["exporter"].person),
        ("application.taken-up", people["examiner"].person),
        ("application.draft-offered", people["examiner"].person),
        ("application.accepted", people["exporter"].person),
    }
    newest = auditor.get("/api/v1/acts?limit=1").json()["items"][0]
    assert (newest["kind"], newest["subject"]) == ("certificate.issued", certificate["id"])
    assert newest["digest"] == certificate["digest"]
    for query in (
        "kind=certificate.issued",
        f"person={people['signatory'].person}&kind=certificate.issued",
        f"organisation={people['signatory'].organisation}&subject={certificate['id']}",
    ):
        assert auditor.get(f"/api/v1/acts?{query}").json()["items"] == [newest]
    assert auditor.get("/api/v1/acts?person=никто").json() == {"items": []}
    assert_problem(auditor.get("/api/v1/acts?kind=birth"), 422, "request-invalid")


def test_acts_are_found_by_time_and_by_the_number_of_a_certificate(corridor: Corridor, minsk: Office) -> None:
    corridor.clock.forward(timedelta(seconds=1))
    approved = minsk.approved()
    certificate = minsk.issue(approved).json()
    corridor.clock.forward(timedelta(seconds=1))
    minsk.issued()
    auditor = minsk.desk("auditor")
    number = certificate["number"]
    acts = auditor.get(f"/api/v1/acts?number={number}").json()["items"]
    assert {act["subject"] for act in acts} == {certificate["id"], approved["id"]}
    for query in (f"number=%20{number.lower()[:4]}%20{number[4:]}", f"number={certificate['id']}"):
        assert auditor.get(f"/api/v1/acts?{query}").json()["items"] == acts
    within = "from=2026-11-21T09:30:01Z&until=2026-11-21T09:30:01Z"
    assert auditor.get(f"/api/v1/acts?number={number}&{within}").json()["items"] == acts
    found = auditor.get(f"/api/v1/acts?{within}").json()["items"]
    assert {act["at"] for act in found} == {"2026-11-21T09:30:01Z"}
    assert auditor.get("/api/v1/acts?number=BYUZ6101999999").json() == {"items": []}
    for query in ("from=2026-11-21", "until=yesterday", "from=2026-02-30T00:00:00Z"):
        assert_problem(auditor.get(f"/api/v1/acts?{query}"), 422, "request-invalid")


def test_a_look_at_what_is_private_can_be_checked_against_the_log_and_is_an_act(
    corridor: Corridor, minsk: Office
) -> None:
    certificate = minsk.issued()
    auditor = minsk.desk("auditor")
    (act,) = auditor.get(f"/api/v1/acts?subject={certificate['id']}").json()["items"]
    path, why = f"/api/v1/acts/{act['id']}/look", {"reason": "Запрос ГТК № 17"}
    answer = auditor.post(path, why, key="one")
    seen = answer.json()
    assert {name: seen[name] for name in act} == act
    assert seen["private"]["number"] == certificate["number"]
    assert json.loads(seen["committed"])["what"] == seen["private"]
    committed = sha256(bytes.fromhex(seen["salt"]) + seen["committed"].encode()).hexdigest()
    assert Leaf.parse(seen["leaf"].encode()).private == committed
    assert auditor.post(path, why, key="one").content == answer.content
    (look,) = corridor.by.acts(Kind.ACTS_READ)
    assert look.private == {"act": act["id"], "reason": "Запрос ГТК № 17"}
    auditor.post(path, why, key="two")
    assert len(corridor.by.acts(Kind.ACTS_READ)) == 2


def test_a_look_without_a_reason_or_by_another_than_an_auditor_is_none(corridor: Corridor, minsk: Office) -> None:
    act = corridor.by.acts()[0].id
    auditor = minsk.desk("auditor")
    for body in ({}, {"reason": ""}, {"reason": " "}, {"reason": "a", "more": 1}):
        assert_problem(auditor.post(f"/api/v1/acts/{act}/look", body), 422, "request-invalid")
    assert_problem(auditor.post(f"/api/v1/acts/{'0' * 32}/look", {"reason": "a"}), 404, "act-not-found")
    for who in ("operator", "exporter", "examiner", "signatory", "officer"):
        assert_problem(minsk.desk(who).post(f"/api/v1/acts/{act}/look", {"reason": "a"}), 403, "role-missing")
        assert_problem(minsk.desk(who).get("/api/v1/acts"), 403, "role-missing")
    assert corridor.by.acts(Kind.ACTS_READ) == []


def test_a_cursor_of_another_list_is_none_of_acts(minsk: Office) -> None:
    auditor = minsk.desk("auditor")
    for place in ("x", "-1", "01", str(2**63), ""):
        cursor = urlsafe_b64encode(f"2026-11-21T09:30:00+00:00 {place}".encode()).rstrip(b"=").decode()
        assert_problem(auditor.get(f"/api/v1/acts?after={cursor}"), 422, "cursor-unreadable")


def test_pages_of_acts_neither_lose_nor_repeat_one(corridor: Corridor, minsk: Office) -> None:
    minsk.issued()
    auditor = minsk.desk("auditor")
    seen: list[str] = []
    after = ""
    while True:
        page = auditor.get(f"/api/v1/acts?limit=7{after}").json()
        seen += [act["id"] for act in page["items"]]
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert sorted(seen) == sorted(act.id for act in corridor.by.acts())


def test_the_log_proves_an_act(corridor: Corridor, minsk: Office) -> None:
    minsk.product()
    auditor = minsk.desk("auditor")
    act = auditor.get("/api/v1/acts?kind=product.kept").json()["items"][0]
    path = f"/api/v1/acts/{act['id']}/proof"
    assert_problem(auditor.get(path), 503, "proof-pending")
    corridor.by.sequence()
    assert_problem(auditor.get(path), 503, "proof-pending")
    corridor.by.witnessed(corridor.uz)
    answer = auditor.get(path)
    assert answer.headers["content-type"].partition(";")[0] == "text/vnd.tlog-proof"
    proof = TlogProof.parse(answer.text)
    assert proof.extra is not None
    leaf = Leaf.parse(proof.extra)
    assert (leaf.id, leaf.kind) == (act["id"], act["kind"])
    key = corridor.by.node.keyring.log.vkey
    checkpoint = Checkpoint.parse(Note.parse(proof.checkpoint_note).verified([key]))
    verify_inclusion(proof.index, checkpoint.size, leaf_hash(proof.extra), proof.hashes, checkpoint.root)
    assert_problem(auditor.get(f"/api/v1/acts/{'0' * 32}/proof"), 404, "act-not-found")


def test_an_act_that_was_lost_is_shown_by_its_leaf_and_proved_by_it(corridor: Corridor, minsk: Office) -> None:
    lost = restore(corridor).lost
    auditor = minsk.desk("auditor")
    annulled, issued = auditor.get(f"/api/v1/acts?number={lost.number}").json()["items"]
    assert (annulled["kind"], issued["kind"]) == ("certificate.status", "certificate.issued")
    assert (issued["digest"], issued["to"], "person" in issued) == (lost.digest, "UZ", False)
    proof = TlogProof.parse(auditor.get(f"/api/v1/acts/{issued['id']}/proof").text)
    assert proof.index == issued["taken_back"]
    refused = auditor.post(f"/api/v1/acts/{issued['id']}/look", {"reason": "проверка"})
    assert assert_problem(refused, 404, "act-lost")["entry"] == issued["taken_back"]
    page = auditor.get(f"/api/v1/acts?number={lost.number}&limit=1").json()
    assert page["items"] == [annulled]
    assert auditor.get(f"/api/v1/acts?number={lost.number}&after={page['next']}").json()["items"] == [issued]
