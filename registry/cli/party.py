"""Register organisations, people, tokens and mandates; each is an act of the person whose token is shown."""

import secrets
from datetime import date, datetime
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from registry.cli import as_operator, tokens
from registry.cli.console import Json, Token, new_app, opened, show, show_rows, wanted_token
from registry.core.calendar import read_day
from registry.core.trust.trust_list import BodyRole
from registry.node import Node, clock, owner_url
from registry.settings import Settings
from registry.store import parties
from registry.store.database import Database
from registry.store.ownership import check_own
from registry.store.parties import OrganisationKind, Role
from registry.usecases.party import begin_operators, grant_mandate, issue_token, register_party, rename_body
from registry.usecases.party.confirm_proposal import spoken
from registry.usecases.party.identify_party import Party, identify
from registry.usecases.trust.believe_peers import read_beliefs

app = new_app("Register organisations, people, tokens and mandates. Example: registry party list")
app.add_typer(tokens.app, name="token")
LATER = "once the next trust list is published; until then the adopted list counts"
NEXT = "registry trust draft, then sign and publish, all on one day"


@app.command()
def first_operators(
    organisation: Annotated[str, typer.Option(help="Name of the organisation that runs the node.")],
    address: Annotated[str, typer.Option()],
    name: Annotated[list[str], typer.Option(help="Name of a person; given for each, two at least.")],
    sha256: Annotated[
        list[str], typer.Option("--sha256", help="The fingerprint of that person's token, in the order of names.")
    ],
    days: tokens.Days = 90,
    as_json: Json = False,
) -> None:
    """Make the first operators, with all of them present: each made a token before and types its fingerprint.

    After it everything needs two of them. It is done as the owner of the database, and again only where fewer than two
    operators hold a living token; the public log tells it each time. Example: registry party first-operators
    --organisation 'ГТК' --address 'Минск' --name 'А. Иванова' --sha256 "9c1e …" --name 'В. Петров' --sha256 "07ab …"
    """
    if len(name) != len(sha256):
        raise typer.BadParameter("each --name has its --sha256, in the same order")
    settings = Settings.from_environment()
    database = Database.open(owner_url(settings), pool=1)
    try:
        with database.begin() as tx:
            check_own(tx, settings.name)
            of, made = begin_operators.begin(
                tx,
                list(zip(name, sha256, strict=True)),
                organisation=organisation,
                address=address,
                country=settings.country,
                node_name=settings.name,
                node_did=settings.did,
                days=days,
                at=clock(settings)(),
                draw=secrets.token_bytes,
            )
    finally:
        database.close()
    show({"organisation": of.id, "people": [party.person for party in made]}, as_json=as_json)


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

    def work(tx: Session, by: Party, at: datetime, node: Node) -> dict[str, Any]:
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
            by=by.actor,
            at=at,
            draw=node.draw,
        )
        return {"organisation": row.id} | ({} if row.did is None else {"did": row.did})

    as_operator.do(work, token, as_json=as_json)


