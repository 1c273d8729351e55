"""Tasks: who sees which, and which of them a person closes, saying why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.calendar import write_instant
from registry.core.canonical import Json
from registry.core.errors import Conflict, NotFound
from registry.core.tlog.entry import Kind
from registry.store import acts, tasks
from registry.store.acts import Draw
from registry.store.parties import Role
from registry.store.tasks import Task, TaskKind
from registry.usecases.party.identify_party import Party

READERS = (Role.OPERATOR, Role.CUSTOMS, Role.EXAMINER)
BY_PERSON = frozenset(
    {
        *(TaskKind.LOG_SPLIT, TaskKind.ANNULLED_AFTER_USE, TaskKind.SIGNER_REVOKED_AFTER_USE),
        TaskKind.SIGNER_REVOKED_UNDATED,
        *(TaskKind.MESSAGE_REFUSED, TaskKind.RECEIPT_REFUSED, TaskKind.CHANNEL_FORK),
        *(TaskKind.RECONCILIATION_DIFFERS, TaskKind.ENTRY_LOST, TaskKind.CERTIFICATE_TWICE),
    }
)
"""Kinds that nothing but a person's look can settle."""


@dataclass(eq=False)
class TaskNotFound(NotFound):
    """No such task of the asker's role and organisation."""

    code: ClassVar[str] = "task-not-found"

    def __str__(self) -> str:
        return "there is no such task"


@dataclass(eq=False)
class TaskClosed(Conflict):
    """The task is closed already."""

    code: ClassVar[str] = "task-closed"
    since: str

    def __str__(self) -> str:
        return f"the task was closed at {self.since}"


@dataclass(eq=False)
class TaskClosesItself(Conflict):
    """The task closes when what it names is so no more: nobody can talk it away."""

    code: ClassVar[str] = "task-closes-itself"
    kind: str

    def __str__(self) -> str:
        return f"a task {self.kind} closes when what it names is so no more; nobody closes it"


def list_tasks(
    tx: Session,
    *,
    kind: TaskKind | None,
    is_open: bool | None,
    after: tuple[datetime, int] | None,
    limit: int,
    by: Party,
) -> Sequence[Task]:
    """Return the tasks of who asks, newest first."""
    by.require(*READERS)
    return tasks.page(
        tx, roles=by.roles, organisation=by.organisation, after=after, limit=limit, kind=kind, is_open=is_open
    )


def find_task(tx: Session, id: int, *, by: Party) -> Task:
    """Return a task of who asks. Raises `TaskNotFound`."""
    by.require(*READERS)
    found = tasks.task(tx, id, roles=by.roles, organisation=by.organisation)
    if found is None:
        raise TaskNotFound
    return found


def close(tx: Session, id: int, reason: str, *, by: Party, at: datetime, draw: Draw) -> Task:
    """Close a task that only a person can settle; why is an act.

    Raises `TaskNotFound`, `TaskClosed`, `TaskClosesItself`.
    """
    by.require(*READERS)
    found = tasks.task(tx, id, roles=by.roles, organisation=by.organisation, lock=True)
    if found is None:
        raise TaskNotFound
    if found.kind not in BY_PERSON:
        raise TaskClosesItself(found.kind)
    if found.closed_at is not None:
        raise TaskClosed(write_instant(found.closed_at))
    found.closed_at, found.closed_by, found.reason = at, by.person, reason
    private: dict[str, Json] = {"task": found.id, "kind": found.kind, "about": found.subject, "reason": reason}
    acts.record(tx, Kind.TASK_CLOSED, private, by=by.actor, at=at, draw=draw, subject=found.subject)
    tx.flush()
    return found
