"""Both countries over real HTTP: the demo's story, and a peer that is away."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import text

from registry.demo import casework, story
from registry.demo.country import Country
from registry.demo.desk import answers, wait_for
from tests.two_nodes.world import database, discrepancies, settle

PEER_AWAY = 50


def test_the_story_of_the_demo_is_true(running: Mapping[str, Country], tmp_path: Path) -> None:
    told: list[str] = []
    tally = story.tell(running, told.append, tmp_path)
    settle(running)
    assert {row[3] for row in tally.rows} == {"TOTAL-PASSED"}
    assert len(tally.refused) == 4
    assert [discrepancies(country) for country in running.values()] == [[], []]


def test_fifty_certificates_issued_while_the_peer_is_away_arrive_in_order(running: Mapping[str, Country]) -> None:
    home, abroad = running["BY"], running["UZ"]
    application = casework.applications()["medicines"]
    with ThreadPoolExecutor(4) as pool:
        approved = list(pool.map(lambda _: casework.approve(home, "medicines", application), range(PEER_AWAY)))
    settle(running)
    abroad.stop("serve")
    issued = [casework.issue(home, each) for each in approved]
    abroad.start("serve")
    wait_for(lambda: answers(abroad), "UZ back")
    settle(running)
    with database(home) as database_, database_.read() as tx:
        sent = tx.execute(
            text("SELECT seq, digest, outcome, receipt FROM message_out WHERE kind = 'certificate.issued' ORDER BY seq")
        ).all()[-PEER_AWAY:]
        indices = tx.scalars(
            text("SELECT log_index FROM message_out WHERE kind = 'certificate.issued' ORDER BY seq")
        ).all()
    with database(abroad) as database_, database_.read() as tx:
        taken = tx.execute(
            text("SELECT seq, digest, outcome, receipt FROM message_in WHERE kind = 'certificate.issued' ORDER BY seq")
        ).all()[-PEER_AWAY:]
        arrived = tx.scalars(
            text("SELECT number FROM certificate WHERE source = 'delivered' ORDER BY recorded_at, number")
        ).all()
        unproved = tx.scalar(text("SELECT count(*) FROM certificate WHERE source = 'delivered' AND proof IS NULL"))
    assert sent == taken
    assert {row.outcome for row in sent} <= {"accepted", "accepted_with_warnings"}
    assert unproved == 0
    assert {certificate["number"] for certificate in issued} <= set(arrived)
    assert list(indices) == sorted(indices)
    assert [discrepancies(country) for country in running.values()] == [[], []]
