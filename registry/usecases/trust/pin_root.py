"""Pin a root: one person proposes it, another confirms by typing the fingerprint that came by another way."""

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core import canonical
from registry.core.canonical import Json
from registry.core.errors import NotFound, Unprocessable
from registry.core.record import encode
from registry.core.tlog.entry import Kind
from registry.core.trust.believed_list import BelievedList, believe
from registry.core.trust.document_signer import RootNotLinked
from registry.core.trust.pin import FormerRoot, Pin
from registry.store import acts
from registry.store.acts import Draw
from registry.store.parties import Role
from registry.usecases.party.confirm_proposal import by_another, find_proposals, heard, spoken
from registry.usecases.party.identify_party import Party


@dataclass(eq=False)
class FingerprintDiffers(Unprocessable):
    """The fingerprint that was typed is not that of the proposed root."""

    code: ClassVar[str] = "fingerprint-differs"

    def __str__(self) -> str:
        return "the fingerprint is not that of the proposed root: do not pin it, and ask who sent it"


@dataclass(eq=False)
class PinNotProposed(NotFound):
    """No act proposed exactly this pin, or none since a root of that country was confirmed."""

    code: ClassVar[str] = "pin-not-proposed"
    country: str

    def __str__(self) -> str:
        return f"nobody proposed to pin just this root of {self.country} on these terms: propose it"


@dataclass(eq=False)
class PinTermsDiffer(Unprocessable):
    """Whoever confirms expects another threshold or epoch than was proposed."""

    code: ClassVar[str] = "pin-terms-differ"
    threshold: int
    epoch: int

    def __str__(self) -> str:
        return (
            f"what was proposed asks for {self.threshold} list keys and counts from epoch {self.epoch}: do not pin it "
            "unless that is what both of you expect"
        )


@dataclass(eq=False)
class PinEpochNotNewer(Unprocessable):
    """A new root counts from a new epoch on: the list keys of the epoch before are not under it."""

    code: ClassVar[str] = "pin-epoch-not-newer"
    epoch: int

    def __str__(self) -> str:
        return f"a new root counts from an epoch after {self.epoch}"


def follow(known: Pin | None, pin: Pin, link: bytes | None, adopted: BelievedList | None) -> Pin:
    """Return the pin that takes the place of a known one: another root follows by a link certificate, in a new epoch.

    Raises `RootNotLinked`, `PinEpochNotNewer`.
    """
    if known is None:
        return pin
    if known.root == pin.root:
        return replace(pin, former=known.former)
    newest = known.epoch if adopted is None else max(known.epoch, adopted.list.epoch)
    if pin.epoch <= newest:
        raise PinEpochNotNewer(newest)
    if link is None:
        raise RootNotLinked("another root is pinned, and no link certificate was given")
    following = replace(pin, former=(*known.former, FormerRoot(known.root, link)))
    following.anchors()
    return following


def check_believed(pin: Pin, adopted: BelievedList | None) -> None:
    """Check that the adopted list stays believed under a proposed pin: processes that run take the pin at once.

    A threshold that its signatures do not reach is met first by a list that more keys sign. Raises `ListBelowThreshold`
    and its like.
    """
    if adopted is not None:
        believe(adopted.text, pin)


def fingerprint(pin: Pin) -> str:
    """Return the fingerprint of a root, SHA-256 in groups of four, as it is read out over a telephone."""
    return spoken(sha256(pin.root).hexdigest())


def propose(tx: Session, pin: Pin, *, by: Party, at: datetime, draw: Draw) -> str:
    """Record who proposes to pin a root, and return its country."""
    by.require(Role.OPERATOR)
    country = pin.anchor().country
    _record(tx, Kind.TRUST_PIN_PROPOSED, pin, country, by=by, at=at, draw=draw)
    return country


def confirm(
    tx: Session, pin: Pin, typed: str, *, threshold: int, epoch: int, by: Party, at: datetime, draw: Draw
) -> tuple[str, str]:
    """Record who confirms a proposed pin, all of it, and return its country and who proposed it.

    The fingerprint is the root's alone, so threshold and epoch are said by whoever confirms as well. Raises
    `PinNotProposed`, `SameOperator`, `FingerprintDiffers`, `PinTermsDiffer`.
    """
    by.require(Role.OPERATOR)
    country = pin.anchors()[0].country
    last = acts.newest(tx, Kind.TRUST_PIN_CONFIRMED, "country", country)
    proposals = find_proposals(tx, _subject(pin), Kind.TRUST_PIN_PROPOSED, since=last)
    if not proposals:
        raise PinNotProposed(country)
    proposed_by = str(by_another(proposals, by).person)
    if heard(typed) != sha256(pin.root).hexdigest():
        raise FingerprintDiffers
    if (threshold, epoch) != (pin.threshold, pin.epoch):
        raise PinTermsDiffer(pin.threshold, pin.epoch)
    _record(tx, Kind.TRUST_PIN_CONFIRMED, pin, country, by=by, at=at, draw=draw)
    return country, proposed_by


def _record(tx: Session, kind: Kind, pin: Pin, country: str, *, by: Party, at: datetime, draw: Draw) -> None:
    subject = _subject(pin)
    private: dict[str, Json] = {"country": country, "threshold": pin.threshold, "epoch": pin.epoch, "pin": subject}
    digest = sha256(pin.root).hexdigest()
    acts.record(tx, kind, private, by=by.actor, at=at, draw=draw, digest=digest, subject=subject)


def _subject(pin: Pin) -> str:
    """Return what acts on a pin are about: the digest of all of it, root, threshold, epoch and former roots."""
    return canonical.digest(canonical.encode(encode(pin)))
