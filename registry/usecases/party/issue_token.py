"""Issue a token: its person makes it, one operator proposes its fingerprint, another confirms it (decision 0034)."""

from collections.abc import Sequence
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
from registry.store import acts, parties, tokens
from registry.store.acts import Act, Actor, Draw
from registry.store.parties import Role
from registry.store.tokens import Token
from registry.usecases.party.confirm_proposal import by_another, heard
from registry.usecases.party.follow_proposals import ProposalEnded, find_token_proposals
from registry.usecases.party.identify_party import TOKEN_BYTES, TOKEN_PREFIX, Party
from registry.usecases.party.register_party import PartyNotFound, PartyWrong
from registry.usecases.party.tell_standing import TokenIssuedBefore, tell_standing

LONGEST_DAYS = 366
SHOWN = 16
"""So many digits of a proposed fingerprint are listed: enough to name it, and too few to confirm it by."""


@dataclass(eq=False)
class NotAFingerprint(Unprocessable):
    """What was typed is not the SHA-256 of a token."""

    code: ClassVar[str] = "not-a-fingerprint"

    def __str__(self) -> str:
        return "the fingerprint of a token is 64 digits 0-9 and a-f (SHA-256); nobody ever types the token itself here"


@dataclass(eq=False)
class FingerprintUsed(Conflict):
    """A token of someone else with this fingerprint was issued before, whether or not it lives."""

    code: ClassVar[str] = "fingerprint-used"

    def __str__(self) -> str:
        return "a token of someone else with this fingerprint was issued before: this person makes a new one"


@dataclass(eq=False)
class ProposedAlready(Conflict):
    """A token is proposed once at a time: whoever confirms it would not know for how many days."""

    code: ClassVar[str] = "proposed-already"
    days: int
    since: str

    def __str__(self) -> str:
        return (
            f"this token is proposed already, for {self.days} days, since {self.since}: another operator confirms it, "
            "or it is withdrawn and proposed anew"
        )


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

    An operator may propose their own, and a person may have several that are open: the first that is confirmed uses
    up the others. Raises `PartyNotFound`, `PartyWrong`, `NotAFingerprint`, `FingerprintUsed`, `TokenIssuedBefore`,
    `ProposedAlready`.
    """
    by.require(Role.OPERATOR)
    if parties.lock_person(tx, person) is None:
        raise PartyNotFound("person", person)
    if not 1 <= days <= LONGEST_DAYS:
        raise PartyWrong(f"a token lasts from one day to {LONGEST_DAYS}")
    digest = _read(fingerprint)
    _check_new(tx, person, digest, at)
    for each in find_token_proposals(tx, person, at):
        if each.ended is None and each.act.private["sha256"] == digest:
            raise ProposedAlready(each.act.private["days"], write_instant(each.act.at))
    private: dict[str, Json] = {"person": person, "sha256": digest, "days": days}
    acts.record(tx, Kind.TOKEN_PROPOSED, private, by=by.actor, at=at, draw=draw, subject=person)
    return digest


def confirm(tx: Session, person: str, fingerprint: str, *, by: Party, at: datetime, draw: Draw) -> Token:
    """Confirm a token that another operator proposed: it lives from now on, for the days that were proposed.

    The fingerprint is typed as the person told it. Every proposal for the person is used up by it: whoever confirms
    locks the person, so that of two proposals one is confirmed. Raises `OwnToken`, `NotAFingerprint`,
    `TokenNotProposed`, `ProposalEnded`, `SameOperator`, `FingerprintUsed`, `TokenIssuedBefore`.
    """
    by.require(Role.OPERATOR)
    if by.person == person:
        raise OwnToken
    digest = _read(fingerprint)
    parties.lock_person(tx, person)
    _check_new(tx, person, digest, at)
    proposal = by_another(_open(tx, person, digest, at), by)
    row = tokens.keep(
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


def withdraw(tx: Session, person: str, fingerprint: str, *, by: Party, at: datetime, draw: Draw) -> str:
    """Withdraw what was proposed for a person under a fingerprint, whoever proposed it; return the fingerprint.

    Its first `SHOWN` digits name it, too. It gives no power, so that one operator is enough. Raises what confirming it
    would: `NotAFingerprint`, `TokenNotProposed`, `ProposalEnded`, `FingerprintUsed`, `TokenIssuedBefore`.
    """
    by.require(Role.OPERATOR)
    parties.lock_person(tx, person)
    digest = _complete(tx, person, heard(fingerprint), at)
    _check_new(tx, person, digest, at)
    _open(tx, person, digest, at)
    end_proposal(tx, person, digest, by=by.actor, at=at, draw=draw)
    return digest


def end_proposal(tx: Session, person: str, digest: str, *, by: Actor, at: datetime, draw: Draw) -> None:
    """End what was proposed for a person under a fingerprint."""
    private: dict[str, Json] = {"person": person, "sha256": digest}
    acts.record(tx, Kind.TOKEN_WITHDRAWN, private, by=by, at=at, draw=draw, subject=person)


def _check_new(tx: Session, person: str, digest: str, at: datetime) -> None:
    known = tokens.with_digest(tx, bytes.fromhex(digest))
    if known is not None and known.person != person:
        raise FingerprintUsed
    if known is not None:
        raise TokenIssuedBefore(tell_standing(tx, known, at))


def _open(tx: Session, person: str, digest: str, at: datetime) -> Sequence[Act]:
    """Return the open proposals of a token for a person; there is one, else the newest says why it ended."""
    proposals = [each for each in find_token_proposals(tx, person, at) if each.act.private["sha256"] == digest]
    open_ = [each.act for each in proposals if each.ended is None]
    ended = [each.ended for each in proposals if each.ended is not None]
    if ended and not open_:
        raise ProposalEnded(ended[-1])
    if not open_:
        raise TokenNotProposed(person)
    return open_


def _complete(tx: Session, person: str, beginning: str, at: datetime) -> str:
    """Return the one fingerprint proposed for a person that begins with what is listed; another stays as typed.

    Of more digits none is said to fit: nobody finds out the rest by trying.
    """
    if len(beginning) != SHOWN:
        return _read(beginning)
    proposed = {str(each.act.private["sha256"]) for each in find_token_proposals(tx, person, at)}
    found = [digest for digest in proposed if digest.startswith(beginning)]
    if len(found) != 1:
        raise TokenNotProposed(person)
    return found[0]


def _read(fingerprint: str) -> str:
    digest = heard(fingerprint)
    if not HEX_256.fullmatch(digest):
        raise NotAFingerprint
    return digest
