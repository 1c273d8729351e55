"""The first operators: two people in one ceremony, each with a token that they made; after it everything needs two.

The same ceremony is held anew where fewer than two operators hold a living token: nobody could confirm anything then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.errors import Conflict, Refused
from registry.core.product.names import skeleton
from registry.core.tlog.entry import Kind
from registry.store import acts, parties, tokens
from registry.store.acts import Actor, Draw
from registry.store.database import is_owner
from registry.store.parties import Organisation, OrganisationKind, Role
from registry.usecases.party import issue_token
from registry.usecases.party.count_operators import FEWEST
from registry.usecases.party.identify_party import Party
from registry.usecases.party.register_party import (
    PartyWrong,
    end_role,
    register_organisation,
    register_person,
    revoke_token,
)


@dataclass(eq=False)
class OwnerWanted(Refused):
    """The ceremony of the first operators is held as the owner of the database, which no operator works as."""

    code: ClassVar[str] = "owner-wanted"

    def __str__(self) -> str:
        return "this is done as the owner of the database: set REGISTRY_DATABASE_OWNER_URL"


@dataclass(eq=False)
class OperatorsAtWork(Conflict):
    """Two operators hold living tokens, and they make those of others."""

    code: ClassVar[str] = "operators-at-work"

    def __str__(self) -> str:
        return "two operators hold living tokens: one of them proposes the token of another operator, one confirms it"


def begin(
    tx: Session,
    people: Sequence[tuple[str, str]],
    *,
    organisation: str,
    address: str,
    country: str,
    node_name: str,
    node_did: str,
    days: int,
    at: datetime,
    draw: Draw,
) -> tuple[Organisation, Sequence[Party]]:
    """Make operators of people who are named with the fingerprints of their tokens; each confirms another's.

    Operators of before are none any more, and a token that one of them was left with ends: nobody is here under two
    names, nor confirms what they proposed under the other. The act is in the public log, where the peer's auditor sees
    it. Raises `OwnerWanted`, `OperatorsAtWork`, `PartyWrong`, and what registering and issuing raise.
    """
    if not is_owner(tx):
        raise OwnerWanted
    if len(people) < FEWEST:
        raise PartyWrong("the first operators are at least two people, each with the fingerprint of their own token")
    tokens.hold_operators(tx)
    living, node = tokens.of_operators(tx, at), Actor(node_did)
    if len({token.person for token in living}) >= FEWEST:
        raise OperatorsAtWork
    for token in living:
        revoke_token(tx, token.id, by=node, at=at, draw=draw)
    end_role(tx, Role.OPERATOR, by=node, at=at, draw=draw)
    of = parties.organisation_by_look(tx, country, OrganisationKind.OPERATOR, skeleton(organisation))
    of = of or register_organisation(
        tx,
        kind=OrganisationKind.OPERATOR,
        name=organisation,
        country=country,
        address=address,
        tax_id=None,
        code=None,
        body_role=None,
        node_name=node_name,
        by=node,
        at=at,
        draw=draw,
    )
    made = [_operator(tx, name, of, node_did=node_did, at=at, draw=draw) for name, _ in people]
    private: dict[str, Json] = {"organisation": of.id, "people": [party.person for party in made]}
    acts.record(tx, Kind.OPERATORS_BEGUN, private, by=node, at=at, draw=draw, subject=of.id)
    for party, another, (_, fingerprint) in zip(made, [*made[1:], made[0]], people, strict=True):
        issue_token.propose(tx, party.person, fingerprint, days=days, by=party, at=at, draw=draw)
        issue_token.confirm(tx, party.person, fingerprint, by=another, at=at, draw=draw)
    return of, made


def _operator(tx: Session, name: str, of: Organisation, *, node_did: str, at: datetime, draw: Draw) -> Party:
    row = register_person(
        tx, organisation=of.id, name=name, roles=[Role.OPERATOR], node_did=node_did, by=None, at=at, draw=draw
    )
    roles = frozenset({Role.OPERATOR})
    return Party(row.id, name, roles, of.id, of.name, OrganisationKind.OPERATOR, None, None, node_did)
