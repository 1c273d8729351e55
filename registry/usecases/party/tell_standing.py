"""How a token stands: it lives, has expired, or was revoked, and by whom; told where it is shown or typed again."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.calendar import write_instant
from registry.core.errors import Conflict
from registry.core.tlog.entry import Kind
from registry.store import acts, parties
from registry.store.tokens import Token


@dataclass(eq=False)
class TokenIssuedBefore(Conflict):
    """The person's token with this fingerprint was issued before; it lives, has expired or was revoked."""

    code: ClassVar[str] = "token-issued-before"
    standing: str

    def __str__(self) -> str:
        return f"this token of this person {self.standing}"


@dataclass(eq=False)
class TokenEnded(Conflict):
    """A token that is to be revoked has expired, or was revoked before."""

    code: ClassVar[str] = "token-ended"
    standing: str

    def __str__(self) -> str:
        return f"this token {self.standing}"


def tell_standing(tx: Session, token: Token, at: datetime) -> str:
    """Say how a token stands now."""
    if token.revoked_at is not None:
        return f"was revoked at {write_instant(token.revoked_at)} by {_who_revoked(tx, token)}"
    if token.expires_at <= at:
        return f"has expired: it lived until {write_instant(token.expires_at)}"
    return f"lives since {write_instant(token.issued_at)}, until {write_instant(token.expires_at)}"


def _who_revoked(tx: Session, token: Token) -> str:
    """Name the operator, or the node, which ends tokens in the ceremony of the first operators."""
    act = acts.newest(tx, Kind.TOKEN_REVOKED, "token", token.id)
    who = None if act is None or act.person is None else parties.person(tx, act.person)
    return "the node" if who is None else who.name
