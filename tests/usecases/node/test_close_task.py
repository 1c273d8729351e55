"""Tasks are for a role, and perhaps one organisation; what settles itself nobody closes, the rest a person does."""

from datetime import timedelta

import pytest

from registry.core.calendar import write_instant
from registry.core.tlog.entry import Kind
from registry.store import tasks
from registry.store.parties import OrganisationKind, Role
from registry.store.tasks import TaskKind
from registry.usecases.node import close_task
from registry.usecases.node.close_task import TaskClosed, TaskClosesItself, TaskNotFound
from registry.usecases.party.identify_party import RoleMissing
from tests.kit import Corridor, Country

SETTLED_BY_A_PERSON = {
    *(TaskKind.LOG_SPLIT, TaskKind.ANNULLED_AFTER_USE, TaskKind.SIGNER_REVOKED_AFTER_USE),
    TaskKind.SIGNER_REVOKED_UNDATED,
    *(TaskKind.MESSAGE_REFUSED, TaskKind.RECEIPT_REFUSED, TaskKind.CHANNEL_FORK),
    *(TaskKind.RECONCILIATION_DIFFERS, TaskKind.ENTRY_LOST, TaskKind.CERTIFICATE_TWICE),
}


def opened(country: Country, kind: TaskKind, subject: str = "x", **for_whom: str) -> int:
    with country.tx() as tx:
        assert tasks.open_task(
            tx, kind, subject, {"origin": "x"}, at=country.clock(), **{"role": Role.OPERATOR, **for_whom}
        )
        return tasks.open_tasks(tx)[-1].id


def test_a_person_closes_what_only_a_person_can_settle_and_says_why(corridor: Corridor) -> None:
    by = corridor.by
    id = opened(by, TaskKind.LOG_SPLIT)
    corridor.clock.forward(timedelta(hours=1))
    with by.tx() as tx:
        closed = close_task.close(tx, id, "Прокси отвечал 422, журнал цел.", **by.by("operator"))
        assert (closed.closed_at, closed.closed_by) == (by.clock(), by.people["operator"].person)
    (act,) = by.acts(Kind.TASK_CLOSED)
    assert (act.subject, act.person) == ("x", by.people["operator"].person)
    assert act.private["reason"] == "Прокси отвечал 422, журнал цел."
    corridor.clock.forward(timedelta(hours=1))
    with by.refuses(TaskClosed) as refused:
        close_task.close(refused.tx, id, "Ещё раз.", **by.by("operator"))
    assert refused.value.since == write_instant(act.at)


@pytest.mark.parametrize("kind", [kind for kind in TaskKind if kind not in SETTLED_BY_A_PERSON])
def test_what_settles_itself_is_talked_away_by_nobody(corridor: Corridor, kind: TaskKind) -> None:
    id = opened(corridor.by, kind)
    with corridor.by.refuses(TaskClosesItself) as refused:
        close_task.close(refused.tx, id, "Не важно.", **corridor.by.by("operator"))
    assert refused.value.kind == kind


def test_a_task_is_seen_by_its_role_and_its_organisation_alone(corridor: Corridor) -> None:
    by = corridor.by
    operators = opened(by, TaskKind.LOG_SPLIT)
    officer = by.people["officer"]
    theirs = opened(by, TaskKind.ANNULLED_AFTER_USE, "y", role=Role.CUSTOMS, organisation=officer.organisation)
    elsewhere = opened(
        by, TaskKind.ANNULLED_AFTER_USE, "z", role=Role.CUSTOMS, organisation=by.people["operator"].organisation
    )
    assert officer.kind is OrganisationKind.CUSTOMS
    with by.node.database.read() as tx:
        for who, seen in (("officer", [theirs]), ("operator", [operators])):
            found = close_task.list_tasks(tx, kind=None, is_open=None, after=None, limit=10, by=by.people[who])
            assert [task.id for task in found] == seen
        with pytest.raises(TaskNotFound):
            close_task.find_task(tx, elsewhere, by=officer)
        with pytest.raises(RoleMissing):
            close_task.list_tasks(tx, kind=None, is_open=None, after=None, limit=10, by=by.people["exporter"])
    with by.refuses(TaskNotFound) as refused:
        close_task.close(refused.tx, operators, "Чужое.", **by.by("officer"))


def test_tasks_are_paged_newest_first_by_kind_and_by_whether_they_are_open(corridor: Corridor) -> None:
    by = corridor.by
    ids = [opened(by, TaskKind.LOG_SPLIT, str(number)) for number in range(3)]
    ahead = opened(by, TaskKind.WITNESS_AHEAD)
    with by.tx() as tx:
        close_task.close(tx, ids[1], "Разобрались.", **by.by("operator"))

    def listed(**asked: object) -> list[int]:
        with by.node.database.read() as tx:
            wanted = {"kind": None, "is_open": None, "after": None, "limit": 10} | asked
            return [task.id for task in close_task.list_tasks(tx, by=by.people["operator"], **wanted)]  # type: ignore[arg-type]

    assert listed() == [ahead, *reversed(ids)]
    assert listed(kind=TaskKind.LOG_SPLIT) == list(reversed(ids))
    assert listed(is_open=False) == [ids[1]]
    assert listed(is_open=True) == [ahead, ids[2], ids[0]]
    assert listed(limit=2) == [ahead, ids[2]]
    assert listed(after=(by.clock(), ids[2])) == [ids[1], ids[0]]
