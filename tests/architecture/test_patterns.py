"""What reads texts of strangers reads them in linear time, and nothing that comes in is inflated, run or laid out."""

import ast
import importlib
import re
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import pytest

AnyPattern: TypeAlias = re.Pattern[str] | re.Pattern[bytes]
ROOT = Path(__file__).parents[2]
LENGTH, BUDGET = 50_000, 0.05
REPEATED = ("a", "A", "0", "1", " ", "-", ".", "/", ":", '"', '\\"', "{", "a.", "a-", "1-", "x000/", "ж", "\n")
ENDS = ("", "!", "\0")
SEARCHES = {"search", "findall", "finditer", "sub", "split"}
LEFT_ALONE = {
    "base45",
    "bz2",
    "cbor2",
    "csv",
    "gzip",
    "jinja2",
    "lzma",
    "marshal",
    "pickle",
    "tarfile",
    "zipfile",
    "zlib",
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "registry").rglob("*.py")):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts), ast.parse(path.read_text())


def compiled() -> Iterator[tuple[str, AnyPattern, bool]]:
    """Return each pattern that is compiled, by the module that does so, and whether it is looked for in a text."""
    for module, tree in sources():
        searched = {
            ast.unparse(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in SEARCHES
        }
        names = {node.value: ast.unparse(node.targets[0]) for node in ast.walk(tree) if isinstance(node, ast.Assign)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile":
                pattern = eval(ast.unparse(node), vars(importlib.import_module(module)))  # noqa: S307  our own text
                yield module, pattern, names.get(node) in searched


PATTERNS = list(compiled())


@pytest.mark.parametrize(
    ("pattern", "searched"),
    [each[1:] for each in PATTERNS],
    ids=[f"{each[0]}-{number}" for number, each in enumerate(PATTERNS)],
)
def test_no_text_keeps_a_pattern_busy(pattern: AnyPattern, searched: bool) -> None:  # noqa: FBT001  a table of cases
    for repeated, end in product(REPEATED, ENDS):
        text = repeated * (LENGTH // len(repeated)) + end
        given = text.encode() if isinstance(pattern.pattern, bytes) else text
        ask: Callable[[Any], object] = pattern.search if searched else pattern.fullmatch
        assert _spent(ask, given) < BUDGET or min(_spent(ask, given) for _ in range(3)) < BUDGET, (repeated, end)


def test_nothing_that_comes_in_is_inflated_run_or_laid_out() -> None:
    """Compressed, binary and spreadsheet forms bring their own limits when they come: each has to be thought of."""
    used = {
        (module, name.partition(".")[0])
        for module, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
    }
    assert [(module, name) for module, name in sorted(used) if name in LEFT_ALONE] == []


def _spent(ask: Callable[[Any], object], given: str | bytes) -> float:
    began = time.thread_time()
    ask(given)
    return time.thread_time() - began
