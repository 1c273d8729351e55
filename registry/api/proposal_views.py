"""How proposals that wait for another person are shown, and how that person names the one that was read."""

from pydantic import BaseModel

from registry.api.bodies import Body
from registry.api.spelled import HexId
from registry.core.calendar import write_instant
from registry.store.annulments import Annulment
from registry.store.clarifications import ClarificationProposal


class ConfirmBody(Body):
    """The `id` of the proposal that was read: what is signed is that one or nothing."""

    proposal: HexId


class ClarificationProposalView(BaseModel):
    """A proposal to clarify that waits for another person."""

    id: str
    certificate: str
    box: str
    old: str
    new: str
    reason: str
    proposed_by: str
    proposed_at: str

    @classmethod
    def of(cls, row: ClarificationProposal) -> "ClarificationProposalView":
        """Render a row."""
        at = write_instant(row.proposed_at)
        return cls(
            id=row.id,
            certificate=row.certificate,
            box=row.box,
            old=row.old,
            new=row.new,
            reason=row.reason,
            proposed_by=row.proposed_by,
            proposed_at=at,
        )


class AnnulmentView(BaseModel):
    """A proposal to annul, or to replace by what a draft of an application says, that waits for another person."""

    id: str
    certificate: str
    reason: str
    effective_from: str
    proposed_by: str
    proposed_at: str
    application: str | None = None
    draft: str | None = None

    @classmethod
    def of(cls, row: Annulment) -> "AnnulmentView":
        """Render a row."""
        return cls(
            id=row.id,
            certificate=row.certificate,
            reason=row.reason,
            effective_from=row.effective_from.isoformat(),
            proposed_by=row.proposed_by,
            proposed_at=write_instant(row.proposed_at),
            application=row.application,
            draft=row.draft,
        )
