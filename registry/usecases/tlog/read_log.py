"""Read the log as anyone may: checkpoint, tiles, bundles, and the proof of an act, all of what was published."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import NotFound, Unavailable
from registry.core.tlog.merkle import leaf_hash, prove_inclusion
from registry.core.tlog.proof import TlogProof
from registry.core.tlog.tile import Tile, write_entries, write_hashes
from registry.store import checkpoints, log


class TileNotFound(NotFound):
    """The published log is not so large, or never was of a size that has this partial tile."""

    code: ClassVar[str] = "tile-not-found"
    clause: ClassVar[str | None] = "c2sp.org/tlog-tiles@v0.1.0"

    def __str__(self) -> str:
        return "the published log holds no such tile"


@dataclass(eq=False)
class EntriesDamaged(Unavailable):
    """An act was removed or altered after it was logged: what is stored is no more what the log's hashes are of."""

    code: ClassVar[str] = "entries-damaged"
    clause: ClassVar[str | None] = "RFC 6962, 2.1"
    first: int
    last: int

    def __str__(self) -> str:
        return f"entries {self.first} to {self.last} are stored otherwise than they were logged: run registry fsck"


def prove(tx: Session, act: str) -> TlogProof | None:
    """Return the proof of an act against the first published checkpoint that covers it; None while there is none."""
    index = log.index_of(tx, act)
    return None if index is None else prove_entry(tx, index)


def prove_entry(tx: Session, index: int) -> TlogProof | None:
    """Return the proof of an entry, whether or not its act is here. Raises `EntriesDamaged` where its leaf is not."""
    published = checkpoints.first_published(tx, index)
    if published is None:
        return None
    leaves = log.leaves(tx, index, 1)
    if len(leaves) != 1:
        raise EntriesDamaged(index, index)
    hashes = prove_inclusion(index, published.size, partial(log.hashes, tx))
    return TlogProof(leaves[0], index, tuple(hashes), published.note)


def read_tile(tx: Session, tile: Tile, size: int) -> bytes:
    """Return the content of a tile or bundle of a log of `size`. Raises `TileNotFound`, `EntriesDamaged`.

    A bundle is kept for ever by whoever reads it, so what was not logged so is never in one.
    """
    if not tile.within(size):
        raise TileNotFound
    if tile.level is not None:
        return log.content(tx, tile)
    leaves = log.leaves(tx, tile.start, tile.width)
    if write_hashes([leaf_hash(leaf) for leaf in leaves]) != log.content(tx, Tile(0, tile.index, tile.width)):
        raise EntriesDamaged(tile.start, tile.start + tile.width - 1)
    return write_entries(leaves)
