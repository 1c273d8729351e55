"""Calendars from the command line: drafted, proposed by one operator, confirmed by another, shown."""

import json
from pathlib import Path
from typing import Any

from registry.demo import commands
from tests.kit import Corridor, Forge
from tests.processes import environment_of


def test_a_calendar_is_drafted_corrected_proposed_and_confirmed(
    forge: Forge, corridor: Corridor, tmp_path: Path
) -> None:
    by, file = corridor.by, tmp_path / "by-2026.json"
    environment = environment_of(forge, by, tmp_path)

    def run(*words: str, who: str = "operator") -> commands.Done:
        return commands.run(["calendar", *words, "--json"], environment | {"REGISTRY_TOKEN": by.tokens[who]})

    def done(*words: str, who: str = "operator") -> Any:
        ended = run(*words, who=who)
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    assert done("draft", "BY", "2026", str(file)) == {"draft": str(file), "rest": 8, "worked": 1, "estimated": []}
    drafted = json.loads(file.read_text())
    assert "2026-04-20" in drafted["rest"]
    assert drafted["worked"] == ["2026-04-25"]
    assert "not compared" in drafted["source"]
    unread = run("propose", str(file))
    assert (unread.code, "calendar-not-compared" in unread.err) == (1, True)
    file.write_text(json.dumps(drafted | {"source": "Постановление Совета Министров"}))
    (proposed,) = done("propose", str(file))["proposed"]
    again = run("confirm", str(file))
    assert (again.code, "same-operator" in again.err) == (1, True)
    assert done("confirm", str(file), who="second_operator") == {"confirmed": [f"BY 2026 version 2: {proposed}"]}
    shown = done("show")
    assert [(row["year"], row["version"]) for row in shown] == [(2026, 1), (2026, 2), (2027, 1)]
    assert shown[1]["calendar"]["source"] == "Постановление Совета Министров"
    read = commands.run(["calendar", "show"], environment).out
    assert "{" not in read
    assert "source: Постановление Совета Министров\nrest: 2026-01-01, " in read
    assert "worked: 2026-04-25\n" in read
    file.write_text("[]")
    wrong = run("propose", str(file))
    assert (wrong.code, "malformed-record" in wrong.err) == (1, True)


def test_days_that_are_only_estimated_are_named(tmp_path: Path) -> None:
    file = tmp_path / "uz-2027.json"
    drafted = commands.run(["calendar", "draft", "UZ", "2027", str(file), "--json"], {"PATH": "/usr/bin:/bin"})
    assert "2027-03-09" in json.loads(drafted.out)["estimated"]
    nowhere = commands.run(["calendar", "draft", "QQ", "2027", str(file)], {"PATH": "/usr/bin:/bin"})
    assert nowhere.code == 2
    assert "knows no holidays of QQ" in nowhere.err


def test_that_no_moved_day_is_known_is_said_and_not_taken_for_a_year_without_one(tmp_path: Path) -> None:
    def drafted(country: str, year: str) -> Any:
        words = ["calendar", "draft", country, year, str(tmp_path / f"{country}-{year}.json"), "--json"]
        return json.loads(commands.run(words, {"PATH": "/usr/bin:/bin"}).out)

    told = drafted("BY", "2035")
    assert told["worked"] == 0
    assert told["note"].startswith("no transfer of working days of BY in 2035 is known here: add it")
    assert "note" not in drafted("BY", "2026")
