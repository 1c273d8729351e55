"""A backup as one file that says what it is and whether it is whole: a line, PostgreSQL's archive, a checksum.

The first line is what the backup is of, in canonical JSON (RFC 8785); the last is the SHA-256 of every byte before it.
Nothing is believed of a file before its checksum agrees. A file is under its name only when it is whole.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from errno import ENOSPC
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import IO, ClassVar

from registry.core import canonical
from registry.core.errors import Conflict, Malformed, Unavailable
from registry.core.record import decode, encode
from registry.store.ownership import Own

FORM = b"registry-backup-"
MAGIC = FORM + b"1 "
OLDER = b"PGDMP"
"""How PostgreSQL's own archive begins: what releases before this file's form wrote, without a checksum."""
LONGEST_LINE = 4096
END = b"\nsha256:%s\n"
ENDS = re.compile(rb"\nsha256:[0-9a-f]{64}\n")
END_BYTES = len(END % (b"0" * 64))
PIECE = 1 << 20

Told = Callable[[int], object]
"""Is told how many bytes were written or read so far."""


@dataclass(eq=False)
class BackupFailed(Unavailable):
    """The backup could not be made, or not be put back; the database is as it was."""

    code: ClassVar[str] = "backup-failed"
    reason: str

    def __str__(self) -> str:
        return f"the database is as it was, and this could not be done: {self.reason}"


@dataclass(eq=False)
class BackupDiskFull(Unavailable):
    """The disk of the backup is full: what was begun is gone again, and the database is as it was."""

    code: ClassVar[str] = "backup-disk-full"

    def __str__(self) -> str:
        return (
            "the disk of the backup is full, and no half file is left on it: make room and run this again "
            "(a restore needs room beside the backup, too, for its rows as text)"
        )


@dataclass(eq=False)
class NotABackup(Malformed):
    """The file is of another kind: nothing in it says that it is a backup, and nothing was put back."""

    code: ClassVar[str] = "not-a-backup"
    reason: str

    def __str__(self) -> str:
        return f"this file is no backup that this release reads, and nothing was put back: {self.reason}"


@dataclass(eq=False)
class BackupDamaged(Malformed):
    """The backup is not as it was written: it was cut off, half copied or changed, and nothing was put back."""

    code: ClassVar[str] = "backup-damaged"
    reason: str

    def __str__(self) -> str:
        return (
            f"this backup is not as it was written, and nothing was put back: {self.reason}. Copy it anew from where "
            "it was kept, or take an older one"
        )


@dataclass(eq=False)
class BackupOfAnother(Conflict):
    """The backup is of another node, country, environment or log than this node's: nothing was put back."""

    code: ClassVar[str] = "backup-of-another"
    what: str
    held: str
    own: str

    def __str__(self) -> str:
        return (
            f"this backup is of the {self.what} {self.held}, and this node's is {self.own}: nothing was put back; look "
            "at which file, and at REGISTRY_NAME, REGISTRY_COUNTRY, REGISTRY_ENV and REGISTRY_KEYS"
        )


