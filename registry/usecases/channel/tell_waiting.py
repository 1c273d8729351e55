"""Tell a person when a peer gives no receipt: silence is measured, and nothing is dropped in it (formats 10)."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from registry.store import channel, tasks
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from registry.usecases.channel.find_unsent import find_unsent
from registry.usecases.trust.believe_peers import Beliefs

PATIENCE = timedelta(minutes=10)
"""How long a message may wait for its receipt before a person looks: as long as log and channel may differ."""


def tell_waiting(tx: Session, beliefs: Beliefs, own: str, *, at: datetime) -> int:
    """Open a task for each peer that has owed a receipt for too long, close it once none is owed; return how many owe.

    So it is where nothing was sent at all. However many messages wait, and for whatever reason, it is one task a peer
    until it is over. `own` is our country.
    """
    unsent, unanswered = find_unsent(tx, beliefs, own), channel.queues(tx)
    owed: dict[str, datetime] = {}
    for to, since in [*unsent.items(), *((to, since) for to, (_, since) in unanswered.items())]:
        if since + PATIENCE <= at:
            owed[to] = min(since, owed.get(to, since))
    for to, since in owed.items():
        tasks.open_task(tx, TaskKind.MESSAGES_WAITING, to, {"since": since.isoformat()}, role=Role.OPERATOR, at=at)
    over = [task.subject for task in tasks.open_tasks(tx, TaskKind.MESSAGES_WAITING) if task.subject not in owed]
    tasks.close_tasks(tx, TaskKind.MESSAGES_WAITING, over, at=at)
    return len(owed)
