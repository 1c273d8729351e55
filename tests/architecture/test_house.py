"""House rules that no tool checks."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BANNED = {
    *("utils", "helpers", "common", "misc", "base", "manager", "service", "models", "schemas", "crud", "types"),
    "constants",
}
LONGEST = 400
SOURCES = sorted((ROOT / "registry").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MIGRATIONS = sorted((ROOT / "migrations").rglob("*.py"))
CATCH_ALL = {"registry/cli/worker.py"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_has_a_name_that_says_nothing() -> None:
    places = {part for path in (*SOURCES, *TESTS) for part in (*path.relative_to(ROOT).parts[:-1], path.stem)}
    assert places & BANNED == set()


def test_no_file_is_too_long_to_read_in_one_go() -> None:
    assert {name(path): lines for path in SOURCES if (lines := len(path.read_text().splitlines())) > LONGEST} == {}


def test_only_the_worker_and_the_edge_catch_everything() -> None:
    caught = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and _is_everything(node.type):
                caught.add(name(path))
    assert {path for path in caught if not path.startswith("registry/api/")} <= CATCH_ALL


def _is_everything(caught: ast.expr | None) -> bool:
    match caught:
        case None:
            return True
        case ast.Name(id="Exception" | "BaseException"):
            return True
        case ast.Tuple(elts=several):
            return any(_is_everything(one) for one in several)
        case _:
            return False


def test_the_program_does_not_speak_of_what_is_beside_it() -> None:
    words = ("../shared", "/work", "subagent", "claude")
    others = [ROOT / "README.md", ROOT / "Makefile", ROOT / "pyproject.toml", *(ROOT / "api_docs").rglob("*.md")]
    told = {
        name(path): word
        for path in (*SOURCES, *MIGRATIONS, *others)
        for word in words
        if word in path.read_text().lower()
    }
    assert told == {}


def test_only_the_node_reads_a_clock_and_the_edges_that_have_none() -> None:
    """Time is an argument: `Node.now`, ceremonies before there is a node, the offline device, and waiting."""
    readers = {
        name(path)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
        if isinstance(node.value, ast.Name) and node.value.id in {"datetime", "date"}
    }
    names = ("node.py", "cli/keys.py", "cli/monitor.py", "cli/verify.py", "cli/worker.py")
    faces = {f"registry/{name}" for name in names}
    assert {path for path in readers if not path.startswith("registry/demo/")} <= faces


def test_use_cases_neither_commit_nor_fetch_nor_log() -> None:
    for path in (ROOT / "registry" / "usecases").rglob("*.py"):
        calls = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert calls & {"commit", "rollback", "getLogger"} == set(), name(path)


def test_nothing_waits_to_be_done() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")
    assert [name(path) for path in (*SOURCES, *TESTS) for mark in marks if mark in path.read_text()] == []


def test_tests_use_no_mocks() -> None:
    mocked = ("unittest." + "mock", "Magic" + "Mock", "mock" + "er")
    assert [name(path) for path in TESTS for word in mocked if word in path.read_text()] == []


def test_every_way_round_a_tool_gives_its_reason() -> None:
    """`# noqa: RULE  reason`, `# type: ignore[code]  # noqa...`: never without saying which rule."""
    for path in (*SOURCES, *TESTS):
        for line in path.read_text().splitlines():
            assert "# noqa" + "\n" not in line + "\n", name(path)
            assert not line.rstrip().endswith("# type: " + "ignore"), name(path)
