"""What every proposal has: who made it, and that it ends once, withdrawn or confirmed by another person."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column


class Proposal:
    """The columns of a proposal about a certificate, and the checks that the database holds it to."""

    id: Mapped[str] = mapped_column(primary_key=True)
    certificate: Mapped[str] = mapped_column(ForeignKey("certificate.id"))
    proposed_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime]
    confirmed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    withdrawn_at: Mapped[datetime | None]

    @classmethod
    def waits(cls) -> ColumnElement[bool]:
        """Return whether a proposal has not ended yet."""
        return cls.withdrawn_at.is_(None) & cls.confirmed_by.is_(None)


ProposalT = TypeVar("ProposalT", bound=Proposal)


def ends_once(open_: Index) -> tuple[CheckConstraint | Index, ...]:
    """Return what holds a table of proposals: two people, one end, and one open proposal for each certificate."""
    return (
        CheckConstraint("confirmed_by <> proposed_by", name="two_people"),
        CheckConstraint("(confirmed_by IS NULL) OR (withdrawn_at IS NULL)", name="one_end"),
        open_,
    )


def waiting(tx: Session, kind: type[ProposalT]) -> Sequence[ProposalT]:
    """Return all proposals of a kind that have not ended, oldest first, locked."""
    query = select(kind).where(kind.waits()).order_by(kind.proposed_at, kind.id)
    return tx.scalars(query.with_for_update()).all()


def confirm(tx: Session, kind: type[Proposal], id: str, by: str) -> bool:
    """Mark a proposal as confirmed; tells whether it was open."""
    confirmed = update(kind).where(kind.id == id, kind.waits()).values(confirmed_by=by)
    return tx.scalar(confirmed.returning(kind.id)) is not None
