"""A node whose database is a backup: it reads and verifies, and issues nothing that is numbered."""

import pytest

from registry.store import checkpoints, log
from registry.store.guard import Mark, of_forgotten, of_log, of_received, of_sent
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor

MARKS = {
    "log-behind": (of_log("by.registry.example/log"), "registry log recover"),
    "channel-behind": (of_sent("did:web:uz.registry.example", 1), "registry log recover"),
    "received-behind": (of_received("did:web:uz.registry.example", 1), "registry log recover"),
}


@pytest.mark.parametrize("code", MARKS)
def test_nothing_is_issued_or_annulled_while_the_database_is_behind(
    corridor: Corridor, minsk: Office, code: str
) -> None:
    issued, approved = minsk.issued(), minsk.approved()
    path = f"{issued['href']}/annulment"
    proposal = {"reason": "Акт экспертизы отозван.", "effective_from": issued["issue_date"]}
    read = {"proposal": minsk.desk("signatory").post(path, proposal).json()["id"]}
    what, says = MARKS[code]
    corridor.by.node.guard.advance(what, Mark(99, "0" * 64))
    before = corridor.by.everything()
    for answer in (minsk.issue(approved), minsk.desk("second_signatory").post(f"{path}/confirm", read)):
        assert says in assert_problem(answer, 503, code)["title"]
    assert corridor.by.everything() == before
    ready = minsk.get("/health/ready")
    assert ready.status_code == 503
    assert [wrong.partition(":")[0] for wrong in ready.json()["wrong"]] == [code]
    assert minsk.desk("signatory").get(issued["href"]).status_code == 200
    assert minsk.desk("officer").post("/api/v1/verifications", {"number": issued["number"]}).status_code in {200, 201}


def test_without_its_guard_a_node_with_a_history_issues_nothing(corridor: Corridor, minsk: Office) -> None:
    approved = minsk.approved()
    corridor.by.sequence()
    corridor.by.node.guard.path.unlink()
    answer = minsk.issue(approved)
    assert "registry log guard --begin" in assert_problem(answer, 503, "guard-missing")["title"]


def test_a_witness_whose_marks_were_lost_is_silent_until_it_has_a_new_key(corridor: Corridor, minsk: Office) -> None:
    by, uz = corridor.by, corridor.uz
    uz.sequence()
    with uz.node.database.read() as tx:
        note = checkpoints.checkpoint(tx, log.root_of(log.head(tx))[0])
    assert note is not None
    key, growth = by.node.keyring.witness.vkey.name, f"old 0\n\n{note.note}"
    by.node.guard.advance(of_forgotten(key), Mark(1, ""))
    before = by.everything()
    answer = minsk.http.post("/witness/add-checkpoint", content=growth.encode(), headers={"Content-Type": "text/plain"})
    assert "registry keys witness --next" in assert_problem(answer, 503, "witness-forgot")["title"]
    assert by.everything() == before
