"""Applications, and who plays which part in each: three different people, held by the database itself."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, bindparam, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.application.lifecycle import CLOCK_RUNS, Part, State
from registry.store.database import Row, one_of
from registry.store.parties import Person
from registry.store.tasks import Task, TaskKind


class Application(Row):
    """An application under a scheme; `organisation` filed it, for itself or for `principal`; `version` is its ETag.

    `clock` is the legal clock as it was computed; `due_on` is the last day of whoever must act now; `relations` are
    those that the certificate will have.
    """

    __tablename__ = "application"
    __table_args__ = (
        one_of("state", State),
        Index(None, "organisation", "created_at", "id"),
        Index(None, "body", "created_at", "id"),
        Index(None, "due_on", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    principal: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    body: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    scheme: Mapped[str]
    rules_set: Mapped[str]
    issued_in: Mapped[str]
    presented_in: Mapped[str]
    claims: Mapped[dict[str, Any]]
    state: Mapped[str]
    version: Mapped[int]
    draft: Mapped[str | None]
    reason: Mapped[str | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    single_window: Mapped[bool]
    clock: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    due_on: Mapped[date | None]
    relations: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))


class ApplicationPerson(Row):
    """The one part that a person plays in an application: the key is the rule of three different people."""

    __tablename__ = "application_person"
    __table_args__ = (
        one_of("part", Part),
        Index(None, "application", "person", "part", unique=True),
    )

    application: Mapped[str] = mapped_column(ForeignKey("application.id"), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    part: Mapped[str]
    since: Mapped[datetime]


_PARTS = Row.metadata.tables["application_person"]
_CLAIM = insert(_PARTS).on_conflict_do_nothing(index_elements=["application", "person"]).returning(_PARTS.c.part)
_PLAYED = select(_PARTS.c.part).where(
    _PARTS.c.application == bindparam("application"), _PARTS.c.person == bindparam("person")
)

_PLAYERS = (
    select(Person.name)
    .join(_PARTS, _PARTS.c.person == Person.id)
    .where(_PARTS.c.application == bindparam("application"), _PARTS.c.part == bindparam("part"))
    .order_by(_PARTS.c.since, Person.id)
)


def claim_part(tx: Session, application: str, person: str, part: Part, at: datetime) -> Part:
    """Return the part that `person` plays in the application from now on: `part`, or the other one played before.

    The primary key decides every race: a second, different part for one person cannot be stored.
    """
    claimed = tx.scalar(_CLAIM, {"application": application, "person": person, "part": part, "since": at})
    return Part(claimed or tx.scalars(_PLAYED, {"application": application, "person": person}).one())


def players(tx: Session, application: str, part: Part) -> Sequence[str]:
    """Return the names of those who play a part in the application."""
    return tx.scalars(_PLAYERS, {"application": application, "part": part}).all()


def parts(tx: Session, application: str) -> Sequence[ApplicationPerson]:
    """Return who plays which part, in the order in which they came in."""
    return tx.scalars(
        select(ApplicationPerson)
        .where(ApplicationPerson.application == application)
        .order_by(ApplicationPerson.since, ApplicationPerson.person)
    ).all()


def seen_by(tx: Session, id: str, organisation: str, *, lock: bool = False) -> Application | None:
    """Return an application that `organisation` filed, is principal of, or examines once it was submitted."""
    query = select(Application).where(Application.id == id, _concerns(organisation))
    return tx.scalar(query.with_for_update() if lock else query)


def page(
    tx: Session, organisation: str, *, after: tuple[datetime, str] | None, limit: int, state: str | None = None
) -> Sequence[Application]:
    """Return the applications that `organisation` may see, newest first, before the position `after`."""
    query = (
        select(Application)
        .where(_concerns(organisation))
        .order_by(Application.created_at.desc(), Application.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(Application.state == state)
    if after is not None:
        query = query.where(tuple_(Application.created_at, Application.id) < after)
    return tx.scalars(query).all()


def page_by_due(
    tx: Session, organisation: str, *, after: tuple[date | None, str] | None, limit: int, state: str | None = None
) -> Sequence[Application]:
    """Return the applications that `organisation` may see, overdue and soonest due first, those of no day last."""
    query = select(Application).where(_concerns(organisation)).order_by(Application.due_on, Application.id).limit(limit)
    if state is not None:
        query = query.where(Application.state == state)
    if after is not None:
        day, last = after
        of_none = Application.due_on.is_(None)
        if day is None:
            query = query.where(of_none & (Application.id > last))
        else:
            query = query.where(of_none | (tuple_(Application.due_on, Application.id) > (day, last)))
    return tx.scalars(query).all()


def overdue(tx: Session, today: date, limit: int) -> Sequence[Application]:
    """Return, locked, applications whose body is late and whom no open task names, the latest first.

    One that is being decided is passed by: it would close its tasks before this one is there.
    """
    named = select(Task.id).where(
        Task.kind == TaskKind.APPLICATION_OVERDUE, Task.subject == Application.id, Task.closed_at.is_(None)
    )
    late = select(Application).where(Application.due_on < today, Application.state.in_(CLOCK_RUNS), ~named.exists())
    query = late.order_by(Application.due_on, Application.id).limit(limit)
    return tx.scalars(query.with_for_update(skip_locked=True)).all()


def unanswered(tx: Session, today: date, limit: int) -> Sequence[Application]:
    """Return, locked, applications whose draft found no answer in its days; one that is being answered is passed by."""
    late = select(Application).where(Application.due_on < today, Application.state == State.DRAFT_OFFERED)
    query = late.order_by(Application.due_on, Application.id).limit(limit)
    return tx.scalars(query.with_for_update(skip_locked=True)).all()


def undated(tx: Session, country: str) -> Sequence[Application]:
    """Return, locked, applications with a clock that has no day; who holds the lock of another dates it themselves."""
    going = (*CLOCK_RUNS, State.DRAFT_OFFERED)
    query = select(Application).where(
        Application.issued_in == country, Application.state.in_(going), Application.due_on.is_(None)
    )
    query = query.where(Application.clock.is_not(None)).order_by(Application.id)
    return tx.scalars(query.with_for_update(skip_locked=True)).all()


def alike(tx: Session, said: Mapping[str, Any]) -> Sequence[Application]:
    """Return the applications with all of these values that were not given up, oldest first, locked."""
    query = select(Application).where(Application.state.not_in((State.REFUSED, State.WITHDRAWN)))
    for name, value in said.items():
        query = query.where(getattr(Application, name) == value)
    return tx.scalars(query.order_by(Application.created_at, Application.id).with_for_update()).all()


def decided(tx: Session) -> Sequence[Application]:
    """Return the applications whose draft was offered or is approved, oldest first, locked."""
    query = select(Application).where(Application.state.in_((State.DRAFT_OFFERED, State.APPROVED)))
    return tx.scalars(query.order_by(Application.created_at, Application.id).with_for_update()).all()


def of_set(tx: Session, set_: str, principal: str) -> Sequence[Application]:
    """Return the applications of a principal that are sheets of a set and were not given up, oldest first."""
    query = select(Application).where(
        or_(Application.organisation == principal, Application.principal == principal),
        Application.relations["sheet_of"]["set"].astext == set_,
        Application.state.not_in((State.REFUSED, State.WITHDRAWN)),
    )
    return tx.scalars(query.order_by(Application.created_at, Application.id)).all()


def lock_set(tx: Session, set_: str) -> None:
    """Let nobody else who asks for it look at a set of sheets until the transaction ends."""
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:set, 0))"), {"set": f"sheets {set_}"})


def has_set(tx: Session, set_: str) -> bool:
    """Tell whether a set of sheets was opened by an application here."""
    query = select(Application.id).where(Application.relations["sheet_of"]["set"].astext == set_)
    return tx.scalar(query.limit(1)) is not None


def _concerns(organisation: str) -> ColumnElement[bool]:
    theirs = or_(Application.organisation == organisation, Application.principal == organisation)
    return or_(theirs, (Application.body == organisation) & Application.submitted_at.is_not(None))
