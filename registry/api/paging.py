"""Pages by key, not by number: a cursor says after which row to go on, and is opaque."""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from registry.api.problems import FaceProblem

LARGEST = 100
LARGEST_NUMBER = 2**63 - 1
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_NO_DAY = datetime.max.replace(tzinfo=UTC)
ItemT = TypeVar("ItemT", bound=BaseModel)
RowT = TypeVar("RowT")


class Page(BaseModel, Generic[ItemT]):
    """A page of a list; `next` is the cursor of the page that follows, absent on the last."""

    items: list[ItemT]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """How many rows, after which."""

    limit: int
    after: tuple[datetime, str] | None

    @property
    def reach(self) -> int:
        """How many rows to read: one more than shown tells whether there is another page."""
        return self.limit + 1

    @property
    def numbered(self) -> tuple[datetime, int] | None:
        """Where the page begins in a list whose rows of one second are told apart by a number."""
        if self.after is None:
            return None
        at, number = self.after
        if not _NUMBER.fullmatch(number) or int(number) > LARGEST_NUMBER:
            raise _unreadable()
        return at, int(number)

    @property
    def dated(self) -> tuple[date | None, str] | None:
        """Where the page begins in a list by day; rows of no day come last."""
        if self.after is None:
            return None
        at, row = self.after
        return (None if at == _NO_DAY else at.date()), row

    def cut(
        self, rows: Sequence[RowT], key: Callable[[RowT], tuple[datetime, str]]
    ) -> tuple[Sequence[RowT], str | None]:
        """Return the rows of this page, and the cursor of the next where there is one."""
        if len(rows) <= self.limit:
            return rows, None
        shown = rows[: self.limit]
        return shown, cursor(*key(shown[-1]))


async def place(
    limit: Annotated[int, Query(ge=1, le=LARGEST, description="Rows of a page.")] = 50,
    after: Annotated[str | None, Query(max_length=200, description="The cursor that the page before gave.")] = None,
) -> Place:
    """Read where a page begins."""
    return Place(limit, None if after is None else _decode(after))


PlaceDep = Annotated[Place, Depends(place)]


def noon_of(day: date | None) -> datetime:
    """Return the instant by which a cursor names a day, or none."""
    return _NO_DAY if day is None else datetime.combine(day, time(12), UTC)


def cursor(at: datetime, id: str) -> str:
    """Return the cursor of what follows a row."""
    return base64.urlsafe_b64encode(f"{at.astimezone(UTC).isoformat()} {id}".encode()).rstrip(b"=").decode()


def _decode(given: str) -> tuple[datetime, str]:
    try:
        text = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True).decode()
        at, _, row = text.partition(" ")
        position = datetime.fromisoformat(at), row
        spelled = cursor(*position)
    except (ValueError, OverflowError):
        raise _unreadable() from None
    if position[0].tzinfo is None or spelled != given or "\0" in row:
        raise _unreadable()
    return position


def _unreadable() -> FaceProblem:
    return FaceProblem("cursor-unreadable", "the cursor is not one that a page gave")
