"""The log from the command line: static files, proofs, the policy, evidence of a split, the guard, a reader outside."""

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer
from rich.console import Console
from rich.progress import Progress

from registry.cli.console import Json, new_app, opened, read_file, show, show_rows, write_file
from registry.cli.monitor import monitor
from registry.cli.recover import guard, recover
from registry.core.errors import NotFound, RegistryError, Unprocessable
from registry.core.tlog.note import KeyType, Note, VerifierKey
from registry.core.tlog.policy import KnownLog, Policy
from registry.core.tlog.split import Finding, compare
from registry.store import acts, certificates, log, witness
from registry.store.static_files import StaticFolder
from registry.usecases.audit import read_act, search_acts
from registry.usecases.tlog import export_log, read_log
from registry.usecases.trust.believe_peers import read_beliefs

app = new_app("Export, prove and follow the log. Example: registry log export /srv/log")
app.command()(monitor)
app.command()(guard)
app.command()(recover)
SHOW_AFTER = 2_000
"""Tiles from which on a bar is shown: fewer take less than a second."""


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where the files are, or are to be.")], as_json: Json = False
) -> None:
    """Write the published log as static files, only what is new. Example: registry log export /srv/log.

    A web server, an object store or a USB stick can carry the folder (c2sp.org/tlog-tiles). The checkpoint is written
    last, after the partial tiles are gone that full ones stand in for; whatever is interrupted is taken up by the next
    run.
    """
    target = StaticFolder(folder)
    with opened() as node, node.database.read() as tx:
        prepared = export_log.prepare(tx, target.read(export_log.CHECKPOINT))
        with Progress(console=Console(stderr=True), disable=as_json or len(prepared.tiles) < SHOW_AFTER) as progress:
            for tile in progress.track(prepared.tiles, description="tiles"):
                target.write(tile.path, prepared.read(tile))
        target.sync(tile.path for tile in prepared.tiles)
        for path in prepared.stale():
            target.remove_folder(path)
        target.write(export_log.CHECKPOINT, prepared.note.encode())
        target.sync([export_log.CHECKPOINT])
    size, since = prepared.size, prepared.since
    show({"folder": str(folder), "size": size, "since": since, "tiles": len(prepared.tiles)}, as_json=as_json)


@dataclass(eq=False)
class NothingToProve(NotFound):
    """There is no act and no certificate with an act of this id here; a number is no id."""

    code: ClassVar[str] = "nothing-to-prove"

    def __str__(self) -> str:
        return (
            "no act has this id here, and no certificate that was issued here (its id begins with https://); the proof "
            "of one that came from elsewhere is in its envelope"
        )


@app.command()
def prove(
    what: Annotated[str, typer.Argument(help="Id of an act, or id of a certificate that was issued here.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the proof; else it is printed.")] = None,
) -> None:
    """Prove that the log holds an act. Example: registry log prove 5f0c… --out act.tlog-proof."""
    with opened() as node, node.database.read() as tx:
        certificate = certificates.certificate(tx, what)
        act = what if certificate is None else certificate.act
        lost = None
        if act is None or acts.find(tx, act) is None:
            lost = search_acts.lost_act(tx, what if certificate is None else certificate.digest)
            if lost is None:
                entry = None if act is None else log.index_of(tx, act)
                raise NothingToProve if entry is None else read_act.ActLost(entry)
        proof = read_log.prove(tx, act) if lost is None and act is not None else None
        if lost is not None:
            proof = read_log.prove_entry(tx, lost.index)
    if proof is None:
        sys.stderr.write("registry: proof-pending: no published checkpoint covers it yet; wait for the witnesses\n")
        raise typer.Exit(1)
    if out is None:
        sys.stdout.write(proof.encode())
    else:
        write_file(out, proof.encode())


