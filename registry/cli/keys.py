"""Make the keys of a country and its node; a key is never overwritten and never leaves its file unencrypted."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from registry.cli.console import Json, PassphraseFile, new_app, show, show_rows
from registry.core.agreement import Environment
from registry.core.identifiers import authority_did, body_did, node_did
from registry.core.scheme.catalogue import SCHEMES
from registry.core.tlog.note import KeyType
from registry.core.trust.document_signer import Purpose, Root
from registry.settings import CLOCK_FILE, SettingsWrong, moved, read_secret
from registry.signing.ceremony import LINK, ROOT, Authority, make_key, make_link, make_root, renew_witness
from registry.signing.key_file import CERTIFICATE, VERIFIER, NoteSigner, read_certificate
from registry.signing.keyring import DOCUMENT, LOG, NODE, WITNESS, document_keys

app = new_app(
    "Make keys. Example: registry keys root --country BY --name by.registry.example --env demo --folder keys/by"
)

Folder = Annotated[Path, typer.Option("--folder", envvar="REGISTRY_KEYS", help="Where the key is kept.")]
RootFolder = Annotated[Path, typer.Option("--root-folder", help="Where the country's root is kept.")]
RootPassphrase = Annotated[Path, typer.Option("--root-passphrase-file", help="File with the root's passphrase.")]
Passphrase = Annotated[str | None, typer.Option(envvar="REGISTRY_PASSPHRASE", hidden=True)]


@app.command()
def root(
    country: Annotated[str, typer.Option(help="ISO 3166-1 code.")],
    name: Annotated[str, typer.Option(help="Name of the authority, as by.registry.example.")],
    env: Annotated[Environment, typer.Option()],
    folder: Folder,
    passphrase_file: PassphraseFile = None,
    passphrase: Passphrase = None,
    as_json: Json = False,
) -> None:
    """Make a country's root. Keep its folder offline: it is wanted only to certify other keys."""
    authority = Authority(folder, read_secret(passphrase, passphrase_file))
    make_root(authority, country=country, env=env, name=name, at=_now(env))
    show({"made": str(folder / f"{ROOT}{CERTIFICATE}")}, as_json=as_json)


@app.command()
def link(
    folder: Folder,
    former_folder: Annotated[Path, typer.Option(help="Where the root is kept that is replaced.")],
    passphrase_file: Annotated[Path, typer.Option(help="File with the former root's passphrase.")],
    as_json: Json = False,
) -> None:
    """Link a new root to the one that it replaces: the former root certifies the key of the new one.

    Example: registry keys link --folder offline-2 --former-folder offline --passphrase-file root.pass
    """
    make_link(Authority(former_folder, read_secret(None, passphrase_file)), folder, _now(_root(former_folder).env))
    show({"made": str(folder / f"{LINK}{CERTIFICATE}")}, as_json=as_json)


@app.command("list")
def list_key(
    label: Annotated[str, typer.Argument(help="Which of the list keys, as 1, 2 or 3.")],
    folder: Folder,
    root_folder: RootFolder,
    root_passphrase_file: RootPassphrase,
    passphrase_file: PassphraseFile = None,
    passphrase: Passphrase = None,
    as_json: Json = False,
) -> None:
    """Make a list key: it signs trust lists and agreements, and is kept offline by one person."""
    did = authority_did(_authority_name(root_folder))
    _make(f"list-{label}", folder, Purpose.LIST, [did], root_folder, root_passphrase_file, passphrase, passphrase_file)
    show({"made": str(folder / f"list-{label}{CERTIFICATE}")}, as_json=as_json)


@app.command()
def node(
    name: Annotated[str, typer.Option(help="Name of the node, as by.registry.example.")],
    folder: Folder,
    root_folder: RootFolder,
    root_passphrase_file: RootPassphrase,
    passphrase_file: PassphraseFile = None,
    passphrase: Passphrase = None,
    as_json: Json = False,
) -> None:
    """Make the node key, which is online: it acknowledges and dates, and never adds a signer or a certificate."""
    _make(NODE, folder, Purpose.NODE, [node_did(name)], root_folder, root_passphrase_file, passphrase, passphrase_file)
    show({"made": str(folder / f"{NODE}{CERTIFICATE}")}, as_json=as_json)


