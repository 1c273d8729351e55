"""Messages of peers that could not simply be accepted when they came: a newer list or agreement may let them be.

What nobody who counts has signed is set aside, and holds up no certificate. What waits for a key is judged again once a
list knows that key: thousands of such messages cost an adoption nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, bindparam, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from registry.core.channel.message import MessageKind
from registry.core.channel.receipt import Outcome
from registry.store import carried
from registry.store.certificates import CertificateRow
from registry.store.messages import MessageIn


@dataclass(frozen=True, slots=True)
class OpenChanges:
    """Changes of one certificate that could not be judged when they came, each with its message and when that was.

    `waits`: another is by a key that no list knows, and one that is on its way may know.
    """

    came: Sequence[tuple[str, datetime]]
    waits: bool


def not_accepted(tx: Session) -> Sequence[MessageIn]:
    """Return the messages that were not simply accepted and are not set aside, in order.

    A certificate that is here by now with its proof has nothing more to come by.
    """
    return tx.scalars(_not_accepted().where(MessageIn.set_aside_at.is_(None))).all()


def to_judge(tx: Session, known: Collection[str]) -> Sequence[MessageIn]:
    """Return the messages that are judged again when these keys are known, in order, those set aside for one with them.

    Whoever was set aside too early comes back: a list that knows its key says so.
    """
    undecided = MessageIn.waits_for.is_(None) & MessageIn.set_aside_at.is_(None)
    return tx.scalars(_not_accepted().where(or_(undecided, MessageIn.waits_for.in_(known)))).all()


def _not_accepted() -> Select[MessageIn]:
    proved = select(CertificateRow.id).where(
        CertificateRow.id == MessageIn.certificate, CertificateRow.proof.is_not(None)
    )
    settled = MessageIn.kind.in_([MessageKind.CERTIFICATE_ISSUED, MessageKind.CERTIFICATE_LOGGED]) & proved.exists()
    query = select(MessageIn).where(MessageIn.outcome != Outcome.ACCEPTED, ~settled)
    return query.order_by(MessageIn.from_, MessageIn.epoch, MessageIn.seq)


_OPEN = (
    (MessageIn.kind == MessageKind.CERTIFICATE_STATUS)
    & (MessageIn.outcome != Outcome.ACCEPTED)
    & MessageIn.set_aside_at.is_(None)
)
_CAME = select(MessageIn.envelope, MessageIn.received_at).where(_OPEN, MessageIn.waits_for.is_(None))
_WAITS = (
    select(CertificateRow.id)
    .join(MessageIn, MessageIn.certificate == CertificateRow.id)
    .where(_OPEN, MessageIn.waits_for.is_not(None))
)
_OF = MessageIn.certificate == bindparam("of")
_OF_ONE = union_all(_CAME.where(_OF), select(literal(""), func.now()).where(_WAITS.where(_OF).exists()))


def open_changes(tx: Session, certificate: str) -> OpenChanges:
    """Return what is open of a certificate: who signed it could not be judged, or it came before its certificate.

    However many wait for a key, they are one answer.
    """
    found = [(message, at) for message, at in tx.execute(_OF_ONE, {"of": certificate})]
    came = [each for each in found if each[0]]
    return OpenChanges(came, waits=len(came) < len(found))


def open_changes_for(tx: Session, presented_in: str, at: datetime) -> Sequence[tuple[str, datetime]]:
    """Return what was open of certificates for a country that have not expired, and of what these duplicate."""
    query = _CAME.join(CertificateRow, CertificateRow.id == MessageIn.certificate)
    query = query.where(carried.counts_for(CertificateRow.id, presented_in, at))
    order = MessageIn.from_, MessageIn.epoch, MessageIn.seq
    return [(message, came) for message, came in tx.execute(query.order_by(*order))]


def waiting_for(tx: Session, presented_in: str, at: datetime) -> Sequence[str]:
    """Return the certificates, of the same, of which a change waits for a key that no list knows."""
    query = _WAITS.where(carried.counts_for(CertificateRow.id, presented_in, at))
    return tx.scalars(query.distinct().order_by(CertificateRow.id)).all()


def set_aside(tx: Session, sender: str, came_before: datetime, at: datetime) -> Sequence[MessageIn]:
    """Set aside what waits for a key since before an instant; return it."""
    waiting = MessageIn.waits_for.is_not(None) & MessageIn.set_aside_at.is_(None)
    query = select(MessageIn).where(MessageIn.from_ == sender, waiting, MessageIn.received_at < came_before)
    rows = tx.scalars(query.order_by(MessageIn.epoch, MessageIn.seq).with_for_update()).all()
    for row in rows:
        row.set_aside_at = at
    tx.flush()
    return rows
