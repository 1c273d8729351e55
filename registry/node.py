"""One node: its settings, database, keys, clock and randomness, built once and passed down; never a global."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Self

from registry.core.agreement import Environment
from registry.core.errors import RegistryError
from registry.core.identifiers import log_origin
from registry.core.record import decode
from registry.core.trust.pin import Pin
from registry.pace import Pace
from registry.settings import Settings, with_password
from registry.signing.keyring import Keyring
from registry.store import log, witness
from registry.store.database import APP, OWNER, Database
from registry.store.guard import Guard, Mark, of_shown
from registry.store.ownership import check_own
from registry.store.postgres import Server

PINS = "trust"
PIN_SUFFIX = ".pin.json"


@dataclass(frozen=True)
class Node:
    """What every face and command works on. Only `now` reads a clock, only `draw` is random."""

    settings: Settings
    database: Database
    pins: Mapping[str, Pin]
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
            return cls(settings, database, read_pins(settings.keys / PINS), clock(settings))
        except RegistryError:
            database.close()
            raise

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

    def now() -> datetime:
        at = datetime.now(UTC).replace(microsecond=0)
        if settings.clock_file is not None and settings.clock_file.exists():
            at += timedelta(seconds=int(settings.clock_file.read_text() or 0))
        return at

    return now


def read_pins(folder: Path) -> Mapping[str, Pin]:
    """Read the confirmed pins under `folder`, by country."""
    pins = {}
    for path in sorted(folder.glob(f"*{PIN_SUFFIX}")):
        pin = decode(Pin, json.loads(path.read_text())["pin"])
        pins[pin.anchor().country] = pin
    return pins
