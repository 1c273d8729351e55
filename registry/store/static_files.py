"""A folder of static files, for a web server, an object store or a USB stick: a crash leaves no half of one."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from registry.core.errors import Unavailable


@dataclass(eq=False)
class FolderNotWritten(Unavailable):
    """A file could not be written; those that were there before are as they were."""

    code: ClassVar[str] = "folder-not-written"
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} cannot be written: {self.reason}"


@dataclass(frozen=True, slots=True)
class StaticFolder:
    """The folder; paths are below it."""

    root: Path

    def read(self, path: str) -> bytes | None:
        """Return the content of a file; None where there is none."""
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes) -> None:
        """Write a file beside, sync it, rename it, and sync its folder. Raises `FolderNotWritten`."""
        target = self.root / path
        beside = target.with_name(f".{target.name}.new")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        except OSError as error:
            raise FolderNotWritten(str(target), error.strerror or str(error)) from None

    def sync(self, paths: Iterable[str]) -> None:
        """Make the names of these files last: sync every folder from theirs up to the root."""
        folders = {
            folder for path in paths for folder in (self.root / path).parents if folder.is_relative_to(self.root)
        }
        for folder in sorted(folders, reverse=True):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def remove_folder(self, path: str) -> None:
        """Remove a folder with its files, where there is one."""
        folder = self.root / path
        if folder.is_dir():
            shutil.rmtree(folder)
