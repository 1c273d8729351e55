"""Pinned roots: one person proposes, another confirms by the fingerprint that came another way."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from registry.cli.console import (
    Json,
    Token,
    new_app,
    opened,
    read_file,
    show,
    wanted_token,
    write_file,
)
from registry.core.record import decode, encode
from registry.core.trust.pin import Pin
from registry.node import PIN_SUFFIX, PINS, Node
from registry.signing.key_file import KeyMissing
from registry.usecases.party.identify_party import identify
from registry.usecases.trust import pin_root
from registry.usecases.trust.believe_peers import read_list

app = new_app("Pin a root: one person proposes, another confirms by the fingerprint.")
PROPOSED = ".pin.proposed.json"


@app.command()
def propose(
    certificate: Annotated[Path, typer.Argument(help="The root's certificate, PEM.")],
    threshold: Annotated[int, typer.Option(min=1, max=9, help="How many list keys must sign.")] = 2,
    epoch: Annotated[int, typer.Option(min=1, help="The epoch of lists from which the root counts.")] = 1,
    link: Annotated[
        Path | None, typer.Option(help="The link certificate, where the root takes the place of a pinned one.")
    ] = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Propose to pin a root, and print the fingerprint to compare by another way than it came.

    Example: registry trust pin propose root.cert.pem --threshold 2

    A country that makes another root links it to the one before (registry keys link), and begins an epoch with it:
    registry trust pin propose root.cert.pem --link link.cert.pem --epoch 2
    """
    der = _read_root(certificate)
    with opened() as node:
        pin = Pin(der, node.settings.env, threshold, epoch)
        at = node.now()
        with node.database.begin() as tx:
            pinned = pin.anchor().country
            adopted = read_list(tx, node.pins, pinned)
            pin = pin_root.follow(node.pins.get(pinned), pin, None if link is None else _read_root(link), adopted)
            pin_root.check_believed(pin, adopted)
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            country = pin_root.propose(tx, pin, by=by, at=at, draw=node.draw)
            proposal = {"pin": encode(pin)}
            write_file(_pins(node) / f"{country.lower()}{PROPOSED}", json.dumps(proposal, indent=1))
    wanted = f"{threshold} list keys must sign each list"
    terms = {"threshold": pin.threshold, "epoch": pin.epoch}
    show({"country": country, "fingerprint": pin_root.fingerprint(pin), **terms, "wanted": wanted}, as_json=as_json)


@app.command()
def confirm(
    country: Annotated[str, typer.Argument(help="ISO 3166-1 code of the proposed root.")],
    fingerprint: Annotated[str, typer.Argument(help="The fingerprint, as it was read out; spaces do not matter.")],
    threshold: Annotated[int, typer.Option(min=1, max=9, help="How many list keys are to sign.")] = 2,
    epoch: Annotated[int, typer.Option(min=1, help="The epoch of lists from which the root is to count.")] = 1,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Confirm a proposed pin: another person types the fingerprint, and says threshold and epoch as they expect them.

    Processes that run take it by themselves. Example: registry trust pin confirm UZ "$SPOKEN" --threshold 2
    """
    with opened() as node:
        proposed = _pins(node) / f"{country.lower()}{PROPOSED}"
        if not proposed.exists():
            raise KeyMissing(str(proposed))
        kept: dict[str, Any] = json.loads(proposed.read_text())
        pin = decode(Pin, kept["pin"])
        at = node.now()
        with node.database.begin() as tx:
            by = identify(tx, wanted_token(token), node=node.settings.did, at=at)
            pinned, proposed_by = pin_root.confirm(
                tx, pin, fingerprint, threshold=threshold, epoch=epoch, by=by, at=at, draw=node.draw
            )
        # after the act is committed: processes that run believe the file from now on
        confirmed = {"pin": kept["pin"], "proposed_by": proposed_by, "confirmed_by": by.person}
        write_file(_pins(node) / f"{pinned.lower()}{PIN_SUFFIX}", json.dumps(confirmed, indent=1))
        proposed.unlink()
    show({"pinned": pinned, "threshold": pin.threshold, "epoch": pin.epoch}, as_json=as_json)


def _read_root(path: Path) -> bytes:
    try:
        return x509.load_pem_x509_certificate(read_file(path).encode()).public_bytes(Encoding.DER)
    except ValueError:
        raise typer.BadParameter(f"{path} is not a certificate") from None


def _pins(node: Node) -> Path:
    return node.settings.keys / PINS
