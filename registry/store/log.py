"""The transparency log: entries, tiles of hashes, and the one head, which only grows with its checkpoint."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, func, select, text, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind, Leaf
from registry.core.tlog.follow import Edge
from registry.core.tlog.merkle import EMPTY_ROOT, HASH_BYTES, Hash, subtrees
from registry.core.tlog.tile import WIDTH, Tile, hash_in, tile_of
from registry.store.acts import Act, QueuedAct
from registry.store.database import Row

_APPEND = text("""
    WITH numbered AS (
        INSERT INTO log_entry ("index", act) SELECT :first + place - 1, act
        FROM unnest(string_to_array(:acts, ',')) WITH ORDINALITY AS given (act, place)
    ), grown AS (
        INSERT INTO log_tile (level, "index", hashes)
        SELECT * FROM unnest(CAST(:levels AS smallint[]), CAST(:indices AS bigint[]), CAST(:hashes AS bytea[]))
        ON CONFLICT (level, "index") DO UPDATE SET hashes = log_tile.hashes || excluded.hashes
    ), signed AS (
        INSERT INTO log_checkpoint (size, root, note, at) VALUES (:size, :root, :note, :at)
    ), taken AS (
        DELETE FROM log_queue WHERE act = ANY(string_to_array(:acts, ','))
    )
    UPDATE log_head SET size = :size, root = :root, at = :at
    WHERE origin = :origin AND size = :known_size AND root = :known_root RETURNING size
""")
_READ_TILES = text(
    'SELECT level, "index", hashes FROM log_tile JOIN unnest(CAST(:levels AS smallint[]), CAST(:indices AS bigint[])) '
    'AS wanted (level, "index") USING (level, "index")'
)
"""One statement each, whatever the number of rows, and one value a column: each row and each trip costs time."""
ONE_TILE = f"octet_length(hashes) BETWEEN 1 AND {WIDTH * HASH_BYTES} AND octet_length(hashes) % {HASH_BYTES} = 0"
SEQUENCER_LOCK = 0x7265675F6C6F67
"""Key of the advisory lock under which one sequencer at a time appends."""


class LogEntry(Row):
    """Which act is which leaf: the index is the head's size plus the place in the batch, never a database sequence."""

    __tablename__ = "log_entry"

    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    act: Mapped[str] = mapped_column(ForeignKey("act.id"), unique=True)


class LogTile(Row):
    """The hashes of one level in eight, 256 a row; the last of a level has fewer, and grows.

    The hashes between are computed: what a proof needs of them stands in as many rows as the log has levels of tiles.
    """

    __tablename__ = "log_tile"
    __table_args__ = (CheckConstraint(ONE_TILE, name="one_tile"),)

    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hashes: Mapped[bytes]


class LogRecovered(Row):
    """A leaf that was taken back from a mirror after a restore: its act is lost, its place in the log is not."""

    __tablename__ = "log_recovered"
    __table_args__ = (
        Index(
            "ix_log_recovered_agreements",
            "index",
            postgresql_where='position(\'"kind":"agreement.adopted"\'::bytea IN leaf) > 0',
        ),
    )

    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    leaf: Mapped[bytes]


class LogHead(Row):
    """The newest size and root: one row, moved by compare-and-swap."""

    __tablename__ = "log_head"
    __table_args__ = (CheckConstraint("one = 1", name="one_row"),)

    one: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    origin: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes]
    at: Mapped[datetime]


