"""The leaf of each act: what anyone may know of it, and commitments to the rest (formats 11)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import ClassVar, Self

from registry.core import canonical
from registry.core.calendar import MalformedTime, read_instant, write_instant
from registry.core.canonical import JsonObject, NotCanonical
from registry.core.errors import Malformed
from registry.core.identifiers import HEX_128, HEX_256, ActId, Country, Did, Digest

VERSION = 1
MAX_ENTRY = 65_535
MAX_LEAF = 1_024
"""Bytes of a leaf: the longest names that it may hold make less, so a log of ours has no larger entry."""
SALT_BYTES = 16

_COUNTRY = re.compile(r"[A-Z]{2}")
_DID = re.compile(r"did:web:[a-z0-9.-]{1,253}(?::bodies:[a-z0-9-]{1,32})?")
_ALWAYS = frozenset({"v", "id", "kind", "at", "by", "private"})


class Kind(StrEnum):
    """Every act that is logged: the one closed table."""

    ORGANISATION_REGISTERED = "organisation.registered"
    ORGANISATION_CHANGED = "organisation.changed"
    PERSON_REGISTERED = "person.registered"
    PERSON_CHANGED = "person.changed"
    OPERATORS_BEGUN = "operators.begun"
    TOKEN_PROPOSED = "token.proposed"  # noqa: S105  the name of an act
    TOKEN_WITHDRAWN = "token.withdrawn"  # noqa: S105  the name of an act
    TOKEN_ISSUED = "token.issued"  # noqa: S105  the name of an act
    TOKEN_REVOKED = "token.revoked"  # noqa: S105  the name of an act
    MANDATE_GRANTED = "mandate.granted"
    MANDATE_REVOKED = "mandate.revoked"
    PRODUCT_KEPT = "product.kept"
    EVIDENCE_KEPT = "evidence.kept"
    APPLICATION_DRAFTED = "application.drafted"
    APPLICATION_CHANGED = "application.changed"
    APPLICATION_SUBMITTED = "application.submitted"
    APPLICATION_TAKEN_UP = "application.taken-up"
    APPLICATION_SENT_BACK = "application.sent-back"
    APPLICATION_REFUSED = "application.refused"
    APPLICATION_DRAFT_OFFERED = "application.draft-offered"
    APPLICATION_ACCEPTED = "application.accepted"
    APPLICATION_OBJECTED = "application.objected"
    APPLICATION_WITHDRAWN = "application.withdrawn"
    APPLICATION_STOPPED = "application.stopped"
    APPLICATION_RESUMED = "application.resumed"
    APPLICATION_DATED = "application.dated"
    CERTIFICATE_ISSUED = "certificate.issued"
    CERTIFICATE_STATUS = "certificate.status"
    CERTIFICATE_CLARIFIED = "certificate.clarified"
    ANNULMENT_PROPOSED = "annulment.proposed"
    ANNULMENT_WITHDRAWN = "annulment.withdrawn"
    REPLACEMENT_PROPOSED = "replacement.proposed"
    CLARIFICATION_PROPOSED = "clarification.proposed"
    CLARIFICATION_WITHDRAWN = "clarification.withdrawn"
    VERIFICATION_MADE = "verification.made"
    MESSAGE_REFUSED = "message.refused"
    RECEIPT_REFUSED = "receipt.refused"
    TRUST_PIN_PROPOSED = "trust.pin-proposed"
    TRUST_PIN_CONFIRMED = "trust.pin-confirmed"
    TRUST_PUBLISHED = "trust.published"
    TRUST_ADOPTED = "trust.adopted"
    AGREEMENT_ADOPTED = "agreement.adopted"
    BUNDLE_MADE = "bundle.made"
    ACTS_READ = "acts.read"
    ACTS_EXPORTED = "acts.exported"
    WITNESS_CONFLICT = "witness.conflict"
    LOG_RECOVERED = "log.recovered"
    TASK_CLOSED = "task.closed"
    CALENDAR_PROPOSED = "calendar.proposed"
    CALENDAR_CONFIRMED = "calendar.confirmed"
    MONTH_STATED = "month.stated"
    MONTH_COMPARED = "month.compared"
    EPOCH_PROPOSED = "epoch.proposed"
    EPOCH_BEGUN = "epoch.begun"
    EPOCH_FOLLOWED = "epoch.followed"

    @property
    def has_destination(self) -> bool:
        """Whether the leaf says for which country: so that country can see that all of them were delivered."""
        return self.startswith("certificate.") or self in {Kind.MONTH_STATED, Kind.EPOCH_BEGUN}

    @property
    def has_digest(self) -> bool:
        """Whether the act is about a signed thing, which the leaf names by its digest."""
        return self.startswith(("certificate.", "trust.", "agreement.")) or self in {
            Kind.MONTH_STATED,
            Kind.EPOCH_BEGUN,
        }


@dataclass(eq=False)
class MalformedLeaf(Malformed):
    """The bytes are not the leaf of an act in its one spelling."""

    code: ClassVar[str] = "malformed-leaf"
    clause: ClassVar[str | None] = "RFC 8785"
    reason: str

    def __str__(self) -> str:
        return f"the leaf cannot be read: {self.reason}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """The public side of one act: no certificate number, name or quantity, for competitors read the log."""

    id: ActId
    kind: Kind
    at: datetime
    by: Did
    private: Digest
    to: Country | None = None
    digest: Digest | None = None

    def __post_init__(self) -> None:
        assert HEX_128.fullmatch(self.id)
        assert self.at.utcoffset() == timedelta(0)
        assert self.at.microsecond == 0
        assert _DID.fullmatch(self.by)
        assert HEX_256.fullmatch(self.private)
        assert (self.to is not None) == self.kind.has_destination
        assert self.to is None or _COUNTRY.fullmatch(self.to)
        assert (self.digest is not None) == self.kind.has_digest
        assert self.digest is None or HEX_256.fullmatch(self.digest)

    @classmethod
    def parse(cls, entry: bytes) -> Self:
        """Read an entry of the log: exactly what `encode` writes. Raises `MalformedLeaf`."""
        if len(entry) > MAX_ENTRY:
            raise MalformedLeaf(f"it is larger than {MAX_ENTRY} bytes")
        try:
            members = canonical.parse(entry)
        except NotCanonical as error:
            raise MalformedLeaf(error.reason) from None
        kind = _kind(members)
        expected = _ALWAYS | ({"to"} if kind.has_destination else set()) | ({"digest"} if kind.has_digest else set())
        if members.keys() != expected:
            raise MalformedLeaf(f"its members are not those of {kind}")
        if type(members["v"]) is not int or members["v"] != VERSION:
            raise MalformedLeaf(f"its version is not {VERSION}")
        return cls(
            id=ActId(_text(members, "id", HEX_128)),
            kind=kind,
            at=_instant(members),
            by=Did(_text(members, "by", _DID)),
            private=Digest(_text(members, "private", HEX_256)),
            to=Country(_text(members, "to", _COUNTRY)) if kind.has_destination else None,
            digest=Digest(_text(members, "digest", HEX_256)) if kind.has_digest else None,
        )

    def encode(self) -> bytes:
        """Write the entry of the log: canonical JSON; what is absent is absent."""
        members: dict[str, canonical.Json] = {
            "v": VERSION,
            "id": self.id,
            "kind": self.kind.value,
            "at": write_instant(self.at),
            "by": self.by,
            "private": self.private,
        }
        if self.to is not None:
            members["to"] = self.to
        if self.digest is not None:
            members["digest"] = self.digest
        entry = canonical.encode(members)
        assert len(entry) <= MAX_LEAF
        return entry


def commitment(salt: bytes, private: JsonObject) -> Digest:
    """Bind a leaf to the private row of its act without telling it: a salt that nobody can guess keeps it closed."""
    assert len(salt) == SALT_BYTES
    return Digest(sha256(salt + canonical.encode(private)).hexdigest())


def private_row(
    what: JsonObject, *, person: str | None, organisation: str | None, subject: str | None
) -> dict[str, canonical.Json]:
    """Return all that a leaf commits to of an act: what happened, and who did it, for whom, to what."""
    who = {"person": person, "organisation": organisation, "subject": subject}
    return {"what": what, **{name: value for name, value in who.items() if value is not None}}


def _kind(members: JsonObject) -> Kind:
    try:
        return Kind(str(members.get("kind")))
    except ValueError:
        raise MalformedLeaf("its kind is not one that is logged") from None


def _text(members: JsonObject, name: str, pattern: re.Pattern[str]) -> str:
    text = members[name]
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise MalformedLeaf(f"its {name} is not spelled as it must be")
    return text


def _instant(members: JsonObject) -> datetime:
    try:
        return read_instant(str(members["at"]))
    except MalformedTime:
        raise MalformedLeaf("its at is not whole UTC seconds") from None
