"""Write the published log as static files, only what is new since the last time (c2sp.org/tlog-tiles)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import Conflict, NotFound, RegistryError
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.note import Note
from registry.core.tlog.tile import WIDTH, Tile, tiles
from registry.store import checkpoints, log
from registry.usecases.tlog.publish_log import published_note
from registry.usecases.tlog.read_log import read_tile

CHECKPOINT = "checkpoint"


@dataclass(eq=False)
class NothingPublished(NotFound):
    """The log has no published checkpoint yet."""

    code: ClassVar[str] = "nothing-published"

    def __str__(self) -> str:
        return "the log has published no checkpoint yet: no witness has cosigned one"


@dataclass(eq=False)
class FolderOfAnotherLog(Conflict):
    """The folder holds another log than ours, or more of ours than we do; nothing in it is touched."""

    code: ClassVar[str] = "folder-of-another-log"
    reason: str

    def __str__(self) -> str:
        return f"the folder does not hold the beginning of this log: {self.reason}"


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be written: the tiles first, the checkpoint last, so that a reader never misses a tile."""

    size: int
    since: int
    note: str
    tiles: tuple[Tile, ...]
    read: Callable[[Tile], bytes]

    def stale(self) -> Iterator[str]:
        """Return the folders of partial tiles that full ones now stand in for."""
        for tile in self.tiles:
            if tile.width == WIDTH:
                yield f"{tile.path}.p"


def prepare(tx: Session, held: bytes | None) -> Export:
    """Return what a folder lacks whose checkpoint file is `held`. Raises `NothingPublished`, `FolderOfAnotherLog`."""
    published, note = checkpoints.newest_published(tx), published_note(tx)
    if published is None or note is None:
        raise NothingPublished
    ours = Checkpoint.parse(Note.parse(note).text)
    since = 0 if held is None else _size_of(tx, held, ours)
    return Export(ours.size, since, note, tuple(tiles(ours.size, since)), lambda tile: read_tile(tx, tile, ours.size))


def _size_of(tx: Session, held: bytes, ours: Checkpoint) -> int:
    try:
        theirs = Checkpoint.parse(Note.parse(held.decode("utf-8", errors="replace")).text)
    except RegistryError as refusal:
        raise FolderOfAnotherLog(str(refusal)) from None
    if theirs.origin != ours.origin:
        raise FolderOfAnotherLog(f"its checkpoint is of {theirs.origin}")
    if theirs.size > ours.size:
        raise FolderOfAnotherLog(f"it has {theirs.size} entries, and {ours.size} are published")
    if log.edge(tx, theirs.size).root != theirs.root:
        raise FolderOfAnotherLog(f"its first {theirs.size} entries are others than ours")
    return theirs.size
