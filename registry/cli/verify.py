"""The offline verifier: the core alone, a file, a bundle, and the pins that came with the device."""

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from registry.core.calendar import read_day
from registry.core.record import decode
from registry.core.trust.trust_list import Pin
from registry.core.verification.bundle import OpenBundle, open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication, Verdict
from registry.core.verification.verify import verify as judge

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
EXIT = {Indication.TOTAL_PASSED: 0, Indication.TOTAL_FAILED: 1, Indication.INDETERMINATE: 1}
PIN_SUFFIX = ".pin.json"
SEEN = "newest-bundle.json"
MARK = {"passed": "+", "failed": "-", "unknown": "?"}


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The certificate: its envelope, or the bare vc+jwt.")],
    bundle: Annotated[Path, typer.Option(help="The bundle of the customs service.")],
    pins: Annotated[Path, typer.Option(help="Folder with the pins that were installed with this device.")],
    day: Annotated[
        str | None, typer.Option(help="Local day to judge for, YYYY-MM-DD; today where none is given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Verify a certificate with no network and no database.

    Exits 0 for TOTAL-PASSED, 1 for TOTAL-FAILED and INDETERMINATE.
    Example: registry verify certificate.json --bundle customs.bundle --pins /etc/registry/pins
    """
    asked: date | None = None if day is None else read_day(day)
    opened = _open(bundle, pins)
    presentation = Presentation.parse(_read(file))
    at = opened.now(datetime.now(UTC).replace(microsecond=0))
    verdict = judge(presentation, opened.trusted, opened.read, at=at, day=asked)
    sys.stdout.write(_json(verdict) if as_json else _text(verdict))
    raise typer.Exit(EXIT[verdict.indication])


def _open(bundle: Path, pins: Path) -> OpenBundle:
    """Open the bundle, refuse one older than this device has seen, and remember the newest."""
    seen = pins / SEEN
    newest: dict[str, int] = json.loads(seen.read_text()) if seen.exists() else {}
    known = {}
    for path in sorted(pins.glob(f"*{PIN_SUFFIX}")):
        pin = decode(Pin, json.loads(path.read_text())["pin"])
        known[pin.anchor().country] = pin
    if not known:
        raise typer.BadParameter(f"there is no pin in {pins}")
    opened = open_bundle(_read(bundle), known, newest_sequence=max(newest.values(), default=0))
    try:
        seen.write_text(json.dumps(newest | {opened.bundle.issuer: opened.bundle.sequence}))
    except OSError as error:
        sys.stderr.write(f"registry: an older bundle could not be refused later: {seen}: {error.strerror}\n")
    return opened


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}") from None


def _json(verdict: Verdict) -> str:
    value: dict[str, Any] = dict(verdict.encode())
    for finding, kept in zip(verdict.findings, value["findings"], strict=True):
        kept["sentence"] = finding.sentence
    return json.dumps(value, ensure_ascii=False) + "\n"


def _text(verdict: Verdict) -> str:
    lines = [verdict.indication.value]
    for finding in verdict.findings:
        as_of = "" if finding.as_of is None else f"  (as of {finding.as_of:%Y-%m-%d %H:%M:%SZ})"
        lines.append(f"  {MARK[finding.outcome]} {finding.check:<12} {finding.code:<22} {finding.sentence}{as_of}")
    return "\n".join(lines) + "\n"
