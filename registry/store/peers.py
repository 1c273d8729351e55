"""Adopted trust lists, our own among them, and agreements: signed texts, never changed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row

ADOPTION_LOCK = 0x7265675F6C6973


class TrustListRow(Row):
    """A trust list that was adopted; the newest of a country counts, the older ones stay."""

    __tablename__ = "trust_list"

    country: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(unique=True)
    text: Mapped[str]
    adopted_at: Mapped[datetime]
    act: Mapped[str] = mapped_column(ForeignKey("act.id"))


class AgreementRow(Row):
    """An agreement that both countries signed; its id is the digest of what they signed."""

    __tablename__ = "agreement"

    id: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]
    adopted_at: Mapped[datetime]
    act: Mapped[str] = mapped_column(ForeignKey("act.id"))


def lock_adoption(tx: Session) -> None:
    """Let one adoption at a time decide what is newer."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADOPTION_LOCK})


def hold_adoptions(tx: Session) -> None:
    """Let nothing be adopted until the transaction ends; others hold beside it."""
    tx.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": ADOPTION_LOCK})


def newest_lists(tx: Session, at: datetime | None = None) -> Sequence[TrustListRow]:
    """Return the newest list of each country, of those adopted by `at` where that is asked."""
    query = (
        select(TrustListRow)
        .ext(distinct_on(TrustListRow.country))
        .order_by(TrustListRow.country, TrustListRow.epoch.desc(), TrustListRow.version.desc())
    )
    return tx.scalars(query if at is None else query.where(TrustListRow.adopted_at <= at)).all()


def every_list(tx: Session) -> Sequence[TrustListRow]:
    """Return every adopted list, the newest of each country first."""
    order = TrustListRow.country, TrustListRow.epoch.desc(), TrustListRow.version.desc()
    return tx.scalars(select(TrustListRow).order_by(*order)).all()


def list_with(tx: Session, digest: str) -> TrustListRow:
    """Return the list with this digest, which is or was an adopted one."""
    return tx.scalars(select(TrustListRow).where(TrustListRow.digest == digest)).one()


def lists_before_epoch(tx: Session, country: str, epoch: int) -> Sequence[TrustListRow]:
    """Return every adopted list of a country with a lower epoch."""
    return tx.scalars(select(TrustListRow).where(TrustListRow.country == country, TrustListRow.epoch < epoch)).all()


def agreements(tx: Session) -> Sequence[AgreementRow]:
    """Return every adopted agreement, oldest first."""
    return tx.scalars(select(AgreementRow).order_by(AgreementRow.adopted_at, AgreementRow.id)).all()


def agreement(tx: Session, id: str) -> AgreementRow | None:
    """Return an adopted agreement by its id."""
    return tx.get(AgreementRow, id)
