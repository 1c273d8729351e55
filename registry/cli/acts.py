"""The auditor's work on acts: search, look at what is private, take a dossier home."""

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from registry.cli import check_acts
from registry.cli.console import Json, Token, new_app, opened, show, show_rows, wanted_token, write_file
from registry.core.calendar import LocalDate, read_instant, write_instant
from registry.core.product.texts import unfit
from registry.core.tlog.entry import Kind
from registry.core.verification.dossier import MAX_ACTS, Place, Selection
from registry.store import acts
from registry.store.acts import Act
from registry.usecases.audit import export_acts, read_act, search_acts
from registry.usecases.audit.export_acts import Home
from registry.usecases.audit.search_acts import Found, LostAct
from registry.usecases.party.identify_party import identify

app = new_app(
    "Search acts, look at one, export a dossier, check one. Example: registry acts search --number BYUZ6101000001"
)
SHOW_AFTER = 300
"""Acts from which on a bar is shown: fewer take less than a second."""
PRIVATE_FILES = 0o077

Since = Annotated[str | None, typer.Option("--from", help="2026-11-21T09:30:00Z, or a local date: 2026-11-21+03:00.")]
Until = Annotated[str | None, typer.Option(help="As --from; this moment, or all of this day, still counts.")]
OfKind = Annotated[Kind | None, typer.Option(help="Only acts of this kind.", metavar="KIND")]
Person = Annotated[str | None, typer.Option(help="Id of the person who acted.")]
Organisation = Annotated[str | None, typer.Option(help="Id of the organisation on whose behalf.")]
Subject = Annotated[str | None, typer.Option(help="Id of what it is about: an application, a certificate, ...")]
Number = Annotated[
    str | None,
    typer.Option(help="Number or id of a certificate: acts about it, and about the application that it came from."),
]
After = Annotated[str | None, typer.Option(help="Where to go on: what the page or file before named.")]
Why = Annotated[str, typer.Option(help="Why it is looked at; this is kept, as an act.")]


