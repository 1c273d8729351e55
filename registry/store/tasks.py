"""What waits for a person: opened once for a thing, closed when it is so no more."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.canonical import JsonObject
from registry.store.database import Row, one_of


class TaskKind(StrEnum):
    """What a task is about."""

    LOG_SPLIT = "log.split"
    """A log showed two histories: the evidence is kept."""
    WITNESS_AHEAD = "witness.ahead"
    """A witness has cosigned more of our log than we hold."""
    CERTIFICATE_NOT_DELIVERED = "certificate.not-delivered"
    """The peer's log holds a certificate for us that never came."""
    MIRROR_BEHIND = "mirror.behind"
    """The peer does not show what our witness cosigned of its log."""
    CERTIFICATE_NOT_LOGGED = "certificate.not-logged"
    """A certificate came that the peer's log does not hold."""


class Task(Row):
    """Something that a person must look at; of one kind and subject one is open at a time."""

    __tablename__ = "task"
    __table_args__ = (
        one_of("kind", TaskKind),
        Index("uq_task_open", "kind", "subject", unique=True, postgresql_where="closed_at IS NULL"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    role: Mapped[str]
    detail: Mapped[dict[str, Any]]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


def open_task(tx: Session, kind: TaskKind, subject: str, detail: JsonObject, *, role: str, at: datetime) -> bool:
    """Open a task, unless one of this kind and subject is open; tells whether it is new."""
    opened = insert(Task).values(kind=kind, subject=subject, role=role, detail=detail, opened_at=at)
    unless = opened.on_conflict_do_nothing(index_elements=["kind", "subject"], index_where=Task.closed_at.is_(None))
    return tx.scalar(unless.returning(Task.id)) is not None


def close_tasks(tx: Session, kind: TaskKind, subjects: Sequence[str], *, at: datetime) -> None:
    """Close the open tasks of a kind about these subjects."""
    tx.execute(
        update(Task)
        .where(Task.kind == kind, Task.subject.in_(subjects), Task.closed_at.is_(None))
        .values(closed_at=at)
        .execution_options(synchronize_session=False)
    )


def open_tasks(tx: Session, kind: TaskKind | None = None, limit: int = 1000) -> Sequence[Task]:
    """Return open tasks, oldest first."""
    query = select(Task).where(Task.closed_at.is_(None)).order_by(Task.opened_at, Task.id).limit(limit)
    return tx.scalars(query if kind is None else query.where(Task.kind == kind)).all()
