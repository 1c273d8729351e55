"""`registry status`: how the node stands on one page, and by its exit whether something is wrong."""

import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from registry.store.tasks import TaskKind, open_task
from tests.kit import Corridor, Country, Forge
from tests.processes import environment_of


def status(forge: Forge, country: Country, folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "registry.cli.main", "status", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment_of(forge, country, folder) | {"COLUMNS": "160"} | more,
        timeout=60,
    )


def told(forge: Forge, country: Country, folder: Path, code: int) -> dict[str, Any]:
    done = status(forge, country, folder, "--json")
    assert (done.returncode, done.stderr) == (code, ""), (done.stdout, done.stderr)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_a_node_at_rest_has_nothing_to_say(forge: Forge, corridor: Corridor, tmp_path: Path) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard
    by.sequence()
    by.witnessed(uz)
    found = told(forge, by, tmp_path, 0)
    assert (found["node"], found["country"], found["env"]) == (by.node.settings.name, "BY", "demo")
    assert (found["ready"], found["wrong"], found["overdue"]) == (True, [], [])
    assert found["log"]["size"] == found["log"]["published"] == len(by.acts())
    assert [agreement["in_force"] for agreement in found["agreements"]] == [True]
    assert [(peer["node"], peer["queue"], peer["silent_seconds"]) for peer in found["peers"]] == [(uz.did, 0, None)]
    assert [(held["country"], held["epoch"], held["version"]) for held in found["lists"]] == [
        ("BY", 1, 1),
        ("UZ", 1, 1),
    ]
    assert set(found["tasks"].values()) == {0}
    page = status(forge, by, tmp_path)
    assert page.returncode == 0
    for word in (
        "by.registry.example (BY, demo): ready",
        "in force",
        "did:web:uz.registry.example",
        "open tasks: none",
    ):
        assert word in page.stdout


def test_a_silent_witness_and_a_missing_statement_are_seen_from_the_first_second(
    forge: Forge, corridor: Corridor, tmp_path: Path
) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard
    with forge.breaking(by) as tx:
        tx.execute(text("DELETE FROM freshness"))
    by.sequence()
    by.witnessed(uz)
    by.draft()
    by.sequence()
    corridor.clock.forward(timedelta(seconds=20))
    name = uz.node.keyring.witness.vkey.name
    found = told(forge, by, tmp_path, 0)
    (witness,) = found["witnesses"]
    assert witness["witness"] == name
    assert 20 <= witness["answered_seconds"] == witness["unanswered_seconds"] < 60
    assert [held["freshness_seconds"] for held in found["lists"]] == [None, None]
    page = status(forge, by, tmp_path).stdout
    assert re.search(rf"{re.escape(name)} +\d\d s ago +for \d\d s", page), page
    assert re.search("newest freshness statement", page)
    assert re.search(r"UZ .* none yet", page), page
    corridor.clock.forward(timedelta(minutes=2))
    found = told(forge, by, tmp_path, 0)
    assert any(line.startswith(f"{name} has not answered for 2.") for line in found["overdue"])


def test_what_is_late_is_overdue_and_what_is_wrong_exits_1(forge: Forge, corridor: Corridor, tmp_path: Path) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard
    by.issued()
    by.sequence()
    by.messages(uz)
    by.draft()
    with by.tx() as tx:
        open_task(tx, TaskKind.WITNESS_AHEAD, "[bold]x", {}, role="operator", at=by.clock())
    corridor.clock.forward(timedelta(minutes=5))
    found = told(forge, by, tmp_path, 1)
    assert (found["ready"], found["tasks"]["witness.ahead"]) == (False, 1)
    assert "is the worker running?" in found["wrong"][0]
    log, peer = found["overdue"]
    assert log.startswith("the log has not taken in what is 5.")
    assert peer.startswith(f"{uz.did} has given no receipt for 5.")
    page = status(forge, by, tmp_path)
    assert page.returncode == 1
    assert "NOT READY" in page.stdout
    assert "open tasks: witness.ahead 1" in page.stdout
    assert "witness.ahead: [bold]x, for operator, since 2026-" in page.stdout


def test_a_list_that_ends_soon_is_overdue_before_it_has_ended(forge: Forge, corridor: Corridor, tmp_path: Path) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard
    by.sequence()
    by.witnessed(uz)
    held = by.beliefs().lists["BY"].list
    corridor.clock.at = held.expires_at - timedelta(days=2)
    uz.sequence()
    by.hears(uz.states(), uz)
    found = told(forge, by, tmp_path, 0)
    told_of = [line for line in found["overdue"] if line.startswith("the next trust list of ")]
    assert [line.partition(":")[0] for line in told_of] == ["the next trust list of BY", "the next trust list of UZ"]
    assert all(" ends in 2.0 d" in line or " ends in 1." in line for line in told_of)
    corridor.clock.at = held.expires_at + timedelta(hours=5, minutes=30)
    found = told(forge, by, tmp_path, 1)
    assert "the next trust list of BY: this one ended 5.5 h ago" in found["overdue"]


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_node_that_believes_no_list_still_says_so(
    forge: Forge, corridor: Corridor, tmp_path: Path, words: tuple[str, ...]
) -> None:
    country = corridor.by
    _ = country.node.guard
    keys = tmp_path / "keys"
    keys.mkdir()
    done = status(forge, country, tmp_path, *words, REGISTRY_KEYS=str(keys))
    assert (done.returncode, done.stderr) == (1, "")
    assert "no trust list of BY is adopted" in done.stdout
