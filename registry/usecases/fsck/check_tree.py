"""Walk a log in the order of its entries, and hold each stored hash to what it stands over (RFC 6962, 2.1).

Each hash is compared with what its own children say, so that what was altered is named, and not all that stands above
it. In memory are the right edge and one tile of each level, however large the log.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, select

from registry.core.tlog.merkle import EMPTY_ROOT, HASH_BYTES, Hash, fold, node_hash
from registry.core.tlog.tile import HEIGHT, MAX_LEVEL, WIDTH
from registry.store.log import LogTile
from registry.store.mirror import MirrorTile
from registry.usecases.fsck.survey_rows import Query, Survey


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry as it stands: its index, what it is, and the hash of its leaf where that is here."""

    index: int
    what: str
    leaf: Hash | None


@dataclass
class _Level:
    """The stored hashes of one level of tiles, in order."""

    survey: Survey
    name: str
    level: int
    rows: Iterator[tuple[int, Hash]]
    ahead: tuple[int, Hash] | None = None

    def take(self, index: int) -> Hash | None:
        """Return the stored hash at an index; what stands before it and was not asked for is named."""
        while self.ahead is not None and self.ahead[0] < index:
            self._step(extra=True)
        if self.ahead is None or self.ahead[0] != index:
            return None
        found = self.ahead[1]
        self._step()
        return found

    def drain(self) -> None:
        """Name all that was not asked for."""
        while self.ahead is not None:
            self._step(extra=True)

    def say(self, index: int, wrong: str) -> None:
        """Name the tile, and the hash in it by its place."""
        tile, place = divmod(index, WIDTH)
        self.survey.say(f"{self.name} tile {self.level}/{tile}", f"hash {place} {wrong}")

    def _step(self, *, extra: bool = False) -> None:
        if extra and self.ahead is not None:
            self.say(self.ahead[0], "is missing, or of no complete subtree")
        self.ahead = next(self.rows, None)


@dataclass
class Tree:
    """The tree as far as it was walked."""

    tiles: Sequence[_Level]
    size: int = 0
    edge: list[Hash] = field(default_factory=list)

    @property
    def root(self) -> Hash:
        """The root over what was walked."""
        return fold(self.edge) if self.edge else EMPTY_ROOT

    def add(self, leaf: Hash | None, what: str) -> bool:
        """Place the next entry; where its leaf is not here its stored hash stands for it. False: there is neither."""
        level, index = 0, self.size
        node = self._settle(0, index, leaf, f"is not that of entry {index}, {what}")
        if node is None:
            return False
        while index & 1:
            level, index = level + 1, index >> 1
            made = node_hash(self.edge.pop(), node)
            node = self._settle(level, index, made, "is not that of the tile below") or made
        self.edge.append(node)
        self.size += 1
        return True

    def _settle(self, level: int, index: int, derived: Hash | None, otherwise: str) -> Hash | None:
        """Return the hash to go on with: the stored one, where there is one that can be."""
        if level % HEIGHT:
            return derived
        tiles = self.tiles[level // HEIGHT]
        stored = tiles.take(index)
        if stored is None:
            if derived is not None:
                tiles.say(index, "is missing, or of no complete subtree")
            return derived
        if derived is not None and stored != derived:
            tiles.say(index, otherwise)
        return stored if len(stored) == HASH_BYTES else derived


def walk(survey: Survey, name: str, entries: Iterable[Placed], origin: str | None = None) -> Iterator[Tree]:
    """Walk our own log, or the mirror of `origin`; give the tree at each size on the way, the empty one first."""
    tree = Tree(_levels(survey, name, origin))
    yield tree
    expected, whole = 0, True
    for entry in entries:
        where = f"{name} entry {entry.index}"
        if entry.index < expected:
            survey.say(where, "it stands twice, or is numbered below 0")
            continue
        while whole and expected < entry.index:
            survey.say(f"{name} entry {expected}", "it is missing: entries are numbered from 0 without a gap")
            whole = tree.add(None, "which is missing")
            if whole:
                expected += 1
                yield tree
        if not whole:
            survey.say(where, "it stands after a gap: entries are numbered from 0 without a gap")
            continue
        expected += 1
        whole = tree.add(entry.leaf, entry.what)
        if whole:
            yield tree
    for level in tree.tiles if whole else ():
        level.drain()


def _levels(survey: Survey, name: str, origin: str | None) -> Sequence[_Level]:
    """Open each level of tiles, in the order of its index: as many cursors as there are levels."""
    table = LogTile if origin is None else MirrorTile
    within: list[ColumnElement[bool]] = [] if origin is None else [MirrorTile.origin == origin]
    levels = []
    stray = select(table.level, table.index).where(~table.level.between(0, MAX_LEVEL), *within)
    for row in survey.stream(stray.order_by(table.level, table.index)):
        survey.say(f"{name} tile {row[0]}/{row[1]}", "no log has tiles of this level")
    for number in range(MAX_LEVEL + 1):
        query = select(table.index, table.hashes).where(table.level == number, *within).order_by(table.index)
        rows = _read(survey, table.__tablename__, query)
        levels.append(_Level(survey, name, number, rows, next(rows, None)))
    return levels


def _read(survey: Survey, table: str, query: Query) -> Iterator[tuple[int, Hash]]:
    for row in survey.stream(query):
        survey.count(table)
        for at in range(0, len(row[1]) or 1, HASH_BYTES):
            yield row[0] * WIDTH + at // HASH_BYTES, row[1][at : at + HASH_BYTES]
