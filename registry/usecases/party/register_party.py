"""Register organisations and people, and revoke tokens; each is an act of one operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.codes.countries import COUNTRIES
from registry.core.errors import Conflict, NotFound, Unprocessable
from registry.core.identifiers import CODE, body_did
from registry.core.product.identifiers import check_tax_id, is_natural_person
from registry.core.product.names import skeleton
from registry.core.product.texts import unfit
from registry.core.tlog.entry import Kind
from registry.core.trust.trust_list import BodyRole
from registry.store import acts, parties, tokens
from registry.store.acts import Actor, Draw
from registry.store.parties import Organisation, OrganisationKind, Person, Role
from registry.usecases.party.tell_standing import TokenEnded, tell_standing

LONGEST_NAME = 300
ROLES: Mapping[OrganisationKind, frozenset[Role]] = MappingProxyType(
    {
        OrganisationKind.EXPORTER: frozenset({Role.EXPORTER, Role.IMPORTER}),
        OrganisationKind.IMPORTER: frozenset({Role.IMPORTER, Role.EXPORTER}),
        OrganisationKind.BODY: frozenset({Role.EXAMINER, Role.SIGNATORY, Role.REGISTRAR}),
        OrganisationKind.CUSTOMS: frozenset({Role.CUSTOMS}),
        OrganisationKind.OPERATOR: frozenset({Role.OPERATOR, Role.AUDITOR}),
    }
)
"""Which roles people of an organisation may have: what a role may read or do is the work of such an organisation."""

FEW = 10
"""So many codes of bodies a refusal names."""
_LISTED = {"body": "organisations", "organisation": "organisations", "person": "list", "token": "token list"}


@dataclass(eq=False)
class PartyNotFound(NotFound):
    """No such organisation, person, token or mandate is registered."""

    code: ClassVar[str] = "party-not-found"
    what: str
    id: str
    known: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = f"no {self.what} {self.id[:64]!r} is registered here"
        if self.known:
            return f"{said}; known: {', '.join(self.known)}"
        return f"{said}: registry party {_LISTED[self.what]} lists them" if self.what in _LISTED else said


@dataclass(eq=False)
class PartyExists(Conflict):
    """An organisation with this code or tax id is registered."""

    code: ClassVar[str] = "party-exists"
    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(eq=False)
class NameTaken(Conflict):
    """The name looks like that of another organisation of the same country and kind, whatever letters spell it."""

    code: ClassVar[str] = "name-taken"
    name: str
    known: str

    def __str__(self) -> str:
        return f"{self.name!r} looks like {self.known!r}, which is registered"


@dataclass(eq=False)
class PartyWrong(Unprocessable):
    """What is to be registered does not fit together."""

    code: ClassVar[str] = "party-wrong"
    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(eq=False)
class RoleUnfit(Unprocessable):
    """People of such an organisation do not have the role: nobody reads as customs who is not of customs."""

    code: ClassVar[str] = "role-unfit"
    role: str
    kind: str

    def __str__(self) -> str:
        return f"the role {self.role} is not for people of an organisation that is {self.kind}"


def register_organisation(
    tx: Session,
    *,
    kind: OrganisationKind,
    name: str,
    country: str,
    address: str,
    tax_id: str | None,
    code: str | None,
    body_role: BodyRole | None,
    node_name: str,
    by: Actor,
    at: datetime,
    draw: Draw,
) -> Organisation:
    """Register an organisation; a body has a code, which its DID ends with.

    Raises `PartyExists`, `NameTaken`, `PartyWrong`.
    """
    if country not in COUNTRIES:
        raise PartyWrong("an organisation has the ISO 3166-1 code of a country, as BY or UZ")
    check_texts(name=name, address=address)
    is_body = kind is OrganisationKind.BODY
    if is_body != (code is not None) or is_body != (body_role is not None):
        raise PartyWrong("a certification body has a code and a role, and no other organisation has them")
    if code is not None and not CODE.fullmatch(code):
        raise PartyWrong("a body's code is up to 32 lower-case letters, digits and hyphens")
    if kind is OrganisationKind.IMPORTER and tax_id is None:
        raise PartyWrong("an importer has a tax id, by which a certificate names its consignee")
    if tax_id is not None:
        check_tax_id(country, tax_id)
    if code is not None and parties.organisation_by_code(tx, code) is not None:
        raise PartyExists(f"a body with the code {code} is registered")
    if tax_id is not None and parties.organisation_by_tax_id(tx, country, tax_id) is not None:
        raise PartyExists(f"an organisation with the tax id {tax_id} of {country} is registered")
    look = None if is_natural_person(country, tax_id) else skeleton(name)
    known = None if look is None else parties.organisation_by_look(tx, country, kind, look)
    if known is not None:
        raise NameTaken(name, known.name)
    row = Organisation(
        id=draw(16).hex(),
        kind=kind,
        name=name,
        country=country,
        address=address,
        tax_id=tax_id,
        did=None if code is None else body_did(node_name, code),
        code=code,
        body_role=body_role,
        registered_at=at,
        look=look,
    )
    tx.add(row)
    tx.flush()
    private: dict[str, Json] = {"organisation": row.id, "kind": kind.value, "name": name, "country": country}
    acts.record(tx, Kind.ORGANISATION_REGISTERED, private, by=by, at=at, draw=draw, subject=row.id)
    return row


def find_body(tx: Session, code: str) -> Organisation:
    """Return the certification body with a code; raises `PartyNotFound`, which names those there are, if few."""
    row = parties.organisation_by_code(tx, code)
    if row is None:
        known = [str(body.code) for body in parties.organisations(tx, OrganisationKind.BODY)]
        raise PartyNotFound("body", code, sorted(known) if len(known) <= FEW else [])
    return row


def register_person(
    tx: Session,
    *,
    organisation: str,
    name: str,
    roles: Sequence[Role],
    node_did: str,
    by: Actor | None,
    at: datetime,
    draw: Draw,
) -> Person:
    """Register a person of an organisation. `by` is None for the first operators alone.

    Raises `PartyNotFound`, `PartyWrong`, `RoleUnfit`.
    """
    of = parties.organisation(tx, organisation)
    if of is None:
        raise PartyNotFound("organisation", organisation)
    check_texts(name=name)
    _check_roles(of, roles)
    row = Person(id=draw(16).hex(), organisation=organisation, name=name, roles=sorted(set(roles)), registered_at=at)
    tx.add(row)
    tx.flush()
    private: dict[str, Json] = {"person": row.id, "organisation": organisation, "name": name, "roles": row.roles}
    actor = by or Actor(node_did, row.id, organisation)
    acts.record(tx, Kind.PERSON_REGISTERED, private, by=actor, at=at, draw=draw, subject=row.id)
    return row


def change_roles(tx: Session, person: str, roles: Sequence[Role], *, by: Actor, at: datetime, draw: Draw) -> Person:
    """Give a person other roles; the parts that they play in applications stay what they are.

    A role that they did not have ends their tokens, and what is proposed: two operators issued these for who the
    person was, and one alone gives the role. Raises `PartyNotFound`, `RoleUnfit`.
    """
    tokens.hold_operators(tx)
    row = parties.lock_person(tx, person)
    of = None if row is None else parties.organisation(tx, row.organisation)
    if row is None or of is None:
        raise PartyNotFound("person", person)
    _check_roles(of, roles)
    if not set(roles) <= set(row.roles):
        for token, _, _ in tokens.living(tx, at, person=person):
            revoke_token(tx, token.id, by=by, at=at, draw=draw)
    _give(tx, row, roles, by=by, at=at, draw=draw)
    return row


def end_role(tx: Session, role: Role, *, by: Actor, at: datetime, draw: Draw) -> None:
    """Take a role from everyone who has it: what they proposed in it counts no more."""
    for row in parties.holders(tx, role):
        _give(tx, row, [each for each in map(Role, row.roles) if each is not role], by=by, at=at, draw=draw)


def revoke_token(tx: Session, token: str, *, by: Actor, at: datetime, draw: Draw) -> None:
    """Revoke a token, at once and for ever; one operator does. Raises `PartyNotFound`, `TokenEnded`.

    Until the transaction ends no other operator's is: of two who revoke each other's, one sees how many are left.
    """
    tokens.hold_operators(tx)
    person = tokens.revoke(tx, token, at)
    if person is None:
        row = tokens.find(tx, token)
        if row is None:
            raise PartyNotFound("token", token)
        raise TokenEnded(tell_standing(tx, row, at))
    acts.record(tx, Kind.TOKEN_REVOKED, {"token": token, "person": person}, by=by, at=at, draw=draw, subject=person)


def _give(tx: Session, row: Person, roles: Sequence[Role], *, by: Actor, at: datetime, draw: Draw) -> None:
    before, row.roles = row.roles, sorted(set(roles))
    tx.flush()
    private: dict[str, Json] = {"person": row.id, "before": before, "roles": row.roles}
    acts.record(tx, Kind.PERSON_CHANGED, private, by=by, at=at, draw=draw, subject=row.id)


def check_texts(**stated: str) -> None:
    """Check texts as those of claims are: composed letters, and nothing that does not show. Raises `PartyWrong`."""
    for what, text in stated.items():
        if not text or len(text) > LONGEST_NAME:
            raise PartyWrong(f"the {what} has 1 to {LONGEST_NAME} characters")
        if reason := unfit(text):
            raise PartyWrong(f"the {what} {reason}")


def _check_roles(of: Organisation, roles: Sequence[Role]) -> None:
    kind = OrganisationKind(of.kind)
    for role in roles:
        if role not in ROLES[kind]:
            raise RoleUnfit(role, kind)