def try_sequencing(tx: Session) -> bool:
    """Take the sequencer's lock until the transaction ends; tells whether no other sequencer holds it."""
    return bool(tx.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": SEQUENCER_LOCK}))


def head(tx: Session, *, lock: bool = False) -> LogHead | None:
    """Return the head; None while the log is empty."""
    query = select(LogHead)
    return tx.scalar(query.with_for_update() if lock else query)


def append(
    tx: Session,
    known: LogHead | None,
    acts: Sequence[str],
    tiles: Mapping[tuple[int, int], bytes],
    checkpoint: Checkpoint,
    note: str,
    at: datetime,
) -> bool:
    """Append acts up to `checkpoint`: number them, empty the queue of them, grow the tiles, move the head.

    Tells whether the head was still what was known; where it was not, the caller must not commit. The WHERE clause is
    what makes a second history impossible: it does not rest on how callers hold locks. Acts leave the queue by their
    ids, never by 'all up to', since they commit out of order.
    """
    if known is None:
        empty = insert(LogHead).values(one=1, origin=checkpoint.origin, size=0, root=EMPTY_ROOT, at=at)
        tx.execute(empty.on_conflict_do_nothing())
    size, root = root_of(known)
    given = {"first": checkpoint.size - len(acts), "acts": ",".join(acts), "hashes": list(tiles.values())}
    to = {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root, "note": note, "at": at}
    moved = tx.scalar(_APPEND, given | places(tiles) | to | {"known_size": size, "known_root": root})
    return moved is not None


def take_back(tx: Session, numbered: Mapping[int, str], leaves: Mapping[int, bytes]) -> None:
    """Write entries as they were signed once: by index the acts that are here, and the leaves of those that are not."""
    if numbered:
        tx.execute(insert(LogEntry), [{"index": index, "act": act} for index, act in numbered.items()])
    if leaves:
        tx.execute(insert(LogRecovered), [{"index": index, "leaf": leaf} for index, leaf in leaves.items()])


def places(tiles: Iterable[tuple[int, int]]) -> dict[str, list[int]]:
    """Return levels and indices of tiles as the arrays of a statement."""
    each = list(tiles)
    return {"levels": [level for level, _ in each], "indices": [index for _, index in each]}


def hashes(tx: Session, wanted: Sequence[tuple[int, int]]) -> Sequence[Hash]:
    """Return the hashes of complete subtrees in the order asked, in one query."""
    tiles = {tile_of(level, index) for level, index in wanted}
    found = {(level, index): content for level, index, content in tx.execute(_READ_TILES, places(tiles))}
    return [hash_in(found[tile_of(level, index)], level, index) for level, index in wanted]


def edge(tx: Session, size: int) -> Edge:
    """Return the tree of the first `size` entries, ready to grow."""
    parts = subtrees(0, size)
    return Edge(size, tuple(hashes(tx, parts)) if parts else ())


def content(tx: Session, tile: Tile) -> bytes:
    """Return the content of a tile of hashes, empty where there is none."""
    width = func.substr(LogTile.hashes, 1, tile.width * HASH_BYTES)
    return tx.scalar(select(width).where(LogTile.level == tile.level, LogTile.index == tile.index)) or b""


def recovered(tx: Session) -> Sequence[LogRecovered]:
    """Return every leaf that was taken back from a mirror, in the order of the log."""
    return tx.scalars(select(LogRecovered).order_by(LogRecovered.index)).all()


def holds_recovered(tx: Session, kind: Kind, digest: str) -> bool:
    """Tell whether a leaf of a kind about a signed thing was taken back from a mirror."""
    leaves = (Leaf.parse(row.leaf) for row in recovered(tx))
    return any((leaf.kind, leaf.digest) == (kind, digest) for leaf in leaves)


def oldest_queued(tx: Session) -> datetime | None:
    """Return the time of the oldest act that the log has not numbered."""
    return tx.scalar(select(func.min(Act.at)).join(QueuedAct, QueuedAct.act == Act.id))


def index_of(tx: Session, act: str) -> int | None:
    """Return the index of an act's leaf; None while the log has not numbered it."""
    return tx.scalar(select(LogEntry.index).where(LogEntry.act == act))


def find_digest(tx: Session, kind: str, subject: str, digest: str) -> tuple[int, str] | None:
    """Return index and id of the first numbered act of a kind and subject about a signed thing."""
    query = select(LogEntry.index, Act.id).join(Act, Act.id == LogEntry.act)
    query = query.where(Act.kind == kind, Act.subject == subject, Act.digest == digest)
    row = tx.execute(query.order_by(LogEntry.index).limit(1)).first()
    return None if row is None else (row[0], row[1])


def leaves(tx: Session, first: int, count: int) -> Sequence[bytes]:
    """Return the leaves from an index on, those that were taken back from a mirror among them."""
    ours = select(LogEntry.index, Act.leaf).join(Act, Act.id == LogEntry.act)
    recovered = select(LogRecovered.index, LogRecovered.leaf)
    both = union_all(ours, recovered).subquery()
    within = select(both.c.leaf).where(both.c.index >= first, both.c.index < first + count)
    return tx.scalars(within.order_by(both.c.index)).all()


def entries(
    tx: Session, after: int, limit: int, *, kinds: Sequence[str] = (), to: str | None = None
) -> Sequence[tuple[int, Act]]:
    """Return numbered acts with an index above `after`, in the order of the log."""
    query = select(LogEntry.index, Act).join(Act, Act.id == LogEntry.act).where(LogEntry.index > after)
    if kinds:
        query = query.where(Act.kind.in_(kinds))
    if to is not None:
        query = query.where(Act.to == to)
    return [(row[0], row[1]) for row in tx.execute(query.order_by(LogEntry.index).limit(limit))]


def root_of(known: LogHead | None) -> tuple[int, Hash]:
    """Return size and root of the head, those of the empty tree while there is none."""
    return (0, EMPTY_ROOT) if known is None else (known.size, known.root)
