"""Tell people of what the log says of certificates and is lost here: only they can find out what it was."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.calendar import write_instant
from registry.core.tlog.entry import Kind, Leaf
from registry.store import log, mirror, tasks
from registry.store.parties import Role
from registry.store.tasks import TaskKind

_CARRIED = frozenset({Kind.CERTIFICATE_ISSUED, Kind.CERTIFICATE_STATUS, Kind.CERTIFICATE_CLARIFIED})


def tell_lost(tx: Session, *, at: datetime) -> list[str]:
    """Open a task for each leaf without its act about a certificate for another country, where what it was is not here.

    No message can carry it, so our word stays as old as the leaf while the task is open (decision 0045). A person
    closes it once the body has done again what is still to be done; it closes by itself where the very thing came
    back. Returns the digests that tasks are open for.
    """
    leaves = _recovered(tx)
    here = mirror.came(tx, list(leaves))
    tasks.close_tasks(tx, TaskKind.ENTRY_LOST, sorted(here), at=at)
    for digest in sorted(leaves.keys() - here):
        index, leaf = leaves[digest]
        if tasks.was_opened(tx, TaskKind.ENTRY_LOST, digest):
            continue
        detail = {"index": index, "kind": leaf.kind.value, "at": write_instant(leaf.at), "by": leaf.by, "to": leaf.to}
        tasks.open_task(tx, TaskKind.ENTRY_LOST, digest, detail, role=Role.OPERATOR, at=at)
    return [task.subject for task in tasks.open_tasks(tx, TaskKind.ENTRY_LOST, limit=None)]


def _recovered(tx: Session) -> Mapping[str, tuple[int, Leaf]]:
    leaves = ((row.index, Leaf.parse(row.leaf)) for row in log.recovered(tx))
    return {str(leaf.digest): (index, leaf) for index, leaf in leaves if leaf.kind in _CARRIED}
