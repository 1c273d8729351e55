"""The offline verifier: the core alone, a file, a bundle, and the pins that came with the device."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from registry.cli.offline import of_file, read_pins, read_text
from registry.core import canonical
from registry.core.calendar import read_day
from registry.core.certificate.credential import Certificate
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Malformed
from registry.core.identifiers import Digest
from registry.core.product.texts import unfit
from registry.core.verification.beside import Beside
from registry.core.verification.bundle import OpenBundle, open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Check, Indication, Outcome, Verdict
from registry.core.verification.verify import verify as judge

EXIT = {Indication.TOTAL_PASSED: 0, Indication.TOTAL_FAILED: 1, Indication.INDETERMINATE: 1}
SEEN = "newest-bundle.json"
MARK = {"passed": "+", "failed": "-", "unknown": "?"}
_ARGUMENTS = ArgumentParser(
    prog="registry verify",
    description="Verify a certificate with no network and no database.",
    epilog="Exits 0 for TOTAL-PASSED, 1 for TOTAL-FAILED and INDETERMINATE. "
    "Example: registry verify certificate.json --bundle customs.bundle --pins /etc/registry/pins",
    allow_abbrev=False,
)
_ARGUMENTS.add_argument("file", type=Path, help="the certificate: its envelope, or the bare vc+jwt")
_ARGUMENTS.add_argument("--proof", type=Path, help="its proof as a file of its own, as certificate.tlog-proof")
_ARGUMENTS.add_argument("--bundle", type=Path, required=True, help="the bundle of the customs service")
_ARGUMENTS.add_argument("--pins", type=Path, required=True, help="folder with the pins installed with this device")
_ARGUMENTS.add_argument("--day", help="local day to judge for, YYYY-MM-DD; today where none is given")
_ARGUMENTS.add_argument("--json", action="store_true", help="print JSON")


@dataclass(eq=False)
class NewestUnreadable(Malformed):
    """The device no longer knows how new a bundle it has seen: an older one, of before an annulment, could be shown."""

    code: ClassVar[str] = "newest-bundle-unreadable"
    file: str

    def __str__(self) -> str:
        return (
            f"{self.file}, where this device keeps which bundle is the newest that it has seen, is damaged: fetch a "
            "new bundle from your own node, put it in place of the one here, and only then delete that file"
        )


def main(words: Sequence[str]) -> int:
    """Verify a certificate, print the verdict, and return the exit code."""
    asked = _ARGUMENTS.parse_args(words)
    day = None if asked.day is None else read_day(asked.day)
    opened = _open(asked.bundle, asked.pins)
    shown, proof = read_text(asked.file, _ARGUMENTS), asked.proof and read_text(asked.proof, _ARGUMENTS)
    with of_file(asked.file):
        presentation = Presentation.parse(shown)
    if proof is not None:
        with of_file(asked.proof):
            presentation = presentation.proved_by(proof)
    at = opened.now(datetime.now(UTC).replace(microsecond=0))
    verdict = judge(presentation, opened.trusted, opened.read, at=at, day=day)
    signed = _signed(presentation, verdict)
    beside = Beside() if signed is None else opened.beside(*signed)
    write, certificate = _json if asked.json else _text, None if signed is None else signed[0]
    sys.stdout.write(write(verdict, certificate, beside))
    return EXIT[verdict.indication]


def _open(bundle: Path, pins: Path) -> OpenBundle:
    """Open the bundle, refuse one older than this device has seen, and remember the newest."""
    seen = pins / SEEN
    newest = _newest(seen)
    known = read_pins(pins, _ARGUMENTS)
    text = read_text(bundle, _ARGUMENTS)
    with of_file(bundle):
        opened = open_bundle(text, known, newest=newest)
    aside = seen.with_suffix(".new")
    try:  # whole or not at all: a device may lose its power at any moment
        aside.write_text(json.dumps(newest | {opened.bundle.issuer: opened.bundle.sequence}))
        aside.replace(seen)
    except OSError as error:
        sys.stderr.write(f"registry: an older bundle could not be refused later: {seen}: {error.strerror}\n")
    return opened


def _newest(seen: Path) -> dict[str, int]:
    """Return the newest bundle that this device has seen of each node. Raises `NewestUnreadable`."""
    if not seen.exists():
        return {}
    try:
        known = canonical.read(seen.read_bytes())
    except Malformed:
        raise NewestUnreadable(str(seen)) from None
    match known:
        case dict() if all(type(number) is int for number in known.values()):
            return {issuer: number for issuer, number in known.items() if isinstance(number, int)}
        case _:
            raise NewestUnreadable(str(seen))


def _signed(presentation: Presentation, verdict: Verdict) -> tuple[Certificate, Digest] | None:
    """Return a certificate whose signature verifies, and its digest: what any other says of itself is not repeated."""
    found = verdict.finding(Check.SIGNATURE)
    if found is None or found.outcome is not Outcome.PASSED:
        return None
    envelope = Envelope.parse(presentation.certificate, Typ.CERTIFICATE)
    return Certificate.parse(envelope.payload), envelope.digest


def _json(verdict: Verdict, certificate: Certificate | None, beside: Beside) -> str:
    value: dict[str, Any] = dict(verdict.encode())
    if certificate is not None:
        subject = certificate.subject
        value["certificate"] = {
            "id": certificate.id,
            "number": subject.number,
            "issuer": {"id": certificate.issuer, "name": certificate.body_name},
            "issue_date": subject.issue_date.encode(),
            "presented_in": subject.presented_in,
        }
    for finding, kept in zip(verdict.findings, value["findings"], strict=True):
        kept["sentence"] = finding.sentence
    for found, kept in zip(verdict.preference, value.get("preference", ()), strict=True):
        kept["sentence"] = found.sentence
    value["beside"] = {
        "changes": [each.encode() for each in beside.changes],
        "clarifications": [each.encode() for each in beside.clarifications],
    }
    return json.dumps(value, ensure_ascii=False) + "\n"


def _shown(name: str) -> str:
    """Return a name as it may be shown: whoever has a stolen key signs what moves the cursor of a terminal, too."""
    return name if unfit(name) is None else repr(name)


def _text(verdict: Verdict, certificate: Certificate | None, beside: Beside) -> str:
    lines = [verdict.indication.value]
    if certificate is not None:
        subject = certificate.subject
        body = _shown(certificate.body_name)
        lines.append(f"  {subject.number} of {subject.issue_date.day}, by {body}, for {subject.presented_in}")
    for finding in verdict.findings:
        as_of = "" if finding.as_of is None else f"  (as of {finding.as_of:%Y-%m-%d %H:%M:%SZ})"
        lines.append(f"  {MARK[finding.outcome]} {finding.check:<12} {finding.code:<22} {finding.sentence}{as_of}")
    for found in verdict.preference:
        detail = "" if found.detail is None else f" ({found.detail})"
        lines.append(f"  {found.severity.value}: {found.code}: {found.sentence}{detail} [{found.clause}]")
    lines += [
        f"  clarified on {said.recorded_at:%Y-%m-%d}: {said.box}: {said.old!r} is read as {said.new!r}"
        for said in beside.clarifications
    ]
    return "\n".join(lines) + "\n"
