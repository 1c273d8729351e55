"""Clarifications as bodies signed them, and proposals of such."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import ForeignKey, Index, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row
from registry.store.proposals import Proposal, ends_once


class ClarificationProposal(Proposal, Row):
    """How a box is to be read, as a signatory proposes it; another person of the body confirms. One waits at a time."""

    __tablename__ = "clarification_proposal"
    __table_args__ = ends_once(
        Index(
            "uq_clarification_proposal_open",
            "certificate",
            unique=True,
            postgresql_where="withdrawn_at IS NULL AND confirmed_by IS NULL",
        )
    )

    box: Mapped[str]
    old: Mapped[str]
    new: Mapped[str]
    reason: Mapped[str]


class ClarificationRow(Row):
    """A clarification as the body signed it."""

    __tablename__ = "clarification"

    digest: Mapped[str] = mapped_column(primary_key=True)
    certificate: Mapped[str] = mapped_column(ForeignKey("certificate.id"), index=True)
    recorded_at: Mapped[datetime]
    envelope: Mapped[str]
    act: Mapped[str | None] = mapped_column(ForeignKey("act.id"), unique=True)


_OF = (
    select(ClarificationRow)
    .where(ClarificationRow.certificate == bindparam("of"))
    .order_by(ClarificationRow.recorded_at, ClarificationRow.digest)
)


def of_certificate(tx: Session, certificate: str) -> Sequence[ClarificationRow]:
    """Return the clarifications of a certificate, oldest first."""
    return tx.scalars(_OF, {"of": certificate}).all()


def clarified(tx: Session, certificates: Iterable[str]) -> AbstractSet[str]:
    """Return which of these certificates have a clarification."""
    query = select(ClarificationRow.certificate).where(ClarificationRow.certificate.in_(list(certificates)))
    return set(tx.scalars(query))


def by_digest(tx: Session, digest: str) -> ClarificationRow | None:
    """Return the clarification with this digest."""
    return tx.get(ClarificationRow, digest)


def by_act(tx: Session, act: str) -> ClarificationRow | None:
    """Return the clarification that an act recorded."""
    return tx.scalar(select(ClarificationRow).where(ClarificationRow.act == act))


def waiting(tx: Session, certificate: str) -> ClarificationProposal | None:
    """Return the proposal that waits for another person."""
    return tx.scalar(
        select(ClarificationProposal).where(
            ClarificationProposal.certificate == certificate, ClarificationProposal.waits()
        )
    )
