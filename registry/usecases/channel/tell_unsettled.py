"""Tell a person of a month that is long over and not settled: nobody else would miss what nobody states."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.channel.reconciliation import Month
from registry.store import reconciliations, tasks
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from registry.usecases.channel.settle_months import Ends, subject_of, unstated

PATIENCE = timedelta(days=3)
"""How long after its end a month may stay unsettled: a statement waits a day at most for a mirror."""


def tell_unsettled(tx: Session, ends: Ends, *, at: datetime) -> int:
    """Open a task for each direction of a month that should be settled by now, close it once it is; return how many.

    Of a node that states nothing at all the first month that it has not stated is named.
    """
    due = Month.of(at - PATIENCE)
    late = {(Month.parse(month), by) for month, by in reconciliations.unsettled(tx, ends.peer, due.encode())}
    for issuer in (ends.own, ends.peer):
        month = unstated(tx, ends, issuer)
        if month is not None and month < due:
            late.add((month, issuer))
    waiting: dict[str, dict[str, Json]] = {
        subject_of(month.encode(), issuer, ends.peer): {"month": month.encode(), "issuer": issuer, "peer": ends.peer}
        for month, issuer in late
    }
    for subject, detail in waiting.items():
        tasks.open_task(tx, TaskKind.RECONCILIATION_WAITING, subject, detail, role=Role.OPERATOR, at=at)
    open_ = [each for each in tasks.open_tasks(tx, TaskKind.RECONCILIATION_WAITING) if each.detail["peer"] == ends.peer]
    over = [each.subject for each in open_ if each.subject not in waiting]
    tasks.close_tasks(tx, TaskKind.RECONCILIATION_WAITING, over, at=at)
    return len(waiting)
