"""Organisations, people and mandates."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, case, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.trust.trust_list import BodyRole
from registry.store.database import Row, one_of


class OrganisationKind(StrEnum):
    """What an organisation is to this node."""

    EXPORTER = "exporter"
    BODY = "body"
    CUSTOMS = "customs"
    OPERATOR = "operator"
    IMPORTER = "importer"


class Role(StrEnum):
    """What a person may do. Who plays which part in one application is another matter: three different people."""

    EXPORTER = "exporter"
    EXAMINER = "examiner"
    SIGNATORY = "signatory"
    CUSTOMS = "customs"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    IMPORTER = "importer"
    REGISTRAR = "registrar"
    """A body's own system, which registers here what the body issued there."""


class Organisation(Row):
    """An exporter, an importer, a certification body, a customs service, or the operator of the node."""

    __tablename__ = "organisation"
    __table_args__ = (
        one_of("kind", OrganisationKind),
        CheckConstraint("(kind = 'body') = (did IS NOT NULL)", name="body_has_did"),
        CheckConstraint("(kind = 'body') = (code IS NOT NULL)", name="body_has_code"),
        CheckConstraint("(kind = 'body') = (body_role IS NOT NULL)", name="body_has_role"),
        one_of("body_role", BodyRole),
        Index(None, "country", "tax_id", unique=True),
        Index(None, "country", "kind", "look", unique=True),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    country: Mapped[str]
    address: Mapped[str]
    tax_id: Mapped[str | None]
    did: Mapped[str | None] = mapped_column(unique=True)
    code: Mapped[str | None] = mapped_column(unique=True)
    body_role: Mapped[str | None]
    registered_at: Mapped[datetime]
    look: Mapped[str | None]
    """What its name looks like, which no other of its country and kind does; natural persons may be namesakes."""


class Person(Row):
    """Someone of an organisation; roles are theirs on this node."""

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint(
            "roles <@ ARRAY['exporter','examiner','signatory','customs','auditor','operator','importer','registrar']",
            name="known_roles",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    name: Mapped[str]
    roles: Mapped[list[str]]
    registered_at: Mapped[datetime]


class VerificationCount(Row):
    """How often a person asked for a verdict in the last minute in which they did."""

    __tablename__ = "verification_count"

    person: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    minute: Mapped[datetime]
    count: Mapped[int]


class Mandate(Row):
    """A power of attorney: `agent` acts for `principal` under these schemes until a day (S5 3.1)."""

    __tablename__ = "mandate"
    __table_args__ = (CheckConstraint("principal <> agent", name="two_organisations"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    principal: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    agent: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    schemes: Mapped[list[str]]
    until: Mapped[date]
    granted_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


def organisation(tx: Session, id: str) -> Organisation | None:
    """Return an organisation by its id."""
    return tx.get(Organisation, id)


def organisation_by_did(tx: Session, did: str) -> Organisation | None:
    """Return the body with this DID."""
    return tx.scalar(select(Organisation).where(Organisation.did == did))


def organisation_by_code(tx: Session, code: str) -> Organisation | None:
    """Return the certification body with this code."""
    return tx.scalar(select(Organisation).where(Organisation.code == code))


def organisation_by_tax_id(tx: Session, country: str, tax_id: str) -> Organisation | None:
    """Return the organisation with this tax id."""
    return tx.scalar(select(Organisation).where(Organisation.country == country, Organisation.tax_id == tax_id))


def names_by_tax_id(tx: Session, country: str, tax_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of the organisations of a country that are registered under these tax ids."""
    named = select(Organisation.tax_id, Organisation.name).where(Organisation.country == country)
    rows = tx.execute(named.where(Organisation.tax_id.in_(sorted(tax_ids))))
    return {tax_id: name for tax_id, name in rows if tax_id is not None}


def organisation_by_look(tx: Session, country: str, kind: str, look: str) -> Organisation | None:
    """Return the organisation of a country and kind whose name looks so."""
    return tx.scalar(
        select(Organisation).where(
            Organisation.country == country, Organisation.kind == kind, Organisation.look == look
        )
    )


def organisations(tx: Session, kind: OrganisationKind | None = None) -> Sequence[Organisation]:
    """Return organisations by name, of one kind where that is asked."""
    query = select(Organisation).order_by(Organisation.name, Organisation.id)
    return tx.scalars(query if kind is None else query.where(Organisation.kind == kind)).all()


def person(tx: Session, id: str) -> Person | None:
    """Return a person by id."""
    return tx.get(Person, id)


def lock_person(tx: Session, id: str) -> Person | None:
    """Return a person by id; until the transaction ends nobody else gives them roles, proposes or confirms for them."""
    return tx.get(Person, id, with_for_update={"key_share": True}, populate_existing=True)


def holders(tx: Session, role: Role) -> Sequence[Person]:
    """Return the people who have a role now."""
    return tx.scalars(select(Person).where(Person.roles.contains([role])).order_by(Person.id)).all()


def count_verification(tx: Session, person: str, minute: datetime) -> int:
    """Count that a person asks once more, and return how often they did in this minute, whichever process answered."""
    first = insert(VerificationCount).values(person=person, minute=minute, count=1)
    same = VerificationCount.minute == first.excluded.minute
    counted: int | None = tx.scalar(
        first.on_conflict_do_update(
            index_elements=["person"],
            set_={"minute": first.excluded.minute, "count": case((same, VerificationCount.count + 1), else_=1)},
        ).returning(VerificationCount.count)
    )
    assert counted is not None
    return counted


def mandate_for(tx: Session, *, principal: str, agent: str, scheme: str, day: date) -> Mandate | None:
    """Return a mandate by which `agent` may act for `principal` under `scheme` on `day`."""
    return tx.scalar(
        select(Mandate)
        .where(
            Mandate.principal == principal,
            Mandate.agent == agent,
            Mandate.schemes.contains([scheme]),
            Mandate.until >= day,
            Mandate.revoked_at.is_(None),
        )
        .limit(1)
    )


def living_mandates(tx: Session, day: date) -> Sequence[Mandate]:
    """Return the mandates that hold on `day`, the first granted first."""
    holds = (Mandate.revoked_at.is_(None), Mandate.until >= day)
    return tx.scalars(select(Mandate).where(*holds).order_by(Mandate.granted_at, Mandate.id)).all()


def revoke_mandate(tx: Session, id: str, at: datetime) -> Mandate | None:
    """Revoke a living mandate and return it; None where there is no such mandate."""
    return tx.scalar(
        update(Mandate).where(Mandate.id == id, Mandate.revoked_at.is_(None)).values(revoked_at=at).returning(Mandate)
    )


def people(tx: Session, *, organisation: str | None = None) -> Sequence[tuple[Person, Organisation]]:
    """Return people with their organisations, by name of organisation and person."""
    query = (
        select(Person, Organisation)
        .join(Organisation, Organisation.id == Person.organisation)
        .order_by(Organisation.name, Person.name)
    )
    if organisation is not None:
        query = query.where(Person.organisation == organisation)
    return [(row[0], row[1]) for row in tx.execute(query)]
