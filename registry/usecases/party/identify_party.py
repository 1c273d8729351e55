"""From a token to the person who shows it, and what they may do."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from registry.core.errors import Refused
from registry.store import replies, tokens
from registry.store.acts import Actor
from registry.store.parties import OrganisationKind, Role
from registry.store.replies import Reply

TOKEN_PREFIX = "brt_"  # noqa: S105  the fixed beginning of every token, for scanners of leaked secrets
TOKEN_BYTES = 32
_TOKEN_LENGTH = len(TOKEN_PREFIX) + 2 * TOKEN_BYTES


@dataclass(eq=False)
class TokenNotAccepted(Refused):
    """No living token was shown: the same words for one that is unknown, expired or revoked."""

    code: ClassVar[str] = "token-not-accepted"

    def __str__(self) -> str:
        return "no token that is accepted here was shown"


@dataclass(eq=False)
class TokenNotShown(Refused):
    """A command that someone does in their own name was given no token."""

    code: ClassVar[str] = "token-not-shown"

    def __str__(self) -> str:
        return "no token was given: set REGISTRY_TOKEN to yours, or give --token"


@dataclass(eq=False)
class RoleMissing(Refused):
    """The person does not have the role that the work asks for."""

    code: ClassVar[str] = "role-missing"
    role: str

    def __str__(self) -> str:
        return f"this is the work of someone with the role {self.role}"


@dataclass(frozen=True, slots=True)
class Party:
    """Who asks: a person, their organisation, and the node that they work at."""

    person: str
    name: str
    roles: frozenset[Role]
    organisation: str
    organisation_name: str
    kind: OrganisationKind
    did: str | None
    code: str | None
    node: str

    @property
    def actor(self) -> Actor:
        """On whose behalf their acts are: the body, or the node."""
        return Actor(self.did or self.node, self.person, self.organisation)

    def require(self, *roles: Role) -> None:
        """Check that the person has one of `roles`; raises `RoleMissing`."""
        if not self.roles & set(roles):
            raise RoleMissing(" or ".join(roles))


def identify(tx: Session, token: str, *, node: str, at: datetime) -> Party:
    """Return who a token belongs to; raises `TokenNotAccepted`."""
    found = tokens.bearer(tx, _digest(token), at)
    if found is None:
        raise TokenNotAccepted
    return _party(found, node)


def identify_once(
    tx: Session, token: str, key: str, request: str, *, node: str, at: datetime
) -> tuple[Party, Reply | None]:
    """Return who a token belongs to, and what they were answered under a key; None where it is reserved for them now.

    Raises `TokenNotAccepted`.
    """
    found = replies.open_reply(tx, _digest(token), key, request, at)
    if found is None:
        raise TokenNotAccepted
    by = _party(found, node)
    return by, None if found["first"] else replies.kept(tx, by.person, key)


def _digest(token: str) -> bytes:
    if len(token) != _TOKEN_LENGTH or not token.startswith(TOKEN_PREFIX):
        raise TokenNotAccepted
    return sha256(token.encode()).digest()


def _party(found: RowMapping, node: str) -> Party:
    return Party(
        found["id"],
        found["name"],
        frozenset(Role(role) for role in found["roles"]),
        found["organisation"],
        found["organisation_name"],
        OrganisationKind(found["kind"]),
        found["did"],
        found["code"],
        node,
    )
