"""The legal clock as programs see it: days, stops, calendars, and the list with what is overdue first."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from registry.cli.duties import Reminding
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor

PATH = "/api/v1/applications"


@pytest.fixture(autouse=True)
def friday(corridor: Corridor) -> None:
    corridor.clock.at = datetime(2026, 11, 20, 9, tzinfo=UTC)


def test_an_application_shows_its_last_day_what_is_left_and_by_which_calendar(minsk: Office) -> None:
    assert "clock" not in minsk.drafted()
    clock = minsk.submitted()["clock"]
    (calendar,) = clock.pop("calendars")
    assert (calendar["year"], len(calendar["id"])) == (2026, 64)
    assert calendar["source"].startswith("holidays 0.109")
    assert clock == {
        "received_on": "2026-11-20+03:00",
        "working_days": 5,
        "runs": True,
        "due_on": "2026-11-27+03:00",
        "left": 5,
        "overdue": False,
        "silence": "accepted",
        "stops": [],
    }


def test_the_examiner_stops_the_clock_and_lets_it_run_again(corridor: Corridor, minsk: Office) -> None:
    examiner, row = minsk.desk("examiner"), minsk.submitted()
    stop, resume = f"{PATH}/{row['id']}/stop", f"{PATH}/{row['id']}/resume"
    assert_problem(examiner.post(resume), 409, "clock-runs")
    assert_problem(examiner.post(stop, {"why": "draft"}), 422, "request-invalid")
    corridor.clock.forward(timedelta(days=4))
    stopped = examiner.post(stop, {"why": "payment"}).json()
    assert (stopped["version"], stopped["clock"]["runs"], stopped["clock"]["left"]) == (row["version"] + 1, False, 4)
    assert stopped["clock"]["stops"] == [{"why": "payment", "since": "2026-11-24T09:00:00Z"}]
    assert "due_on" not in stopped["clock"]
    assert_problem(examiner.post(stop, {"why": "contract"}), 409, "clock-stands")
    corridor.clock.forward(timedelta(days=1))
    going = examiner.post(resume).json()["clock"]
    assert (going["due_on"], going["stops"][0]["until"]) == ("2026-12-01+03:00", "2026-11-25T09:00:00Z")


def test_a_draft_says_by_when_to_answer_and_what_silence_means(minsk: Office) -> None:
    clock = minsk.offered()["clock"]
    assert (clock["answer_by"], clock["silence"], clock["runs"]) == ("2026-12-01+03:00", "accepted", False)
    window = minsk.drafted(single_window=True)
    assert window["single_window"]
    filed = minsk.desk("exporter").post(f"{PATH}/{window['id']}/submit").json()["clock"]
    assert (filed["working_days"], filed["due_on"], filed["silence"]) == (3, "2026-11-25+03:00", "refused")


def test_what_cannot_be_computed_says_why(corridor: Corridor, minsk: Office) -> None:
    with corridor.forge.breaking(corridor.by) as tx:
        tx.execute(text("DELETE FROM calendar"))
    clock = minsk.submitted()["clock"]
    assert clock["not_computed"] == "no calendar of BY for 2026 is confirmed"
    assert ("due_on" in clock, "left" in clock, clock["overdue"], clock["calendars"]) == (False, False, False, [])


def test_the_list_by_due_day_shows_the_overdue_first_a_page_at_a_time(corridor: Corridor, minsk: Office) -> None:
    examiner = minsk.desk("examiner")
    rows = []
    for _ in range(2):
        rows.append(minsk.submitted()["id"])
        corridor.clock.forward(timedelta(days=6))
    paying = minsk.submitted()["id"]
    examiner.post(f"{PATH}/{paying}/stop", {"why": "payment"})
    seen, after = [], ""
    while True:
        page = examiner.get(f"{PATH}?order=due&limit=1{after}").json()
        seen += page["items"]
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert [row["id"] for row in seen] == [*rows, paying]
    assert [row["clock"]["overdue"] for row in seen] == [True, False, False]
    for who, first in (("examiner", rows[0]), ("signatory", rows[0]), ("exporter", paying)):
        assert minsk.desk(who).get(f"{PATH}?limit=1").json()["items"][0]["id"] == first
    newest = examiner.get(f"{PATH}?order=newest").json()["items"]
    assert [row["id"] for row in newest] == [paying, *reversed(rows)]
    stopped = examiner.get(f"{PATH}?order=due&limit=1{after}&state=submitted").json()
    assert [row["id"] for row in stopped["items"]] == [paying]
    assert_problem(examiner.get(f"{PATH}?order=oldest"), 422, "request-invalid")


def test_the_body_sees_its_overdue_applications_as_tasks_that_nobody_talks_away(
    corridor: Corridor, minsk: Office
) -> None:
    row = minsk.submitted()
    corridor.clock.forward(timedelta(days=9))
    Reminding(corridor.by.node).run()
    examiner = minsk.desk("examiner")
    (task,) = examiner.get("/api/v1/tasks?kind=application.overdue").json()["items"]
    assert (task["subject"], task["role"]) == (row["id"], "examiner")
    assert task["detail"] == {"due_on": "2026-11-27", "state": "submitted"}
    closed = examiner.post(f"/api/v1/tasks/{task['id']}/close", {"reason": "занят"})
    assert_problem(closed, 409, "task-closes-itself")
    assert minsk.desk("operator").get("/api/v1/tasks?kind=application.overdue").json() == {"items": []}
