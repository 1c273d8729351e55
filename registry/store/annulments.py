"""Proposals to annul or to replace a certificate."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row
from registry.store.proposals import Proposal, ends_once


class Annulment(Proposal, Row):
    """A proposal to annul, or to replace by what a draft of an application says; another person confirms.

    One that is confirmed stays the only one: annulled and replaced are for ever.
    """

    __tablename__ = "annulment"
    __table_args__ = (
        *ends_once(Index("uq_annulment_open", "certificate", unique=True, postgresql_where="withdrawn_at IS NULL")),
        CheckConstraint("(application IS NULL) = (draft IS NULL)", name="replaced_by_a_draft"),
    )

    reason: Mapped[str]
    effective_from: Mapped[date]
    application: Mapped[str | None] = mapped_column(ForeignKey("application.id"))
    draft: Mapped[str | None]


def open_proposal(tx: Session, certificate: str) -> Annulment | None:
    """Return the proposal to annul that is open or confirmed, locked."""
    return tx.scalar(
        select(Annulment)
        .where(Annulment.certificate == certificate, Annulment.withdrawn_at.is_(None))
        .with_for_update()
    )


def waiting(tx: Session, certificate: str) -> Annulment | None:
    """Return the proposal to annul that waits for another person."""
    return tx.scalar(select(Annulment).where(Annulment.certificate == certificate, Annulment.waits()))
