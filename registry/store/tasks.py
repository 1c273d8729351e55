"""What waits for a person: opened once for a thing, closed when it is so no more."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    Text,
    any_,
    bindparam,
    func,
    select,
    tuple_,
    update,
)
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
    ANNULLED_AFTER_USE = "certificate.annulled-after-use"
    """A certificate that customs found good here was annulled since."""
    SIGNER_REVOKED_AFTER_USE = "signer.revoked-after-use"
    """A certificate that customs found good here was signed by a key that is revoked from before."""
    SIGNER_REVOKED_UNDATED = "signer.revoked-undated"
    """What a body said beside a certificate by a key that is revoked since, and nobody had seen before, stays open."""
    APPLICATION_OVERDUE = "application.overdue"
    """The working days to issue are over, and the application is not decided."""
    MESSAGES_WAITING = "messages.waiting"
    """A peer has given no receipt for so long that a person should ask there."""
    RECONCILIATION_DIFFERS = "reconciliation.differs"
    """What two nodes say of a month is not the same."""
    RECONCILIATION_WAITING = "reconciliation.waiting"
    """A month is long over, and one of the two nodes has not said what it must."""
    MESSAGE_REFUSED = "message.refused"
    """What a peer sent was refused here."""
    RECEIPT_REFUSED = "receipt.refused"
    """What was sent was refused by the peer."""
    CHANNEL_FORK = "channel.fork"
    """A peer signed two messages of one number."""
    EPOCH_OFFERED = "epoch.offered"
    """A peer numbers its messages anew, and two people here have not agreed to it."""
    ENTRY_LOST = "certificate.entry-lost"
    """Our log says something of a certificate for another country, and what it was is lost here and was not sent."""
    CERTIFICATE_TWICE = "certificate.twice"
    """A certificate came back that stands beside another for the same thing."""


ALARMS = frozenset(
    {
        TaskKind.LOG_SPLIT,
        TaskKind.WITNESS_AHEAD,
        TaskKind.CERTIFICATE_NOT_DELIVERED,
        TaskKind.MIRROR_BEHIND,
        TaskKind.CERTIFICATE_NOT_LOGGED,
        TaskKind.RECONCILIATION_DIFFERS,
        TaskKind.MESSAGE_REFUSED,
        TaskKind.RECEIPT_REFUSED,
        TaskKind.CHANNEL_FORK,
        TaskKind.ENTRY_LOST,
        TaskKind.CERTIFICATE_TWICE,
    }
)
"""Kinds of what must never be: someone failed or cheats, here or at the peer."""


class Task(Row):
    """Something that a person must look at; of one kind and subject one is open at a time.

    It is for those of `role`, in every organisation or in one. Most close when the thing is so no more; a person who
    closes one says why.
    """

    __tablename__ = "task"
    __table_args__ = (
        one_of("kind", TaskKind),
        CheckConstraint(
            "(closed_by IS NULL) = (reason IS NULL) AND (closed_by IS NULL OR closed_at IS NOT NULL)",
            name="closed_with_reason",
        ),
        Index(None, "opened_at", "id"),
        Index("uq_task_open", "kind", "subject", unique=True, postgresql_where="closed_at IS NULL"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    role: Mapped[str]
    organisation: Mapped[str | None] = mapped_column(ForeignKey("organisation.id"))
    detail: Mapped[dict[str, Any]]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str | None]


def open_task(
    tx: Session,
    kind: TaskKind,
    subject: str,
    detail: JsonObject,
    *,
    role: str,
    at: datetime,
    organisation: str | None = None,
) -> bool:
    """Open a task, unless one of this kind and subject is open; tells whether it is new."""
    opened = insert(Task).values(
        kind=kind, subject=subject, role=role, organisation=organisation, detail=detail, opened_at=at
    )
    unless = opened.on_conflict_do_nothing(index_elements=["kind", "subject"], index_where=Task.closed_at.is_(None))
    return tx.scalar(unless.returning(Task.id)) is not None


_TASKS = Row.metadata.tables["task"]
_CLOSE = (
    update(_TASKS)
    .where(
        _TASKS.c.kind == bindparam("of"),
        _TASKS.c.subject == any_(bindparam("about", type_=ARRAY(Text))),
        _TASKS.c.closed_at.is_(None),
    )
    .values(closed_at=bindparam("at"))
)


def close_tasks(tx: Session, kind: TaskKind, subjects: Sequence[str], *, at: datetime) -> None:
    """Close the open tasks of a kind about these subjects."""
    tx.execute(_CLOSE, {"of": kind, "about": list(subjects), "at": at})


def page(
    tx: Session,
    *,
    roles: Collection[str],
    organisation: str,
    after: tuple[datetime, int] | None,
    limit: int,
    kind: TaskKind | None = None,
    is_open: bool | None = None,
) -> Sequence[Task]:
    """Return the tasks of someone of an organisation with these roles, newest first, before the position `after`."""
    query = select(Task).where(_is_for(roles, organisation)).order_by(Task.opened_at.desc(), Task.id.desc())
    if after is not None:
        query = query.where(tuple_(Task.opened_at, Task.id) < after)
    if kind is not None:
        query = query.where(Task.kind == kind)
    if is_open is not None:
        query = query.where(Task.closed_at.is_(None) == is_open)
    return tx.scalars(query.limit(limit)).all()


def task(tx: Session, id: int, *, roles: Collection[str], organisation: str, lock: bool = False) -> Task | None:
    """Return a task if it is for someone of an organisation with these roles."""
    query = select(Task).where(Task.id == id, _is_for(roles, organisation))
    return tx.scalar(query.with_for_update() if lock else query)


def _is_for(roles: Collection[str], organisation: str) -> ColumnElement[bool]:
    return Task.role.in_(roles) & (Task.organisation.is_(None) | (Task.organisation == organisation))


def was_opened(tx: Session, kind: TaskKind, subject: str) -> bool:
    """Tell whether a task of this kind and subject was ever opened."""
    return tx.scalar(select(Task.id).where(Task.kind == kind, Task.subject == subject).limit(1)) is not None


def open_tasks(tx: Session, kind: TaskKind | None = None, limit: int | None = 1000) -> Sequence[Task]:
    """Return open tasks, oldest first."""
    query = select(Task).where(Task.closed_at.is_(None)).order_by(Task.opened_at, Task.id).limit(limit)
    return tx.scalars(query if kind is None else query.where(Task.kind == kind)).all()


def count_open(tx: Session) -> dict[str, int]:
    """Return how many tasks of each kind are open; nought where none is."""
    open_ = select(Task.kind, func.count()).where(Task.closed_at.is_(None)).group_by(Task.kind)
    return {kind.value: 0 for kind in TaskKind} | {row[0]: row[1] for row in tx.execute(open_)}
