"""Register organisations, people, tokens and mandates; each is an act of the person whose token is shown."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from registry.cli.console import Json, Token, new_app, opened, show, show_rows, wanted_token
from registry.core.calendar import read_day, write_instant
from registry.core.trust.trust_list import BodyRole
from registry.node import Node
from registry.store import parties
from registry.store.acts import Actor
from registry.store.parties import OrganisationKind, Role
from registry.usecases import register_party, rename_body
from registry.usecases.identify_party import identify
from registry.usecases.register_party import PartyExists

app = new_app(
    "Register organisations, people, tokens and mandates. Example: "
    "registry party first-operator --organisation 'ГТК' --name 'А. Б. Иванова' --address 'Минск'"
)
Days = Annotated[int, typer.Option(help="For how many days the token is good.", min=1, max=366)]


@app.command()
def first_operator(
    organisation: Annotated[str, typer.Option(help="Name of the organisation that runs the node.")],
    address: Annotated[str, typer.Option()],
    name: Annotated[str, typer.Option(help="Name of the person.")],
    days: Days = 90,
    as_json: Json = False,
) -> None:
    """Make the first operator, the only one who is made without a token, and show their token once."""
    with opened() as node, node.database.begin() as tx:
        at, draw, did = node.now(), node.draw, node.settings.did
        if parties.any_person(tx):
            raise PartyExists("an operator exists: others are registered with the token of one")
        row = register_party.register_organisation(
            tx,
            kind=OrganisationKind.OPERATOR,
            name=organisation,
            country=node.settings.country,
            address=address,
            tax_id=None,
            code=None,
            body_role=None,
            node_name=node.settings.name,
            by=Actor(did),
            at=at,
            draw=draw,
        )
        person = register_party.register_person(
            tx, organisation=row.id, name=name, roles=[Role.OPERATOR], node_did=did, by=None, at=at, draw=draw
        )
        actor = Actor(did, person.id, row.id)
        token, kept = register_party.issue_token(tx, person.id, lasts=timedelta(days=days), by=actor, at=at, draw=draw)
    show(
        {"organisation": row.id, "person": person.id, "token": token, "expires_at": write_instant(kept.expires_at)},
        as_json=as_json,
    )


@app.command()
def organisation(
    kind: Annotated[OrganisationKind, typer.Option()],
    name: Annotated[str, typer.Option()],
    country: Annotated[str, typer.Option(help="ISO 3166-1 code.")],
    address: Annotated[str, typer.Option()],
    tax_id: Annotated[str | None, typer.Option(help="UNP, STIR or JShShIR.")] = None,
    code: Annotated[str | None, typer.Option(help="A certification body's code, which its DID ends with.")] = None,
    body_role: Annotated[BodyRole | None, typer.Option(help="A certification body's role.")] = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Register an exporter, an importer, a certification body, a customs service or an operator.

    Example: registry party organisation --kind importer --name '«TOSHKENT AGROTEXNIKA» MChJ' --country UZ
    --address 'Toshkent sh.' --tax-id 301234567
    """

    def work(tx: Session, by: Actor, at: datetime, node: Node) -> dict[str, Any]:
        row = register_party.register_organisation(
            tx,
            kind=kind,
            name=name,
            country=country,
            address=address,
            tax_id=tax_id,
            code=code,
            body_role=body_role,
            node_name=node.settings.name,
            by=by,
            at=at,
            draw=node.draw,
        )
        return {"organisation": row.id, "did": row.did or ""}

    _act(work, token, as_json=as_json)


