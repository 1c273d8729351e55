"""What a process says: one line of JSON each, in which nothing that a stranger sent begins a line of its own."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from registry import lines
from registry.lines import ASKED, Asked, Lines, tell

LOG = logging.getLogger("registry.tests")
HOSTILE = "a\r\nb\x00\x1b[2Jc\x7f\x85\x9b1m\u2028\u202e ОАО"


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """Let this process say lines, and leave its loggers as they were."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.handlers.clear()  # those that pytest put there are put back, not closed
    stream = io.StringIO()
    lines.begin(stream, node="by.registry.example", process="serve")
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_says_when_how_grave_where_and_what(said: io.StringIO) -> None:
    tell(LOG, "key.used", level=logging.WARNING, key="by.registry.example/log", times=3)
    assert said.getvalue().count("\n") == 1
    line = json.loads(said.getvalue())
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "warning",
        "node": "by.registry.example",
        "process": "serve",
        "event": "key.used",
        "key": "by.registry.example/log",
        "times": 3,
    }


def test_no_control_character_leaves_as_one(said: io.StringIO) -> None:
    tell(LOG, HOSTILE, member=HOSTILE)
    LOG.warning("%s", HOSTILE)
    text = said.getvalue()
    assert text.count("\n") == 2
    assert text.replace("\n", "").isascii()
    assert all(character.isprintable() for character in text.replace("\n", ""))
    line = json.loads(text.splitlines()[0])
    assert (line["event"], line["member"]) == (HOSTILE, HOSTILE)


def test_half_of_a_surrogate_pair_is_written_too() -> None:
    """Made by hand: what is logged is reported, and no report of tests can carry it."""
    half = "a\ud800b"
    record = logging.LogRecord("registry.tests", logging.WARNING, __file__, 1, "%s", (half,), None)
    text = Lines({"node": "by.registry.example"}).format(record)
    assert text.isascii()
    assert json.loads(text)["event"] == half


def test_a_line_belongs_to_the_request_that_is_answered(said: io.StringIO) -> None:
    before = ASKED.set(Asked("5eed"))
    tell(LOG, "within")
    ASKED.reset(before)
    tell(LOG, "after")
    within, after = (json.loads(line) for line in said.getvalue().splitlines())
    assert (within["request"], "request" in after) == ("5eed", False)


def test_a_fault_is_told_by_its_kind_and_place_never_by_what_it_holds(said: io.StringIO) -> None:
    try:
        int("passport MP1234567")
    except ValueError:
        LOG.exception("died")
    text = said.getvalue()
    assert "MP1234567" not in text
    line = json.loads(text)
    assert (line["event"], line["fault"]) == ("died", "ValueError")
    assert "test_lines.py" in line["from"][-1]


def test_what_nobody_listens_to_costs_nothing(said: io.StringIO) -> None:
    tell(LOG, "detail", level=logging.DEBUG)
    assert said.getvalue() == ""
