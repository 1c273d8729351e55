"""One node: its settings, database, keys, clock and randomness, built once and passed down; never a global."""

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from sqlalchemy.orm import Session

from registry.core.agreement import Environment
from registry.core.errors import Malformed, RegistryError, Unavailable, Unprocessable
from registry.core.identifiers import log_origin
from registry.core.record import decode
from registry.core.trust.pin import Pin
from registry.pace import Pace
from registry.settings import Settings, moved, with_password
from registry.signing.keyring import Keyring
from registry.store import log, witness
from registry.store.database import APP, OWNER, Database
from registry.store.guard import Guard, GuardBroken, GuardMissing, Mark, of_shown
from registry.store.ownership import check_own
from registry.store.postgres import Server
from registry.usecases.trust.believe_peers import Beliefs, read_beliefs

PINS = "trust"
PIN_SUFFIX = ".pin.json"


@dataclass(eq=False)
class PinDamaged(Unavailable):
    """A file of a confirmed pin cannot be read: nothing is decided by the pins of this node until it can."""

    code: ClassVar[str] = "pin-damaged"
    file: str

    def __str__(self) -> str:
        return f"the pin {self.file} cannot be read: put it back as two people confirmed it"


@dataclass
class PinFolder:
    """The confirmed pins of a node, read again when a file of them is another: a process that runs takes a new root.

    Each call returns pins that were read together. Threads may read at once: what they keep is kept in one step, and
    the files were looked at before they were read, so that what changes meanwhile is read the next time.
    """

    folder: Path
    _kept: tuple[tuple[tuple[str, int, int, int], ...], Mapping[str, Pin]] | None = field(default=None, repr=False)

    def __call__(self) -> Mapping[str, Pin]:
        """Return the pins by country; raises `PinDamaged`."""
        kept, looks = self._kept, self._look()
        if kept is not None and kept[0] == looks:
            return kept[1]
        pins = read_pins(self.folder)
        self._kept = looks, pins
        return pins

    def _look(self) -> tuple[tuple[str, int, int, int], ...]:
        if not self.folder.exists():
            return ()
        try:
            with os.scandir(self.folder) as entries:
                found = {each.name: each.stat() for each in entries if each.name.endswith(PIN_SUFFIX)}
        except OSError as error:
            raise PinDamaged(str(error.filename)) from None
        return tuple((name, is_.st_ino, is_.st_mtime_ns, is_.st_size) for name, is_ in sorted(found.items()))


@dataclass(frozen=True)
class Node:
    """What every face and command works on. Only `now` reads a clock, only `draw` is random."""

    settings: Settings
    database: Database
    pinned: Callable[[], Mapping[str, Pin]]
    now: Callable[[], datetime]
    draw: Callable[[int], bytes] = secrets.token_bytes

    @classmethod
    def open(cls, settings: Settings, *, patience: timedelta | None = None) -> Self:
        """Open database and pins; start the embedded server where no other is named. Keys open when first asked for.

        A statement of this node takes no longer than `patience`.
        """
        database = Database.open(app_url(settings), pool=settings.threads + 4, patience=patience)
        try:
            database.check_safe(production=settings.env is Environment.PRODUCTION)
            with database.read() as tx:
                check_own(tx, settings.name)
            pinned = PinFolder(settings.keys / PINS)
            pinned()
            return cls(settings, database, pinned, clock(settings))
        except RegistryError:
            database.close()
            raise

    @property
    def pins(self) -> Mapping[str, Pin]:
        """The roots that are pinned now, by country; raises `PinDamaged`."""
        return self.pinned()

    @cached_property
    def keyring(self) -> Keyring:
        """The node's keys; a command that signs nothing needs no passphrase."""
        return Keyring.open(self.settings.keys, self.settings.secret())

    @cached_property
    def pace(self) -> Pace:
        """How often each officer of customs asked in this minute."""
        return Pace(self.settings.customs_per_minute)

    @cached_property
    def guard(self) -> Guard:
        """The second memory of how far this node has come; made where it has logged and cosigned nothing yet."""
        guard = Guard(self.settings.guard_path)
        if not guard.exists():
            with self.database.read() as tx:
                if log.head(tx) is None and not witness.heads(tx):
                    guard.begin({of_shown(log_origin(self.settings.name)): Mark(0, "")})
        return guard

    def believe(self, tx: Session) -> Beliefs:
        """Return what verdicts rest on: how fresh a word is nobody knows where the guard says that more had come.

        Where the guard cannot be read it might say so of every node.
        """
        try:
            marks = self.guard.marks()
        except (GuardMissing, GuardBroken):
            return replace(read_beliefs(tx, self.pins), words={})
        return read_beliefs(tx, self.pins, marks)

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()


def embedded(settings: Settings) -> Server:
    """Return the embedded server, started, with this node's database in it."""
    server = Server.start(settings.var / "postgres")
    server.ensure_database(settings.database)
    return server


def app_url(settings: Settings) -> str:
    """Return where the app connects."""
    if settings.database_url is not None:
        return with_password(settings.database_url, settings.database_password_file)
    return embedded(settings).url(APP, settings.database)


def owner_url(settings: Settings) -> str:
    """Return where migrations connect."""
    if settings.database_owner_url is not None:
        return with_password(settings.database_owner_url, settings.database_owner_password_file)
    if settings.database_url is not None:
        return with_password(settings.database_url, settings.database_password_file)
    return embedded(settings).url(OWNER, settings.database)


def clock(settings: Settings) -> Callable[[], datetime]:
    """Return the clock: whole UTC seconds, moved by the seconds in the clock file where one is set."""
    return lambda: moved(datetime.now(UTC), settings.clock_file)


def read_pins(folder: Path) -> Mapping[str, Pin]:
    """Read the confirmed pins under `folder`, by country; raises `PinDamaged`."""
    pins = {}
    for path in sorted(folder.glob(f"*{PIN_SUFFIX}")):
        try:
            pin = decode(Pin, json.loads(path.read_text())["pin"])
            pins[pin.anchor().country] = pin
        except (OSError, ValueError, KeyError, TypeError, Malformed, Unprocessable):
            raise PinDamaged(str(path)) from None
    return pins
