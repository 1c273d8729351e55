"""Issue a token: its person makes it, one operator proposes its fingerprint, another confirms it (0034)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.calendar import write_instant
from registry.core.canonical import Json
from registry.core.errors import Conflict, NotFound, Refused, Unprocessable
from registry.core.identifiers import HEX_256
from registry.core.tlog.entry import Kind
from registry.store import acts, parties
from registry.store.acts import Draw
from registry.store.parties import Role, Token
from registry.usecases.confirm_proposal import by_another, find_proposals, heard
from registry.usecases.identify_party import TOKEN_BYTES, TOKEN_PREFIX, Party
from registry.usecases.register_party import PartyNotFound, PartyWrong

LONGEST_DAYS = 366


@dataclass(eq=False)
class NotAFingerprint(Unprocessable):
    """What was typed is not the SHA-256 of a token."""

    code: ClassVar[str] = "not-a-fingerprint"

    def __str__(self) -> str:
        return "the fingerprint of a token is 64 digits 0-9 and a-f (SHA-256); nobody ever types the token itself here"


@dataclass(eq=False)
class FingerprintUsed(Conflict):
    """A token with this fingerprint was issued before, whoever's it is and whether or not it lives."""

    code: ClassVar[str] = "fingerprint-used"

    def __str__(self) -> str:
        return "a token with this fingerprint was issued before: its person makes a new one"


@dataclass(eq=False)
class TokenNotProposed(NotFound):
    """No operator of now proposed a token with just this fingerprint for this person."""

    code: ClassVar[str] = "token-not-proposed"
    person: str

    def __str__(self) -> str:
        return (
            f"no operator proposed a token with just this fingerprint for {self.person[:64]!r}: compare it with the "
            "person, and with whoever proposed"
        )


@dataclass(eq=False)
class OwnToken(Refused):
    """Nobody confirms a token of their own."""

    code: ClassVar[str] = "own-token"

    def __str__(self) -> str:
        return "nobody confirms their own token: another operator does, who compares its fingerprint with you"


def make(draw: Draw) -> tuple[str, str]:
    """Make a token of 256 random bits, and return it with its fingerprint: whoever it is for does this, alone."""
    token = TOKEN_PREFIX + draw(TOKEN_BYTES).hex()
    return token, sha256(token.encode()).hexdigest()


def propose(tx: Session, person: str, fingerprint: str, *, days: int, by: Party, at: datetime, draw: Draw) -> str:
    """Record who proposes a token for a person, and for how many days; return its fingerprint.

    An operator may propose their own. Raises `PartyNotFound`, `PartyWrong`, `NotAFingerprint`, `FingerprintUsed`.
    """
    by.require(Role.OPERATOR)
    if parties.person(tx, person) is None:
        raise PartyNotFound("person", person)
    if not 1 <= days <= LONGEST_DAYS:
        raise PartyWrong(f"a token lasts from one day to {LONGEST_DAYS}")
    digest = _read(fingerprint)
    if parties.token_known(tx, bytes.fromhex(digest)):
        raise FingerprintUsed
    private: dict[str, Json] = {"person": person, "sha256": digest, "days": days}
    acts.record(tx, Kind.TOKEN_PROPOSED, private, by=by.actor, at=at, draw=draw, subject=person)
    return digest


def confirm(tx: Session, person: str, fingerprint: str, *, by: Party, at: datetime, draw: Draw) -> Token:
    """Confirm a token that another operator proposed: it lives from now on, for the days that were proposed.

    The fingerprint is typed as the person told it. Once it is a token's, every proposal of it is used up. Raises
    `OwnToken`, `NotAFingerprint`, `TokenNotProposed`, `SameOperator`, `FingerprintUsed`.
    """
    by.require(Role.OPERATOR)
    if by.person == person:
        raise OwnToken
    digest = _read(fingerprint)
    proposals = [act for act in find_proposals(tx, person, Kind.TOKEN_PROPOSED) if act.private["sha256"] == digest]
    if not proposals:
        raise TokenNotProposed(person)
    proposal = by_another(proposals, by)
    row = parties.keep_token(
        tx,
        {
            "id": draw(16).hex(),
            "person": person,
            "sha256": bytes.fromhex(digest),
            "issued_at": at,
            "expires_at": at + timedelta(days=proposal.private["days"]),
            "proposed_by": proposal.person,
            "confirmed_by": by.person,
        },
    )
    if row is None:
        raise FingerprintUsed
    private: dict[str, Json] = {
        "token": row.id,
        "person": person,
        "expires_at": write_instant(row.expires_at),
        "sha256": digest,
        "proposal": proposal.id,
    }
    acts.record(tx, Kind.TOKEN_ISSUED, private, by=by.actor, at=at, draw=draw, subject=person)
    return row


def _read(fingerprint: str) -> str:
    digest = heard(fingerprint)
    if not HEX_256.fullmatch(digest):
        raise NotAFingerprint
    return digest
