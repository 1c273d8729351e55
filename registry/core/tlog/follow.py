"""Follow a log from outside: what an append-only reader keeps, and how it grows with the entries it is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from registry.core.tlog.merkle import EMPTY_ROOT, Hash, fold, leaf_hash, new_hashes, subtrees
from registry.core.tlog.tile import HEIGHT, WIDTH, Tile, hash_in, tile_of

ReadTile = Callable[[Tile], bytes]
"""Given a tile, return its content, at this width or full."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A tree as the hashes of its largest complete subtrees, left to right: all that is needed to go on."""

    size: int = 0
    hashes: tuple[Hash, ...] = ()

    def __post_init__(self) -> None:
        assert len(self.hashes) == len(subtrees(0, self.size))

    @property
    def root(self) -> Hash:
        """The root of the tree."""
        return fold(self.hashes) if self.size else EMPTY_ROOT

    def whole(self) -> Self:
        """Return the tree up to its last full bundle: from there entries that were seen are read again with the new."""
        size = self.size - self.size % WIDTH
        return type(self)(size, self.hashes[: len(subtrees(0, size))])

    def grown(self, entries: Sequence[bytes]) -> tuple[Self, Mapping[tuple[int, int], Hash]]:
        """Return the tree with these entries appended, and each complete subtree that they made, by (level, index)."""
        known = dict(zip(subtrees(0, self.size), self.hashes, strict=True))
        leaves = [leaf_hash(entry) for entry in entries]
        completed = new_hashes(self.size, leaves, lambda wanted: [known[position] for position in wanted])
        made = {(level, index): hash_ for level, index, hash_ in completed}
        known |= made
        size = self.size + len(entries)
        return type(self)(size, tuple(known[position] for position in subtrees(0, size))), made


@dataclass(frozen=True, slots=True)
class TileReader:
    """Reads hashes of complete subtrees out of the tiles of a log of `size`; each tile is asked for once."""

    size: int
    read: ReadTile

    def __call__(self, wanted: Sequence[tuple[int, int]]) -> Sequence[Hash]:
        """Return the hashes of complete subtrees: those between two levels of tiles are computed."""
        kept: dict[Tile, bytes] = {}
        return [self._hash(level, index, kept) for level, index in wanted]

    def _hash(self, level: int, index: int, kept: dict[Tile, bytes]) -> Hash:
        tile = self._tile(*tile_of(level, index))
        if tile not in kept:
            kept[tile] = self.read(tile)
        return hash_in(kept[tile], level, index)

    def _tile(self, level: int, index: int) -> Tile:
        return Tile(level, index, min(WIDTH, (self.size >> (HEIGHT * level)) - index * WIDTH))
