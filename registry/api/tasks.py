"""Tasks: what waits for a person of the operator, of customs, or of a certification body."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from registry.api.bodies import Reason
from registry.api.call import CallDep, LookDep, Reply
from registry.api.limits import StrictRoute
from registry.api.operation import Reach, operation
from registry.api.paging import LARGEST_NUMBER, Page, PlaceDep
from registry.core.calendar import write_instant
from registry.store.parties import Role
from registry.store.tasks import Task, TaskKind
from registry.usecases.node import close_task
from registry.usecases.node.close_task import READERS, TaskClosed, TaskClosesItself, TaskNotFound
from registry.usecases.party.identify_party import Party

router = APIRouter(prefix="/api/v1/tasks", tags=["tasks"], route_class=StrictRoute)
IdPath = Annotated[int, Path(ge=1, le=LARGEST_NUMBER)]
WHOSE = dict.fromkeys(READERS, Reach.ORGANISATION) | {Role.OPERATOR: Reach.NODE}


class TaskView(BaseModel):
    """Something that a person must look at: what it is about, whose it is, and whether and why it was closed."""

    id: int
    kind: str
    subject: str
    role: str
    detail: Annotated[dict[str, Any], Field(description="What is known; its members follow from the kind.")]
    opened_at: str
    closed_at: str | None
    closed_by: str | None
    reason: str | None

    @classmethod
    def of(cls, row: Task) -> "TaskView":
        """Render a row."""
        return cls(
            id=row.id,
            kind=row.kind,
            subject=row.subject,
            role=row.role,
            detail=row.detail,
            opened_at=write_instant(row.opened_at),
            closed_at=None if row.closed_at is None else write_instant(row.closed_at),
            closed_by=row.closed_by,
            reason=row.reason,
        )


@router.get("", **operation(Page[TaskView], roles=WHOSE))
def list_tasks(
    look: LookDep,
    place: PlaceDep,
    kind: Annotated[TaskKind | None, Query(description="Only tasks of this kind.")] = None,
    is_open: Annotated[bool | None, Query(alias="open", description="Only open ones, or only closed ones.")] = None,
) -> Response:
    """List the tasks of who asks, newest first."""
    after = place.numbered

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        rows = close_task.list_tasks(tx, kind=kind, is_open=is_open, after=after, limit=place.reach, by=by)
        shown, next_ = place.cut(rows, lambda row: (row.opened_at, str(row.id)))
        return Reply.of(Page[TaskView](items=[TaskView.of(row) for row in shown], next=next_))

    return look.answer(work)


@router.get("/{id}", **operation(TaskView, TaskNotFound, roles=WHOSE))
def show_task(id: IdPath, look: LookDep) -> Response:
    """Show a task."""

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        return Reply.of(TaskView.of(close_task.find_task(tx, id, by=by)))

    return look.answer(work)


@router.post("/{id}/close", **operation(TaskView, TaskNotFound, TaskClosed, TaskClosesItself, roles=WHOSE))
def close(id: IdPath, body: Reason, call: CallDep) -> Response:
    """Close a task that only a person can settle, saying why."""

    def work(tx: Session, by: Party, at: datetime) -> Reply:
        return Reply.of(TaskView.of(close_task.close(tx, id, body.reason, by=by, at=at, draw=call.node.draw)))

    return call.once(work)
