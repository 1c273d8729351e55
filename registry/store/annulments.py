"""Proposals to annul or to replace a certificate: each ends once, withdrawn or confirmed by another person."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row


class Annulment(Row):
    """A proposal to annul, or to replace by what a draft of an application says; another person confirms."""

    __tablename__ = "annulment"
    __table_args__ = (
        CheckConstraint("confirmed_by <> proposed_by", name="two_people"),
        CheckConstraint("(confirmed_by IS NULL) OR (withdrawn_at IS NULL)", name="one_end"),
        CheckConstraint("(application IS NULL) = (draft IS NULL)", name="replaced_by_a_draft"),
        Index(
            "uq_annulment_open",
            "certificate",
            unique=True,
            postgresql_where="withdrawn_at IS NULL",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    certificate: Mapped[str] = mapped_column(ForeignKey("certificate.id"))
    reason: Mapped[str]
    effective_from: Mapped[date]
    proposed_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime]
    confirmed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    withdrawn_at: Mapped[datetime | None]
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
    return tx.scalar(
        select(Annulment).where(
            Annulment.certificate == certificate, Annulment.withdrawn_at.is_(None), Annulment.confirmed_by.is_(None)
        )
    )


def confirm(tx: Session, id: str, by: str) -> bool:
    """Mark a proposal as confirmed; tells whether it was open."""
    return (
        tx.scalar(
            update(Annulment)
            .where(Annulment.id == id, Annulment.confirmed_by.is_(None), Annulment.withdrawn_at.is_(None))
            .values(confirmed_by=by)
            .returning(Annulment.id)
        )
        is not None
    )
