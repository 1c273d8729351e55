"""The serials of each body: a counter a year, which only grows and gives no serial twice."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row


class NumberCounter(Row):
    """The last serial of a body in a year; its row is taken last in the transaction that issues."""

    __tablename__ = "number_counter"

    body: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


_COUNTERS = Row.metadata.tables["number_counter"]
_ALLOT = (
    insert(_COUNTERS)
    .on_conflict_do_update(index_elements=["body", "year"], set_={"last": _COUNTERS.c.last + 1})
    .returning(_COUNTERS.c.last)
)


def allot(tx: Session, body: str, year: int) -> int:
    """Allot the next serial of a body's year; the row stays locked, so this comes last before signing."""
    serial: int = tx.scalars(_ALLOT, {"body": body, "year": year, "last": 1}).one()
    return serial


def lock(tx: Session, body: str, year: int) -> int:
    """Return the last serial that was allotted to a body in a year; none is allotted until the transaction ends."""
    last: int | None = tx.scalar(
        insert(NumberCounter)
        .values(body=body, year=year, last=0)
        .on_conflict_do_update(index_elements=["body", "year"], set_={"last": NumberCounter.last})
        .returning(NumberCounter.last)
    )
    assert last is not None
    return last


def skip(tx: Session, body: str, year: int, count: int) -> int:
    """Leave the next `count` serials of a body's year unused for ever; return the last one that now counts as given."""
    skipped = insert(NumberCounter).values(body=body, year=year, last=count)
    last: int | None = tx.scalar(
        skipped.on_conflict_do_update(
            index_elements=["body", "year"], set_={"last": NumberCounter.last + count}
        ).returning(NumberCounter.last)
    )
    assert last is not None
    return last
