"""The guard: a second memory that only grows, and says so where it cannot."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registry.store.guard import Guard, GuardBroken, GuardMissing, Mark
from tests.kit import Corridor


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    guard = Guard(tmp_path / "elsewhere" / "guard.json")
    guard.begin()
    return guard


def test_a_mark_only_grows_and_lasts(guard: Guard) -> None:
    assert guard.mark("log a") is None
    guard.advance("log a", Mark(5, "x"))
    guard.advance("log a", Mark(4, "y"))
    with pytest.raises(GuardBroken, match="two databases use it"):
        guard.advance("log a", Mark(5, "z"))
    guard.advance("log b", Mark(1, "w"))
    assert (Guard(guard.path).mark("log a"), Guard(guard.path).mark("log b")) == (Mark(5, "x"), Mark(1, "w"))
    guard.begin()
    assert guard.mark("log a") == Mark(5, "x")


def test_many_writers_lose_nothing(guard: Guard) -> None:
    def write(number: int) -> None:
        Guard(guard.path).advance(f"of {number % 7}", Mark(number, f"{number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(1, 71)))
    assert [guard.mark(f"of {rest}") for rest in range(7)] == [
        Mark(number, f"{number}") for number in (70, 64, 65, 66, 67, 68, 69)
    ]


def test_a_missing_guard_is_said(tmp_path: Path) -> None:
    guard = Guard(tmp_path / "guard.json")
    with pytest.raises(GuardMissing, match=r"guard\.json is missing"):
        guard.mark("log")
    with pytest.raises(GuardMissing):
        guard.advance("log", Mark(1, "x"))


@pytest.mark.parametrize("text", ["", "[]", '{"log": 5}', '{"log": ["x", "y"]}', "\x00"])
def test_a_guard_that_cannot_be_read_is_said(guard: Guard, text: str) -> None:
    guard.path.write_text(text)
    with pytest.raises(GuardBroken, match="cannot be used"):
        guard.mark("log")


def test_a_guard_that_cannot_be_written_is_said_and_stays_as_it_was(guard: Guard) -> None:
    guard.advance("log", Mark(1, "x"))
    (guard.path.parent / "guard.json.new").mkdir()
    with pytest.raises(GuardBroken):
        guard.advance("log", Mark(2, "y"))
    assert json.loads(guard.path.read_text()) == {"log": [1, "x"]}


def test_a_guard_without_a_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GuardBroken):
        Guard(tmp_path / "file" / "guard.json").begin()


def test_a_node_begins_its_guard_only_while_its_log_is_empty(corridor: Corridor) -> None:
    by = corridor.by
    assert by.node.guard.exists()
    by.sequence()
    by.node.guard.path.unlink()
    del by.node.__dict__["guard"]
    assert not by.node.guard.exists()
    with pytest.raises(GuardMissing):
        by.sequence()


def test_a_node_whose_witness_has_cosigned_begins_no_guard_though_its_own_log_is_empty(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.witnessed(uz)
    uz.node.guard.path.unlink()
    del uz.node.__dict__["guard"]
    assert not uz.node.guard.exists()
    by.draft()
    by.sequence()
    with pytest.raises(GuardMissing):
        by.witnessed(uz)
