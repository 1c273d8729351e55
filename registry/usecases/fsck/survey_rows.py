"""Read every row as it stands, and collect what does not agree: nothing that may stand there stops the reading.

Rows come in batches from a cursor of the server, so memory does not grow with the tables. A time that no signed thing
can say (infinity, a year beyond four digits) is read as the nearest that Python can hold, and JSON that is no object as
one that nobody wrote: each is then found to differ from what was signed.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeAlias, TypeVar

import orjson
from sqlalchemy import ColumnElement, Date, DateTime, Select, Text, case, cast, inspect, literal, select
from sqlalchemy import Row as FoundRow
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from registry.core import canonical
from registry.core.canonical import Json
from registry.store.database import Row

RowT = TypeVar("RowT", bound=Row)
Query: TypeAlias = Select[*tuple[Any, ...]]
Found: TypeAlias = FoundRow[*tuple[Any, ...]]
Tell = Callable[[str, int], None]
"""Hears how many rows of what were read so far."""
BATCH = 500
UNREADABLE: Mapping[str, Json] = {"unreadable": True}
"""Stands where JSON is no object, or none that was ever written here."""
_SPANS = {
    DateTime: (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)),
    Date: (date(1, 1, 2), date(9999, 12, 30)),
}


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Where something is not what the signed bytes, or another table, say it is."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass
class Survey:
    """One run over a database: what was read, and what does not agree."""

    tx: Session
    tell: Tell = lambda _what, _count: None
    checked: Counter[str] = field(default_factory=Counter)
    found: list[Discrepancy] = field(default_factory=list)

    def say(self, where: str, what: str) -> None:
        """Note a discrepancy."""
        self.found.append(Discrepancy(where, what))

    def differ(self, where: str, row: object, derived: Mapping[str, object], told: str = "was signed") -> None:
        """Note which columns of a row are not what they are derived to be."""
        wrong = [name for name, value in derived.items() if getattr(row, name) != value]
        if wrong:
            self.say(where, f"its columns are not what {told}: {', '.join(wrong)}")

    def count(self, what: str) -> None:
        """Count a row that was read."""
        self.checked[what] += 1
        if self.checked[what] % BATCH == 0:
            self.tell(what, self.checked[what])

    def rows(
        self, entity: type[RowT], query: Query | None = None, *, batch: int = BATCH, counted: bool = True
    ) -> Iterator[tuple[RowT, Found]]:
        """Read the rows of a query that `of` began, each as its entity, beside what else the query asks for."""
        keys = [attribute.key for attribute in inspect(entity).column_attrs]
        objects = {each.key for each in inspect(entity).column_attrs if isinstance(each.columns[0].type, JSONB)}
        for row in self.stream(of(entity) if query is None else query, batch=batch):
            if counted:
                self.count(entity.__tablename__)
            values = dict(zip(keys, row, strict=False))
            yield entity(**{name: read_object(each) if name in objects else each for name, each in values.items()}), row

    def stream(self, query: Query, *, batch: int = BATCH) -> Iterator[Found]:
        """Read the rows of a query in batches, by a cursor of the server."""
        with self.tx.execute(query.execution_options(yield_per=batch)) as result:  # closed, too, where it is left early
            yield from result


def of(entity: type[Row], *more: Any) -> Query:
    """Begin a query for the rows of a table and what stands beside them, so that every value can be read."""
    attributes = inspect(entity).column_attrs
    return select(*(readable(each.class_attribute).label(each.key) for each in attributes), *more)


def readable(column: Any) -> ColumnElement[Any]:
    """Return a column so that whatever stands in it can be read: JSON as text, times within what Python can hold."""
    if isinstance(column.type, JSONB):
        return cast(column, Text)
    for kind, (first, last) in _SPANS.items():
        if isinstance(column.type, kind):
            return case((column < first, literal(first)), (column > last, literal(last)), else_=column)
    found: ColumnElement[Any] = column
    return found


def read_object(text: str | None) -> Mapping[str, Any] | None:
    """Read a JSON column; `UNREADABLE` where it is no object that can be written again, None where it is absent."""
    if text is None:
        return None
    try:
        value = orjson.loads(text)
        canonical.encode(value)
    except (orjson.JSONDecodeError, TypeError):
        return UNREADABLE
    return value if isinstance(value, dict) else UNREADABLE
