"""Check that log, acts and tables of this node agree with what was signed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.status import Status

from registry.cli.console import Json, opened, read_file
from registry.core.tlog.note import VerifierKey
from registry.node import Node
from registry.signing.key_file import VERIFIER
from registry.signing.keyring import LOG, WITNESS
from registry.store.guard import Guard
from registry.usecases.fsck.check_integrity import Anchors, Report, check
from registry.usecases.fsck.survey_rows import Tell
from registry.usecases.recovery.compare_guard import Marks

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
SHOW_AFTER = 1.0
"""Seconds after which what is being read is shown."""


@app.command()
def fsck(
    tiles: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="A folder that `registry log export` wrote, to compare too."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Rehash everything and compare it both ways; exits 1 where anything does not agree. Example: registry fsck.

    This changes nothing, needs public keys only, and sees one moment of a node that runs.
    """
    with opened() as node:
        log, witness = (
            VerifierKey.parse(read_file(node.settings.keys / f"{name}{VERIFIER}").strip()) for name in (LOG, WITNESS)
        )
        marks = _marks(node)  # before the transaction: what the guard has then stands in the database, too
        with _progress(silent=as_json) as tell, node.database.snapshot() as tx:
            report = check(tx, Anchors(log, witness, node.pins), at=node.now(), marks=marks, tiles=tiles, tell=tell)
    sys.stdout.write(_json(report) if as_json else _text(report))
    if report.discrepancies:
        raise typer.Exit(1)


def _marks(node: Node) -> Marks | None:
    """Read the guard; None where this machine has none, as an auditor's."""
    guard = Guard(node.settings.guard_path)
    return guard.marks() if guard.exists() else None


@contextmanager
def _progress(*, silent: bool) -> Iterator[Tell]:
    """Show on standard error what is being read, once it takes longer than a second."""
    status = Status("", console=Console(stderr=True))
    begun, shows = monotonic(), False

    def tell(what: str, count: int) -> None:
        nonlocal shows
        if silent or monotonic() - begun < SHOW_AFTER:
            return
        status.update(f"{what.replace('_', ' ')}: {count:,}")
        if not shows:
            shows = True
            status.start()

    try:
        yield tell
    finally:
        status.stop()


def _json(report: Report) -> str:
    lines = [{"where": each.where, "what": each.what} for each in report.discrepancies]
    return orjson.dumps({"checked": report.checked, "discrepancies": lines}).decode() + "\n"


def _text(report: Report) -> str:
    rows = sum(report.checked.values())
    lines = [*map(str, report.discrepancies), f"{rows:,} rows checked, {len(report.discrepancies)} discrepancies"]
    return "\n".join(lines) + "\n"
