"""Compare the peer's log with what it delivered: each certificate for us is in both, or a person is told."""

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from registry.core.canonical import JsonObject
from registry.core.channel.message import Message, MessageKind
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Malformed
from registry.core.identifiers import log_origin
from registry.core.verification.presentation import Presentation
from registry.store import channel, mirror, tasks, witness
from registry.store.parties import Role
from registry.store.tasks import TaskKind

PATIENCE = timedelta(minutes=10)
"""How long log and channel may differ: messages and entries come on two ways (formats 11, "Completeness")."""


def reconcile(tx: Session, country: str, node: str, *, at: datetime) -> int:
    """Open a task for each certificate of a node that only its log or only the channel knows; return how many are open.

    A mirror that stays behind what our witness cosigned is named too: what the peer does not show cannot be compared.
    What was refused was delivered: its refusal is on record. A task closes when the other side has come.
    """
    due, origin = at - PATIENCE, log_origin(node)
    came = _not_kept(tx)
    missing: dict[str, JsonObject] = {
        f"{origin} {row.index}": {"origin": origin, "index": row.index, "digest": row.digest}
        for row in mirror.not_delivered(tx, origin, country, due)
        if row.digest not in came
    }
    stands, behind = witness.head(tx, origin), mirror.head(tx, origin)
    held_back = stands is not None and stands.at <= due and stands.size > mirror.root_of(behind)[0]
    lagging: dict[str, JsonObject] = (
        {origin: {"origin": origin, "cosigned": stands.size, "mirrored": mirror.root_of(behind)[0]}}
        if stands is not None and held_back
        else {}
    )
    unlogged: dict[str, JsonObject] = {
        row.id: {"origin": origin, "digest": row.digest} for row in mirror.not_logged(tx, origin, node, due)
    }
    for kind, found in (
        (TaskKind.CERTIFICATE_NOT_DELIVERED, missing),
        (TaskKind.CERTIFICATE_NOT_LOGGED, unlogged),
        (TaskKind.MIRROR_BEHIND, lagging),
    ):
        for subject, detail in found.items():
            tasks.open_task(tx, kind, subject, detail, role=Role.OPERATOR, at=at)
        open_ = [task.subject for task in tasks.open_tasks(tx, kind) if task.detail["origin"] == origin]
        tasks.close_tasks(tx, kind, [subject for subject in open_ if subject not in found], at=at)
    return len(missing) + len(unlogged) + len(lagging)


def _not_kept(tx: Session) -> set[str]:
    """Return the digests of certificates that came and were not simply accepted: some of them are in no other table."""
    digests: set[str] = set()
    for row in channel.not_accepted(tx):
        message = Message.parse(Envelope.parse(row.envelope, Typ.MESSAGE).payload)
        if message.kind is MessageKind.CERTIFICATE_ISSUED:
            with suppress(Malformed):  # what is no certificate is none of those that the log names
                digests.add(Envelope.parse(Presentation.of(message.body).certificate, Typ.CERTIFICATE).digest)
    return digests
