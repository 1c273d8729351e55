"""The mirror of each peer's log: its entries, checked before they are kept, so that they can be served again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    Select,
    SmallInteger,
    and_,
    func,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from registry.core.channel.message import MessageKind
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind
from registry.core.tlog.follow import Edge
from registry.core.tlog.merkle import EMPTY_ROOT, HASH_BYTES, Hash, subtrees
from registry.core.tlog.tile import Tile, hash_in, tile_of
from registry.store.certificates import CertificateRow, Source, StatusChangeRow
from registry.store.clarifications import ClarificationRow
from registry.store.database import Row
from registry.store.log import ONE_TILE, places
from registry.store.messages import MessageIn
from registry.store.tasks import Task, TaskKind

_GROW_TILES = text(
    'INSERT INTO mirror_tile (origin, level, "index", hashes) SELECT :origin, * FROM unnest('
    "CAST(:levels AS smallint[]), CAST(:indices AS bigint[]), CAST(:hashes AS bytea[])) "
    'ON CONFLICT (origin, level, "index") DO UPDATE SET hashes = mirror_tile.hashes || excluded.hashes'
)
_READ_TILES = text(
    'SELECT level, "index", hashes FROM mirror_tile '
    "JOIN unnest(CAST(:levels AS smallint[]), CAST(:indices AS bigint[])) "
    'AS wanted (level, "index") USING (level, "index") WHERE origin = :origin'
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


class MirrorTile(Row):
    """The hashes of one level in eight of a peer's log, 256 a row; the last of a level has fewer, and grows."""

    __tablename__ = "mirror_tile"
    __table_args__ = (CheckConstraint(ONE_TILE, name="one_tile"),)

    origin: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hashes: Mapped[bytes]


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
    tiles = {tile_of(level, index) for level, index in wanted}
    rows = tx.execute(_READ_TILES, places(tiles) | {"origin": origin})
    found = {(level, index): content for level, index, content in rows}
    return [hash_in(found[tile_of(level, index)], level, index) for level, index in wanted]


def edge(tx: Session, origin: str, size: int) -> Edge:
    """Return the tree of the first `size` mirrored entries, ready to grow."""
    parts = subtrees(0, size)
    return Edge(size, tuple(hashes(tx, origin, parts)) if parts else ())


def content(tx: Session, origin: str, tile: Tile) -> bytes:
    """Return the content of a tile of hashes of a mirrored log, empty where there is none."""
    width = func.substr(MirrorTile.hashes, 1, tile.width * HASH_BYTES)
    query = select(width).where(MirrorTile.origin == origin, MirrorTile.level == tile.level)
    return tx.scalar(query.where(MirrorTile.index == tile.index)) or b""


def entries(tx: Session, origin: str, first: int, count: int) -> Sequence[bytes]:
    """Return mirrored entries from an index on."""
    within = select(MirrorEntry.entry).where(
        MirrorEntry.origin == origin, MirrorEntry.index >= first, MirrorEntry.index < first + count
    )
    return tx.scalars(within.order_by(MirrorEntry.index)).all()


def not_delivered(
    tx: Session, origin: str, country: str, due: datetime, besides: Sequence[str], limit: int = 1000
) -> Sequence[MirrorEntry]:
    """Return entries about certificates for a country, seen by `due`, of which nothing came here and no task is open.

    `besides` are the digests of what came and was not kept.
    """
    named = select(Task.id).where(
        Task.kind == TaskKind.CERTIFICATE_NOT_DELIVERED,
        Task.subject == func.concat(MirrorEntry.origin, " ", MirrorEntry.index),
        Task.closed_at.is_(None),
    )
    query = select(MirrorEntry).where(
        MirrorEntry.origin == origin,
        MirrorEntry.kind.in_([Kind.CERTIFICATE_ISSUED, Kind.CERTIFICATE_STATUS, Kind.CERTIFICATE_CLARIFIED]),
        MirrorEntry.to == country,
        MirrorEntry.seen_at <= due,
        MirrorEntry.digest.not_in(besides),
        ~select(CertificateRow.id).where(CertificateRow.digest == MirrorEntry.digest).exists(),
        ~select(StatusChangeRow.digest).where(StatusChangeRow.digest == MirrorEntry.digest).exists(),
        ~select(ClarificationRow.digest).where(ClarificationRow.digest == MirrorEntry.digest).exists(),
        ~named.exists(),
    )
    return tx.scalars(query.order_by(MirrorEntry.index).limit(limit)).all()


