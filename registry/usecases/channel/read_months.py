"""Show auditor and operator how each month stands: stated, agreed, or where both ends differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.channel.reconciliation import Month, Side, Statement
from registry.core.errors import NotFound
from registry.store import reconciliations
from registry.store.parties import Role
from registry.store.reconciliations import Settled
from registry.usecases.channel.settle_months import SETTLED, Ends, read_statement, unstated
from registry.usecases.channel.tell_unsettled import PATIENCE
from registry.usecases.party.identify_party import Party

READERS = (Role.AUDITOR, Role.OPERATOR)


class MonthState(StrEnum):
    """How a direction of a month stands."""

    STATED = "stated"
    """The issuer has stated it; it waits for the rest, for the other side, or for the comparison."""
    AGREED = "agreed"
    """Both have signed the same."""
    DIFFERS = "differs"
    """They have not, and a person is to look."""
    CLOSED = "closed"
    """A person looked, and said why it may stand."""


@dataclass(eq=False)
class ReconciliationNotFound(NotFound):
    """No statement that begins a month has this digest here."""

    code: ClassVar[str] = "reconciliation-not-found"

    def __str__(self) -> str:
        return "no statement with this digest begins a month here"


@dataclass(frozen=True, slots=True)
class Months:
    """One direction of a month, with what both sides say of it as far as that is here."""

    settled: Settled
    receiver: str
    issued: Statement | None
    delivered: Statement | None


class Unstated(StrEnum):
    """Why a direction of a month is not stated."""

    NOT_OVER = "not-over"
    """It is stated an hour after its end in UTC, at the earliest."""
    NOTHING = "nothing-issued"
    """Its issuer had issued nothing for the other by then."""
    WAITING = "not-stated-yet"
    """It is over, and waits for what is still to be sent, published or mirrored."""
    OVERDUE = "overdue"
    """It should be stated by now: a person is told."""


def why_unstated(tx: Session, month: Month, ends: Ends, issuer: str, *, at: datetime) -> Unstated:
    """Return why nothing is stated of a direction of a month by its issuer."""
    if at < month.end + SETTLED:
        return Unstated.NOT_OVER
    first = unstated(tx, ends, issuer)
    if first is None or month < first:
        return Unstated.NOTHING
    return Unstated.OVERDUE if month < Month.of(at - PATIENCE) else Unstated.WAITING


def state_of(settled: Settled) -> MonthState:
    """Return how a direction of a month stands."""
    if settled.compared is None:
        return MonthState.STATED
    if not settled.compared.found["differences"]:
        return MonthState.AGREED
    return MonthState.DIFFERS if settled.task is None or settled.task.closed_at is None else MonthState.CLOSED


def receiver_of(settled: Settled, own: str) -> str:
    """Return the node that the certificates of a direction are delivered to."""
    return settled.issued.peer if settled.issued.by == own else own


def list_months(
    tx: Session, *, month: str | None, after: tuple[str, str] | None, limit: int, by: Party
) -> Sequence[Settled]:
    """Return directions of months, newest first."""
    by.require(*READERS)
    return reconciliations.page(tx, after=after, limit=limit, month=month)


def find_month(tx: Session, digest: str, own: str, *, by: Party) -> Months:
    """Return a direction of a month with both statements. Raises `ReconciliationNotFound`."""
    by.require(*READERS)
    settled = reconciliations.direction(tx, digest)
    if settled is None:
        raise ReconciliationNotFound
    peer, month, receiver = settled.issued.peer, settled.issued.month, receiver_of(settled, own)
    issued = read_statement(tx, peer, month, Side.ISSUED, settled.issued.by)
    return Months(settled, receiver, issued, read_statement(tx, peer, month, Side.DELIVERED, receiver))
