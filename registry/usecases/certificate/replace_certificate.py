"""Replace: a signatory proposes it, and another one confirms by issuing what stands in lieu (S4 8.3).

What is annulled already is replaced by issuing alone: it ended by two people, and stays annulled.

The issue of the new and the end of the old are one transaction: at this node neither is seen without the other.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.application import lifecycle as application_lifecycle
from registry.core.application.lifecycle import Move, Part, State
from registry.core.certificate import lifecycle
from registry.core.certificate.credential import Certificate
from registry.core.certificate.lifecycle import FINAL, AlreadyAnnulled
from registry.core.certificate.relation import REPLACES, Relation
from registry.core.certificate.status_change import Status
from registry.core.errors import Conflict, Unprocessable
from registry.core.tlog.entry import Kind
from registry.store import acts, annulments
from registry.store.acts import Draw
from registry.store.annulments import Annulment
from registry.store.applications import Application
from registry.store.certificates import CertificateRow
from registry.usecases.application.find_application import ApplicationNotFound, find, play
from registry.usecases.application.place_sheet import relations_of
from registry.usecases.application.relate_certificate import find_related
from registry.usecases.certificate.change_status import AnnulmentOpen
from registry.usecases.party.identify_party import Party
from registry.usecases.trust.sign_for_body import check_other, require, standing_of

_APPROVAL = lifecycle.APPROVALS[Status.REPLACED]


@dataclass(eq=False)
class NothingToReplace(Unprocessable):
    """The application names no certificate that it would replace."""

    code: ClassVar[str] = "nothing-to-replace"

    def __str__(self) -> str:
        return "the application names no certificate that it would replace"


@dataclass(eq=False)
class ReplacementNotProposed(Conflict):
    """Nobody has proposed that this very draft replaces the certificate which the application names."""

    code: ClassVar[str] = "replacement-not-proposed"
    clause: ClassVar[str | None] = "S4 8.3"
    certificate: str

    def __str__(self) -> str:
        return "no signatory has proposed that this draft replaces the certificate"


@dataclass(frozen=True, slots=True)
class Replacing:
    """A certificate that is about to be replaced, locked, and the proposal to do so."""

    row: CertificateRow
    certificate: Certificate
    proposal: Annulment


def propose(tx: Session, application: str, reason: str, *, by: Party, at: datetime, draw: Draw) -> Annulment:
    """Propose that what is approved replaces the certificate which it names; issuing it confirms that.

    What is annulled has ended by two people already, and nothing is left to propose: `AlreadyAnnulled`.

    Raises `IllegalMove`, `AnotherPart`, `SameName`, `NothingToReplace`, `AnnulmentOpen`, and what `find_related`
    raises.
    """
    require(by, _APPROVAL.proposes)
    row = find(tx, application, by=by, lock=True)
    if row.body != by.organisation:
        raise ApplicationNotFound(application)
    application_lifecycle.advance(State(row.state), Move.ISSUE)
    relation = relations_of(row).get(REPLACES)
    if relation is None:
        raise NothingToReplace
    play(tx, row, Part.SIGNATORY, by=by, at=at)
    old, certificate = _find(tx, row, relation, by)
    standing = standing_of(tx, old.id)
    if standing in FINAL:
        raise AlreadyAnnulled(standing)
    known = annulments.open_proposal(tx, old.id)
    if known is not None:
        raise AnnulmentOpen(known.id)
    today = certificate.subject.issue_date.offset.local_date(at)
    proposal = Annulment(
        id=draw(16).hex(),
        certificate=old.id,
        reason=reason,
        effective_from=today.day,
        proposed_by=by.person,
        proposed_at=at,
        application=row.id,
        draft=row.draft,
    )
    tx.add(proposal)
    tx.flush()
    private = {
        "certificate": old.id,
        "proposal": proposal.id,
        "reason": reason,
        "effective_from": today.encode(),
        "application": row.id,
        "draft": row.draft,
    }
    acts.record(tx, Kind.REPLACEMENT_PROPOSED, private, by=by.actor, at=at, draw=draw, subject=old.id)
    return proposal


def open_replacement(tx: Session, row: Application, read: str | None, *, by: Party) -> Replacing | None:
    """Return what the issue of an application ends, locked, if anything; someone else must have proposed it.

    It is the proposal `read` or none. In lieu of what is annulled it is issued as any other, for two people ended
    that one (S4 8.3).

    Raises `NothingToReplace`, `ReplacementNotProposed`, `ProposalDiffers`, `SamePerson`, `SameName`, and what
    `find_related` raises.
    """
    relation = relations_of(row).get(REPLACES)
    if relation is None:
        if read is not None:
            raise NothingToReplace
        return None
    old, certificate = _find(tx, row, relation, by)
    if standing_of(tx, old.id) in FINAL:
        if read is not None:
            raise ReplacementNotProposed(old.id)
        return None
    proposal = annulments.open_proposal(tx, old.id)
    if proposal is None or (proposal.application, proposal.draft) != (row.id, row.draft):
        raise ReplacementNotProposed(old.id)
    lifecycle.check_read(proposal.id, read)
    check_other(tx, proposal.proposed_by, by)
    return Replacing(old, certificate, proposal)


def _find(tx: Session, row: Application, relation: Relation, by: Party) -> tuple[CertificateRow, Certificate]:
    return find_related(tx, row, REPLACES, str(relation.certificate), organisation=by.organisation, lock=True)
