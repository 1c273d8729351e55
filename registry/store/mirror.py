"""The mirror of each peer's log: its entries, checked before they are kept, so that they can be served again."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Index, SmallInteger, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind
from registry.core.tlog.merkle import EMPTY_ROOT, Hash
from registry.store.certificates import CertificateRow, Source
from registry.store.database import Row

_READ_HASHES = text(
    "SELECT hash FROM unnest(CAST(:levels AS smallint[]), CAST(:indices AS bigint[])) "
    'WITH ORDINALITY AS wanted (level, "index", place) JOIN mirror_hash USING (level, "index") '
    "WHERE origin = :origin ORDER BY place"
)


class MirrorHead(Row):
    """How far a peer's log is mirrored, and when its witnesses last vouched for it.

    `note` is the checkpoint that vouches for the mirror: of its size, or of a larger one that it was proved to begin.
    """

    __tablename__ = "mirror_head"

    origin: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes]
    note: Mapped[str]
    cosigned_at: Mapped[datetime | None]
    at: Mapped[datetime]


class MirrorEntry(Row):
    """An entry of a peer's log; kind, destination and digest are read from it where it is a leaf."""

    __tablename__ = "mirror_entry"
    __table_args__ = (Index(None, "origin", "digest"),)

    origin: Mapped[str] = mapped_column(primary_key=True)
    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry: Mapped[bytes]
    kind: Mapped[str | None]
    to: Mapped[str | None]
    digest: Mapped[str | None]
    seen_at: Mapped[datetime]


class MirrorHash(Row):
    """The hash of a complete subtree of a peer's log."""

    __tablename__ = "mirror_hash"

    origin: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    index: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hash: Mapped[bytes]


def head(tx: Session, origin: str, *, lock: bool = False) -> MirrorHead | None:
    """Return how far a log is mirrored."""
    return tx.get(MirrorHead, origin, with_for_update=lock, populate_existing=True)


def heads(tx: Session) -> Sequence[MirrorHead]:
    """Return how far every log is mirrored."""
    return tx.scalars(select(MirrorHead).order_by(MirrorHead.origin)).all()


def root_of(known: MirrorHead | None) -> tuple[int, Hash]:
    """Return size and root of a mirror; those of the empty tree where there is none."""
    return (0, EMPTY_ROOT) if known is None else (known.size, known.root)


def move_head(
    tx: Session, known: MirrorHead | None, to: Checkpoint, note: str, cosigned_at: datetime | None, at: datetime
) -> bool:
    """Record how far a log is mirrored now, provided that `known` is still the head; tells whether it was."""
    values = {"size": to.size, "root": to.root, "note": note, "cosigned_at": cosigned_at, "at": at}
    if known is None:
        first = upsert(MirrorHead).values(origin=to.origin, **values).on_conflict_do_nothing()
        return tx.scalar(first.returning(MirrorHead.size)) is not None
    moved = tx.scalar(
        update(MirrorHead)
        .where(MirrorHead.origin == to.origin, MirrorHead.size == known.size, MirrorHead.root == known.root)
        .values(values)
        .returning(MirrorHead.size)
        .execution_options(synchronize_session=False)
    )
    return moved is not None


def hashes(tx: Session, origin: str, wanted: Sequence[tuple[int, int]]) -> Sequence[Hash]:
    """Return the hashes of complete subtrees of a mirrored log in the order asked, in one query."""
    levels, indices = [level for level, _ in wanted], [index for _, index in wanted]
    return list(tx.scalars(_READ_HASHES, {"origin": origin, "levels": levels, "indices": indices}))


def entries(tx: Session, origin: str, first: int, count: int) -> Sequence[bytes]:
    """Return mirrored entries from an index on."""
    within = select(MirrorEntry.entry).where(
        MirrorEntry.origin == origin, MirrorEntry.index >= first, MirrorEntry.index < first + count
    )
    return tx.scalars(within.order_by(MirrorEntry.index)).all()


def not_delivered(tx: Session, origin: str, country: str, due: datetime, limit: int = 1000) -> Sequence[MirrorEntry]:
    """Return the entries of certificates for a country, seen by `due`, that no certificate here is."""
    delivered = select(CertificateRow.id).where(CertificateRow.digest == MirrorEntry.digest)
    query = select(MirrorEntry).where(
        MirrorEntry.origin == origin,
        MirrorEntry.kind == Kind.CERTIFICATE_ISSUED,
        MirrorEntry.to == country,
        MirrorEntry.seen_at <= due,
        ~delivered.exists(),
    )
    return tx.scalars(query.order_by(MirrorEntry.index).limit(limit)).all()


def not_logged(tx: Session, origin: str, node: str, due: datetime, limit: int = 1000) -> Sequence[CertificateRow]:
    """Return the certificates that a node delivered by `due` and that no entry of its log here is."""
    logged = select(MirrorEntry.index).where(
        MirrorEntry.origin == origin,
        MirrorEntry.digest == CertificateRow.digest,
        MirrorEntry.kind == Kind.CERTIFICATE_ISSUED,
        MirrorEntry.to == CertificateRow.presented_in,
    )
    query = select(CertificateRow).where(
        CertificateRow.source == Source.DELIVERED,
        CertificateRow.id.startswith(f"https://{node}/", autoescape=True),
        CertificateRow.recorded_at <= due,
        ~logged.exists(),
    )
    return tx.scalars(query.order_by(CertificateRow.id).limit(limit)).all()


def append(
    tx: Session, entries: Iterable[MirrorEntry], completed: Sequence[tuple[int, int, Hash]], origin: str
) -> None:
    """Write entries of a log and the subtrees that they complete."""
    tx.add_all(entries)
    tx.flush()
    if completed:
        rows = [{"origin": origin, "level": level, "index": index, "hash": hash_} for level, index, hash_ in completed]
        tx.execute(insert(MirrorHash), rows)
