"""What a statement of a month is made of: our own log, the messages of a peer, and what stands here under a digest."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ARRAY, ColumnElement, Text, any_, func, literal, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from registry.core.channel.message import MessageKind
from registry.core.channel.reconciliation import Through
from registry.core.tlog.entry import Kind, Leaf
from registry.store import channel, log
from registry.store.acts import Act, QueuedAct
from registry.store.certificates import CertificateRow, Source, StatusChangeRow
from registry.store.clarifications import ClarificationRow
from registry.store.log import LogEntry
from registry.store.messages import MessageIn, MessageOut

KINDS = (Kind.CERTIFICATE_ISSUED, Kind.CERTIFICATE_STATUS, Kind.CERTIFICATE_CLARIFIED)
BROUGHT = (MessageKind.CERTIFICATE_ISSUED, MessageKind.CERTIFICATE_STATUS, MessageKind.CERTIFICATE_CLARIFIED)


@dataclass(frozen=True, slots=True, order=True)
class Numbered:
    """What our log holds for another country: its index, time, kind and digest, and whether its act is lost."""

    index: int
    at: datetime
    kind: str
    digest: str
    lost: bool = False


class Touched(NamedTuple):
    """What stands here under a digest: a certificate, a change or a clarification, each with its certificate."""

    kind: str
    certificate: str
    digest: str


def began(tx: Session, country: str) -> datetime | None:
    """Return when something was first issued for a country; None where nothing was.

    What a restore left only the leaf of counts where it came back: what was lost before it was sent is in no statement.
    """
    first = tx.scalar(select(func.min(Act.at)).where(Act.kind.in_(KINDS), Act.to == country))
    left = {str(leaf.digest): leaf.at for _, leaf in _recovered(tx, country)}
    times = [left[each.digest] for each in touched(tx, left, delivered=False)]
    return min([*times, first]) if first is not None else min(times, default=None)


def came(tx: Session, sender: str) -> datetime | None:
    """Return when a node first delivered something here; None where it did not."""
    query = select(MessageIn.received_at).where(MessageIn.from_ == sender, MessageIn.kind.in_(BROUGHT))
    return tx.scalar(query.order_by(MessageIn.epoch, MessageIn.seq).limit(1))


def is_queued(tx: Session, country: str, before: datetime) -> bool:
    """Tell whether the log is still to number something for a country that was done before a moment."""
    waits = select(QueuedAct.act).join(Act, Act.id == QueuedAct.act).where(Act.to == country, Act.at < before)
    return bool(tx.scalar(select(waits.exists())))


def numbered(tx: Session, country: str, after: int) -> Sequence[Numbered]:
    """Return what our log holds for a country above an index, in order, with what a restore left only the leaf of."""
    query = select(LogEntry.index, Act.at, Act.kind, Act.digest).join(Act, Act.id == LogEntry.act)
    ours = tx.execute(query.where(Act.kind.in_(KINDS), Act.to == country, LogEntry.index > after))
    found = [Numbered(index, at, kind, str(digest)) for index, at, kind, digest in ours]
    lost = [Numbered(index, leaf.at, leaf.kind, str(leaf.digest), lost=True) for index, leaf in _recovered(tx, country)]
    return sorted([*found, *(each for each in lost if each.index > after)])


def lost(tx: Session, country: str) -> dict[str, int]:
    """Return where our log holds what a restore left only the leaf of, by digest."""
    return {str(leaf.digest): index for index, leaf in _recovered(tx, country)}


def changes_beyond(tx: Session, country: str, index: int) -> set[str]:
    """Return the digests of changes for a country that our log holds above an index, or is yet to number.

    Both are read at one moment: nothing that is being numbered is missed.
    """
    ours = select(Act.digest).where(Act.kind == Kind.CERTIFICATE_STATUS, Act.to == country)
    numbered = ours.join(LogEntry, LogEntry.act == Act.id).where(LogEntry.index > index)
    waiting = ours.join(QueuedAct, QueuedAct.act == Act.id)
    lost = {str(leaf.digest) for at, leaf in _recovered(tx, country) if at > index}
    return lost | {str(digest) for digest in tx.scalars(union_all(numbered, waiting))}


def end_of(tx: Session, to: str, index: int) -> Through | None:
    """Return the last message to a node that carried an entry of our log up to an index, in the order of the log."""
    query = select(MessageOut).where(
        channel.stands(to=to), MessageOut.log_index <= index, MessageOut.kind.in_(channel.IN_ORDER)
    )
    last = tx.scalar(query.order_by(MessageOut.epoch.desc(), MessageOut.seq.desc()).limit(1))
    return None if last is None else Through(last.epoch, last.seq, last.digest)


def index_at(tx: Session, to: str, through: Through) -> int:
    """Return the last entry of our log that messages up to one carried to a node; -1 where none did."""
    carried = select(func.max(MessageOut.log_index)).where(
        channel.stands(to=to),
        tuple_(MessageOut.epoch, MessageOut.seq) <= through.place,
        MessageOut.kind.in_(channel.IN_ORDER),
    )
    last = tx.scalar(carried)
    return -1 if last is None else last


def brought(
    tx: Session,
    sender: str,
    after: tuple[int, int],
    until: tuple[int, int] | None = None,
    kinds: Sequence[MessageKind] = BROUGHT,
) -> Iterator[str]:
    """Give the messages of a node about certificates that came after a place, up to another, in order."""
    place = tuple_(MessageIn.epoch, MessageIn.seq)
    query = select(MessageIn.envelope).where(MessageIn.from_ == sender, MessageIn.kind.in_(kinds), place > after)
    if until is not None:
        query = query.where(place <= until)
    yield from tx.scalars(query.order_by(MessageIn.epoch, MessageIn.seq).execution_options(yield_per=100))


def touched(tx: Session, digests: Collection[str], *, delivered: bool) -> Sequence[Touched]:
    """Return what stands here under these digests: of what was delivered, or of our own."""
    tables = ((Kind.CERTIFICATE_STATUS, StatusChangeRow), (Kind.CERTIFICATE_CLARIFIED, ClarificationRow))
    whose = CertificateRow.source == Source.DELIVERED if delivered else CertificateRow.source != Source.DELIVERED
    found = [
        select(literal(Kind.CERTIFICATE_ISSUED.value), CertificateRow.id, CertificateRow.digest).where(
            whose, _among(CertificateRow.digest, digests)
        )
    ]
    for kind, table in tables:
        beside = select(literal(kind.value), CertificateRow.id, table.digest)
        beside = beside.join(CertificateRow, CertificateRow.id == table.certificate)
        found.append(beside.where(whose, _among(table.digest, digests)))
    return [Touched(*row) for row in tx.execute(union_all(*found))]


def digests_of(tx: Session, certificates: Collection[str]) -> dict[str, str]:
    """Return the digest of each of these certificates, by its id."""
    query = select(CertificateRow.id, CertificateRow.digest).where(_among(CertificateRow.id, certificates))
    return {row[0]: row[1] for row in tx.execute(query)}


def changes_of(tx: Session, certificates: Collection[str]) -> Sequence[tuple[str, str, str]]:
    """Return every change of these certificates as (certificate, digest, status), as they were recorded."""
    query = select(StatusChangeRow.certificate, StatusChangeRow.digest, StatusChangeRow.status)
    query = query.where(_among(StatusChangeRow.certificate, certificates))
    rows = tx.execute(query.order_by(StatusChangeRow.recorded_at, StatusChangeRow.digest))
    return [(row[0], row[1], row[2]) for row in rows]


def _recovered(tx: Session, country: str) -> Sequence[tuple[int, Leaf]]:
    """Return what is left of acts for a country that a restore lost: where they were in the log, and their leaves."""
    leaves = [(row.index, Leaf.parse(row.leaf)) for row in log.recovered(tx)]
    return [(index, leaf) for index, leaf in leaves if leaf.kind in KINDS and leaf.to == country]


def _among(column: InstrumentedAttribute[str], values: Collection[str]) -> ColumnElement[bool]:
    """Return whether a column is one of any number of values: they are one parameter."""
    return column == any_(literal(sorted(values), ARRAY(Text)))
