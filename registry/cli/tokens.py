"""Tokens: a person makes theirs, alone; one operator proposes its fingerprint, another confirms it."""

import secrets
import sys
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from registry.cli import as_operator
from registry.cli.console import Json, Token, new_app, opened, show, show_rows, wanted_token
from registry.core.calendar import write_instant
from registry.node import Node
from registry.store import parties, tokens
from registry.store.acts import Act
from registry.store.parties import Role
from registry.usecases.party import issue_token, register_party
from registry.usecases.party.confirm_proposal import spoken
from registry.usecases.party.count_operators import count_operators
from registry.usecases.party.follow_proposals import LONGEST_OPEN, open_token_proposals
from registry.usecases.party.identify_party import Party, identify

app = new_app(
    "Make a token, propose, confirm and withdraw it by its fingerprint, revoke it. Example: registry party token new"
)
Days = Annotated[int, typer.Option(help="For how many days the token is good.", min=1, max=issue_token.LONGEST_DAYS)]
Person = Annotated[str, typer.Argument(help="Id of the person.")]
Fingerprint = Annotated[
    str, typer.Option("--sha256", help="The fingerprint, as the person told it; spaces do not matter.")
]
KEEP = (
    "Keep the token to yourself, where you keep what you sign with: whoever has it acts in your name, it is shown\n"
    "this once and written nowhere, and no operator of the registry ever asks for it."
)
TELL = (
    "Tell the fingerprint to two operators of the registry, to each of them by yourself: by telephone or face to\n"
    "face; your token works once both have typed it."
)


@app.command()
def new(as_json: Json = False) -> None:
    """Make a token of your own, on your own machine, and show it this once; no node is asked, and none knows of it.

    Two operators are told its fingerprint, and nobody the token. Example: registry party token new
    """
    token, digest = issue_token.make(secrets.token_bytes)
    if as_json:
        show({"token": token, "sha256": digest}, as_json=True)
    else:
        sys.stdout.write(f"Token:\n  {token}\n{KEEP}\n\nFingerprint:\n  {spoken(digest)}\n{TELL}\n")


@app.command()
def propose(person: Person, sha256: Fingerprint, days: Days = 90, token: Token = None, as_json: Json = False) -> None:
    """Propose a token for a person, who told you its fingerprint; another operator confirms it, within two weeks.

    A person may have several open proposals: the first that is confirmed uses up the others.
    Example: registry party token propose 3f0c… --sha256 "9c1e 04b7 …" --days 90
    """

    def work(tx: Session, by: Party, at: datetime, node: Node) -> dict[str, Any]:
        digest = issue_token.propose(tx, person, sha256, days=days, by=by, at=at, draw=node.draw)
        return {"proposed": spoken(digest), "days": days, **_whose(tx, person)}

    as_operator.do(work, token, as_json=as_json)


@app.command()
def confirm(person: Person, sha256: Fingerprint, token: Token = None, as_json: Json = False) -> None:
    """Confirm a token that another operator proposed, by the fingerprint that the person told you, and not they.

    Example: registry party token confirm 3f0c… --sha256 "9c1e 04b7 …"
    """

    def work(tx: Session, by: Party, at: datetime, node: Node) -> dict[str, Any]:
        row = issue_token.confirm(tx, person, sha256, by=by, at=at, draw=node.draw)
        return {"id": row.id, "expires_at": write_instant(row.expires_at), **_whose(tx, person)}

    as_operator.do(work, token, as_json=as_json)


@app.command()
def withdraw(person: Person, sha256: Fingerprint, token: Token = None, as_json: Json = False) -> None:
    """Withdraw what was proposed, by you or another: it cannot be confirmed any more; one operator is enough.

    The digits that registry party token list shows of it are enough.
    Example: registry party token withdraw 3f0c… --sha256 "9c1e 04b7 …"
    """

    def work(tx: Session, by: Party, at: datetime, node: Node) -> dict[str, Any]:
        digest = issue_token.withdraw(tx, person, sha256, by=by, at=at, draw=node.draw)
        return {"withdrawn": _listed(digest), **_whose(tx, person)}

    as_operator.do(work, token, as_json=as_json)


@app.command()
def revoke(
    id: Annotated[str, typer.Argument(help="Id of the token, not the token itself.")],
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Revoke a token, at once and for ever; one operator is enough. Example: registry party token revoke 81d2…."""

    def work(tx: Session, by: Party, at: datetime, node: Node) -> dict[str, Any]:
        register_party.revoke_token(tx, id, by=by.actor, at=at, draw=node.draw)
        return {"revoked": id, **warned(tx, at)}

    as_operator.do(work, token, as_json=as_json)


@app.command("list")
def list_tokens(token: Token = None, as_json: Json = False) -> None:
    """List the tokens that live and those that are proposed: whose, until when, by whom, and their fingerprints.

    Of what is proposed the first digits alone: whoever confirms types what the person told them. Who issued one: two
    operators, or, before that was a rule, one alone.
    """
    write = str if as_json else spoken
    with opened() as node, node.database.read() as tx:
        at = node.now()
        identify(tx, wanted_token(token), node=node.settings.did, at=at).require(Role.OPERATOR)
        rows = [
            {
                "id": kept.id,
                "person": who.id,
                "name": who.name,
                "roles": who.roles,
                "of": of.name,
                "state": "lives",
                "since": write_instant(kept.issued_at),
                "until": write_instant(kept.expires_at),
                "issued_by": "one alone" if kept.confirmed_by is None else "two",
                "sha256": write(kept.sha256.hex()),
            }
            for kept, who, of in tokens.living(tx, at)
        ]
        rows += [_proposed(tx, act) for act in open_token_proposals(tx, at)]
    show_rows(rows, as_json=as_json, nothing="no token lives, and none is proposed")


def warned(tx: Session, at: datetime) -> dict[str, Any]:
    """Say what is so where fewer than two operators are left with a living token."""
    alarms = count_operators(tx, at).alarms()
    return {"warning": alarms[0]} if alarms else {}


def _proposed(tx: Session, act: Act) -> dict[str, Any]:
    whose, by = parties.person(tx, str(act.subject)), parties.person(tx, str(act.person))
    assert whose is not None
    assert by is not None
    of = parties.organisation(tx, whose.organisation)
    assert of is not None
    return {
        "person": whose.id,
        "name": whose.name,
        "roles": whose.roles,
        "of": of.name,
        "state": "proposed",
        "since": write_instant(act.at),
        "until": write_instant(act.at + LONGEST_OPEN),
        "days": act.private["days"],
        "proposed_by": by.name,
        "sha256": _listed(act.private["sha256"]),
    }


def _listed(digest: str) -> str:
    """Return what is told of a proposed fingerprint: whoever did not hear it can neither propose nor confirm it."""
    return f"{spoken(digest[: issue_token.SHOWN])} …"


def _whose(tx: Session, person: str) -> dict[str, Any]:
    who = parties.person(tx, person)
    assert who is not None
    return {"person": who.id, "name": who.name, "roles": who.roles}
