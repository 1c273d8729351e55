"""Tokens: what a person's program shows, whose each is, and until when."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, RowMapping, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row
from registry.store.parties import Organisation, Person, Role


class Token(Row):
    """What a person's program shows: kept as SHA-256 only. Who proposed and confirmed it is null where one issued it.

    That was so before two did; the database takes no such token any more.
    """

    __tablename__ = "token"
    __table_args__ = (
        CheckConstraint("(proposed_by IS NULL) = (confirmed_by IS NULL)", name="proposed_and_confirmed"),
        CheckConstraint("confirmed_by <> proposed_by AND confirmed_by <> person", name="two_people"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    sha256: Mapped[bytes] = mapped_column(unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    proposed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    confirmed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))


BEARER = (
    select(
        Person.id,
        Person.name,
        Person.roles,
        Organisation.id.label("organisation"),
        Organisation.name.label("organisation_name"),
        Organisation.kind,
        Organisation.did,
        Organisation.code,
    )
    .join(Token, Token.person == Person.id)
    .join(Organisation, Organisation.id == Person.organisation)
    .where(Token.sha256 == bindparam("sha256"), Token.expires_at > bindparam("at"), Token.revoked_at.is_(None))
)
"""Who a living token belongs to."""


def bearer(tx: Session, sha256: bytes, at: datetime) -> RowMapping | None:
    """Return who a living token belongs to: the person, and the organisation."""
    return tx.execute(BEARER, {"sha256": sha256, "at": at}).mappings().one_or_none()


def find(tx: Session, id: str) -> Token | None:
    """Return a token by its id, as it is now."""
    return tx.get(Token, id, populate_existing=True)


def with_digest(tx: Session, sha256: bytes) -> Token | None:
    """Return the token that there is, or was, with this digest."""
    return tx.scalar(select(Token).where(Token.sha256 == sha256).execution_options(populate_existing=True))


def keep(tx: Session, token: Mapping[str, object]) -> Token | None:
    """Keep a token; None where its digest is that of another, living or not: nobody's token is anyone else's."""
    return tx.scalar(insert(Token).values(token).on_conflict_do_nothing(index_elements=["sha256"]).returning(Token))


def living(tx: Session, at: datetime, *, person: str | None = None) -> Sequence[tuple[Token, Person, Organisation]]:
    """Return the living tokens with whose they are, by name of organisation and person, the first to end first."""
    query = (
        select(Token, Person, Organisation)
        .join(Person, Person.id == Token.person)
        .join(Organisation, Organisation.id == Person.organisation)
        .where(Token.expires_at > at, Token.revoked_at.is_(None))
        .order_by(Organisation.name, Person.name, Token.expires_at, Token.id)
    )
    if person is not None:
        query = query.where(Token.person == person)
    return [(row[0], row[1], row[2]) for row in tx.execute(query)]


def hold_operators(tx: Session) -> None:
    """Let nobody else end tokens of operators, or begin anew, until the transaction ends: taken before any row."""
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('operators', 0))"))


def of_operators(tx: Session, at: datetime) -> Sequence[Token]:
    """Return the living tokens of operators."""
    return [row for row, who, _ in living(tx, at) if Role.OPERATOR in who.roles]


def operators_until(tx: Session, at: datetime) -> Sequence[datetime]:
    """Return until when each operator who holds a living token holds one, the longest first."""
    until = func.max(Token.expires_at)
    query = select(until).join(Person, Person.id == Token.person).group_by(Person.id).order_by(until.desc())
    lives = (Token.expires_at > at, Token.revoked_at.is_(None), Person.roles.contains([Role.OPERATOR]))
    return tx.scalars(query.where(*lives)).all()


def by_one(tx: Session, roles: Iterable[Role], at: datetime) -> int:
    """Count the living tokens of people with one of these roles that one operator alone issued."""
    alone = (Token.expires_at > at, Token.revoked_at.is_(None), Token.confirmed_by.is_(None))
    query = select(func.count()).select_from(Token).join(Person, Person.id == Token.person)
    return tx.scalar(query.where(*alone, Person.roles.overlap(list(roles)))) or 0


def revoke(tx: Session, id: str, at: datetime) -> str | None:
    """Revoke a living token and return its person; None where no such token lives."""
    lives = (Token.id == id, Token.expires_at > at, Token.revoked_at.is_(None))
    return tx.scalar(update(Token).where(*lives).values(revoked_at=at).returning(Token.person))
