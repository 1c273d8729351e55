"""Trust lists and pinned roots: drafted here, signed a key at a time elsewhere, adopted by one path."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.hazmat.primitives.serialization import Encoding

from registry.cli import pin
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
from registry.core.calendar import MalformedTime, read_instant, write_instant
from registry.core.envelope.jose import Envelope, Typ, join, seal
from registry.core.tlog.note import VerifierKey
from registry.core.trust.believed_list import BelievedList
from registry.core.trust.list_changes import list_changes
from registry.core.trust.trust_list import LogKey, NodeRole, SignerStatus, TrustList, WitnessKey
from registry.settings import read_secret
from registry.signing.key_file import CERTIFICATE, VERIFIER, FileSigner, read_certificate
from registry.signing.keyring import LOG, NODE, WITNESS, document_keys
from registry.store import peers
from registry.store.parties import Role
from registry.usecases.channel.accept_message import judge_again
from registry.usecases.channel.take_certificate import Here
from registry.usecases.party.identify_party import identify
from registry.usecases.trust import adopt_trust_list, publish_trust_list
from registry.usecases.trust.believe_peers import read_beliefs, read_list
from registry.usecases.trust.publish_trust_list import Ending, Material, OtherNode

app = new_app("Trust lists and pinned roots. Example: registry trust show")
app.add_typer(pin.app, name="pin")
Adopt = Callable[..., BelievedList]
Passphrase = Annotated[str | None, typer.Option(envvar="REGISTRY_PASSPHRASE", hidden=True)]


@app.command()
def draft(
    out: Annotated[Path, typer.Argument(help="Where to write the draft.")],
    list_keys: Annotated[Path, typer.Option(help="Folder with the certificates of the list keys.")],
    new_epoch: Annotated[
        bool, typer.Option("--new-epoch", help="Begin an epoch, with list keys that no earlier list named.")
    ] = False,
    retire: Annotated[list[str] | None, typer.Option(help="A document signer (kid) that signs no more.")] = None,
    revoke: Annotated[list[str] | None, typer.Option(help="A document signer (kid) whose key was stolen.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="From when a signer is retired or revoked, as 2026-11-20T10:00:00Z.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; it stands in the list.")] = None,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=24 * 60, help="How long a body's next signer is known before it is used.")
    ] = 24,
    node: Annotated[
        list[Path] | None, typer.Option("--node", help="Folder with the public keys of a further node.")
    ] = None,
    role: Annotated[list[NodeRole] | None, typer.Option("--role", help="What that node does.")] = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Draft this country's next list from what is registered and certified; nothing is signed.

    Every row of the list before stays, and what changes against it is printed. Two people sign the draft with their
    list keys (registry trust sign), and it is published (registry trust publish).

    A body's next signer is made with registry keys document --next; the list names it, and it is used when the overlap
    is over: registry trust draft list.json --list-keys offline --overlap-hours 48

    The one before is retired, or ends with its use: --retire KID --from 2026-12-01T00:00:00Z. A stolen one is revoked
    from when it may have been stolen: --revoke KID --from 2026-11-20T10:00:00Z --reason "lost laptop". The kids are in
    registry trust show --signers.

    A further node, as that of the customs: --node customs-keys --role customs.

    With --new-epoch the list has new list keys only, and the witness may have a new key (registry keys witness --next);
    the one before is kept for what it cosigned. After another root was pinned (registry trust pin propose --link) the
    epoch is new in any case.
    """
    _check_endings(retire or (), revoke or (), since, reason)
    if role and not node:
        raise typer.BadParameter("--role is what a further node does: name its folder with --node")
    with opened() as opened_node, opened_node.database.read() as tx:
        at = opened_node.now()
        identify(tx, wanted_token(token), node=opened_node.settings.did, at=at).require(Role.OPERATOR)
        settings = opened_node.settings
        ends = at if since is None else _instant(since)
        drafted = publish_trust_list.draft(
            tx,
            opened_node.pins,
            _material(settings.keys, list_keys, node or (), role or (NodeRole.CUSTOMS,)),
            name=settings.name,
            country=settings.country,
            env=settings.env,
            at=at,
            new_epoch=new_epoch,
            endings=[
                *_endings(SignerStatus.RETIRED, retire, ends, reason),
                *_endings(SignerStatus.REVOKED, revoke, ends, reason),
            ],
            overlap=timedelta(hours=overlap_hours),
        )
        before = read_list(tx, opened_node.pins, settings.country)
    changes = list_changes(None if before is None else before.list, drafted)
    write_file(out, canonical.encode(drafted.encode()).decode())
    made = {"draft": str(out), "country": drafted.country, "epoch": drafted.epoch, "version": drafted.version}
    if as_json:
        show(made | {"changes": changes}, as_json=True)
    else:
        show(made, as_json=False)
        for line in changes or ["nothing but version and dates"]:
            sys.stdout.write(f"  {line}\n")


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
    """Sign a draft with one list key; this needs the file and the key, and no database or network."""
    payload = TrustList.parse(canonical.parse(read_file(draft).encode())).encode()
    signer = FileSigner.open(folder, key, read_secret(passphrase, passphrase_file))
    write_file(out, seal(payload, Typ.TRUST_LIST, signer).text + "\n")
    show({"signed": str(out), "kid": signer.kid}, as_json=as_json)