@dataclass(eq=False)
class BackupNewer(Conflict):
    """The backup was made by a newer release, whose tables this one does not know: nothing was put back."""

    code: ClassVar[str] = "backup-newer"
    version: str
    release: str

    def __str__(self) -> str:
        return (
            f"this backup has tables of version {self.version} (release {self.release}), which this release does not "
            "know: nothing was put back; restore it with the release that made it, or a newer one"
        )


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup is of: the node, the key that signed its log, and how far it had come at the moment it shows."""

    node: str
    country: str
    env: str
    taken_at: datetime
    log_size: int
    version: str
    release: str
    log: str | None = None
    """Absent where nothing had been logged."""

    def check_own(self, own: Own) -> None:
        """Check that it is of this node; raises `BackupOfAnother`."""
        for what, held, ours in (
            ("node", self.node, own.node),
            ("country", self.country, own.country),
            ("environment", self.env, own.env),
            ("log key", self.log, own.log),
        ):
            if held is not None and held != ours:
                raise BackupOfAnother(what, held, ours or "unknown")


@contextmanager
def written(file: Path, backup: Backup, told: Told) -> Iterator[Callable[[bytes], None]]:
    """Write a file, readable by us alone, that is under its name once the body has ended, whole and on disk.

    Where the body raises, nothing is left; until then it has a name of its own, since a number of a process is not one
    where containers share a folder. Raises `BackupDiskFull`, `BackupFailed`.
    """
    with saying_why():
        if not file.parent.is_dir():
            raise BackupFailed(f"the folder {file.parent} is not there; make it, or name another")
        descriptor, name = mkstemp(prefix=f".{file.name}.", dir=file.parent)
        aside = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as out:
                digest = sha256()

                def write(piece: bytes) -> None:
                    out.write(piece)
                    digest.update(piece)
                    told(out.tell())

                write(MAGIC + canonical.encode(encode(backup)) + b"\n")
                yield write
                out.write(END % digest.hexdigest().encode())
                out.flush()
                os.fsync(out.fileno())
            aside.replace(file)
            _sync(file.parent)
        finally:
            aside.unlink(missing_ok=True)


@contextmanager
def opened(file: Path, told: Told) -> Iterator[tuple[Backup | None, Iterator[bytes]]]:
    """Open a backup that is whole: what it is of, and its archive; None: it is an older one, without a checksum.

    The archive is read once more, and after its last piece all of it is compared with what was first read: nothing of
    it is used before that. Raises `NotABackup`, `BackupDamaged`.
    """
    with saying_why(), file.open("rb", buffering=0) as source:
        try:
            backup, archive = _read(source, told)
        except OSError as error:
            raise _unreadable(error) from None
        yield backup, archive


def _read(source: IO[bytes], told: Told) -> tuple[Backup | None, Iterator[bytes]]:
    beginning = source.read(LONGEST_LINE)
    size = source.seek(0, os.SEEK_END)
    end = max(size - END_BYTES, 0)
    if not beginning.startswith(FORM):
        source.seek(end)
        if ENDS.fullmatch(source.read(END_BYTES)):
            raise BackupDamaged("its first line is missing")
    if beginning.startswith(OLDER):
        return None, _between(source, 0, size)
    if not beginning.startswith(MAGIC):
        raise NotABackup("it begins otherwise" if beginning else "it is empty")
    digest = sha256()
    for piece in _between(source, 0, end):
        digest.update(piece)
        told(source.tell())
    last = source.read(END_BYTES)
    if last != END % digest.hexdigest().encode():
        raise BackupDamaged(
            "its bytes do not give the checksum at its end"
            if last.startswith(END[:8]) and last.endswith(b"\n")
            else "its end is missing, or something follows it"
        )
    line, newline, _ = beginning.partition(b"\n")
    try:
        backup = decode(Backup, canonical.parse(line.removeprefix(MAGIC)))
    except Malformed as error:
        raise NotABackup(str(error)) from None
    return backup, _again(source, line + newline, end, digest.digest())


def _again(source: IO[bytes], line: bytes, end: int, whole: bytes) -> Iterator[bytes]:
    """Read what follows the first line, which is as it was believed; raises `BackupDamaged` where it is so no more."""
    digest = sha256(line)
    try:
        for piece in _between(source, len(line), end):
            digest.update(piece)
            yield piece
    except OSError as error:
        raise _unreadable(error) from None
    if digest.digest() != whole:
        raise BackupDamaged("it was changed while it was read")


def _between(source: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    source.seek(start)
    while (left := end - source.tell()) > 0 and (piece := source.read(min(PIECE, left))):
        yield piece


def _unreadable(error: OSError) -> BackupDamaged:
    return BackupDamaged(f"it cannot be read ({error.strerror})")


@contextmanager
def saying_why() -> Iterator[None]:
    """Say by a refusal what the disk said; raises `BackupDiskFull`, `BackupFailed`."""
    try:
        yield
    except OSError as error:
        raise (BackupDiskFull() if error.errno == ENOSPC else BackupFailed(str(error))) from None


def _sync(folder: Path) -> None:
    """Make the new name of a file last beyond a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
