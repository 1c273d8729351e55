"""The auditor reads over HTTP who did what, and where the log holds it."""

from datetime import timedelta

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Leaf
from registry.core.tlog.merkle import leaf_hash, verify_inclusion
from registry.core.tlog.note import Note
from registry.core.tlog.proof import TlogProof
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor


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
