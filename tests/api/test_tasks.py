"""The operator and customs see what waits for them, and close what only a person can settle."""

from datetime import timedelta

from registry.store import tasks
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor

PATH = "/api/v1/tasks"


def test_the_operator_pages_through_tasks_and_closes_one_with_a_reason(corridor: Corridor, minsk: Office) -> None:
    operator, by = minsk.desk("operator"), corridor.by
    assert operator.get(PATH).json() == {"items": []}
    for kind in (TaskKind.LOG_SPLIT, TaskKind.WITNESS_AHEAD):
        with by.tx() as tx:
            tasks.open_task(tx, kind, "у свидетеля", {"size": 1}, role=Role.OPERATOR, at=by.clock())
        corridor.clock.forward(timedelta(seconds=1))
    first = operator.get(f"{PATH}?limit=1").json()
    (ahead,) = first["items"]
    (split,) = operator.get(f"{PATH}?limit=1&after={first['next']}").json()["items"]
    assert (split["kind"], split["subject"], split["opened_at"]) == ("log.split", "у свидетеля", "2026-11-21T09:30:00Z")
    assert operator.get(f"{PATH}/{split['id']}").json() == split
    assert operator.get(f"{PATH}?kind=log.split&open=true").json() == {"items": [split]}
    reason = {"reason": "Прокси отвечал 422: журнал цел."}
    closed = operator.post(f"{PATH}/{split['id']}/close", reason)
    assert closed.json() == split | {
        "closed_at": "2026-11-21T09:30:02Z",
        "closed_by": by.people["operator"].person,
        **reason,
    }
    assert operator.get(f"{PATH}?open=false").json() == {"items": [closed.json()]}
    assert_problem(operator.post(f"{PATH}/{split['id']}/close", reason), 409, "task-closed")
    assert_problem(operator.post(f"{PATH}/{ahead['id']}/close", reason), 409, "task-closes-itself")
    assert_problem(operator.post(f"{PATH}/{ahead['id']}/close", {}), 422, "request-invalid")
    told = assert_problem(operator.post(f"{PATH}/{ahead['id']}/close"), 415, "media-type-not-read")
    assert told["title"] == "this operation reads a body of application/json with reason, and no Content-Type came"


def test_what_is_anothers_task_is_not_there(corridor: Corridor, minsk: Office) -> None:
    by = corridor.by
    with by.tx() as tx:
        tasks.open_task(tx, TaskKind.LOG_SPLIT, "x", {}, role=Role.OPERATOR, at=by.clock())
        (task,) = tasks.open_tasks(tx)
    officer = minsk.desk("officer")
    assert officer.get(PATH).json() == {"items": []}
    assert_problem(officer.get(f"{PATH}/{task.id}"), 404, "task-not-found")
    assert_problem(officer.post(f"{PATH}/{task.id}/close", {"reason": "x"}), 404, "task-not-found")
    assert_problem(minsk.desk("exporter").get(PATH), 403, "role-missing")
