"""Annul: a signatory proposes, another person of the body confirms, and the body's key signs the change (S4 9.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.calendar import LocalDate
from registry.core.certificate import lifecycle
from registry.core.certificate.credential import Certificate
from registry.core.certificate.status_change import Status, StatusChange
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.errors import Conflict, Unprocessable
from registry.core.identifiers import Digest
from registry.core.signature import Signer
from registry.core.tlog.entry import Kind
from registry.core.trust.believed_list import BelievedList
from registry.core.verification.beside import believe_change
from registry.core.verification.evidence import Trusted
from registry.store import acts, annulments, proposals
from registry.store.acts import Actor, Draw
from registry.store.annulments import Annulment
from registry.store.certificates import CertificateRow, StatusChangeRow
from registry.usecases.party.identify_party import Party
from registry.usecases.trust.believe_peers import read_lists
from registry.usecases.trust.sign_for_body import Issuer, SignerMissing, check_other, lock_own, require

_APPROVAL = lifecycle.APPROVALS[Status.ANNULLED]


@dataclass(eq=False)
class AnnulmentOpen(Conflict):
    """Someone proposed to annul or replace it, and nobody has confirmed or withdrawn that yet."""

    code: ClassVar[str] = "annulment-open"
    proposal: str

    def __str__(self) -> str:
        return "a proposal to annul or to replace the certificate is open"


@dataclass(eq=False)
class ReplacementOpen(Conflict):
    """What was proposed is to replace it: issuing the new certificate confirms that."""

    code: ClassVar[str] = "replacement-open"
    application: str

    def __str__(self) -> str:
        return "issuing the certificate that replaces it confirms the proposal"


@dataclass(eq=False)
class NothingProposed(Conflict):
    """Nobody has proposed to annul it."""

    code: ClassVar[str] = "nothing-proposed"

    def __str__(self) -> str:
        return "nobody has proposed to annul the certificate"


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
    require(by, _APPROVAL.proposes)
    row, certificate = lock_own(tx, id, by)
    known = annulments.open_proposal(tx, id)
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


def confirm(tx: Session, id: str, read: str, issuer: Issuer, *, by: Party, at: datetime, draw: Draw) -> StatusChangeRow:
    """Confirm the proposal `read` of another person; the change is signed, recorded, and goes to the other country.

    Raises `CertificateNotFound`, `AlreadyAnnulled`, `NothingProposed`, `ReplacementOpen`, `ProposalDiffers`,
    `SamePerson`, `SameName`, `SignerMissing`.
    """
    require(by, _APPROVAL.confirms)
    row, certificate = lock_own(tx, id, by)
    proposal = annulments.open_proposal(tx, id)
    if proposal is None:
        raise NothingProposed
    if proposal.application is not None:
        raise ReplacementOpen(proposal.application)
    lifecycle.check_read(proposal.id, read)
    check_other(tx, proposal.proposed_by, by)
    lists = read_lists(tx, issuer.pins)
    signer = issuer.signer(certificate.body, lists, at)
    since = LocalDate(proposal.effective_from, certificate.subject.issue_date.offset)
    return sign_change(tx, row, certificate, proposal, signer, lists, since, by=by, at=at, draw=draw)


def sign_change(
    tx: Session,
    row: CertificateRow,
    certificate: Certificate,
    proposal: Annulment,
    signer: Signer,
    lists: Mapping[str, BelievedList],
    effective_from: LocalDate,
    *,
    by: Party,
    at: datetime,
    draw: Draw,
    replaced_by: str | None = None,
) -> StatusChangeRow:
    """End a certificate that is locked, as was proposed: annulled, or replaced by another.

    What the other country would not believe is not signed here: it could not be done again. Raises `SignerMissing`.
    """
    change = StatusChange(
        env=certificate.subject.env,
        issuer=certificate.issuer,
        certificate=row.id,
        digest=row.digest,
        status=Status.ANNULLED if replaced_by is None else Status.REPLACED,
        reason=proposal.reason,
        effective_from=effective_from,
        recorded_at=at,
        proposed_by=proposal.proposed_by,
        confirmed_by=by.person,
        nonce=draw(16).hex(),
        replaced_by=replaced_by,
    )
    envelope = seal(change.encode(), Typ.STATUS, signer)
    trusted = Trusted(change.env, None, lists, {}, at)
    if believe_change(envelope.text, certificate, Digest(row.digest), trusted, {}) is None:
        raise SignerMissing(certificate.body, held=True)
    confirmed = proposals.confirm(tx, Annulment, proposal.id, by.person)
    assert confirmed
    act = acts.record(
        tx,
        Kind.CERTIFICATE_STATUS,
        {"certificate": row.id, "status": change.status.value, "reason": change.reason, "proposal": proposal.id},
        by=by.actor,
        at=at,
        draw=draw,
        to=row.presented_in,
        digest=envelope.digest,
        subject=row.id,
    )
    return keep_change(tx, envelope, change, act)


def withdraw(tx: Session, id: str, *, by: Party, at: datetime, draw: Draw) -> None:
    """Withdraw an open proposal; anyone of the body who may propose can. Raises `NothingProposed`."""
    require(by, _APPROVAL.proposes)
    lock_own(tx, id, by)
    proposal = annulments.open_proposal(tx, id)
    if proposal is None:
        raise NothingProposed
    end_proposal(tx, proposal, by=by.actor, at=at, draw=draw)


def end_proposal(tx: Session, proposal: Annulment, *, by: Actor, at: datetime, draw: Draw) -> None:
    """End a proposal that nobody confirmed: it ends nothing any more."""
    proposal.withdrawn_at = at
    tx.flush()
    private = {"certificate": proposal.certificate, "proposal": proposal.id}
    acts.record(tx, Kind.ANNULMENT_WITHDRAWN, private, by=by, at=at, draw=draw, subject=proposal.certificate)


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