@app.command()
def publish(
    signatures: Annotated[list[Path], typer.Argument(help="The signatures of one draft.")],
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Join the signatures of a list and adopt it, by the same rules as a peer's.

    One that says a body's former name is published on the day on which it was drafted. A list that is published already
    stays as it is.
    """
    parsed = [Envelope.parse(read_file(path).strip(), Typ.TRUST_LIST) for path in signatures]
    _adopt(join(parsed), token, publish_trust_list.publish, "published", as_json=as_json)


@app.command()
def adopt(
    file: Annotated[Path, typer.Argument(help="The signed list, as the other node's /trust-list gives it.")],
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Adopt a list that a pinned country signed; what forbids it is named, and the old list stays.

    A peer's next lists are adopted by the worker as its node names them; one that it has adopted already stays as it
    is. Example: registry trust adopt trust-list.jws
    """
    _adopt(read_file(file), token, adopt_trust_list.adopt, "adopted", as_json=as_json)


@app.command("show")
def show_lists(
    out: Annotated[Path | None, typer.Option(help="Write this country's signed list here.")] = None,
    signers: Annotated[bool, typer.Option("--signers", help="Show each document signer, with its kid.")] = False,
    as_json: Json = False,
) -> None:
    """Show the adopted lists, with versions, dates and what is in them. Example: registry trust show --signers."""
    with opened() as node, node.database.read() as tx:
        beliefs = read_beliefs(tx, node.pins)
        country = node.settings.country
    if out is not None:
        write_file(out, beliefs.list_of(country).text)
    if signers:
        listed: list[dict[str, Any]] = [
            {
                "kid": kid,
                "body": known.body.code,
                "from": known.row.from_.isoformat(),
                "use_until": known.row.use_until.isoformat(),
                "status": known.row.status.value,
                "status_from": None if known.row.status_from is None else known.row.status_from.isoformat(),
            }
            for held in beliefs.lists.values()
            for kid, known in held.signers.items()
        ]
        show_rows(listed, as_json=as_json, nothing="no document signer is adopted")
        return
    rows = [
        {
            "country": held.list.country,
            "epoch": held.list.epoch,
            "version": held.list.version,
            "expires_at": held.list.expires_at.isoformat(),
            "bodies": len(held.list.bodies),
            "signers": len(held.signers),
            "digest": held.digest,
        }
        for held in beliefs.lists.values()
    ]
    show_rows(rows, as_json=as_json, nothing="no trust list is adopted")


def _adopt(text: str, token: str | None, how: Adopt, done: str, *, as_json: bool) -> None:
    """Take a list over once, and say since when it is where it was before."""
    with opened() as node:
        at = node.now()
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            by.require(Role.OPERATOR)
            settings = node.settings
            believed = how(tx, text, node.pins, own_country=settings.country, by=by.actor, at=at, draw=node.draw)
            here = Here(settings.did, settings.env, settings.country)
            judge_again(tx, here, read_beliefs(tx, node.pins), at=at)
            since = peers.list_with(tx, believed.digest).adopted_at
    adopted = believed.list
    said = {} if since == at else {"unchanged": f"this list is {done} already, since {write_instant(since)}"}
    show(
        {"adopted": adopted.country, "epoch": adopted.epoch, "version": adopted.version, "digest": believed.digest}
        | said,
        as_json=as_json,
    )


def _material(keys: Path, list_keys: Path, nodes: Sequence[Path], roles: Sequence[NodeRole]) -> Material:
    def der(folder: Path, name: str) -> bytes:
        return read_certificate(folder, name).public_bytes(Encoding.DER)

    labels = sorted(path.name.removesuffix(CERTIFICATE) for path in list_keys.glob(f"list-*{CERTIFICATE}"))
    log, witness = _note_keys(keys)
    return Material(
        [der(list_keys, label) for label in labels],
        der(keys, NODE),
        log,
        witness,
        {code: [der(keys, name) for name in names] for code, names in document_keys(keys, CERTIFICATE).items()},
        [_other(folder, roles, der(folder, NODE)) for folder in nodes],
    )


def _other(folder: Path, roles: Sequence[NodeRole], certificate: bytes) -> OtherNode:
    log, witness = _note_keys(folder)
    return OtherNode(log.origin.removesuffix("/log"), roles, certificate, log, witness)


def _note_keys(folder: Path) -> tuple[LogKey, WitnessKey]:
    log, witness = (VerifierKey.parse(read_file(folder / f"{name}{VERIFIER}").strip()) for name in (LOG, WITNESS))
    return LogKey(log.name, log), WitnessKey(witness.name, witness)


def _check_endings(retire: Sequence[str], revoke: Sequence[str], since: str | None, reason: str | None) -> None:
    """Check that what ends a key says all that will stand in the list; misuse where it does not."""
    kids = [*retire, *revoke]
    if len(set(kids)) < len(kids):
        raise typer.BadParameter("one key is named twice: it is retired or revoked, once")
    if kids and since is None:
        raise typer.BadParameter("--retire and --revoke want --from: what the key signed until then stands")
    if revoke and not reason:
        raise typer.BadParameter("--revoke wants --reason: it stands in the list, and in the verdicts by that key")
    if not kids and (since is not None or reason is not None):
        raise typer.BadParameter("--from and --reason are of a key that ends: name it with --retire or --revoke")


def _endings(status: SignerStatus, kids: Sequence[str] | None, since: datetime, reason: str | None) -> list[Ending]:
    return [Ending(kid, status, since, reason) for kid in kids or ()]


def _instant(text: str) -> datetime:
    try:
        return read_instant(text)
    except MalformedTime:
        raise typer.BadParameter("a moment is written as 2026-11-20T10:00:00Z") from None
