"""Replies kept for retries: the same key gives the same bytes, and never does the work twice (PROMISES D5)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row


class Reply(Row):
    """What a person was answered under a key; empty while the transaction that answers is open."""

    __tablename__ = "reply"

    person: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request: Mapped[str]
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[bytes | None]
    at: Mapped[datetime]


_TABLE = Row.metadata.tables["reply"]
_RESERVE = insert(_TABLE).on_conflict_do_nothing(index_elements=["person", "key"]).returning(_TABLE.c.key)
_KEEP = update(_TABLE).where(_TABLE.c.person == bindparam("of"), _TABLE.c.key == bindparam("under"))


def open_reply(tx: Session, person: str, key: str, request: str, at: datetime) -> Reply | None:
    """Reserve a key, as the first statement of the transaction; return the kept reply where there is one.

    A racer waits at the primary key until the first has committed, and then reads its reply.
    """
    if tx.scalar(_RESERVE, {"person": person, "key": key, "request": request, "at": at}) is not None:
        return None
    return tx.scalar(select(Reply).where(Reply.person == person, Reply.key == key))


def keep(tx: Session, person: str, key: str, *, status: int, headers: dict[str, str], body: bytes) -> None:
    """Keep the reply in the transaction that did the work."""
    tx.execute(_KEEP, {"of": person, "under": key, "status": status, "headers": headers, "body": body})
