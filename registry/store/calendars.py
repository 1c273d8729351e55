"""Which days are worked, by country and year: each version that two operators confirmed, never changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row

_LOCK = 0x7265675F63616C


class CalendarRow(Row):
    """A confirmed calendar; the newest version of a year counts for what is computed from now on."""

    __tablename__ = "calendar"
    __table_args__ = (CheckConstraint("proposed_by <> confirmed_by", name="two_people"),)

    country: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str]
    content: Mapped[dict[str, Any]]
    proposed_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    confirmed_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    confirmed_at: Mapped[datetime]
    act: Mapped[str] = mapped_column(ForeignKey("act.id"))


def lock_confirming(tx: Session) -> None:
    """Confirm one calendar at a time, and none while a clock is being dated by what is known so far."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def newest(tx: Session, country: str) -> Sequence[CalendarRow]:
    """Return the newest calendar of each year of a country; none is confirmed until the transaction ends."""
    tx.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": _LOCK})
    query = (
        select(CalendarRow)
        .where(CalendarRow.country == country)
        .ext(distinct_on(CalendarRow.year))
        .order_by(CalendarRow.year, CalendarRow.version.desc())
    )
    return tx.scalars(query).all()


def newest_of(tx: Session, country: str, year: int) -> CalendarRow | None:
    """Return the newest calendar of a year."""
    query = select(CalendarRow).where(CalendarRow.country == country, CalendarRow.year == year)
    return tx.scalars(query.order_by(CalendarRow.version.desc()).limit(1)).first()


def every_version(tx: Session) -> Sequence[CalendarRow]:
    """Return every confirmed calendar, by country, year and version."""
    return tx.scalars(select(CalendarRow).order_by(CalendarRow.country, CalendarRow.year, CalendarRow.version)).all()