@app.command()
def search(
    since: Since = None,
    until: Until = None,
    kind: OfKind = None,
    person: Person = None,
    organisation: Organisation = None,
    subject: Subject = None,
    number: Number = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Acts of a page.")] = 50,
    after: After = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """List acts, newest first. Example: registry acts search --number 'BYUZ 6101 000001' --from 2026-11-01+03:00."""
    selection = _selection(since, until, kind, person, organisation, subject, number)
    place = None if after is None else Place.parse(after)
    with opened() as node, node.database.read() as tx:
        by = identify(tx, wanted_token(token), node=node.settings.did, at=node.now())
        rows = search_acts.search(tx, selection, after=place, limit=limit + 1, by=by)
    shown = rows[:limit]
    following = search_acts.place_of(shown[-1]).encode() if len(rows) > limit else None
    if as_json:
        show({"items": [_public(row) for row in shown], "next": following}, as_json=True)
        return
    columns = ("at", "kind", "id", "by", "person", "organisation", "subject", "to", "taken_back")
    show_rows(
        [{name: _public(row).get(name) for name in columns} for row in shown], as_json=False, nothing="no such act"
    )
    for row in shown:
        if isinstance(row, LostAct):
            typer.echo(f"entry {row.index} of the log is a leaf taken back without its act: all else of it is lost")
    if following is not None:
        typer.echo(f"there are more: --after {following}")


@app.command("show")
def show_act(
    id: Annotated[str, typer.Argument(help="Id of the act, as search shows it.")],
    reason: Why,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Look at the private part of an act. Example: registry acts show 5f0c… --reason 'запрос ГТК № 17'.

    The look is itself an act. The leaf's `private` is SHA-256 over the salt and the bytes shown as committed; exits 1
    where that, or a column, is not so: the act was altered after it was logged.
    """
    with opened() as node:
        at = node.now()
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            row = read_act.look(tx, id, reason, by=by, at=at, draw=node.draw)
    leaf = row.leaf.decode(errors="replace")
    private = {"committed": acts.committed(row).decode(), "salt": row.salt.hex(), "leaf": leaf}
    show({**_public(row), **({"private": row.private} if as_json else {}), **private}, as_json=as_json)
    if differs := read_act.differing(row):
        typer.echo(f"registry: this act was altered after it was logged: {', '.join(differs)}", err=True)
        raise typer.Exit(1)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write the dossier; only its owner may read it.")],
    reason: Why,
    since: Since = None,
    until: Until = None,
    kind: OfKind = None,
    person: Person = None,
    organisation: Organisation = None,
    subject: Subject = None,
    number: Number = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_ACTS, help="Acts of one file.")] = MAX_ACTS,
    after: After = None,
    force: Annotated[bool, typer.Option("--force", help="Over a file that is there.")] = False,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Write acts, private parts and proofs into a file. Example: registry acts export may.dossier --reason 'аудит'.

    The export is itself an act, recorded before the file is there; it is checked anywhere by registry acts check.
    """
    selection = _selection(since, until, kind, person, organisation, subject, number)
    place = None if after is None else Place.parse(after)
    if not file.parent.is_dir() or file.is_dir() or not os.access(file.parent, os.W_OK):
        raise typer.BadParameter(f"{file} cannot be written")
    if file.exists() and not force:
        raise typer.BadParameter(f"{file} is there already: name another, or give --force")
    with opened() as node:
        at, settings = node.now(), node.settings
        with node.database.begin(one_moment=True) as tx:
            by = identify(tx, wanted_token(token), node=settings.did, at=at)
            dossier = export_acts.export(
                tx,
                node.pins,
                node.keyring.node,
                Home(settings.did, settings.env, settings.country),
                selection,
                reason,
                by=by,
                at=at,
                draw=node.draw,
                after=place,
                most=limit,
                track=_tracked,
            )
    contents, data = dossier.contents, dossier.encode().decode()
    os.umask(PRIVATE_FILES)
    try:
        write_file(file, data)
    except OSError as error:
        typer.echo(f"registry: the export is recorded, and {file} could not be written: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    done = {
        "dossier": str(file),
        "acts": len(contents.acts),
        "pending": sum(act.proof is None for act in contents.acts),
        "taken_back": len(contents.taken_back),
        "bytes": len(data.encode()),
        "digest": str(contents.statement["digest"]),
    }
    if contents.next is not None:
        done |= {"full": "one file holds no more: go on in another with --after", "next": contents.next.encode()}
    show(done, as_json=as_json)


@app.command("check", add_help_option=False, context_settings={"ignore_unknown_options": True})
def check_dossier(words: Annotated[list[str], typer.Argument(metavar="FILE --pins DIR")]) -> None:
    """Check a dossier anywhere, offline: the core alone is loaded. Example: registry acts check F --pins DIR."""
    raise typer.Exit(check_acts.main(words))


def _tracked(rows: Sequence[Act]) -> Iterable[Act]:
    """Pass acts on, with a bar on a terminal where there are many."""
    console = Console(stderr=True)
    if len(rows) < SHOW_AFTER or not console.is_terminal:
        yield from rows
    else:
        with Progress(console=console, transient=True) as progress:
            yield from progress.track(rows, description="proofs")


def _selection(
    since: str | None,
    until: str | None,
    kind: Kind | None,
    person: str | None,
    organisation: str | None,
    subject: str | None,
    number: str | None,
) -> Selection:
    for word in (person, organisation, subject, number):
        if word is not None and (fault := "is empty" if not word else unfit(word)):
            raise typer.BadParameter(f"what is searched for {fault}")
    return Selection(
        from_=None if since is None else _moment(since, last=False),
        until=None if until is None else _moment(until, last=True),
        kind=kind,
        person=person,
        organisation=organisation,
        subject=subject,
        number=number,
    )


def _moment(text: str, *, last: bool) -> datetime:
    """Read an instant, or the first or last of a local date. Raises `MalformedTime`."""
    if text.endswith("Z"):
        return read_instant(text)
    day = LocalDate.parse(text)
    return day.ends() if last else day.begins()


def _public(row: Found) -> dict[str, str | int]:
    """Return what is shown of an act without a look at its private part."""
    if isinstance(row, LostAct):
        leaf = row.leaf
        left = {"at": write_instant(leaf.at), "kind": leaf.kind.value, "id": leaf.id, "by": leaf.by}
        return {**left, **({} if leaf.to is None else {"to": leaf.to}), "taken_back": row.index}
    shown: dict[str, str | int] = {"at": write_instant(row.at), "kind": row.kind, "id": row.id, "by": row.by}
    more = {"person": row.person, "organisation": row.organisation, "subject": row.subject, "to": row.to}
    return shown | {name: value for name, value in more.items() if value is not None}
