"""How far this node has come, remembered where no backup of the database reaches (formats, transparency 2.1).

A database that was restored from a backup is honest and behind: what it would sign next is a second history. The guard
is a file on a path of its own. Nothing that is numbered leaves the node before the guard has its number.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from registry.core.errors import Unavailable


@dataclass(eq=False)
class GuardMissing(Unavailable):
    """The guard file is not where it was: whether this database is behind cannot be told."""

    code: ClassVar[str] = "guard-missing"
    path: str

    def __str__(self) -> str:
        return (
            f"the guard {self.path} is missing, though this node has a history: put the file back, or run "
            "registry log guard --begin, which asks the peers before it makes another"
        )


@dataclass(eq=False)
class GuardBroken(Unavailable):
    """The guard file cannot be read, or not be written."""

    code: ClassVar[str] = "guard-broken"
    path: str
    reason: str

    def __str__(self) -> str:
        return f"the guard {self.path} cannot be used: {self.reason}"


@dataclass(frozen=True, slots=True)
class Mark:
    """The highest number that has left, and the digest of what bore it."""

    number: int
    digest: str


class Guard:
    """The file: a mark for each thing that is numbered; marks only grow."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Tell whether there is a guard file."""
        return self.path.exists()

    def begin(self, marks: Mapping[str, Mark] | None = None) -> None:
        """Make a guard where there is none: an empty one for a node that has no history yet."""
        with self._alone():
            if not self.exists():
                self._write(dict(marks or {}))

    def mark(self, what: str) -> Mark | None:
        """Return the mark of one thing; None where none of it has left. Raises `GuardMissing` or `GuardBroken`."""
        return self._read().get(what)

    def marks(self) -> dict[str, Mark]:
        """Return every mark. Raises `GuardMissing` or `GuardBroken`."""
        return self._read()

    def advance(self, what: str, mark: Mark) -> None:
        """Remember a mark on disk; a lower number changes nothing, another digest under a number is another history.

        Raises `GuardMissing` or `GuardBroken`.
        """
        if self._has(mark, self.mark(what)):
            return
        with self._alone():
            marks = self._read()
            if not self._has(mark, marks.get(what)):
                self._write(marks | {what: mark})

    def _has(self, mark: Mark, known: Mark | None) -> bool:
        if known is not None and known.number == mark.number and known.digest != mark.digest:
            raise GuardBroken(str(self.path), f"number {mark.number} left with another digest: two databases use it")
        return known is not None and known.number >= mark.number

    def lower(self, what: str, mark: Mark) -> None:
        """Remember a lower mark: for the one ceremony that gives up what no one has seen, and for nothing else."""
        with self._alone():
            self._write(self._read() | {what: mark})

    def _read(self) -> dict[str, Mark]:
        try:
            kept = json.loads(self.path.read_bytes())
            return {what: Mark(int(number), str(digest)) for what, (number, digest) in kept.items()}
        except FileNotFoundError:
            raise GuardMissing(str(self.path)) from None
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise GuardBroken(str(self.path), str(error)) from None

    def _write(self, marks: dict[str, Mark]) -> None:
        """Write beside, sync, rename, sync the folder: a crash leaves the old file or the new one."""
        text = json.dumps({what: [mark.number, mark.digest] for what, mark in sorted(marks.items())}, indent=1)
        beside = self.path.with_name(f"{self.path.name}.new")
        try:
            with beside.open("w") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise GuardBroken(str(self.path), str(error)) from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time read and write."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = self.path.with_name(f"{self.path.name}.lock").open("w")
        except OSError as error:
            raise GuardBroken(str(self.path), str(error)) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def of_log(origin: str) -> str:
    """Name the mark of our own log."""
    return f"log {origin}"


def of_shown(origin: str) -> str:
    """Name the mark of what of our own log others may have: asked of a witness, or published.

    It is made before that leaves. A new guard begins with 0; where there is none, what was shown nobody knows.
    """
    return f"shown {origin}"


def of_published(origin: str) -> str:
    """Name the mark of what was published of our own log; it is made after that is committed."""
    return f"published {origin}"


def of_witness(name: str, origin: str) -> str:
    """Name the mark of what our witness, under its key `name`, cosigned of a log: a new key begins anew."""
    return f"witness {name} of {origin}"


def of_forgotten(name: str) -> str:
    """Name the mark of a witness's key whose marks were lost: under it nothing is cosigned any more."""
    return f"witness {name} forgotten"


def of_sent(peer: str, epoch: int) -> str:
    """Name the mark of the messages that we sent to a node."""
    return f"sent {epoch} to {peer}"


def received(marks: Mapping[str, Mark]) -> list[tuple[str, int, Mark]]:
    """Return the marks of what was received and acknowledged, each with its sender and epoch."""
    found = []
    for what, mark in sorted(marks.items()):
        match what.split(" "):
            case ["received", epoch, "from", peer] if epoch.isdecimal() and mark.number:
                found.append((peer, int(epoch), mark))
            case _:
                continue
    return found


def of_received(peer: str, epoch: int) -> str:
    """Name the mark of the messages that a node sent and we acknowledged."""
    return f"received {epoch} from {peer}"
