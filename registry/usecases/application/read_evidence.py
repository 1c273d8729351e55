"""Read all that this node holds about a certificate: what its verdict rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.certificate.credential import Certificate
from registry.core.certificate.outside import marks
from registry.core.certificate.relation import DUPLICATES
from registry.core.channel.message import Message
from registry.core.envelope.jose import Envelope, Typ
from registry.core.identifiers import Digest
from registry.core.verification.evidence import Evidence, Held, ReadEvidence, Standpoint, earliest
from registry.store import certificates, checkpoints, open_messages, said
from registry.store.certificates import CertificateRow, Source
from registry.store.said import Said


def read_evidence(tx: Session) -> ReadEvidence:
    """Return the reader of what this node holds about a certificate."""
    return reader(tx, [])


def open_change(came: tuple[str, datetime]) -> Said:
    """Return the change of status in a message that could not be judged when it came."""
    message, at = came
    body = Message.parse(Envelope.parse(message, Typ.MESSAGE).payload).body
    text = str(body["change"])
    return Said(text, Envelope.parse(text, Typ.STATUS).digest, at)


def reader(tx: Session, found: list[CertificateRow], *, hold: bool = False) -> ReadEvidence:
    """Return a reader that asks for the certificate unless it is in `found`, and leaves it there; `hold` keeps it."""

    def read(certificate: Certificate, _digest: Digest) -> Evidence:
        row = found[0] if found else certificates.certificate(tx, certificate.id, hold=hold)
        if row is None:
            return Evidence()
        if not found:
            found.append(row)
        standpoint = Standpoint.NODE if row.source == Source.DELIVERED else Standpoint.ISSUER
        logged_by = None if row.act is None else checkpoints.published_at(tx, row.act)
        logged = (row.proof if row.act is None else logged_by) is not None
        held = Held(Digest(row.digest), row.recorded_at, standpoint, logged, logged_by, *marks(row.outside))
        changes, of_original = _changes(tx, row.id), _changes_of_original(tx, certificate)
        theirs = [] if of_original is None else of_original.said
        seen = earliest((each.digest, each.seen) for each in (*changes.said, *theirs))
        original = None if of_original is None else [each.text for each in theirs]
        waits = changes.waits or (of_original is not None and of_original.waits)
        return Evidence(held, [each.text for each in changes.said], original, seen, waits)

    return read


@dataclass(frozen=True, slots=True)
class _Changes:
    """Changes of a certificate, believed or open, and whether another is by a key that no list knows yet."""

    said: Sequence[Said] = ()
    waits: bool = False


def _changes(tx: Session, id: str) -> _Changes:
    open_ = open_messages.open_changes(tx, id)
    return _Changes([*said.changes(tx, id), *map(open_change, open_.came)], open_.waits)


def _changes_of_original(tx: Session, certificate: Certificate) -> _Changes | None:
    """Return the changes of what a certificate duplicates, none where it is no duplicate; None: that is not here."""
    named = certificate.relation(DUPLICATES)
    if named is None:
        return _Changes()
    original = find_original(tx, certificate)
    return None if original is None else _changes(tx, original.id)


def find_original(tx: Session, duplicate: Certificate) -> CertificateRow | None:
    """Return the certificate that a duplicate names, if it is here and of the same body."""
    named = duplicate.relation(DUPLICATES)
    original = None if named is None else certificates.certificate(tx, str(named.certificate))
    return original if original is not None and original.body == duplicate.issuer else None
