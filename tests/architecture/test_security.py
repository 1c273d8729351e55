"""The document on security names tests that exist, for every check, or says what is not held."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "api_docs" / "security.md"
ROW = re.compile(r"^\| (\d+)\. (.+?) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[^`:]+\.py)::([^`]+)`")


def test_every_check_has_its_row_and_every_row_its_tests_or_a_reason() -> None:
    rows = ROW.findall(DOCUMENT.read_text())
    assert [int(number) for number, _, _ in rows] == list(range(8, 33))
    for number, _, told in rows:
        assert NAMED.search(told), number


def test_every_test_that_is_named_exists() -> None:
    for path, name in NAMED.findall(DOCUMENT.read_text()):
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), f"{path}::{name}"
