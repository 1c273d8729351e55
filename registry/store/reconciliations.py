"""Statements of months, ours and the peers', and what they say when they are compared."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    Select,
    and_,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Mapped, Session, aliased, defer, mapped_column

from registry.core.channel.reconciliation import Side
from registry.store.database import Row, one_of
from registry.store.tasks import Task, TaskKind


class MonthStatement(Row):
    """One part of what a node (`by`: this one or the peer) says of a month and a direction; never changed.

    The body is what its message carries; a part of ours that was taken back after a restore may have lost its act.
    """

    __tablename__ = "month_statement"
    __table_args__ = (one_of("side", Side),)

    peer: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(primary_key=True)
    side: Mapped[str] = mapped_column(primary_key=True)
    by: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(unique=True)
    body: Mapped[dict[str, Any]]
    stated_at: Mapped[datetime]
    act: Mapped[str | None] = mapped_column(ForeignKey("act.id"), unique=True)


class Reconciliation(Row):
    """What both statements of a month and a direction say when they are compared: once, for ever."""

    __tablename__ = "reconciliation"
    __table_args__ = (
        Index(None, "peer", "month", "issuer", unique=True),
        CheckConstraint("jsonb_typeof(found -> 'differences') = 'array'", name="differences_listed"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    peer: Mapped[str]
    month: Mapped[str]
    issuer: Mapped[str]
    at: Mapped[datetime]
    found: Mapped[dict[str, Any]]
    act: Mapped[str] = mapped_column(ForeignKey("act.id"), unique=True)


class Settled(NamedTuple):
    """A direction of a month: what its issuer states first, what the comparison says, and the task about it."""

    issued: MonthStatement
    compared: Reconciliation | None
    task: Task | None


def lock(tx: Session, peer: str) -> None:
    """Let one transaction at a time settle the months of a peer."""
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:peer, 0))"), {"peer": f"months {peer}"})


def parts(tx: Session, peer: str, month: str, side: Side, by: str) -> Sequence[MonthStatement]:
    """Return the parts of a statement that are here, in order."""
    query = select(MonthStatement).where(_is(peer, side, by), MonthStatement.month == month)
    return tx.scalars(query.order_by(MonthStatement.part)).all()


def by_act(tx: Session, act: str) -> MonthStatement | None:
    """Return the part of a statement that an act made."""
    return tx.scalar(select(MonthStatement).where(MonthStatement.act == act))


def by_digest(tx: Session, digest: str) -> MonthStatement | None:
    """Return the part of a statement with this digest."""
    return tx.scalar(select(MonthStatement).where(MonthStatement.digest == digest))


def last_month(tx: Session, peer: str, by: str, *, before: str | None = None) -> str | None:
    """Return the last month, or the last before another, of which a node has said what it issued."""
    query = select(func.max(MonthStatement.month)).where(_is(peer, Side.ISSUED, by))
    return tx.scalar(query if before is None else query.where(MonthStatement.month < before))


def unanswered(tx: Session, peer: str, own: str) -> Sequence[str]:
    """Return the months of which the peer has said what it issued, and we have not said what was delivered."""
    answered = select(MonthStatement.month).where(_is(peer, Side.DELIVERED, own))
    stated = select(MonthStatement.month).where(_is(peer, Side.ISSUED, peer), MonthStatement.month.not_in(answered))
    return tx.scalars(stated.distinct().order_by(MonthStatement.month)).all()


def uncompared(tx: Session, peer: str) -> Sequence[tuple[str, str]]:
    """Return month and issuer of each direction of which both nodes have said something, and nothing was compared."""
    issued, delivered = aliased(MonthStatement), aliased(MonthStatement)
    both = and_(
        delivered.peer == issued.peer,
        delivered.month == issued.month,
        delivered.side == Side.DELIVERED,
        delivered.by != issued.by,
        delivered.part == 1,
    )
    compared = select(Reconciliation.id).where(
        Reconciliation.peer == peer, Reconciliation.month == issued.month, Reconciliation.issuer == issued.by
    )
    query = select(issued.month, issued.by).join(delivered, both)
    query = query.where(issued.peer == peer, issued.side == Side.ISSUED, issued.part == 1, ~compared.exists())
    return [(month, issuer) for month, issuer in tx.execute(query.order_by(issued.month, issued.by))]


def unsettled(tx: Session, peer: str, before: str) -> Sequence[tuple[str, str]]:
    """Return month and issuer of each direction before a month that its issuer has stated and nobody compared."""
    compared = select(Reconciliation.id).where(
        Reconciliation.peer == peer,
        Reconciliation.month == MonthStatement.month,
        Reconciliation.issuer == MonthStatement.by,
    )
    query = select(MonthStatement.month, MonthStatement.by).where(
        MonthStatement.peer == peer, MonthStatement.side == Side.ISSUED, MonthStatement.month < before
    )
    return [(row[0], row[1]) for row in tx.execute(query.where(~compared.exists()).distinct())]


def page(tx: Session, *, after: tuple[str, str] | None, limit: int, month: str | None = None) -> Sequence[Settled]:
    """Return directions of months, newest first, before the position `after`: a month, and a digest in it."""
    query = _directions().order_by(MonthStatement.month.desc(), MonthStatement.digest.desc())
    if after is not None:
        query = query.where(tuple_(MonthStatement.month, MonthStatement.digest) < after)
    if month is not None:
        query = query.where(MonthStatement.month == month)
    return [Settled(row[0], row[1], row[2]) for row in tx.execute(query.limit(limit))]


def direction(tx: Session, digest: str) -> Settled | None:
    """Return the direction of a month that begins with the statement of this digest."""
    row = tx.execute(_directions().where(MonthStatement.digest == digest)).first()
    return None if row is None else Settled(row[0], row[1], row[2])


def _directions() -> Select[MonthStatement, Reconciliation, Task]:
    """Ask for each direction of a month that its issuer has stated."""
    compared = and_(
        Reconciliation.peer == MonthStatement.peer,
        Reconciliation.month == MonthStatement.month,
        Reconciliation.issuer == MonthStatement.by,
    )
    subject = func.concat(MonthStatement.month, " ", MonthStatement.by, " ", MonthStatement.peer)
    told = and_(Task.kind == TaskKind.RECONCILIATION_DIFFERS, Task.subject == subject)
    query = select(MonthStatement, Reconciliation, Task).outerjoin(Reconciliation, compared).outerjoin(Task, told)
    query = query.where(MonthStatement.side == Side.ISSUED, MonthStatement.part == 1)
    return query.options(defer(MonthStatement.body, raiseload=True))  # it may be large, and a page has a hundred


def _is(peer: str, side: Side, by: str) -> ColumnElement[bool]:
    return and_(MonthStatement.peer == peer, MonthStatement.side == side, MonthStatement.by == by)
