"""What a node is told from its environment. An unknown or missing name stops the start."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from registry.core.agreement import Environment
from registry.core.errors import Unprocessable
from registry.core.identifiers import NAME

PREFIX = "REGISTRY_"
DRIVER = "postgresql+psycopg"
CLOCK_FILE = f"{PREFIX}CLOCK_FILE"
CLI_ONLY = frozenset({"REGISTRY_TOKEN"})
"""Names that commands read themselves."""


@dataclass(eq=False)
class SettingsWrong(Unprocessable):
    """The environment does not say what a node must be told."""

    code: ClassVar[str] = "settings-wrong"
    reason: str

    def __str__(self) -> str:
        return f"the environment is not right: {self.reason}"


class Settings(BaseSettings):
    """One node's settings; each is `REGISTRY_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    name: str
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    env: Environment
    keys: Path
    passphrase: SecretStr | None = None
    passphrase_file: Path | None = None
    var: Path = Path("var")
    database_url: SecretStr | None = None
    database_owner_url: SecretStr | None = None
    database_password_file: Path | None = None
    database_owner_password_file: Path | None = None
    """Files with the passwords that the two addresses leave out."""
    database: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")] = "registry"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    peers: Annotated[tuple[str, ...], NoDecode] = ()
    """`did:web:<name>=<URL>` of each peer, separated by commas."""
    witnesses: Annotated[tuple[str, ...], NoDecode] = ()
    """`<name>=<URL>` of each neutral witness that the agreement names, separated by commas."""
    guard: Path | None = None
    """The file that remembers how far this node has come: on a path that no backup of the database restores."""
    clock_file: Path | None = None
    metrics: bool = False
    """Whether `/metrics` is served; a proxy before the node must not pass it on."""
    customs_per_minute: Annotated[int, Field(ge=1_000)] = 6_000
    """How many certificates an officer of customs may ask about in a minute; each process counts for itself."""
    threads: Annotated[int, Field(ge=1, le=64)] = 8
    processes: Annotated[int, Field(ge=1, le=64)] = 1

    @field_validator("peers", "witnesses", mode="before")
    @classmethod
    def _split(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        return tuple(part for part in value.split(",") if part) if isinstance(value, str) else value

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _is_an_address(cls, value: SecretStr | None) -> SecretStr | None:
        from sqlalchemy import make_url  # noqa: PLC0415  commands on keys and files load no database library
        from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

        try:
            driver = DRIVER if value is None else make_url(value.get_secret_value()).drivername
        except (ArgumentError, ValueError):
            driver = ""
        if driver != DRIVER:
            raise ValueError(f"is not {DRIVER}://<role>:<password>@<host>/<database>")
        return value

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if not NAME.fullmatch(self.name):
            raise ValueError("REGISTRY_NAME is not a name like by.registry.example")
        if self.passphrase is not None and self.passphrase_file is not None:
            raise ValueError("REGISTRY_PASSPHRASE and REGISTRY_PASSPHRASE_FILE are both set")
        if any(not part.startswith("did:web:") or "=http" not in part for part in self.peers):
            raise ValueError("REGISTRY_PEERS is not did:web:<name>=<URL>, separated by commas")
        if any(not part.partition("=")[0] or "=http" not in part for part in self.witnesses):
            raise ValueError("REGISTRY_WITNESSES is not <name>=<URL>, separated by commas")
        if any("@" in part for part in (*self.peers, *self.witnesses)):
            raise ValueError("an address of another node holds no account and no password")
        if self.env is Environment.PRODUCTION:
            if any("=https://" not in part for part in (*self.peers, *self.witnesses)):
                raise ValueError("in production other nodes and witnesses answer by https")
            if self.database_url is None:
                raise ValueError("in production REGISTRY_DATABASE_URL names a real server, never the embedded one")
            if self.guard is None:
                raise ValueError("in production REGISTRY_GUARD names a file that no backup of the database restores")
            if self.clock_file is not None:
                raise ValueError("REGISTRY_CLOCK_FILE is refused in production")
        return self

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment; raises `SettingsWrong` naming what is unknown, missing or contradictory."""
        known = {f"{PREFIX}{name.upper()}" for name in cls.model_fields} | CLI_ONLY
        if unknown := sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known):
            raise SettingsWrong(f"{', '.join(unknown)} is not a setting")
        try:
            return cls()
        except ValidationError as error:
            problems = (
                f"{PREFIX}{str(item['loc'][0]).upper()}: {item['msg']}" if item["loc"] else item["msg"]
                for item in error.errors(include_input=False, include_url=False)
            )
            raise SettingsWrong("; ".join(problems)) from None

    @property
    def did(self) -> str:
        """The node's DID."""
        return f"did:web:{self.name}"

    @property
    def peer_urls(self) -> dict[str, str]:
        """Where each peer answers, by its DID; never signed."""
        return _addresses(self.peers)

    @property
    def witness_urls(self) -> dict[str, str]:
        """Where each neutral witness answers, by the name of its key."""
        return _addresses(self.witnesses)

    @property
    def guard_path(self) -> Path:
        """Where the guard is kept."""
        return self.guard or self.var / "guard" / f"{self.database}.json"

    def secret(self) -> bytes:
        """Return the passphrase of the node's keys; raises `SettingsWrong`."""
        return read_secret(self.passphrase.get_secret_value() if self.passphrase else None, self.passphrase_file)


def _addresses(parts: tuple[str, ...]) -> dict[str, str]:
    pairs = (part.partition("=") for part in parts)
    return {name: url.rstrip("/") for name, _, url in pairs}


def moved(at: datetime, clock_file: Path | None) -> datetime:
    """Return a moment in whole seconds, moved by the seconds in the clock file where one is set."""
    whole = at.replace(microsecond=0)
    if clock_file is not None and clock_file.exists():
        whole += timedelta(seconds=int(clock_file.read_text() or 0))
    return whole


def read_secret(value: str | None, file: Path | None) -> bytes:
    """Return a passphrase given as text or in a file; raises `SettingsWrong` where there is none."""
    if file is not None:
        value = _read(file, "passphrase")
    if not value:
        raise SettingsWrong("no passphrase is given: set REGISTRY_PASSPHRASE_FILE or REGISTRY_PASSPHRASE")
    return value.encode()


def with_password(url: SecretStr, file: Path | None) -> str:
    """Return the address of a database with the password that its file holds; raises `SettingsWrong`."""
    from sqlalchemy import make_url  # noqa: PLC0415  as above

    address = make_url(url.get_secret_value())
    if file is not None:
        address = address.set(password=_read(file, "password"))
    return address.render_as_string(hide_password=False)


def _read(file: Path, what: str) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsWrong(f"the {what} file {file} cannot be read: {error}") from None
