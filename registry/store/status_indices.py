"""Indices of status lists that were drawn: none is given to two certificates, and none is ever free again."""

from collections.abc import Iterable

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row


class StatusIndex(Row):
    """An index of a status list that was drawn, for ever."""

    __tablename__ = "status_index"

    list: Mapped[str] = mapped_column(primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)


_INDICES = Row.metadata.tables["status_index"]
_TAKE = insert(_INDICES).on_conflict_do_nothing().returning(_INDICES.c.index)


def draw_index(tx: Session, status_list: str, candidates: Iterable[int]) -> int:
    """Take the first of `candidates` that no certificate of this list was given; indices are never reused."""
    for candidate in candidates:
        if tx.scalar(_TAKE, {"list": status_list, "index": candidate}) is not None:
            return candidate
    raise AssertionError("the status list is full")


def take_index(tx: Session, status_list: str, index: int, *, length: int) -> bool:
    """Take an index that was drawn elsewhere; tells whether it is in the list and no certificate was given it."""
    return index < length and tx.scalar(_TAKE, {"list": status_list, "index": index}) is not None


def keep_index(tx: Session, status_list: str, index: int) -> None:
    """Count an index of a status list as drawn."""
    tx.execute(_TAKE, {"list": status_list, "index": index})
