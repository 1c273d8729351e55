"""Messages of peers that could not simply be accepted when they came: a newer list or agreement may let them be."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from registry.core.channel.message import MessageKind
from registry.core.channel.receipt import Outcome
from registry.store.certificates import CertificateRow
from registry.store.channel import MessageIn


def not_accepted(tx: Session) -> Sequence[MessageIn]:
    """Return the messages that were not simply accepted, in order: they are judged again after every adoption.

    A certificate that is here by now with its proof has nothing more to come by.
    """
    proved = select(CertificateRow.id).where(
        CertificateRow.id == MessageIn.certificate, CertificateRow.proof.is_not(None)
    )
    settled = MessageIn.kind.in_([MessageKind.CERTIFICATE_ISSUED, MessageKind.CERTIFICATE_LOGGED]) & proved.exists()
    query = select(MessageIn).where(MessageIn.outcome != Outcome.ACCEPTED, ~settled)
    return tx.scalars(query.order_by(MessageIn.from_, MessageIn.epoch, MessageIn.seq)).all()


_OPEN_CHANGES = (
    select(MessageIn.envelope, MessageIn.received_at)
    .where(
        MessageIn.kind == MessageKind.CERTIFICATE_STATUS,
        MessageIn.outcome != Outcome.ACCEPTED,
        MessageIn.certificate.is_not(None),
    )
    .order_by(MessageIn.from_, MessageIn.epoch, MessageIn.seq)
)
_OPEN_CHANGES_OF = _OPEN_CHANGES.where(MessageIn.certificate == bindparam("of"))


def open_changes(tx: Session, certificate: str | None = None) -> Sequence[tuple[str, datetime]]:
    """Return messages with a change, of one certificate or of any, that could not be judged on the day they came.

    Either who signed it was open, or it came before its certificate. Of what is refused otherwise none is named.
    """
    query, of = (_OPEN_CHANGES, {}) if certificate is None else (_OPEN_CHANGES_OF, {"of": certificate})
    return [(message, at) for message, at in tx.execute(query, of)]
