"""Ask whether a folder of static files is the published log, byte for byte (c2sp.org/tlog-tiles)."""

from pathlib import Path

from sqlalchemy import select

from registry.core.errors import RegistryError
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.merkle import leaf_hash
from registry.core.tlog.note import Note, VerifierKey
from registry.core.tlog.tile import MalformedTile, Tile, read_entries, tiles, write_entries, write_hashes
from registry.store import log
from registry.store.checkpoints import LogPublished
from registry.usecases.fsck.check_adopted import Adopted
from registry.usecases.fsck.survey_rows import Survey

CHECKPOINT = "checkpoint"


def check_tiles(survey: Survey, folder: Path, key: VerifierKey, adopted: Adopted) -> None:
    """Check that a folder holds a published checkpoint, every tile of its size, and nothing that is another's."""
    size = _size(survey, folder, key, adopted)
    if size is None:
        return
    found = set()
    for path in sorted(path for path in folder.rglob("*") if not path.is_dir()):
        name = path.relative_to(folder).as_posix()
        if name == CHECKPOINT:
            continue
        try:
            tile = Tile.parse(name)
        except MalformedTile as refusal:
            survey.say(f"file {name}", str(refusal))
            continue
        survey.count("tile")
        found.add(tile)
        if not tile.within(size):
            survey.say(f"file {name}", f"the checkpoint of {size} entries has no such tile")
        elif not _holds(survey, tile, _read(path)):
            survey.say(f"file {name}", "it is not what the log holds")
    for tile in tiles(size):
        if tile not in found:
            survey.say(f"file {tile.path}", "it is missing")


def _size(survey: Survey, folder: Path, key: VerifierKey, adopted: Adopted) -> int | None:
    """Return the size of the checkpoint in the folder, where it is one that was published."""
    where = f"file {CHECKPOINT}"
    try:
        note = Note.parse((_read(folder / CHECKPOINT) or b"").decode(errors="replace"))
        signed = Checkpoint.parse(note.verified([key]))
    except RegistryError as refusal:
        survey.say(where, str(refusal))
        return None
    for wrong in adopted.unsigned_lines(note, [key], ours=True):
        survey.say(where, wrong)
    published = survey.tx.scalar(select(LogPublished.note).where(LogPublished.size == signed.size))
    if published is None or not published.startswith(f"{note.text}\n"):
        survey.say(where, "no such checkpoint was published")
        return None
    return signed.size


def _read(path: Path) -> bytes | None:
    """Return the bytes of a file; None where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def _holds(survey: Survey, tile: Tile, data: bytes | None) -> bool:
    """Tell whether the content of a file is what the log has hashes of, whatever is left of its acts."""
    if data is None or tile.level is not None:
        return data == log.content(survey.tx, tile)
    try:
        entries = read_entries(data, tile.width)
    except MalformedTile:
        return False
    hashes = write_hashes([leaf_hash(entry) for entry in entries])
    return write_entries(entries) == data and hashes == log.content(survey.tx, Tile(0, tile.index, tile.width))
