"""What a process says while it works: one line of JSON for each thing, without secrets or personal data.

A line names people and organisations by their ids alone, and says of a fault where it came from, never what it held.
Control characters are escaped, so that nothing that a stranger sent can begin a line of its own (ASVS 16.4.1).
"""

import json
import logging
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

Member = str | int | float | bool | None
FRAMES = 12
"""The innermost frames of a fault that a line tells."""


@dataclass(slots=True)
class Asked:
    """The request that is answered now: its id, who asks as far as it is known, and the code of its refusal."""

    id: str
    person: str | None = None
    organisation: str | None = None
    code: str | None = None


ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)
"""Ties what is said while a request is answered to the line of that request."""


def tell(log: logging.Logger, event: str, /, *, level: int = logging.INFO, **members: Member) -> None:
    """Say that something happened, with what is to be known of it."""
    if log.isEnabledFor(level):
        log.log(level, event, extra={"members": members})


def begin(stream: TextIO, **always: Member) -> None:
    """Let everything that this process says be lines on `stream`, each with the members `always`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines(always))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("alembic", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)


class Lines(logging.Formatter):
    """Writes a record as one line: when, how grave, what, and the request that it belongs to."""

    def __init__(self, always: Mapping[str, Member]) -> None:
        super().__init__()
        self.always = dict(always)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        asked = ASKED.get()
        members: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self.always,
            "event": record.getMessage(),
            **({} if asked is None else {"request": asked.id}),
            **getattr(record, "members", {}),
        }
        if record.exc_info is not None and record.exc_info[1] is not None:
            members |= _fault(record.exc_info[1])
        return json.dumps(members).replace("\x7f", "\\u007f")


def _fault(error: BaseException) -> dict[str, object]:
    """Return kind and place of a fault: what an exception says may hold what a person typed."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return {
        "fault": type(error).__name__,
        "from": [f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    }
