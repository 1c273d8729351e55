"""Clarify: a signatory proposes how a box is to be read, another person confirms, and the body signs it (R09 9-2.2)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.certificate import lifecycle
from registry.core.certificate.clarification import Clarification, check_mends
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.errors import Conflict
from registry.core.identifiers import Digest
from registry.core.tlog.entry import Kind
from registry.core.verification.beside import believe_clarification
from registry.core.verification.evidence import Trusted
from registry.store import acts, clarifications, proposals
from registry.store.acts import Actor, Draw
from registry.store.clarifications import ClarificationProposal, ClarificationRow
from registry.usecases.party.identify_party import Party
from registry.usecases.trust.believe_peers import read_lists
from registry.usecases.trust.sign_for_body import Issuer, SignerMissing, check_other, lock_own, require


@dataclass(eq=False)
class ClarificationOpen(Conflict):
    """Someone proposed a clarification of it, and nobody has confirmed or withdrawn that yet."""

    code: ClassVar[str] = "clarification-open"
    proposal: str

    def __str__(self) -> str:
        return "a proposal to clarify the certificate is open"


@dataclass(eq=False)
class NothingToClarify(Conflict):
    """Nobody has proposed to clarify it."""

    code: ClassVar[str] = "nothing-to-clarify"

    def __str__(self) -> str:
        return "nobody has proposed to clarify the certificate"


def propose(
    tx: Session, id: str, box: str, old: str, new: str, reason: str, *, by: Party, at: datetime, draw: Draw
) -> ClarificationProposal:
    """Propose that the text of a box, `old` as it was signed, is read as `new`.

    Raises `CertificateNotFound`, `AlreadyAnnulled`, `ClarificationOpen`, `NotClarifiable`, `ClarificationDiffers`.
    """
    require(by, lifecycle.CLARIFICATION.proposes)
    row, certificate = lock_own(tx, id, by)
    known = clarifications.waiting(tx, id)
    if known is not None:
        raise ClarificationOpen(known.id)
    check_mends(certificate.subject.claims, box, old, new)
    proposal = ClarificationProposal(
        id=draw(16).hex(),
        certificate=row.id,
        box=box,
        old=old,
        new=new,
        reason=reason,
        proposed_by=by.person,
        proposed_at=at,
    )
    tx.add(proposal)
    tx.flush()
    private = {"certificate": id, "proposal": proposal.id, "box": box, "old": old, "new": new, "reason": reason}
    acts.record(tx, Kind.CLARIFICATION_PROPOSED, private, by=by.actor, at=at, draw=draw, subject=id)
    return proposal


def confirm(
    tx: Session, id: str, read: str, issuer: Issuer, *, by: Party, at: datetime, draw: Draw
) -> ClarificationRow:
    """Confirm the proposal `read` of another person; it is signed, recorded, and goes to the other country.

    Raises `CertificateNotFound`, `AlreadyAnnulled`, `NothingToClarify`, `ProposalDiffers`, `SamePerson`,
    `SameName`, `SignerMissing`.
    """
    require(by, lifecycle.CLARIFICATION.confirms)
    row, certificate = lock_own(tx, id, by)
    proposal = clarifications.waiting(tx, id)
    if proposal is None:
        raise NothingToClarify
    lifecycle.check_read(proposal.id, read)
    check_other(tx, proposal.proposed_by, by)
    clarification = Clarification(
        env=certificate.subject.env,
        issuer=certificate.issuer,
        certificate=id,
        digest=row.digest,
        box=proposal.box,
        old=proposal.old,
        new=proposal.new,
        reason=proposal.reason,
        recorded_at=at,
        proposed_by=proposal.proposed_by,
        confirmed_by=by.person,
        nonce=draw(16).hex(),
    )
    lists = read_lists(tx, issuer.pins)
    envelope = seal(clarification.encode(), Typ.CLARIFICATION, issuer.signer(certificate.body, lists, at))
    trusted = Trusted(clarification.env, None, lists, {}, at)
    if believe_clarification(envelope.text, certificate, Digest(row.digest), trusted, {}) is None:
        raise SignerMissing(certificate.body, held=True)
    confirmed = proposals.confirm(tx, ClarificationProposal, proposal.id, by.person)
    assert confirmed
    act = acts.record(
        tx,
        Kind.CERTIFICATE_CLARIFIED,
        {"certificate": id, "proposal": proposal.id},
        by=by.actor,
        at=at,
        draw=draw,
        to=row.presented_in,
        digest=envelope.digest,
        subject=id,
    )
    return keep_clarification(tx, envelope, clarification, act)


def withdraw(tx: Session, id: str, *, by: Party, at: datetime, draw: Draw) -> None:
    """Withdraw an open proposal; anyone of the body who may propose can. Raises `NothingToClarify`."""
    require(by, lifecycle.CLARIFICATION.proposes)
    lock_own(tx, id, by)
    proposal = clarifications.waiting(tx, id)
    if proposal is None:
        raise NothingToClarify
    end_proposal(tx, proposal, by=by.actor, at=at, draw=draw)


def end_proposal(tx: Session, proposal: ClarificationProposal, *, by: Actor, at: datetime, draw: Draw) -> None:
    """End a proposal that nobody confirmed."""
    proposal.withdrawn_at = at
    tx.flush()
    private = {"certificate": proposal.certificate, "proposal": proposal.id}
    acts.record(tx, Kind.CLARIFICATION_WITHDRAWN, private, by=by, at=at, draw=draw, subject=proposal.certificate)


def keep_clarification(
    tx: Session, envelope: Envelope, clarification: Clarification, act: str | None
) -> ClarificationRow:
    """Keep a signed clarification."""
    row = ClarificationRow(
        digest=envelope.digest,
        certificate=clarification.certificate,
        recorded_at=clarification.recorded_at,
        envelope=envelope.text,
        act=act,
    )
    tx.add(row)
    tx.flush()
    return row
