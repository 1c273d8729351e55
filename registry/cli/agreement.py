"""The agreement of two countries: drafted as a file, signed a key at a time, adopted as the same file by both."""

from pathlib import Path
from typing import Annotated

import typer

from registry.cli.console import (
    Json,
    PassphraseFile,
    Token,
    new_app,
    opened,
    read_file,
    show,
    show_rows,
    wanted_token,
    write_file,
)
from registry.core import canonical
from registry.core.agreement import Agreement
from registry.core.envelope.jose import Envelope, Typ, join, seal
from registry.core.record import MalformedRecord
from registry.settings import read_secret
from registry.signing.key_file import FileSigner
from registry.store.parties import Role
from registry.usecases.channel.accept_message import judge_again
from registry.usecases.channel.take_certificate import Here
from registry.usecases.party.identify_party import identify
from registry.usecases.trust import adopt_trust_list
from registry.usecases.trust.believe_peers import read_beliefs

app = new_app("Draft, sign and adopt an agreement. Example: registry agreement draft wishes.json agreement.json")
Passphrase = Annotated[str | None, typer.Option(envvar="REGISTRY_PASSPHRASE", hidden=True)]


@app.command()
def draft(
    source: Annotated[Path, typer.Argument(help="The agreement as JSON, as a person wrote it.")],
    out: Annotated[Path, typer.Argument(help="Where to write the bytes that will be signed.")],
    as_json: Json = False,
) -> None:
    """Check an agreement and write it in its one spelling; its id is the digest of those bytes."""
    value = canonical.read(read_file(source).encode())
    if not isinstance(value, dict):
        raise MalformedRecord("", "is not an object")
    agreement = Agreement.parse(value)
    write_file(out, canonical.encode(agreement.encode()).decode())
    show({"draft": str(out), "id": agreement.id}, as_json=as_json)


@app.command()
def sign(
    draft: Annotated[Path, typer.Argument(help="The draft.")],
    out: Annotated[Path, typer.Argument(help="Where to write the signature.")],
    key: Annotated[str, typer.Option(help="Name of the list key in its folder, as list-1.")],
    folder: Annotated[Path, typer.Option(help="Folder of the list key.")],
    passphrase_file: PassphraseFile = None,
    passphrase: Passphrase = None,
    as_json: Json = False,
) -> None:
    """Sign an agreement with one list key; this needs the file and the key alone."""
    agreement = Agreement.parse(canonical.parse(read_file(draft).encode()))
    signer = FileSigner.open(folder, key, read_secret(passphrase, passphrase_file))
    write_file(out, seal(agreement.encode(), Typ.AGREEMENT, signer).text + "\n")
    show({"signed": str(out), "kid": signer.kid, "id": agreement.id}, as_json=as_json)


@app.command("join")
def join_signatures(
    out: Annotated[Path, typer.Argument(help="Where to write the signed agreement.")],
    signatures: Annotated[list[Path], typer.Argument(help="The signatures of both countries.")],
    as_json: Json = False,
) -> None:
    """Join signatures into the one file that both nodes adopt."""
    parsed = [Envelope.parse(read_file(path).strip(), Typ.AGREEMENT) for path in signatures]
    write_file(out, join(parsed))
    show({"joined": str(out), "signatures": len(parsed)}, as_json=as_json)


@app.command()
def adopt(
    file: Annotated[Path, typer.Argument(help="The signed agreement.")], token: Token = None, as_json: Json = False
) -> None:
    """Adopt an agreement that the threshold of both countries signed."""
    text = read_file(file)
    with opened() as node:
        at, settings = node.now(), node.settings
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=settings.did, at=at)
            by.require(Role.OPERATOR)
            agreement = adopt_trust_list.adopt_agreement(
                tx,
                text,
                read_beliefs(tx, node.pins),
                own_country=settings.country,
                env=settings.env,
                by=by.actor,
                at=at,
                draw=node.draw,
            )
            here = Here(settings.did, settings.env, settings.country)
            judge_again(tx, here, read_beliefs(tx, node.pins), at=at)
    show({"adopted": agreement.id, "title": agreement.title}, as_json=as_json)


@app.command("show")
def show_agreements(as_json: Json = False) -> None:
    """Show the adopted agreements."""
    with opened() as node, node.database.read() as tx:
        agreements = read_beliefs(tx, node.pins).agreements
    rows = [
        {"id": key, "title": agreement.title, "from": agreement.from_.isoformat(), "between": list(agreement.countries)}
        for key, agreement in agreements.items()
    ]
    show_rows(rows, as_json=as_json, nothing="no agreement is adopted")
