"""Who did what: one act is a private row and the leaf that commits to it.

The database queues each act for the log by a trigger, so no act can be forgotten; nobody can change or delete one.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, insert, select, text, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core import canonical
from registry.core.canonical import JsonObject
from registry.core.identifiers import ActId, Country, Did, Digest
from registry.core.tlog.entry import SALT_BYTES, Kind, Leaf, commitment, private_row
from registry.store.database import Row, one_of

_QUEUED_AMONG = text("SELECT act.id, leaf FROM act JOIN log_queue ON log_queue.act = act.id WHERE act.id = ANY(:ids)")
_UNQUEUE = text("DELETE FROM log_queue WHERE act = ANY(string_to_array(:ids, ','))")
Draw = Callable[[int], bytes]
"""Randomness, handed in: that many bytes."""


class Act(Row):
    """What someone did: `private` is for those whom it concerns, `leaf` is in the public log.

    `seq` tells acts of one second apart; the order that is proved is the log's.
    """

    __tablename__ = "act"
    __table_args__ = (
        one_of("kind", Kind),
        Index(None, "at", "seq"),
        Index(None, "kind", "at", "seq"),
        Index(None, "person", "at", "seq"),
        Index(None, "organisation", "at", "seq"),
        Index(None, "subject", "at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    at: Mapped[datetime]
    kind: Mapped[str]
    by: Mapped[str]
    to: Mapped[str | None]
    digest: Mapped[str | None]
    person: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    organisation: Mapped[str | None] = mapped_column(ForeignKey("organisation.id"))
    subject: Mapped[str | None]
    private: Mapped[dict[str, Any]]
    salt: Mapped[bytes]
    leaf: Mapped[bytes]


_RECORD = insert(Row.metadata.tables["act"])


class QueuedAct(Row):
    """An act that the log has not numbered yet; filled by a trigger on `act`.

    `seq` puts what was seen by a later act before it; it is an order to take acts in, never a position to go on from.
    """

    __tablename__ = "log_queue"

    act: Mapped[str] = mapped_column(ForeignKey("act.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), index=True)


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose behalf an act is done: the DID for the log, and who it was for those who may know."""

    did: str
    person: str | None = None
    organisation: str | None = None


def record(
    tx: Session,
    kind: Kind,
    private: JsonObject,
    *,
    by: Actor,
    at: datetime,
    draw: Draw,
    to: str | None = None,
    digest: str | None = None,
    subject: str | None = None,
) -> str:
    """Record an act and return its id; the log takes it in within a second."""
    act, salt = draw(SALT_BYTES).hex(), draw(SALT_BYTES)
    leaf = Leaf(
        id=ActId(act),
        kind=kind,
        at=at,
        by=Did(by.did),
        private=commitment(salt, private_row(private, person=by.person, organisation=by.organisation, subject=subject)),
        to=None if to is None else Country(to),
        digest=None if digest is None else Digest(digest),
    )
    row = {
        "id": act,
        "at": at,
        "kind": kind,
        "by": by.did,
        "to": to,
        "digest": digest,
        "person": by.person,
        "organisation": by.organisation,
        "subject": subject,
        "private": private,
        "salt": salt,
        "leaf": leaf.encode(),
    }
    tx.execute(_RECORD, row)
    return act


def queued(tx: Session, limit: int) -> Sequence[tuple[str, bytes]]:
    """Return ids and leaves of acts that the log has not numbered, oldest first."""
    query = select(Act.id, Act.leaf).join(QueuedAct, QueuedAct.act == Act.id).order_by(QueuedAct.seq).limit(limit)
    return [(row[0], row[1]) for row in tx.execute(query)]


def queued_among(tx: Session, ids: Sequence[str]) -> dict[str, bytes]:
    """Return the leaves of those acts that the log has not numbered."""
    return {row[0]: row[1] for row in tx.execute(_QUEUED_AMONG, {"ids": list(ids)})}


def unqueue(tx: Session, ids: Sequence[str]) -> None:
    """Take acts off the queue by their ids: never by 'all up to', since they commit out of order."""
    tx.execute(_UNQUEUE, {"ids": ",".join(ids)})


def count_exclusively(tx: Session, kind: Kind) -> int:
    """Return how many acts of a kind there are; until the transaction ends no other counts them."""
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:kind, 0))"), {"kind": f"count {kind}"})
    return tx.scalar(select(func.count()).select_from(Act).where(Act.kind == kind)) or 0


def find(tx: Session, id: str) -> Act | None:
    """Return one act."""
    return tx.get(Act, id)


def row_of(act: Act) -> JsonObject:
    """Return all that the leaf of an act commits to."""
    return private_row(act.private, person=act.person, organisation=act.organisation, subject=act.subject)


def committed(act: Act) -> bytes:
    """Return the bytes that the leaf of an act commits to: it holds SHA-256 over the salt and these."""
    return canonical.encode(row_of(act))


def about(tx: Session, subject: str, kind: Kind) -> Sequence[Act]:
    """Return the acts of a kind about a subject, oldest first."""
    query = select(Act).where(Act.subject == subject, Act.kind == kind)
    return tx.scalars(query.order_by(Act.at, Act.seq)).all()


def of_roles(tx: Session, people: Collection[str | None]) -> Sequence[Act]:
    """Return the acts that said which roles these people have, in the order that they were recorded."""
    query = select(Act).where(Act.subject.in_(people), Act.kind.in_((Kind.PERSON_REGISTERED, Kind.PERSON_CHANGED)))
    return tx.scalars(query.order_by(Act.seq)).all()


def subjects(tx: Session, kind: Kind, since: datetime) -> Sequence[str]:
    """Return what acts of a kind were about since a moment."""
    query = select(Act.subject).where(Act.kind == kind, Act.at >= since, Act.subject.is_not(None)).distinct()
    return [subject for subject in tx.scalars(query.order_by(Act.subject)) if subject is not None]


def newest(tx: Session, kind: Kind, member: str, value: str) -> Act | None:
    """Return the newest act of a kind whose private row has `value` as this member."""
    query = select(Act).where(Act.kind == kind, Act.private[member].astext == value)
    return tx.scalar(query.order_by(Act.seq.desc()).limit(1))


def page(
    tx: Session,
    *,
    after: tuple[datetime, int] | None,
    limit: int,
    from_: datetime | None = None,
    until: datetime | None = None,
    kind: str | None = None,
    organisation: str | None = None,
    person: str | None = None,
    subject: str | None = None,
    about: Sequence[str] | None = None,
) -> Sequence[Act]:
    """Return acts, newest first, before the position `after`; both ends of the time count, `about` is any of these.

    An act that is committed late stands where its time puts it: a page that was read before does not show it.
    """
    query = select(Act).order_by(Act.at.desc(), Act.seq.desc()).limit(limit)
    if after is not None:
        query = query.where(tuple_(Act.at, Act.seq) < after)
    if from_ is not None:
        query = query.where(Act.at >= from_)
    if until is not None:
        query = query.where(Act.at <= until)
    if about is not None:
        query = query.where(Act.subject.in_(about))
    wanted = {Act.kind: kind, Act.organisation: organisation, Act.person: person, Act.subject: subject}
    for column, value in wanted.items():
        if value is not None:
            query = query.where(column == value)
    return tx.scalars(query).all()
