"""The worker settles months by itself, whenever it looks; the command shows how they stand and what differs."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import delete

from registry.cli.settling import Settling
from registry.core.tlog.entry import Kind
from registry.demo import commands
from registry.store import tasks
from registry.store.certificates import CertificateRow
from registry.store.tasks import TaskKind
from registry.usecases.node import close_task
from tests.kit import Corridor, Country, Forge
from tests.processes import environment_of
from tests.usecases.channel.months import agreed, end_month, pass_on, settle_both
from tests.usecases.channel.test_settle_months import NOVEMBER


def works(home: Country, abroad: Country) -> int:
    """Let a duty that was just begun, as after a restart, run until nothing is left to do; tells how often it did."""
    duty, done = Settling(home.node, abroad.did), 0
    while duty.run():
        done += 1
    assert duty.run() is False
    return done


def test_the_duty_settles_a_month_in_steps_and_looks_again_after_a_while(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    assert works(by, uz) == 0
    by.issued()
    pass_on(by, uz)
    duty = Settling(by.node, uz.did)
    assert duty.run() is False
    end_month(corridor)
    assert duty.run() is True
    assert duty.run() is False
    pass_on(by, uz)
    assert works(uz, by) == 1
    pass_on(uz, by)
    assert duty.run() is False, "it looked a moment ago"
    assert works(by, uz) == 1
    assert agreed(by) == agreed(uz) == {(NOVEMBER, "BY")}
    assert [len(country.acts(Kind.MONTH_STATED)) for country in (by, uz)] == [1, 1]


def test_a_peer_that_nobody_knows_has_no_months(corridor: Corridor) -> None:
    corridor.by.issued()
    end_month(corridor)
    assert Settling(corridor.by.node, "did:web:kz.registry.example").run() is False


def test_the_command_shows_each_direction_and_each_difference(forge: Forge, corridor: Corridor, tmp_path: Path) -> None:
    by, uz = corridor.by, corridor.uz
    environment = environment_of(forge, by, tmp_path)

    def run(*words: str) -> commands.Done:
        return commands.run(["reconciliation", *words], environment)

    assert run().out == "no month in which something was issued is over\n"
    gone = by.issued()
    uz.issued("cotton-yarn")
    pass_on(by, uz)
    pass_on(uz, by)
    with forge.breaking(uz) as tx:
        tx.execute(delete(CertificateRow).where(CertificateRow.id == gone.id))
    end_month(corridor)
    settle_both(corridor)
    shown = run()
    assert shown.code == 1
    assert {tuple(line.split()[:4]) for line in shown.out.splitlines()[1:]} == {
        (NOVEMBER, by.did, uz.did, "differs"),
        (NOVEMBER, uz.did, by.did, "agreed"),
    }
    told = run("--month", NOVEMBER)
    assert f"{NOVEMBER}, issued by {by.did}, delivered to {uz.did}:" in told.out
    assert told.out.splitlines()[-1].split() == ["not-delivered", gone.id, gone.digest]
    rows: list[dict[str, Any]] = json.loads(run("--month", NOVEMBER, "--json").out)
    assert [row["found"] for row in rows if row["issuer"] == by.did] == [
        [{"code": "not-delivered", "certificate": gone.id, "issued": gone.digest}]
    ]
    with by.tx() as tx:
        (task,) = tasks.open_tasks(tx, TaskKind.RECONCILIATION_DIFFERS)
        close_task.close(tx, task.id, "Отправлено заново.", **by.by("operator"))
    closed = run()
    assert (closed.code, "Отправлено заново." in closed.out) == (0, True)
    directions = ((by.did, uz.did), (uz.did, by.did))
    for month, why in (("2026-10", "nothing was issued by then"), ("2026-12", "the month is not over")):
        lines = run("--month", month).out.splitlines()
        assert len(lines) == len(directions)
        for line, (issuer, receiver) in zip(lines, directions, strict=True):
            assert line.startswith(f"{month}, issued by {issuer} for {receiver}: {why}")
    assert run("--month", "2026-13").code == 2
