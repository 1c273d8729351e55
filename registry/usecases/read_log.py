"""Read the log as anyone may: checkpoint, tiles, bundles, and the proof of an act, all of what was published."""

from functools import partial
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import NotFound
from registry.core.tlog.merkle import prove_inclusion
from registry.core.tlog.proof import TlogProof
from registry.core.tlog.tile import Tile, write_entries
from registry.store import log


class TileNotFound(NotFound):
    """The published log is not so large, or never was of a size that has this partial tile."""

    code: ClassVar[str] = "tile-not-found"
    clause: ClassVar[str | None] = "c2sp.org/tlog-tiles@v0.1.0"

    def __str__(self) -> str:
        return "the published log holds no such tile"


def prove(tx: Session, act: str) -> TlogProof | None:
    """Return the proof of an act against the first published checkpoint that covers it; None while there is none."""
    index = log.index_of(tx, act)
    return None if index is None else prove_entry(tx, index)


def prove_entry(tx: Session, index: int) -> TlogProof | None:
    """Return the proof of an entry, whether or not its act is here."""
    published = log.first_published(tx, index)
    if published is None:
        return None
    (leaf,) = log.leaves(tx, index, 1)
    hashes = prove_inclusion(index, published.size, partial(log.hashes, tx))
    return TlogProof(leaf, index, tuple(hashes), published.note)


def read_tile(tx: Session, tile: Tile, size: int) -> bytes:
    """Return the content of a tile or bundle of a log of `size`. Raises `TileNotFound`."""
    if not tile.within(size):
        raise TileNotFound
    if tile.level is None:
        return write_entries(log.leaves(tx, tile.start, tile.width))
    return log.content(tx, tile)
