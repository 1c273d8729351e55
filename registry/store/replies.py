"""Replies kept for retries: the same key gives the same bytes, and never does the work twice (PROMISES D5)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, RowMapping, Text, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row
from registry.store.tokens import BEARER


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
_BEARER = BEARER.cte("bearer")
_RESERVED = (
    insert(_TABLE)
    .from_select(
        ["person", "key", "request", "at"],
        select(_BEARER.c.id, bindparam("key", type_=Text), bindparam("request", type_=Text), bindparam("at")),
    )
    .on_conflict_do_nothing(index_elements=["person", "key"])
    .returning(_TABLE.c.key)
    .cte("reserved")
)
_OPEN = select(_BEARER, select(_RESERVED.c.key).exists().label("first"))
_KEEP = update(_TABLE).where(_TABLE.c.person == bindparam("of"), _TABLE.c.key == bindparam("under"))


def open_reply(tx: Session, sha256: bytes, key: str, request: str, at: datetime) -> RowMapping | None:
    """Return who a living token belongs to, with their key reserved, as the first statement of a transaction.

    `first` tells whether it is theirs to answer under. A racer waits at the primary key until the first has committed.
    """
    given = {"sha256": sha256, "key": key, "request": request, "at": at}
    return tx.execute(_OPEN, given).mappings().one_or_none()


def kept(tx: Session, person: str, key: str) -> Reply:
    """Return the reply that was kept under a key."""
    return tx.scalars(select(Reply).where(Reply.person == person, Reply.key == key)).one()


def keep(tx: Session, person: str, key: str, *, status: int, headers: dict[str, str], body: bytes) -> None:
    """Keep the reply in the transaction that did the work."""
    tx.execute(_KEEP, {"of": person, "under": key, "status": status, "headers": headers, "body": body})
