"""Compare the peer's log with what it delivered: each certificate for us is in both, or a person is told."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from registry.core.canonical import JsonObject
from registry.core.channel.message import Message
from registry.core.envelope.jose import Envelope, Typ
from registry.core.identifiers import log_origin
from registry.store import mirror, open_messages, tasks, witness
from registry.store.parties import Role
from registry.store.tasks import Task, TaskKind
from registry.usecases.channel.settle_months import digest_brought

_KINDS = (TaskKind.CERTIFICATE_NOT_DELIVERED, TaskKind.CERTIFICATE_NOT_LOGGED, TaskKind.MIRROR_BEHIND)
PATIENCE = timedelta(minutes=10)
"""How long log and channel may differ: messages and entries come on two ways (formats 11, "Completeness")."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What our witness cosigned of a log and its mirror has not reached, and since when that is known.

    The time of a cosignature would not do: each heartbeat makes it new.
    """

    size: int
    since: datetime


def await_mirror(tx: Session, node: str, wanted: Wanted | None, *, at: datetime) -> Wanted | None:
    """Return what the mirror of a node's log is to reach: what it was, until that is there; None where all is."""
    origin = log_origin(node)
    mirrored, stands = mirror.root_of(mirror.head(tx, origin))[0], witness.head(tx, origin)
    if wanted is not None and mirrored < wanted.size:
        return wanted
    return Wanted(stands.size, at) if stands is not None and stands.size > mirrored else None


def reconcile(tx: Session, country: str, node: str, wanted: Wanted | None, *, at: datetime) -> int:
    """Open a task for each certificate, and each change of one, that only a node's log or only the channel knows.

    A mirror that stays behind what our witness cosigned is named too: what the peer does not show cannot be compared.
    What was refused was delivered: its refusal is on record. A task closes when the other side has come. Returns how
    many are open. A run opens up to a thousand of each kind, so that a peer's lies are named without stopping us.
    """
    origin, due = log_origin(node), at - PATIENCE
    came = _not_kept(tx)
    _close(tx, origin, came, at)
    missing: dict[str, JsonObject] = {
        f"{origin} {row.index}": {"origin": origin, "index": row.index, "digest": row.digest}
        for row in mirror.not_delivered(tx, origin, country, due, sorted(came))
    }
    unlogged: dict[str, JsonObject] = {
        digest: {"origin": origin, "certificate": certificate, "digest": digest}
        for certificate, digest in mirror.not_logged(tx, origin, node, due)
    }
    lagging: dict[str, JsonObject] = {}
    if wanted is not None and wanted.since <= due:
        lagging[origin] = {"origin": origin, "cosigned": wanted.size}
    for kind, found in (
        (TaskKind.CERTIFICATE_NOT_DELIVERED, missing),
        (TaskKind.CERTIFICATE_NOT_LOGGED, unlogged),
        (TaskKind.MIRROR_BEHIND, lagging),
    ):
        for subject, detail in found.items():
            tasks.open_task(tx, kind, subject, detail, role=Role.OPERATOR, at=at)
    if wanted is None:
        tasks.close_tasks(tx, TaskKind.MIRROR_BEHIND, [origin], at=at)
    return sum(len(_open(tx, kind, origin)) for kind in _KINDS)


def _close(tx: Session, origin: str, came: set[str], at: datetime) -> None:
    """Close the tasks of a log whose other side has come."""
    for kind in (TaskKind.CERTIFICATE_NOT_DELIVERED, TaskKind.CERTIFICATE_NOT_LOGGED):
        open_ = {task.subject: str(task.detail["digest"]) for task in _open(tx, kind, origin)}
        kept, logged = mirror.settled(tx, origin, list(open_.values()))
        settled = logged if kind is TaskKind.CERTIFICATE_NOT_LOGGED else kept | came
        tasks.close_tasks(tx, kind, [subject for subject, digest in open_.items() if digest in settled], at=at)


def _open(tx: Session, kind: TaskKind, origin: str) -> list[Task]:
    return [task for task in tasks.open_tasks(tx, kind, limit=None) if task.detail["origin"] == origin]


def _not_kept(tx: Session) -> set[str]:
    """Return the digests of what came and was not simply accepted: some of it is in no other table."""
    messages = (
        Message.parse(Envelope.parse(row.envelope, Typ.MESSAGE).payload) for row in open_messages.not_accepted(tx)
    )
    return {digest for digest in map(digest_brought, messages) if digest is not None}