@app.command()
def document(
    name: Annotated[str, typer.Option(help="Name of the node, as by.registry.example.")],
    body: Annotated[str, typer.Option(help="Code of the certification body.")],
    folder: Folder,
    root_folder: RootFolder,
    root_passphrase_file: RootPassphrase,
    scheme: Annotated[
        list[str] | None, typer.Option(help="A scheme that it signs for; all where none is named.")
    ] = None,
    following: Annotated[
        bool, typer.Option("--next", help="Make the body's next signer beside the one in use, for a rotation.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    passphrase: Passphrase = None,
    as_json: Json = False,
) -> None:
    """Make the document signer of a body; it is in use for six months at most.

    With --next it stands beside the ones before; it is used when a published list names it (registry trust draft), the
    time of its use has begun, and the node was started again. Example: registry keys document --next --name
    by.registry.example --body bcci --root-folder offline --root-passphrase-file root.pass
    """
    did = body_did(name, body)
    uris = [did, *(f"{did}#{each}" for each in scheme or SCHEMES)]
    known = document_keys(folder, CERTIFICATE).get(body, ())
    key = f"{DOCUMENT}{body}.{len(known) + 1}" if following and known else f"{DOCUMENT}{body}"
    _make(key, folder, Purpose.DOCUMENT, uris, root_folder, root_passphrase_file, passphrase, passphrase_file)
    show({"made": str(folder / f"{key}{CERTIFICATE}")}, as_json=as_json)


@app.command()
def log(
    name: Annotated[str, typer.Option(help="Name of the node.")],
    folder: Folder,
    passphrase_file: PassphraseFile = None,
    passphrase: Passphrase = None,
    as_json: Json = False,
) -> None:
    """Make the key that signs the node's checkpoints."""
    secret = read_secret(passphrase, passphrase_file)
    signer = NoteSigner.make(folder, LOG, f"{name}/log", KeyType.ED25519, secret)
    show({"vkey": signer.vkey.encode()}, as_json=as_json)


@app.command()
def witness(
    name: Annotated[str, typer.Option(help="Name of the node.")],
    folder: Folder,
    following: Annotated[
        bool, typer.Option("--next", help="Replace the key after a restore; the one before is kept aside.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    passphrase: Passphrase = None,
    as_json: Json = False,
) -> None:
    """Make the key of the node's witness, which the peer's log will ask for cosignatures.

    With --next it has the next name, and takes effect when a list of a new epoch names it (registry trust draft
    --new-epoch) and the node is started again. Example: registry keys witness --next --name by.registry.example
    """
    secret = read_secret(passphrase, passphrase_file)
    if following:
        signer = renew_witness(folder, WITNESS, name, secret)
    else:
        signer = NoteSigner.make(folder, WITNESS, f"{name}/witness", KeyType.COSIGNATURE, secret)
    show({"vkey": signer.vkey.encode()}, as_json=as_json)


@app.command()
def show_all(folder: Folder, as_json: Json = False) -> None:
    """List the public halves of the keys in a folder, with their dates."""
    rows = [
        {"key": path.name.removesuffix(CERTIFICATE), "until": certificate.not_valid_after_utc.isoformat()}
        for path in sorted(folder.glob(f"*{CERTIFICATE}"))
        for certificate in [read_certificate(folder, path.name.removesuffix(CERTIFICATE))]
    ]
    rows += [{"key": path.name, "vkey": path.read_text().strip()} for path in sorted(folder.glob(f"*{VERIFIER}"))]
    show_rows(rows, as_json=as_json, nothing=f"there is no key in {folder}")


def _make(
    key: str,
    folder: Path,
    purpose: Purpose,
    uris: list[str],
    root_folder: Path,
    root_passphrase_file: Path,
    passphrase: str | None,
    passphrase_file: Path | None,
) -> None:
    authority = Authority(root_folder, read_secret(None, root_passphrase_file))
    secret = read_secret(passphrase, passphrase_file)
    make_key(authority, folder, key, secret, purpose=purpose, uris=uris, at=_now(_root(root_folder).env))


def _authority_name(folder: Path) -> str:
    return _root(folder).name


def _root(folder: Path) -> Root:
    return Root(read_certificate(folder, ROOT))


def _now(env: str) -> datetime:
    """Read the clock of the node, by which these keys will be judged; raises `SettingsWrong` in production."""
    file = os.environ.get(CLOCK_FILE)
    if file and env == Environment.PRODUCTION:
        raise SettingsWrong(f"{CLOCK_FILE} is refused in production")
    return moved(datetime.now(UTC), Path(file) if file else None)
