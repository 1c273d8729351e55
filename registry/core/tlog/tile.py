"""The static files of a log: tiles of hashes and bundles of entries, and their paths (c2sp.org/tlog-tiles@v0.1.0)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from registry.core.errors import Malformed
from registry.core.tlog.entry import MAX_ENTRY
from registry.core.tlog.merkle import HASH_BYTES, MAX_SIZE, Hash, subtree_root

HEIGHT = 8
WIDTH = 1 << HEIGHT
"""Hashes in a full tile, entries in a full bundle."""
MAX_LEVEL = 63 // HEIGHT
_LENGTH_BYTES = 2
_PATH = re.compile(r"tile/(entries|[0-7])/((?:x\d{3}/){0,5}\d{3})(?:\.p/(\d{1,3}))?", re.ASCII)
_ENTRIES = "entries"


@dataclass(eq=False)
class MalformedTile(Malformed):
    """The path or the content is not that of a tile."""

    code: ClassVar[str] = "malformed-tile"
    clause: ClassVar[str | None] = "c2sp.org/tlog-tiles@v0.1.0"
    reason: str

    def __str__(self) -> str:
        return f"the tile cannot be read: {self.reason}"


@dataclass(frozen=True, slots=True)
class Tile:
    """Up to 256 hashes of one level in eight, or, where `level` is None, up to 256 entries."""

    level: int | None
    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        assert self.level is None or 0 <= self.level <= MAX_LEVEL
        assert self.index >= 0
        assert 1 <= self.width <= WIDTH

    @classmethod
    def parse(cls, path: str) -> Self:
        """Read a path below the log's prefix, as `tile/0/x001/067.p/12` or `tile/entries/000`: the one spelling.

        Raises `MalformedTile`.
        """
        found = _PATH.fullmatch(path)
        if found is None:
            raise MalformedTile("its path is not tile/<level>/<index>[.p/<width>] of any log")
        index = int(found[2].replace("x", "").replace("/", ""))
        width = WIDTH if found[3] is None else int(found[3])
        if not 1 <= width <= WIDTH or index > MAX_SIZE >> HEIGHT:
            raise MalformedTile(f"its width is not 1 to {WIDTH}, or its index is beyond any log")
        tile = cls(None if found[1] == _ENTRIES else int(found[1]), index, width)
        if tile.path != path:
            raise MalformedTile("its path is not in the one spelling")
        return tile

    @property
    def path(self) -> str:
        """The path below the log's prefix: groups of three digits, all but the last behind an x."""
        digits = str(self.index)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        suffix = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{_ENTRIES if self.level is None else self.level}/{name}{suffix}"

    @property
    def start(self) -> int:
        """The first index of the tile on its level; of a bundle, the first entry."""
        return self.index << HEIGHT

    @property
    def tree_level(self) -> int:
        """The level of its hashes in the tree: 0 are the leaves."""
        assert self.level is not None
        return self.level * HEIGHT

    def within(self, size: int) -> bool:
        """Tell whether a tree of `size` holds the tile at this width."""
        return self.start + self.width <= size >> (HEIGHT * (self.level or 0))

    def full(self) -> Self:
        """Return the tile at full width, which may stand in for a partial one."""
        return type(self)(self.level, self.index)


def tiles(size: int, since: int = 0) -> Iterator[Tile]:
    """Return the tiles that a tree of `size` serves and one of `since` did not, bundles first, partial ones last."""
    assert 0 <= since <= size <= MAX_SIZE
    yield from _tiles(None, size, since)
    for level in range(MAX_LEVEL + 1):
        yield from _tiles(level, size >> (HEIGHT * level), since >> (HEIGHT * level))


def _tiles(level: int | None, count: int, since: int) -> Iterator[Tile]:
    for index in range(since >> HEIGHT, count >> HEIGHT):
        yield Tile(level, index)
    if count % WIDTH and count != since:
        yield Tile(level, count >> HEIGHT, count % WIDTH)


def tile_of(level: int, index: int) -> tuple[int, int]:
    """Return level and index of the tile in which the hash of a complete subtree stands, or its children do."""
    return level // HEIGHT, index << level % HEIGHT >> HEIGHT


def hash_in(content: bytes, level: int, index: int) -> Hash:
    """Return the hash of a complete subtree out of its tile; between two levels of tiles it is computed.

    Raises `MalformedTile` where the content ends before it.
    """
    count = 1 << level % HEIGHT
    first = index * count % WIDTH
    row = content[first * HASH_BYTES : (first + count) * HASH_BYTES]
    if len(row) != count * HASH_BYTES:
        raise MalformedTile(f"it is not {first + count} hashes")
    return subtree_root(row)


def growth(made: Mapping[tuple[int, int], Hash]) -> Mapping[tuple[int, int], bytes]:
    """Return what each tile grows by, given the complete subtrees that an append made, each level in order."""
    grown: dict[tuple[int, int], bytearray] = {}
    for (level, index), hash_ in made.items():
        if level % HEIGHT == 0:
            grown.setdefault(tile_of(level, index), bytearray()).extend(hash_)
    return {tile: bytes(content) for tile, content in grown.items()}


def write_hashes(hashes: Sequence[Hash]) -> bytes:
    """Return the content of a tile."""
    return b"".join(hashes)


def read_hashes(data: bytes, width: int) -> Sequence[Hash]:
    """Return the first `width` hashes of a tile, full or partial. Raises `MalformedTile`."""
    if len(data) % HASH_BYTES or not width * HASH_BYTES <= len(data) <= WIDTH * HASH_BYTES:
        raise MalformedTile(f"it is not {width} hashes")
    return [data[at : at + HASH_BYTES] for at in range(0, width * HASH_BYTES, HASH_BYTES)]


def write_entries(entries: Sequence[bytes]) -> bytes:
    """Return the content of a bundle: each entry behind its length, two bytes."""
    assert all(len(entry) <= MAX_ENTRY for entry in entries)
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES) + entry for entry in entries)


def read_entries(data: bytes, width: int) -> Sequence[bytes]:
    """Return the first `width` entries of a bundle, full or partial. Raises `MalformedTile`."""
    entries = []
    at = 0
    while at < len(data):
        end = at + _LENGTH_BYTES + int.from_bytes(data[at : at + _LENGTH_BYTES])
        if at + _LENGTH_BYTES > len(data) or end > len(data):
            raise MalformedTile("its last entry is cut off")
        entries.append(data[at + _LENGTH_BYTES : end])
        at = end
    if not width <= len(entries) <= WIDTH:
        raise MalformedTile(f"it holds {len(entries)} entries, not {width}")
    return entries[:width]
