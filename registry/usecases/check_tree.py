"""Walk a log in the order of its entries, and hold each stored hash to what it stands over (RFC 6962, 2.1).

Each hash is compared with what its own children say, so that what was altered is named, and not all that stands above
it. In memory are the right edge and one batch of each level, however large the log.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, select

from registry.core.tlog.merkle import EMPTY_ROOT, HASH_BYTES, Hash, fold, node_hash
from registry.store.log import LogHash
from registry.store.mirror import MirrorHash
from registry.usecases.survey_rows import Query, Survey


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry as it stands: its index, what it is, and the hash of its leaf where that is here."""

    index: int
    what: str
    leaf: Hash | None


@dataclass
class _Level:
    """The stored hashes of one level, in order."""

    survey: Survey
    where: str
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

    def _step(self, *, extra: bool = False) -> None:
        if extra and self.ahead is not None:
            self.survey.say(f"{self.where}/{self.ahead[0]}", "it is missing, or of no complete subtree")
        self.ahead = next(self.rows, None)


@dataclass
class Tree:
    """The tree as far as it was walked."""

    survey: Survey
    name: str
    levels: dict[int, _Level]
    size: int = 0
    edge: list[Hash] = field(default_factory=list)

    @property
    def root(self) -> Hash:
        """The root over what was walked."""
        return fold(self.edge) if self.edge else EMPTY_ROOT

    def add(self, leaf: Hash | None, what: str) -> bool:
        """Place the next entry; where its leaf is not here its stored hash stands for it. False: there is neither."""
        level, index = 0, self.size
        node = self._settle(0, index, leaf, f"it is not the hash of entry {index}, {what}")
        if node is None:
            return False
        while index & 1:
            level, index = level + 1, index >> 1
            made = node_hash(self.edge.pop(), node)
            node = self._settle(level, index, made, "it is not the hash of its subtree") or made
        self.edge.append(node)
        self.size += 1
        return True

    def _settle(self, level: int, index: int, derived: Hash | None, otherwise: str) -> Hash | None:
        """Return the hash to go on with: the stored one, where there is one that can be."""
        stored = self.levels[level].take(index) if level in self.levels else None
        if stored is None:
            if derived is not None:
                self.survey.say(f"{self.name} hash {level}/{index}", "it is missing, or of no complete subtree")
            return derived
        if derived is not None and stored != derived:
            self.survey.say(f"{self.name} hash {level}/{index}", otherwise)
        return stored if len(stored) == HASH_BYTES else derived


def walk(survey: Survey, name: str, entries: Iterable[Placed], origin: str | None = None) -> Iterator[Tree]:
    """Walk our own log, or the mirror of `origin`; give the tree at each size on the way, the empty one first."""
    tree = Tree(survey, name, _levels(survey, name, origin))
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
    for level in tree.levels.values() if whole else ():
        level.drain()


def _levels(survey: Survey, name: str, origin: str | None) -> dict[int, _Level]:
    """Open each level that is stored, in the order of its index: as many cursors as the log has levels."""
    table = LogHash if origin is None else MirrorHash
    within: list[ColumnElement[bool]] = [] if origin is None else [MirrorHash.origin == origin]
    levels: dict[int, _Level] = {}
    for number in survey.tx.scalars(select(table.level).where(*within).distinct().order_by(table.level)):
        query = select(table.index, table.hash).where(table.level == number, *within).order_by(table.index)
        rows = _read(survey, table.__tablename__, query)
        levels[number] = _Level(survey, f"{name} hash {number}", rows, next(rows, None))
    return levels


def _read(survey: Survey, table: str, query: Query) -> Iterator[tuple[int, Hash]]:
    for row in survey.stream(query):
        survey.count(table)
        yield row[0], row[1]