@app.command()
def policy(
    out: Annotated[Path | None, typer.Option(help="Where to write it; else it is printed.")] = None,
    corridor: Annotated[int, typer.Option(min=1, help="Which, where this country has several agreements.")] = 1,
    as_json: Json = False,
) -> None:
    """Tell what a checkpoint of this log needs, so that other programs read it. Example: registry log policy.

    A policy names the log's key, the witnesses that count and the quorum of them (c2sp.org/tlog-policy).
    """
    with opened() as node, node.database.read() as tx:
        policies = read_beliefs(tx, node.pins).log_policies(node.settings.did, node.now())
    if len(policies) < corridor:
        raise typer.BadParameter(f"{len(policies)} policies are made for the log of this node")
    text = policies[corridor - 1].encode()
    if out is not None:
        write_file(out, text)
    if as_json:
        show({"policy": text, "of": len(policies)}, as_json=True)
    elif out is None:
        sys.stdout.write(text)


@dataclass(eq=False)
class NoteUnfit(Unprocessable):
    """A file that was given as evidence is no checkpoint that the log signed."""

    code: ClassVar[str] = "note-unfit"
    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file} proves nothing: {self.reason}"


@app.command()
def evidence(
    files: Annotated[list[Path], typer.Argument(help="Signed checkpoints of one log, two or more.")],
    key: Annotated[str | None, typer.Option(help="Verifier key of the log.")] = None,
    policy: Annotated[Path | None, typer.Option(help="Or a policy that names it: registry log policy.")] = None,
    as_json: Json = False,
) -> None:
    """Prove from signed checkpoints alone that a log showed two histories. Example: registry log evidence a b --key K.

    Exits 0 where two of them prove it, 1 where none do: of two sizes, only a consistency proof can tell. A file that
    is no note of this log is named, and the others are compared.
    """
    if len(files) < 2 or (key is None) == (policy is None):  # noqa: PLR2004  evidence is a pair
        raise typer.BadParameter("two files or more are wanted, and either --key or --policy")
    by = Policy((KnownLog(_log_key(key)),)) if key else Policy.parse(read_file(policy or Path()))
    notes = []
    for file in files:
        try:
            notes.append((str(file), _note(file, by)))
        except NoteUnfit as refusal:
            typer.echo(f"registry: {refusal.code}: {refusal}", err=True)
    if len(notes) < 2:  # noqa: PLR2004  as above
        raise typer.Exit(1)
    compared = [
        {"first": first, "second": second, "finding": compare(one, other, by).finding.value}
        for (first, one), (second, other) in itertools.combinations(notes, 2)
    ]
    show_rows(compared, as_json=as_json, nothing="")
    if all(row["finding"] != Finding.SPLIT for row in compared):
        raise typer.Exit(1)


@app.command()
def splits(
    folder: Annotated[Path | None, typer.Option(help="Write each pair of notes there.")] = None,
    as_json: Json = False,
) -> None:
    """List what this node holds as evidence of split logs. Example: registry log splits --folder evidence."""
    with opened() as node, node.database.read() as tx:
        kept = witness.evidence(tx)
    if folder is not None:
        for row in kept:
            write_file(folder / f"{row.digest[:16]}.shown", row.note)
            write_file(folder / f"{row.digest[:16]}.known", row.against)
    rows = [{"origin": row.origin, "at": row.at.isoformat(), "reason": row.reason, "id": row.digest} for row in kept]
    show_rows(rows, as_json=as_json, nothing="none: every log that is followed here only grew")


def _note(file: Path, by: Policy) -> Note:
    """Read a note that the log signed. Raises `NoteUnfit` naming the file."""
    try:
        note = Note.parse(read_file(file))
        by.signed(note)
    except RegistryError as refusal:
        raise NoteUnfit(str(file), f"{refusal.code}: {refusal}") from None
    return note


def _log_key(text: str) -> VerifierKey:
    key = VerifierKey.parse(text)
    if key.type is not KeyType.ED25519:
        raise typer.BadParameter(f"the key of {key.name} is a witness's, which signs no checkpoint of its own")
    return key
