"""What a body signs with, on which of its own certificates, and who of it may take part."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.certificate import lifecycle
from registry.core.certificate.credential import Certificate
from registry.core.certificate.lifecycle import FINAL, AlreadyAnnulled, Approver, Standing, standing_after
from registry.core.certificate.status_change import Status
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import NotFound, Unavailable
from registry.core.signature import Signer
from registry.core.trust.believed_list import BelievedList
from registry.core.trust.trust_list import SignerRow
from registry.store import certificates, parties
from registry.store.certificates import CertificateRow, Source
from registry.store.parties import Role
from registry.usecases.party.identify_party import Party
from registry.usecases.trust.believe_peers import Pins

NOT_HELD = (
    "the trust list names {kid} as the document signer of {body} in use, and this process was started without it: "
    "start it again where the key was made since"
)


@dataclass(eq=False)
class SignerMissing(Unavailable):
    """The node holds no document signer of this body whose word counts now; it may know when the next one's does."""

    code: ClassVar[str] = "signer-missing"
    body: str
    held: bool = False
    next: datetime | None = None
    unheld: str | None = None

    def __str__(self) -> str:
        if not self.held:
            return f"this node holds no document signer of {self.body}"
        if self.unheld is not None:
            return NOT_HELD.format(body=self.body, kid=self.unheld)
        if self.next is None:
            return f"no document signer of {self.body} is in use, and the trust list names no next one"
        return f"no document signer of {self.body} is in use before {self.next.isoformat()}: sign again from then on"


@dataclass(eq=False)
class CertificateNotFound(NotFound):
    """No such certificate, or none that the one who asks may know of."""

    code: ClassVar[str] = "certificate-not-found"
    id: str
    number: str | None = None

    def __str__(self) -> str:
        return "there is no such certificate" if self.number is None else "there is no such certificate of this number"


@dataclass(frozen=True, slots=True)
class Issuer:
    """What issuing needs beside the application: the node's name and environment, the bodies' signers, and the pins."""

    name: str
    env: str
    signers: Mapping[str, Sequence[Signer]]
    pins: Pins

    def signer(self, code: str, lists: Mapping[str, BelievedList], at: datetime) -> Signer:
        """Return the key of a body that came into use last, by the adopted lists; raises `SignerMissing`.

        Where no list names any it is the newest: whoever seals with it asks our own verifier, which says what is wrong.
        """
        if code not in self.signers:
            raise SignerMissing(code)
        rows = {kid: signer.row for held in lists.values() for kid, signer in held.signers.items()}
        listed = [signer for signer in self.signers[code] if signer.kid in rows]
        used = [signer for signer in listed if rows[signer.kid].in_use(at)]
        if listed and not used:
            body = listed[0].kid.partition("#")[0]
            unheld = (kid for kid, row in rows.items() if kid.partition("#")[0] == body and row.in_use(at))
            begins = next_use((rows[signer.kid] for signer in listed), at)
            raise SignerMissing(code, held=True, next=begins, unheld=next(unheld, None))
        return max(used, key=lambda signer: rows[signer.kid].from_, default=self.signers[code][-1])


def next_use(rows: Iterable[SignerRow], at: datetime) -> datetime | None:
    """Return when the next of these keys comes into use; None where none does."""
    return min((row.from_ for row in rows if row.from_ > at and row.in_use(row.from_)), default=None)


def require(by: Party, approvers: AbstractSet[Approver]) -> None:
    """Check that someone is one of those who may; raises `RoleMissing`."""
    by.require(*(role for role in (Role.SIGNATORY, Role.EXAMINER) if Approver(role) in approvers))


def check_other(tx: Session, proposed_by: str, by: Party) -> None:
    """Check that another person, of another name, proposed what is confirmed; raises `SamePerson`, `SameName`."""
    lifecycle.check_people(proposed_by, by.person)
    proposer = parties.person(tx, proposed_by)
    assert proposer is not None
    lifecycle.check_names(proposer.name, by.name)


def read(row: CertificateRow) -> Certificate:
    """Return what was signed."""
    return _read(row.envelope)


@lru_cache(maxsize=32)
def _read(envelope: str) -> Certificate:
    """Read a signed text; an answer that shows it, and what stands beside it, asks several times."""
    return Certificate.parse(Envelope.parse(envelope, Typ.CERTIFICATE).payload)


def standing_of(tx: Session, id: str) -> Standing:
    """Return where a certificate stands by the changes that are held of it."""
    return standing_after(Status(change.status) for change in certificates.changes(tx, id))


def lock_own(tx: Session, id: str, by: Party) -> tuple[CertificateRow, Certificate]:
    """Return a certificate that the asker's body issued and that is still in force, locked.

    Raises `CertificateNotFound`, `AlreadyAnnulled`.
    """
    row = certificates.seen_by(tx, id, by.organisation, lock=True)
    if row is None or row.source == Source.DELIVERED or row.body != by.did:
        raise CertificateNotFound(id)
    standing = standing_of(tx, id)
    if standing in FINAL:
        raise AlreadyAnnulled(standing)
    return row, read(row)
