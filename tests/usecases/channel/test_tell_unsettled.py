"""A month that nobody settles is one task for each direction, at whichever node misses something."""

from datetime import timedelta

from registry.core.channel.reconciliation import Month
from registry.store import tasks
from registry.store.tasks import TaskKind
from registry.usecases.channel.settle_months import Ends
from registry.usecases.channel.tell_unsettled import PATIENCE, tell_unsettled
from tests.kit import Corridor, Country
from tests.usecases.channel.months import pass_on, settle_both, settles

NOVEMBER, DECEMBER = "2026-11", "2026-12"


def tells(country: Country, peer: Country) -> set[str]:
    """Let a country look, and return the months and issuers that it is told of."""
    with country.tx() as tx:
        count = tell_unsettled(tx, Ends(country.did, peer.did, peer.code), at=country.clock())
        open_ = tasks.open_tasks(tx, TaskKind.RECONCILIATION_WAITING)
    assert all(task.subject.endswith(f" {peer.did}") for task in open_)
    assert count == len(open_)
    return {f"{task.detail['month']} {task.detail['issuer']}" for task in open_}


def wait(corridor: Corridor, month: str, *, seconds: int = 0) -> None:
    """Go to where a month has been over for so long that a person is told."""
    at = Month.parse(month).end + PATIENCE + timedelta(seconds=seconds)
    corridor.clock.forward(at - corridor.clock())


def test_a_node_that_states_nothing_is_missed_by_its_peer_and_by_its_own_operator(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    assert tells(by, uz) == tells(uz, by) == set()
    by.issued()
    pass_on(by, uz)
    wait(corridor, NOVEMBER, seconds=-1)
    assert tells(by, uz) == tells(uz, by) == set()
    wait(corridor, NOVEMBER)
    assert tells(by, uz) == tells(uz, by) == {f"{NOVEMBER} {by.did}"}
    assert tells(by, uz) == {f"{NOVEMBER} {by.did}"}, "it is told once"
    settle_both(corridor)
    assert tells(by, uz) == tells(uz, by) == set()


def test_a_statement_that_is_not_answered_is_told_with_the_month_after_it(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    pass_on(by, uz)
    corridor.clock.forward(Month.parse(NOVEMBER).end + timedelta(hours=1) - corridor.clock())
    assert settles(by, uz) == 1
    wait(corridor, NOVEMBER)
    assert tells(by, uz) == {f"{NOVEMBER} {by.did}"}
    wait(corridor, DECEMBER)
    assert tells(by, uz) == {f"{NOVEMBER} {by.did}", f"{DECEMBER} {by.did}"}
    settle_both(corridor)
    assert tells(by, uz) == tells(uz, by) == set()
