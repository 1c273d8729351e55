"""Where the operator of a country types and keeps backups, and a disk that is soon full."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from registry.cli.database import migrations
from registry.store.backup import dump, load
from registry.store.backup_file import Backup
from registry.store.database import OWNER
from registry.store.ownership import Own
from registry.store.postgres import binaries
from tests.kit import AT, Country, Forge
from tests.processes import environment_of

VERSIONS = [str(ScriptDirectory.from_config(migrations()).get_current_head())]
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"


@dataclass
class Desk:
    """Where the operator of a country types."""

    forge: Forge
    country: Country
    folder: Path

    @property
    def owner(self) -> str:
        return self.forge.server.url(OWNER, self.country.database)

    @property
    def own(self) -> Own:
        key = self.country.node.keyring.log.vkey
        return Own(self.country.did, self.country.code, "demo", f"{key.name}+{key.id.hex()}")

    def dumps(self, name: str = "by.dump", *, to: Path | None = None) -> Path:
        """Back the country up under a name, and return the file."""
        file = (to or self.folder) / name
        dump(self.owner, file, self.own, at=AT, release="0.1.0")
        return file

    def dumps_as_before(self) -> Path:
        """Back the country up as releases did before a backup had a checksum."""
        file = self.folder / "older.dump"
        subprocess.run(
            [binaries() / "pg_dump", "--format=custom", f"--file={file}", self.owner.replace("+psycopg", "")],
            check=True,
        )
        return file

    def loads(self, file: Path, *, own: Own | None = None, replace: bool = True) -> Backup | None:
        """Put a backup back; the newest tables are those that the country has now."""
        return load(self.owner, file, own or self.own, versions=VERSIONS, replace=replace)

    def run(self, *words: str, **told: str) -> subprocess.CompletedProcess[str]:
        environment = environment_of(self.forge, self.country, self.folder) | told
        return subprocess.run(
            [sys.executable, "-m", "registry.cli.main", *words],
            capture_output=True,
            text=True,
            check=False,
            env=environment | {"REGISTRY_DATABASE_OWNER_URL": self.owner},
            timeout=120,
        )


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk of a size, where that can be done."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False)
    if done.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
