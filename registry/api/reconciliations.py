"""Reconciliations: what both nodes say of each month that is over, and where they differ."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from registry.api.call import LookDep, Reply
from registry.api.limits import StrictRoute
from registry.api.operation import Reach, operation
from registry.api.paging import Page, PlaceDep
from registry.api.spelled import Hex256, MonthText
from registry.core.calendar import write_instant
from registry.core.channel.reconciliation import Month, Statement
from registry.store.reconciliations import Settled
from registry.usecases.channel import read_months
from registry.usecases.channel.read_months import READERS, MonthState, ReconciliationNotFound, receiver_of, state_of
from registry.usecases.party.identify_party import Party

router = APIRouter(prefix="/api/v1/reconciliations", tags=["reconciliations"], route_class=StrictRoute)
DigestPath = Annotated[Hex256, Path(description="Digest of the issuer's statement.")]
WHOSE = dict.fromkeys(READERS, Reach.NODE)


class ReconciliationView(BaseModel):
    """One direction of a month: the certificates that `issuer` issued for the country of `receiver`."""

    month: str
    issuer: str
    receiver: str
    statement: Annotated[str, Field(description="The digest by which this is asked for: of the issuer's statement.")]
    stated_at: str
    state: MonthState
    compared_at: str | None
    differences: Annotated[int | None, Field(description="How many; absent until both have stated all.")]
    reason: Annotated[str | None, Field(description="Why a person let differences stand.")]

    @classmethod
    def of(cls, settled: Settled, own: str) -> "ReconciliationView":
        """Render a direction of a month."""
        issued, compared, task = settled
        return cls(
            month=issued.month,
            issuer=issued.by,
            receiver=receiver_of(settled, own),
            statement=issued.digest,
            stated_at=write_instant(issued.stated_at),
            state=state_of(settled),
            compared_at=None if compared is None else write_instant(compared.at),
            differences=None if compared is None else len(compared.found["differences"]),
            reason=None if task is None else task.reason,
        )


class DifferenceView(BaseModel):
    """One thing on which both do not agree: about which certificate, and what each says."""

    code: str
    certificate: str | None = None
    issued: str | None = None
    delivered: str | None = None


class StatementView(BaseModel):
    """What one node says of the month: where it ends, the log as it was seen, and how much was in it."""

    epoch: int
    seq: Annotated[int, Field(description="The last message of the month.")]
    digest: Annotated[str, Field(description="The digest of that message.")]
    log_size: int | None
    log_root: str | None
    certificates: Annotated[int, Field(description="Issued in the month.")]
    changes: int
    clarifications: int
    standings: Annotated[
        dict[str, int], Field(description="Of all that were issued, changed or clarified: how they stood at its end.")
    ]

    @classmethod
    def of(cls, statement: Statement | None) -> "StatementView | None":
        """Render a statement that is here as a whole."""
        if statement is None:
            return None
        standings = [entry.standing.value for entry in statement.entries]
        return cls(
            epoch=statement.through.epoch,
            seq=statement.through.seq,
            digest=statement.through.digest,
            log_size=None if statement.log is None else statement.log.size,
            log_root=None if statement.log is None else statement.log.root,
            certificates=sum(entry.new for entry in statement.entries),
            changes=sum(len(entry.changes) for entry in statement.entries),
            clarifications=sum(len(entry.clarifications) for entry in statement.entries),
            standings={standing: standings.count(standing) for standing in sorted(set(standings))},
        )


class ReconciliationLookView(ReconciliationView):
    """One direction of a month with both statements, as far as they are here, and every difference."""

    issued: StatementView | None
    delivered: StatementView | None
    found: list[DifferenceView]


@router.get("", **operation(Page[ReconciliationView], roles=WHOSE))
def list_reconciliations(
    look: LookDep,
    place: PlaceDep,
    month: Annotated[MonthText | None, Query(description="Only of this month, as `2026-10`.")] = None,
) -> Response:
    """List the months that were stated, newest first, each direction by itself."""
    after = None if place.after is None else (Month.of(place.after[0]).encode(), place.after[1])
    own = look.node.settings.did

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        rows = read_months.list_months(tx, month=month, after=after, limit=place.reach, by=by)
        shown, next_ = place.cut(rows, lambda row: (Month.parse(row.issued.month).start, row.issued.digest))
        return Reply.of(Page[ReconciliationView](items=[ReconciliationView.of(row, own) for row in shown], next=next_))

    return look.answer(work)


@router.get("/{sha256}", **operation(ReconciliationLookView, ReconciliationNotFound, roles=WHOSE))
def show_reconciliation(sha256: DigestPath, look: LookDep) -> Response:
    """Show one direction of a month, by the digest of its issuer's statement: what both say, and how it differs."""
    own = look.node.settings.did

    def work(tx: Session, by: Party, _at: datetime) -> Reply:
        found = read_months.find_month(tx, sha256, own, by=by)
        compared = found.settled.compared
        differences = [] if compared is None else compared.found["differences"]
        return Reply.of(
            ReconciliationLookView(
                **ReconciliationView.of(found.settled, own).model_dump(),
                issued=StatementView.of(found.issued),
                delivered=StatementView.of(found.delivered),
                found=[DifferenceView(**each) for each in differences],
            )
        )

    return look.answer(work)
