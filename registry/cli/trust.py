"""Trust lists and pinned roots: drafted here, signed a key at a time elsewhere, adopted by one path."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

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
from registry.core.envelope.jose import Envelope, Typ, join, seal
from registry.core.record import decode, encode
from registry.core.tlog.note import VerifierKey
from registry.core.trust.trust_list import LogKey, Pin, TrustList, WitnessKey
from registry.node import PIN_SUFFIX, PINS, Node
from registry.settings import read_secret
from registry.signing.key_file import CERTIFICATE, VERIFIER, FileSigner, KeyMissing, read_certificate
from registry.signing.keyring import DOCUMENT, LOG, NODE, WITNESS
from registry.store.parties import Role
from registry.usecases import adopt_trust_list, pin_root, publish_trust_list
from registry.usecases.accept_message import Here, judge_again
from registry.usecases.adopt_trust_list import country_of
from registry.usecases.believe_peers import read_beliefs, read_list
from registry.usecases.identify_party import identify
from registry.usecases.publish_trust_list import Material

app = new_app("Trust lists and pinned roots. Example: registry trust show")
pin_app = new_app("Pin a root: one person proposes, another confirms by the fingerprint.")
app.add_typer(pin_app, name="pin")
PROPOSED = ".pin.proposed.json"
Passphrase = Annotated[str | None, typer.Option(envvar="REGISTRY_PASSPHRASE", hidden=True)]


@pin_app.command()
def propose(
    certificate: Annotated[Path, typer.Argument(help="The root's certificate, PEM.")],
    threshold: Annotated[int, typer.Option(min=1, max=9, help="How many list keys must sign.")] = 2,
    epoch: Annotated[int, typer.Option(min=1)] = 1,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Propose to pin a root, and print the fingerprint to compare by another way than it came."""
    der = _read_root(certificate)
    with opened() as node:
        pin = Pin(der, node.settings.env, threshold, epoch)
        at = node.now()
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            country = pin_root.propose(tx, pin, by=by, at=at, draw=node.draw)
            proposal = {"pin": encode(pin), "proposed_by": by.person}
            write_file(_pins(node) / f"{country.lower()}{PROPOSED}", json.dumps(proposal, indent=1))
    show({"country": country, "fingerprint": pin_root.fingerprint(pin)}, as_json=as_json)


@pin_app.command()
def confirm(
    country: Annotated[str, typer.Argument(help="ISO 3166-1 code of the proposed root.")],
    fingerprint: Annotated[str, typer.Argument(help="The fingerprint, as it was read out; spaces do not matter.")],
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Confirm a proposed pin: another person types the fingerprint. Processes that run take it at their restart."""
    with opened() as node:
        proposed = _pins(node) / f"{country.lower()}{PROPOSED}"
        if not proposed.exists():
            raise KeyMissing(str(proposed))
        kept: dict[str, Any] = json.loads(proposed.read_text())
        pin = decode(Pin, kept["pin"])
        at = node.now()
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            pinned = pin_root.confirm(
                tx, pin, fingerprint, proposed_by=kept["proposed_by"], by=by, at=at, draw=node.draw
            )
            confirmed = {"pin": kept["pin"], "proposed_by": kept["proposed_by"], "confirmed_by": by.person}
            write_file(_pins(node) / f"{pinned.lower()}{PIN_SUFFIX}", json.dumps(confirmed, indent=1))
        proposed.unlink()
    show({"pinned": pinned, "threshold": pin.threshold, "epoch": pin.epoch}, as_json=as_json)


@app.command()
def draft(
    out: Annotated[Path, typer.Argument(help="Where to write the draft.")],
    list_keys: Annotated[Path, typer.Option(help="Folder with the certificates of the list keys.")],
    new_epoch: Annotated[
        bool, typer.Option("--new-epoch", help="Begin an epoch, with list keys that no earlier list named.")
    ] = False,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Draft this country's next list from what is registered and certified; nothing is signed.

    With --new-epoch the witness may have a new key (registry keys witness --next); the one before is kept for what it
    cosigned. Example: registry trust draft list.json --list-keys offline
    """
    with opened() as node, node.database.read() as tx:
        identify(tx, wanted_token(token), node=node.settings.did, at=node.now()).require(Role.OPERATOR)
        settings = node.settings
        drafted = publish_trust_list.draft(
            tx,
            node.pins,
            _material(settings.keys, list_keys),
            name=settings.name,
            country=settings.country,
            env=settings.env,
            at=node.now(),
            new_epoch=new_epoch,
        )
    write_file(out, canonical.encode(drafted.encode()).decode())
    made = {"country": drafted.country, "epoch": drafted.epoch, "version": drafted.version}
    show({"draft": str(out), **made}, as_json=as_json)


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
    """Join the signatures of a list and adopt it, by the same rules as a peer's."""
    parsed = [Envelope.parse(read_file(path).strip(), Typ.TRUST_LIST) for path in signatures]
    _adopt(join(parsed), token, as_json=as_json)


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
    _adopt(read_file(file), token, as_json=as_json)


@app.command("show")
def show_lists(
    out: Annotated[Path | None, typer.Option(help="Write this country's signed list here.")] = None,
    as_json: Json = False,
) -> None:
    """Show the adopted lists, with versions, dates and what is in them."""
    with opened() as node, node.database.read() as tx:
        beliefs = read_beliefs(tx, node.pins)
        country = node.settings.country
    if out is not None:
        write_file(out, beliefs.list_of(country).text)
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


def _adopt(text: str, token: str | None, *, as_json: bool) -> None:
    with opened() as node:
        at = node.now()
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            by.require(Role.OPERATOR)
            settings = node.settings
            known = read_list(tx, node.pins, country_of(text))
            if known is not None and known.text == text:
                believed = known
            else:
                believed = adopt_trust_list.adopt(
                    tx, text, node.pins, own_country=settings.country, by=by.actor, at=at, draw=node.draw
                )
                here = Here(settings.did, settings.env, settings.country)
                judge_again(tx, here, read_beliefs(tx, node.pins), at=at)
    adopted = believed.list
    show(
        {"adopted": adopted.country, "epoch": adopted.epoch, "version": adopted.version, "digest": believed.digest},
        as_json=as_json,
    )


def _material(keys: Path, list_keys: Path) -> Material:
    def der(folder: Path, name: str) -> bytes:
        return read_certificate(folder, name).public_bytes(Encoding.DER)

    labels = sorted(path.name.removesuffix(CERTIFICATE) for path in list_keys.glob(f"list-*{CERTIFICATE}"))
    codes = sorted(path.name.removesuffix(CERTIFICATE) for path in keys.glob(f"{DOCUMENT}*{CERTIFICATE}"))
    log, witness = (VerifierKey.parse(read_file(keys / f"{name}{VERIFIER}").strip()) for name in (LOG, WITNESS))
    return Material(
        [der(list_keys, label) for label in labels],
        der(keys, NODE),
        LogKey(log.name, log),
        WitnessKey(witness.name, witness),
        {code.removeprefix(DOCUMENT): der(keys, code) for code in codes},
    )


def _read_root(path: Path) -> bytes:
    try:
        return x509.load_pem_x509_certificate(read_file(path).encode()).public_bytes(Encoding.DER)
    except ValueError:
        raise typer.BadParameter(f"{path} is not a certificate") from None


def _pins(node: Node) -> Path:
    return node.settings.keys / PINS