def not_logged(tx: Session, origin: str, node: str, due: datetime, limit: int = 1000) -> Sequence[tuple[str, str]]:
    """Return what a node delivered by `due` and its log does not hold, as (certificate, digest), where no task is open.

    A change is due with any message about a status of its certificate: its own time is the body's word.
    """
    held = and_(
        CertificateRow.source == Source.DELIVERED, CertificateRow.id.startswith(f"https://{node}/", autoescape=True)
    )
    came = select(MessageIn.seq).where(
        MessageIn.certificate == CertificateRow.id,
        MessageIn.kind == MessageKind.CERTIFICATE_STATUS,
        MessageIn.received_at <= due,
    )
    issued = select(CertificateRow.id, CertificateRow.digest).where(
        held,
        CertificateRow.recorded_at <= due,
        ~_leaf(origin, Kind.CERTIFICATE_ISSUED, CertificateRow.digest).exists(),
        ~_named(CertificateRow.digest).exists(),
    )
    changed = select(CertificateRow.id, StatusChangeRow.digest).where(
        held,
        StatusChangeRow.certificate == CertificateRow.id,
        came.exists(),
        ~_leaf(origin, Kind.CERTIFICATE_STATUS, StatusChangeRow.digest).exists(),
        ~_named(StatusChangeRow.digest).exists(),
    )
    found = union_all(issued, changed).order_by(text("1"), text("2")).limit(limit)
    return [(certificate, digest) for certificate, digest in tx.execute(found)]


def settled(tx: Session, origin: str, digests: Sequence[str]) -> tuple[set[str], set[str]]:
    """Return which of these digests came here, as a certificate or a change, and which of them the log holds."""
    logged = select(MirrorEntry.digest).where(MirrorEntry.origin == origin, MirrorEntry.digest.in_(digests))
    return came(tx, digests), {digest for digest in tx.scalars(logged) if digest is not None}


def came(tx: Session, digests: Sequence[str]) -> set[str]:
    """Return which of these digests are of a certificate, a change or a clarification that is here."""
    here = union_all(
        select(CertificateRow.digest).where(CertificateRow.digest.in_(digests)),
        select(StatusChangeRow.digest).where(StatusChangeRow.digest.in_(digests)),
        select(ClarificationRow.digest).where(ClarificationRow.digest.in_(digests)),
    )
    return set(tx.scalars(here))


def _leaf(origin: str, kind: Kind, digest: InstrumentedAttribute[str]) -> Select[int]:
    return select(MirrorEntry.index).where(
        MirrorEntry.origin == origin,
        MirrorEntry.digest == digest,
        MirrorEntry.kind == kind,
        MirrorEntry.to == CertificateRow.presented_in,
    )


def _named(digest: InstrumentedAttribute[str]) -> Select[int]:
    return select(Task.id).where(
        Task.kind == TaskKind.CERTIFICATE_NOT_LOGGED, Task.subject == digest, Task.closed_at.is_(None)
    )


def append(tx: Session, entries: Iterable[MirrorEntry], tiles: Mapping[tuple[int, int], bytes], origin: str) -> None:
    """Write entries of a log, and what its tiles grow by."""
    tx.add_all(entries)
    tx.flush()
    if tiles:
        tx.execute(_GROW_TILES, places(tiles) | {"origin": origin, "hashes": list(tiles.values())})