@app.command()
def body(
    code: Annotated[str, typer.Argument(help="Code of the certification body.")],
    name: Annotated[str | None, typer.Option(help="Its name from now on.")] = None,
    role: Annotated[BodyRole | None, typer.Option(help="Its role from now on.")] = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Rename a certification body, or give it another role: it holds once the next trust list is published.

    Until then it issues as the adopted list says, and registry status names what that list does not say yet. What it
    issued before stays good: the list keeps the former name and role, with the day up to which they held. A body that
    is verifying or customs issues no more. Draft, sign and publish that list on one day. Example: registry party body
    bcci --name 'Белорусская ТПП'
    """

    def work(tx: Session, by: Party, at: datetime, node: Node) -> dict[str, Any]:
        row = rename_body.rename(tx, code, name=name, role=role, by=by.actor, at=at, draw=node.draw)
        return {"organisation": row.id, "name": row.name, "role": row.body_role, "holds": LATER, "next": NEXT}

    as_operator.do(work, token, as_json=as_json)


@app.command()
def person(
    organisation: Annotated[str, typer.Option(help="Id of the organisation.")],
    name: Annotated[str, typer.Option()],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    sha256: Annotated[
        str | None, typer.Option("--sha256", help="The fingerprint that they told: propose their token, too.")
    ] = None,
    days: tokens.Days = 90,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Register a person of an organisation, with their roles, and propose the token that they made, where they have.

    Another operator confirms it (registry party token confirm). Example: registry party person --organisation 81d2…
    --name 'Т. М. Левчук' --role signatory --sha256 "9c1e 04b7 …" --days 90
    """

    def work(tx: Session, by: Party, at: datetime, node: Node) -> dict[str, Any]:
        row = register_party.register_person(
            tx,
            organisation=organisation,
            name=name,
            roles=role,
            node_did=node.settings.did,
            by=by.actor,
            at=at,
            draw=node.draw,
        )
        shown = {"person": row.id, "name": row.name, "roles": row.roles}
        if sha256 is None:
            return shown
        digest = issue_token.propose(tx, row.id, sha256, days=days, by=by, at=at, draw=node.draw)
        return {**shown, "proposed": spoken(digest), "days": days}

    as_operator.do(work, token, as_json=as_json)


@app.command()
def roles(
    person: Annotated[str, typer.Argument(help="Id of the person.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Give a person other roles; one that they did not have ends their tokens, and two operators issue a new one.

    What was proposed for them ends, too. Example: registry party roles 3f0c… --role auditor
    """

    def work(tx: Session, by: Party, at: datetime, node: Node) -> dict[str, Any]:
        row = register_party.change_roles(tx, person, role, by=by.actor, at=at, draw=node.draw)
        return {"person": row.id, "name": row.name, "roles": row.roles, **tokens.warned(tx, at)}

    as_operator.do(work, token, as_json=as_json)


@app.command()
def mandate(
    principal: Annotated[str, typer.Option(help="Id of the organisation that is acted for.")],
    agent: Annotated[str, typer.Option(help="Id of the organisation that acts.")],
    scheme: Annotated[list[str], typer.Option(help="May be given several times.")],
    until: Annotated[str, typer.Option(help="Last day, YYYY-MM-DD, by this country's calendar.")],
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Record a power of attorney."""
    last: date = read_day(until)

    def work(tx: Session, by: Party, at: datetime, node: Node) -> dict[str, Any]:
        today = read_beliefs(tx, node.pins).local_day(node.settings.country, at)
        row = grant_mandate.grant(
            tx,
            principal=principal,
            agent=agent,
            schemes=scheme,
            until=last,
            today=today,
            by=by.actor,
            at=at,
            draw=node.draw,
        )
        return {"mandate": row.id, "until": row.until.isoformat()}

    as_operator.do(work, token, as_json=as_json)


@app.command()
def revoke_mandate(
    id: Annotated[str, typer.Argument(help="Id of the mandate.")], token: Token = None, as_json: Json = False
) -> None:
    """Revoke a power of attorney."""

    def work(tx: Session, by: Party, at: datetime, node: Node) -> dict[str, Any]:
        grant_mandate.revoke(tx, id, by=by.actor, at=at, draw=node.draw)
        return {"revoked": id}

    as_operator.do(work, token, as_json=as_json)


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


@app.command("organisations")
def list_organisations(
    kind: Annotated[OrganisationKind | None, typer.Option(help="Those of one kind.")] = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """List organisations with their ids, and bodies with their codes. Example: registry party organisations."""
    with opened() as node, node.database.read() as tx:
        by = identify(tx, wanted_token(token), node=node.settings.did, at=node.now())
        by.require(Role.OPERATOR)
        rows = [
            {
                "organisation": row.id,
                "kind": row.kind,
                "code": row.code,
                "role": row.body_role,
                "country": row.country,
                "tax_id": row.tax_id,
                "name": row.name,
            }
            for row in parties.organisations(tx, kind)
        ]
    show_rows(rows, as_json=as_json, nothing="no such organisation is registered")
