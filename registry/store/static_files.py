"""A folder of static files, for a web server, an object store or a USB stick: a crash leaves no half of one."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from registry.core.errors import Unavailable


@dataclass(eq=False)
class FolderUnusable(Unavailable):
    """A file could not be read or written; those that were there before are as they were."""

    code: ClassVar[str] = "folder-unusable"
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} cannot be used: {self.reason}"


@dataclass(frozen=True, slots=True)
class StaticFolder:
    """The folder; paths are below it."""

    root: Path

    def read(self, path: str) -> bytes | None:
        """Return the content of a file; None where there is none. Raises `FolderUnusable`."""
        with _using(self.root / path):
            try:
                return (self.root / path).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, path: str, data: bytes) -> None:
        """Write a file beside, sync it, and rename it; its name lasts after `sync`. Raises `FolderUnusable`."""
        target = self.root / path
        beside = target.with_name(f".{target.name}.new")
        with _using(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)

    def sync(self, paths: Iterable[str]) -> None:
        """Make the names of these files last: sync every folder from theirs up to the one that holds the root."""
        held = self.root.absolute()
        folders = {
            folder
            for path in paths
            for folder in (held / path).parents
            if folder.is_relative_to(held) or folder == held.parent
        }
        for folder in sorted(folders, reverse=True):
            with _using(folder):
                descriptor = os.open(folder, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def remove_folder(self, path: str) -> None:
        """Remove a folder with its files, where there is one. Raises `FolderUnusable`."""
        folder = self.root / path
        if folder.is_dir():
            with _using(folder):
                shutil.rmtree(folder)


@contextmanager
def _using(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FolderUnusable(str(path), error.strerror or str(error)) from None
