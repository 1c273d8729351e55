"""Re-derive everything from what was signed, and say where log, acts and tables do not agree.

Nothing here changes anything. One inconsistency is one line; an empty answer means that all questions were asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.core.certificate.credential import Certificate
from registry.core.certificate.status_change import StatusChange
from registry.core.channel.message import GENESIS, Message
from registry.core.channel.receipt import Receipt
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import RegistryError
from registry.core.identifiers import ActId, Country, Did, Digest
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind, Leaf, commitment
from registry.core.tlog.merkle import EMPTY_ROOT, Hash, fold, leaf_hash, new_hashes, subtrees
from registry.core.tlog.note import Note, VerifierKey
from registry.store import certificates
from registry.store.acts import Act, QueuedAct
from registry.store.applications import Application, ApplicationPerson
from registry.store.certificates import CertificateRow, NumberCounter, Source, StatusChangeRow
from registry.store.channel import MessageIn, MessageOut
from registry.store.log import LogCheckpoint, LogEntry, LogHash, LogHead
from registry.store.replies import Reply


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Where something is not what the signed bytes, or another table, say it is."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def check(tx: Session, log_key: VerifierKey) -> Sequence[Discrepancy]:
    """Return every discrepancy of this database; the transaction should be one that sees one moment."""
    return [
        *_acts(tx),
        *_log(tx, log_key),
        *_certificates(tx),
        *_changes(tx),
        *_applications(tx),
        *_numbers(tx),
        *_sent(tx),
        *_received(tx),
        *_replies(tx),
    ]


def _acts(tx: Session) -> Iterator[Discrepancy]:
    """Ask whether each leaf is that of its act, and each act either queued or numbered."""
    numbered = set(tx.scalars(select(LogEntry.act)))
    queued = set(tx.scalars(select(QueuedAct.act)))
    for act in tx.scalars(select(Act).order_by(Act.id)):
        where = f"act {act.id}"
        if _leaf(act) != act.leaf:
            yield Discrepancy(where, "its leaf is not that of its columns and private row")
        if (act.id in numbered) == (act.id in queued):
            yield Discrepancy(where, "it is neither queued for the log nor in it, or both")


def _leaf(act: Act) -> bytes:
    return Leaf(
        id=ActId(act.id),
        kind=Kind(act.kind),
        at=act.at,
        by=Did(act.by),
        private=commitment(act.salt, act.private),
        to=None if act.to is None else Country(act.to),
        digest=None if act.digest is None else Digest(act.digest),
    ).encode()


def _log(tx: Session, key: VerifierKey) -> Iterator[Discrepancy]:
    """Ask whether entries are contiguous, hashes right, and checkpoints signed over the tree of their size."""
    rows = tx.execute(select(LogEntry.index, Act.leaf).join(Act, Act.id == LogEntry.act).order_by(LogEntry.index)).all()
    if [row[0] for row in rows] != list(range(len(rows))):
        yield Discrepancy("log", "its entries are not numbered from 0 without a gap")
        return
    derived = {
        (level, index): hash_
        for level, index, hash_ in new_hashes(0, [leaf_hash(row[1]) for row in rows], lambda _wanted: [])
    }
    stored = {(row.level, row.index): row.hash for row in tx.scalars(select(LogHash))}
    for level, index in sorted(derived.keys() ^ stored.keys()):
        yield Discrepancy(f"log hash {level}/{index}", "it is missing, or of no complete subtree")
    for position in sorted(derived.keys() & stored.keys()):
        if derived[position] != stored[position]:
            yield Discrepancy(f"log hash {position[0]}/{position[1]}", "it is not the hash of its subtree")
    head = tx.scalar(select(LogHead))
    size, root = (0, EMPTY_ROOT) if head is None else (head.size, head.root)
    if size != len(rows) or root != _root(size, derived):
        yield Discrepancy("log head", "it is not that of the entries")
    for checkpoint in tx.scalars(select(LogCheckpoint).order_by(LogCheckpoint.size)):
        yield from _checkpoint(checkpoint, derived, len(rows), key)


def _checkpoint(
    row: LogCheckpoint, derived: Mapping[tuple[int, int], Hash], entries: int, key: VerifierKey
) -> Iterator[Discrepancy]:
    where = f"checkpoint {row.size}"
    try:
        signed = Checkpoint.parse(Note.parse(row.note).verified([key]))
    except RegistryError as refusal:
        yield Discrepancy(where, str(refusal))
        return
    if row.size > entries or (signed.size, signed.root) != (row.size, row.root) or row.root != _root(row.size, derived):
        yield Discrepancy(where, "it is not signed over the tree of its size")


def _root(size: int, derived: Mapping[tuple[int, int], Hash]) -> Hash | None:
    positions = subtrees(0, size)
    if not size or not all(position in derived for position in positions):
        return None if size else EMPTY_ROOT
    return fold([derived[position] for position in positions])


def _certificates(tx: Session) -> Iterator[Discrepancy]:
    """Ask whether columns are what was signed, and what was issued here has its act, and the reverse."""
    acts = {act.id: act for act in tx.scalars(select(Act).where(Act.kind == Kind.CERTIFICATE_ISSUED))}
    for row in tx.scalars(select(CertificateRow).order_by(CertificateRow.id)):
        where = f"certificate {row.id}"
        try:
            envelope = Envelope.parse(row.envelope, Typ.CERTIFICATE)
            derived = certificates.index_columns(envelope, Certificate.parse(envelope.payload))
        except RegistryError as refusal:
            yield Discrepancy(where, str(refusal))
            continue
        wrong = [name for name, value in derived.items() if getattr(row, name) != value]
        if wrong:
            yield Discrepancy(where, f"{', '.join(wrong)} is not what was signed")
        act = acts.pop(row.act, None) if row.act is not None else None
        if row.source == Source.ISSUED and (act is None or (act.digest, act.to) != (row.digest, row.presented_in)):
            yield Discrepancy(where, "it was issued without its act")
    for act_id in acts:
        yield Discrepancy(f"act {act_id}", "it issued a certificate that is not here")


def _changes(tx: Session) -> Iterator[Discrepancy]:
    acts = {act.id: act for act in tx.scalars(select(Act).where(Act.kind == Kind.CERTIFICATE_STATUS))}
    for row in tx.scalars(select(StatusChangeRow).order_by(StatusChangeRow.digest)):
        where = f"change of status {row.digest}"
        try:
            envelope = Envelope.parse(row.envelope, Typ.STATUS)
            change = StatusChange.parse(envelope.payload)
        except RegistryError as refusal:
            yield Discrepancy(where, str(refusal))
            continue
        derived = (
            envelope.digest,
            change.certificate,
            change.status.value,
            change.effective_from.day,
            change.recorded_at,
        )
        if derived != (row.digest, row.certificate, row.status, row.effective_from, row.recorded_at):
            yield Discrepancy(where, "its columns are not what was signed")
        if row.act is not None and (act := acts.pop(row.act, None)) is not None and act.digest != row.digest:
            yield Discrepancy(where, "its act is of another change")
    for act_id in acts:
        yield Discrepancy(f"act {act_id}", "it changed a status, and the change is not here")


def _applications(tx: Session) -> Iterator[Discrepancy]:
    """Ask whether each issued application has its certificate, signed by who plays that part, and the reverse."""
    certified = {row.application: row for row in tx.scalars(select(CertificateRow)) if row.application is not None}
    issued = set(tx.scalars(select(Application.id).where(Application.state == "issued")))
    for application in sorted(issued ^ certified.keys()):
        yield Discrepancy(f"application {application}", "it is issued without a certificate, or the reverse")
    parts = {(row.application, row.person): row.part for row in tx.scalars(select(ApplicationPerson))}
    for application, row in certified.items():
        if parts.get((application, str(row.signatory))) != "signatory":
            yield Discrepancy(f"application {application}", "who signed does not play that part")


def _numbers(tx: Session) -> Iterator[Discrepancy]:
    counters = {(row.body, row.year): row.last for row in tx.scalars(select(NumberCounter))}
    issued = tx.execute(
        select(CertificateRow.body, CertificateRow.year)
        .where(CertificateRow.source == Source.ISSUED)
        .order_by(CertificateRow.body, CertificateRow.year)
    )
    counted = {key: len(list(rows)) for key, rows in groupby((row[0], row[1]) for row in issued)}
    for body, year in sorted(counters.keys() | counted.keys()):
        if counters.get((body, year)) != counted.get((body, year)):
            yield Discrepancy(f"numbers of {body} in {year}", "a number was allotted and not used, or the reverse")


def _sent(tx: Session) -> Iterator[Discrepancy]:
    """Ask whether messages are contiguous and chained, and receipts answer them in order."""
    rows = tx.scalars(select(MessageOut).order_by(MessageOut.to, MessageOut.epoch, MessageOut.seq))
    for (to, _epoch), chain in groupby(rows, key=lambda row: (row.to, row.epoch)):
        previous, unanswered = GENESIS, False
        for number, row in enumerate(chain, 1):
            where = f"message {row.seq} to {to}"
            yield from _link(where, row, number, previous)
            previous = row.digest
            if row.receipt is None:
                unanswered = True
                continue
            if unanswered:
                yield Discrepancy(where, "it has a receipt, and one before it has none")
            receipt = Receipt.parse(Envelope.parse(row.receipt, Typ.RECEIPT).payload)
            if (receipt.message, receipt.digest, receipt.outcome) != (row.id, row.digest, row.outcome):
                yield Discrepancy(where, "its receipt is for another message")


def _received(tx: Session) -> Iterator[Discrepancy]:
    rows = tx.scalars(select(MessageIn).order_by(MessageIn.from_, MessageIn.epoch, MessageIn.seq))
    for (sender, _epoch), chain in groupby(rows, key=lambda row: (row.from_, row.epoch)):
        previous = GENESIS
        for number, row in enumerate(chain, 1):
            where = f"message {row.seq} from {sender}"
            yield from _link(where, row, number, previous)
            previous = row.digest
            receipt = Receipt.parse(Envelope.parse(row.receipt, Typ.RECEIPT).payload)
            if (receipt.message, receipt.digest, receipt.outcome) != (row.id, row.digest, row.outcome):
                yield Discrepancy(where, "the receipt that was given is for another message")


def _link(where: str, row: MessageOut | MessageIn, number: int, previous: str) -> Iterator[Discrepancy]:
    envelope = Envelope.parse(row.envelope, Typ.MESSAGE)
    message = Message.parse(envelope.payload)
    derived = (envelope.digest, message.id, message.epoch, message.seq, message.kind.value)
    if derived != (row.digest, row.id, row.epoch, row.seq, row.kind):
        yield Discrepancy(where, "its columns are not what was signed")
    if message.seq != number or message.previous != previous:
        yield Discrepancy(where, "it does not continue the chain of messages")


def _replies(tx: Session) -> Iterator[Discrepancy]:
    for row in tx.scalars(select(Reply).where(Reply.status.is_(None))):
        yield Discrepancy(f"reply {row.key} of {row.person}", "a key is reserved and nothing was answered")
