"""Annul: a signatory proposes, another person of the body confirms, and the body's key signs the change (S4 9.4)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.calendar import LocalDate
from registry.core.certificate.credential import Certificate
from registry.core.certificate.status_change import Status, StatusChange
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.errors import Conflict, NotFound, Refused, Unprocessable
from registry.core.tlog.entry import Kind
from registry.store import acts, certificates
from registry.store.acts import Draw
from registry.store.certificates import Annulment, CertificateRow, Source, StatusChangeRow
from registry.store.parties import Role
from registry.usecases.believe_peers import read_lists
from registry.usecases.identify_party import Party
from registry.usecases.issue_certificate import Issuer

FINAL = frozenset({Status.ANNULLED, Status.REPLACED})
"""What no later change takes back."""


@dataclass(eq=False)
class CertificateNotFound(NotFound):
    """No such certificate, or none that the one who asks may know of."""

    code: ClassVar[str] = "certificate-not-found"
    id: str

    def __str__(self) -> str:
        return "there is no such certificate"


@dataclass(eq=False)
class AlreadyAnnulled(Conflict):
    """The certificate is annulled, or replaced: both are for ever."""

    code: ClassVar[str] = "already-annulled"
    status: str

    def __str__(self) -> str:
        return f"the certificate is {self.status}"


@dataclass(eq=False)
class AnnulmentOpen(Conflict):
    """Someone proposed to annul it, and nobody has confirmed or withdrawn that yet."""

    code: ClassVar[str] = "annulment-open"
    proposal: str

    def __str__(self) -> str:
        return "a proposal to annul the certificate is open"


@dataclass(eq=False)
class NothingProposed(Conflict):
    """Nobody has proposed to annul it."""

    code: ClassVar[str] = "nothing-proposed"

    def __str__(self) -> str:
        return "nobody has proposed to annul the certificate"


@dataclass(eq=False)
class SamePerson(Refused):
    """Whoever proposes does not confirm."""

    code: ClassVar[str] = "same-person"

    def __str__(self) -> str:
        return "whoever proposed the annulment cannot confirm it"


@dataclass(eq=False)
class DateOutside(Unprocessable):
    """The legal date is before the day of issue or after today."""

    code: ClassVar[str] = "date-outside"
    earliest: str
    latest: str

    def __str__(self) -> str:
        return f"an annulment holds from a day between {self.earliest} and {self.latest}"


def propose(
    tx: Session, id: str, reason: str, effective_from: str, *, by: Party, at: datetime, draw: Draw
) -> Annulment:
    """Propose to annul a certificate from a local date on; from the day of issue means from the start.

    Raises `CertificateNotFound`, `AlreadyAnnulled`, `AnnulmentOpen`, `DateOutside`, `MalformedTime`.
    """
    by.require(Role.SIGNATORY)
    row, certificate = _own(tx, id, by)
    known = certificates.open_annulment(tx, id)
    if known is not None:
        raise AnnulmentOpen(known.id)
    holds_from = LocalDate.parse(effective_from)
    issued = certificate.subject.issue_date
    today = issued.offset.local_date(at)
    if holds_from.offset != issued.offset or not issued.day <= holds_from.day <= today.day:
        raise DateOutside(issued.encode(), today.encode())
    proposal = Annulment(
        id=draw(16).hex(),
        certificate=id,
        reason=reason,
        effective_from=holds_from.day,
        proposed_by=by.person,
        proposed_at=at,
    )
    tx.add(proposal)
    tx.flush()
    private = {"certificate": id, "proposal": proposal.id, "reason": reason, "effective_from": effective_from}
    acts.record(tx, Kind.ANNULMENT_PROPOSED, private, by=by.actor, at=at, draw=draw, subject=row.id)
    return proposal


def confirm(tx: Session, id: str, issuer: Issuer, *, by: Party, at: datetime, draw: Draw) -> StatusChangeRow:
    """Confirm a proposal of another person; the change is signed, recorded, and goes to the other country.

    Raises `CertificateNotFound`, `AlreadyAnnulled`, `NothingProposed`, `SamePerson`, `SignerMissing`.
    """
    by.require(Role.SIGNATORY, Role.EXAMINER)
    row, certificate = _own(tx, id, by)
    proposal = certificates.open_annulment(tx, id)
    if proposal is None:
        raise NothingProposed
    if proposal.proposed_by == by.person:
        raise SamePerson
    change = StatusChange(
        env=issuer.env,
        issuer=certificate.issuer,
        certificate=id,
        digest=row.digest,
        status=Status.ANNULLED,
        reason=proposal.reason,
        effective_from=LocalDate(proposal.effective_from, certificate.subject.issue_date.offset),
        recorded_at=at,
        proposed_by=proposal.proposed_by,
        confirmed_by=by.person,
        nonce=draw(16).hex(),
    )
    envelope = seal(change.encode(), Typ.STATUS, issuer.signer(certificate.body, read_lists(tx, issuer.pins), at))
    confirmed = certificates.confirm_annulment(tx, proposal.id, by.person)
    assert confirmed
    act = acts.record(
        tx,
        Kind.CERTIFICATE_STATUS,
        {"certificate": id, "status": change.status.value, "reason": change.reason, "proposal": proposal.id},
        by=by.actor,
        at=at,
        draw=draw,
        to=row.presented_in,
        digest=envelope.digest,
        subject=id,
    )
    return keep_change(tx, envelope, change, act)


def withdraw(tx: Session, id: str, *, by: Party, at: datetime, draw: Draw) -> None:
    """Withdraw an open proposal; anyone of the body who may propose can. Raises `NothingProposed`."""
    by.require(Role.SIGNATORY)
    row, _ = _own(tx, id, by)
    proposal = certificates.open_annulment(tx, id)
    if proposal is None:
        raise NothingProposed
    proposal.withdrawn_at = at
    tx.flush()
    private = {"certificate": id, "proposal": proposal.id}
    acts.record(tx, Kind.ANNULMENT_WITHDRAWN, private, by=by.actor, at=at, draw=draw, subject=row.id)


def keep_change(tx: Session, envelope: Envelope, change: StatusChange, act: str | None) -> StatusChangeRow:
    """Keep a signed change of status."""
    row = StatusChangeRow(
        digest=envelope.digest,
        certificate=change.certificate,
        status=change.status,
        effective_from=change.effective_from.day,
        recorded_at=change.recorded_at,
        envelope=envelope.text,
        act=act,
    )
    tx.add(row)
    tx.flush()
    return row


def _own(tx: Session, id: str, by: Party) -> tuple[CertificateRow, Certificate]:
    """Return a certificate that the asker's body issued and that is still in force, locked."""
    row = certificates.seen_by(tx, id, by.organisation, lock=True)
    if row is None or row.source == Source.DELIVERED or row.body_organisation != by.organisation:
        raise CertificateNotFound(id)
    final = next((change for change in certificates.changes(tx, id) if change.status in FINAL), None)
    if final is not None:
        raise AlreadyAnnulled(final.status)
    return row, Certificate.parse(Envelope.parse(row.envelope, Typ.CERTIFICATE).payload)