@app.command()
def body(
    code: Annotated[str, typer.Argument(help="Code of the certification body.")],
    name: Annotated[str | None, typer.Option(help="Its name from now on.")] = None,
    role: Annotated[BodyRole | None, typer.Option(help="Its role from now on.")] = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Rename a certification body, or give it another role: it holds once the next trust list is published.

    What it issued before stays good: the list keeps the former name and role, with the day up to which they held. A
    body that is verifying or customs issues no more. Draft, sign and publish that list on one day. Example:
    registry party body bcci --name 'Белорусская ТПП'
    """

    def work(tx: Session, by: Actor, at: datetime, node: Node) -> dict[str, Any]:
        row = rename_body.rename(tx, code, name=name, role=role, by=by, at=at, draw=node.draw)
        return {"organisation": row.id, "name": row.name, "role": row.body_role}

    _act(work, token, as_json=as_json)


@app.command()
def person(
    organisation: Annotated[str, typer.Option(help="Id of the organisation.")],
    name: Annotated[str, typer.Option()],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    token_days: Annotated[
        int | None, typer.Option(help="Issue a token too, good for so many days.", min=1, max=366)
    ] = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Register a person of an organisation, with their roles, and show their token once where one is wanted."""

    def work(tx: Session, by: Actor, at: datetime, node: Node) -> dict[str, Any]:
        row = register_party.register_person(
            tx,
            organisation=organisation,
            name=name,
            roles=role,
            node_did=node.settings.did,
            by=by,
            at=at,
            draw=node.draw,
        )
        shown = {"person": row.id, "name": row.name, "roles": row.roles}
        if token_days is None:
            return shown
        lasts = timedelta(days=token_days)
        text, kept = register_party.issue_token(tx, row.id, lasts=lasts, by=by, at=at, draw=node.draw)
        return {**shown, "token": text, "expires_at": write_instant(kept.expires_at)}

    _act(work, token, as_json=as_json)


@app.command()
def roles(
    person: Annotated[str, typer.Argument(help="Id of the person.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Give a person other roles."""

    def work(tx: Session, by: Actor, at: datetime, node: Node) -> dict[str, Any]:
        row = register_party.change_roles(tx, person, role, by=by, at=at, draw=node.draw)
        return {"person": row.id, "name": row.name, "roles": row.roles}

    _act(work, token, as_json=as_json)


@app.command("token")
def issue_token(
    person: Annotated[str, typer.Argument(help="Id of the person.")],
    days: Days = 90,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Issue a token for a person; it is shown this once, and kept as SHA-256."""

    def work(tx: Session, by: Actor, at: datetime, node: Node) -> dict[str, Any]:
        text, row = register_party.issue_token(tx, person, lasts=timedelta(days=days), by=by, at=at, draw=node.draw)
        return {"id": row.id, "token": text, "expires_at": write_instant(row.expires_at)}

    _act(work, token, as_json=as_json)


@app.command()
def revoke_token(
    id: Annotated[str, typer.Argument(help="Id of the token, not the token itself.")],
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Revoke a token, at once and for ever."""

    def work(tx: Session, by: Actor, at: datetime, node: Node) -> dict[str, Any]:
        register_party.revoke_token(tx, id, by=by, at=at, draw=node.draw)
        return {"revoked": id}

    _act(work, token, as_json=as_json)


@app.command()
def mandate(
    principal: Annotated[str, typer.Option(help="Id of the organisation that is acted for.")],
    agent: Annotated[str, typer.Option(help="Id of the organisation that acts.")],
    scheme: Annotated[list[str], typer.Option(help="May be given several times.")],
    until: Annotated[str, typer.Option(help="Last day, YYYY-MM-DD.")],
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Record a power of attorney."""
    last: date = read_day(until)

    def work(tx: Session, by: Actor, at: datetime, node: Node) -> dict[str, Any]:
        row = register_party.grant_mandate(
            tx, principal=principal, agent=agent, schemes=scheme, until=last, by=by, at=at, draw=node.draw
        )
        return {"mandate": row.id, "until": row.until.isoformat()}

    _act(work, token, as_json=as_json)


@app.command()
def revoke_mandate(
    id: Annotated[str, typer.Argument(help="Id of the mandate.")], token: Token = None, as_json: Json = False
) -> None:
    """Revoke a power of attorney."""

    def work(tx: Session, by: Actor, at: datetime, node: Node) -> dict[str, Any]:
        register_party.revoke_mandate(tx, id, by=by, at=at, draw=node.draw)
        return {"revoked": id}

    _act(work, token, as_json=as_json)


@app.command("list")
def list_people(token: Token = None, as_json: Json = False) -> None:
    """List people with their organisations and roles."""
    with opened() as node, node.database.read() as tx:
        by = identify(tx, wanted_token(token), node=node.settings.did, at=node.now())
        by.require(Role.OPERATOR)
        rows = [
            {"person": who.id, "name": who.name, "roles": who.roles, "organisation": where.id, "of": where.name}
            for who, where in parties.people(tx)
        ]
    show_rows(rows, as_json=as_json, nothing="nobody is registered")


def _act(work: Callable[[Session, Actor, datetime, Node], dict[str, Any]], token: str | None, *, as_json: bool) -> None:
    """Do an operator's work in one transaction, and print what came of it once it is committed."""
    with opened() as node:
        at = node.now()
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            by.require(Role.OPERATOR)
            done = work(tx, by.actor, at, node)
    show(done, as_json=as_json)
