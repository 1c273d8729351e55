"""The trust list of one country: nodes, bodies with their notified signatories, and document signers (formats 8).

It is the digital form of the exchange of specimens (S4 6.5): what is not in it is not recognised.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from registry.core.agreement import CountryCode, Environment
from registry.core.canonical import JsonObject
from registry.core.identifiers import HEX_256
from registry.core.record import decode, encode
from registry.core.tlog.note import VerifierKey

Hex256 = Annotated[str, HEX_256]
KidText = Annotated[str, re.compile(r"did:web:[a-z0-9.:-]{1,300}#[A-Za-z0-9_-]{43}")]
DidText = Annotated[str, re.compile(r"did:web:[a-z0-9.:-]{1,300}")]


class NodeRole(StrEnum):
    """What a node of a country does (formats 1)."""

    ISSUING = "issuing"
    CUSTOMS = "customs"


class BodyRole(StrEnum):
    """The part of a body in the country's scheme (S4, S8)."""

    CENTRAL = "central"
    AUTHORISED = "authorised"
    VERIFYING = "verifying"
    CUSTOMS = "customs"

    @property
    def issues(self) -> bool:
        """Whether a body of this role issues certificates."""
        return self in {BodyRole.CENTRAL, BodyRole.AUTHORISED}


class SignerStatus(StrEnum):
    """Whether a document signer may still sign; `revoked` is final."""

    ACTIVE = "active"
    RETIRED = "retired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class ListKey:
    """One of the keys that may sign this country's lists and agreements."""

    kid: KidText
    certificate: bytes


@dataclass(frozen=True, slots=True)
class LogKey:
    """The log of a node: its origin and verifier key."""

    origin: str
    vkey: VerifierKey


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """The witness of a node: its name and verifier key."""

    name: str
    vkey: VerifierKey


@dataclass(frozen=True, slots=True)
class FormerWitness:
    """A key under which the node's witness signed before: what it cosigned up to `until` still counts."""

    name: str
    vkey: VerifierKey
    until: datetime


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node of the country, with its keys."""

    id: DidText
    name: str
    roles: tuple[NodeRole, ...]
    certificate: bytes
    log: LogKey
    witness: WitnessKey
    former_witnesses: tuple[FormerWitness, ...] = ()

    def witness_keys(self) -> tuple[VerifierKey, ...]:
        """Return every key of the node's witness, the present one first."""
        return (self.witness.vkey, *(former.vkey for former in self.former_witnesses))


@dataclass(frozen=True, slots=True)
class SignatoryRow:
    """A person whose name was notified, and for which days (S4 6.5)."""

    id: str
    name: str
    from_: date
    until: date


@dataclass(frozen=True, slots=True)
class SignerRow:
    """A document signer: valid `from`..`until`, in use up to `use_until`."""

    kid: KidText
    certificate: bytes
    from_: datetime
    until: datetime
    use_until: datetime
    status: SignerStatus
    status_from: datetime | None = None
    reason: str | None = None

    def in_use(self, at: datetime) -> bool:
        """Tell whether the key signs at `at`: within its use, and neither retired nor revoked by then."""
        return self.from_ <= at <= self.use_until and (self.status_from is None or at < self.status_from)


@dataclass(frozen=True, slots=True)
class FormerBody:
    """Under which name and role a body was notified before, up to and with the local day `until` (S4 6.5)."""

    name: str
    role: BodyRole
    until: date


@dataclass(frozen=True, slots=True)
class BodyRow:
    """A certification body with its schemes, signatories and document signers, and what it was called before.

    Its name and role hold from the last day of the former ones on: the day of a change counts for both.
    """

    id: DidText
    code: str
    name: str
    address: str
    role: BodyRole
    schemes: tuple[str, ...]
    signatories: tuple[SignatoryRow, ...] = ()
    signers: tuple[SignerRow, ...] = ()
    former: tuple[FormerBody, ...] = ()

    def notified_on(self, day: date) -> Iterator[tuple[str, BodyRole]]:
        """Return each name and role under which the body was notified on a local day, oldest first."""
        since = date.min
        for row in self.former:
            if since <= day <= row.until:
                yield row.name, row.role
            since = row.until
        if since <= day:
            yield self.name, self.role

    def issues_as(self, day: date) -> Sequence[str]:
        """Return the names under which the body was notified as one that issues, on a local day, oldest first."""
        return [name for name, role in self.notified_on(day) if role.issues]

    def signatory(self, id: str, name: str, day: date) -> SignatoryRow | None:
        """Return the notified signatory, if that person with that name was notified for `day`."""
        for row in self.signatories:
            if (row.id, row.name) == (id, name) and row.from_ <= day <= row.until:
                return row
        return None


@dataclass(frozen=True, slots=True)
class TrustList:
    """The list as it is signed."""

    country: CountryCode
    env: Environment
    issuer: DidText
    epoch: int
    version: int
    issued_at: datetime
    expires_at: datetime
    list_keys: tuple[ListKey, ...]
    nodes: tuple[NodeRow, ...]
    bodies: tuple[BodyRow, ...]
    previous: Hex256 | None = None

    @classmethod
    def parse(cls, value: JsonObject) -> Self:
        """Read a list; raises `MalformedRecord`."""
        return decode(cls, value)

    def encode(self) -> JsonObject:
        """Write the list as the object that the list keys sign."""
        return encode(self)

    def signers(self) -> Iterator[tuple[BodyRow, SignerRow]]:
        """Return every document signer with its body."""
        return ((body, signer) for body in self.bodies for signer in body.signers)
