"""The offline check of a dossier: the core alone, the file, and the pins that came from elsewhere."""

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path

from registry.cli.offline import read_bytes, read_pins
from registry.core.calendar import write_instant
from registry.core.canonical import Json, JsonObject
from registry.core.record import encode
from registry.core.verification.dossier import Contents, Dossier, ExportedAct
from registry.core.verification.dossier_check import NOT_PROVED, check
from registry.core.verification.dossier_report import ActFinding, LeafFinding, Report, Standing

MARK = {Standing.PROVED: "+", Standing.PENDING: "?", Standing.LOST: "!", Standing.WRONG: "-"}
PATIENCE = 1.0
"""Seconds after which whoever waits is told how far it is."""
_ARGUMENTS = ArgumentParser(
    prog="registry acts check",
    description="Check a dossier of acts with no network and no database.",
    epilog="Exits 0 where nothing is wrong, pending acts or not; 1 where something is. "
    "Example: registry acts check november.dossier --pins /etc/registry/pins",
    allow_abbrev=False,
)
_ARGUMENTS.add_argument("file", type=Path, help="the dossier, as registry acts export wrote it")
_ARGUMENTS.add_argument("--pins", type=Path, required=True, help="folder with pins that did not come with the dossier")
_ARGUMENTS.add_argument("--json", action="store_true", help="print JSON")


def main(words: Sequence[str]) -> int:
    """Check a dossier, print what is known of each act, and return the exit code."""
    asked = _ARGUMENTS.parse_args(words)
    dossier = Dossier.parse(read_bytes(asked.file, _ARGUMENTS))
    report = check(dossier, read_pins(asked.pins, _ARGUMENTS), track=_tracked)
    sys.stdout.write(_json(dossier.contents, report) if asked.json else _text(dossier.contents, report))
    return 0 if report.nothing_wrong else 1


def _tracked(acts: Sequence[ExportedAct]) -> Iterator[ExportedAct]:
    """Pass acts on, and say on a terminal how far it is, once a second."""
    told = time.monotonic()
    for done, act in enumerate(acts):
        if sys.stderr.isatty() and time.monotonic() > told + PATIENCE:
            sys.stderr.write(f"\r{done} of {len(acts)} acts are checked")
            told = time.monotonic()
        yield act
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")


def _json(contents: Contents, report: Report) -> str:
    acts = [
        {**encode(finding), "act": _public(act), "private": _readable(act)}
        for act, finding in zip(contents.acts, report.findings, strict=True)
    ]
    value: JsonObject = {
        **_head(contents, report),
        "ranges": [list(each) for each in report.ranges],
        "missing": [list(each) for each in report.missing],
        "not_proved": list(NOT_PROVED),
        "acts": acts,
        "taken_back": [
            {**encode(each.finding), "leaf": None if each.leaf is None else json.loads(each.leaf.encode())}
            for each in report.taken_back
        ],
    }
    return json.dumps(value, ensure_ascii=False) + "\n"


def _head(contents: Contents, report: Report) -> dict[str, Json]:
    head: dict[str, Json] = {
        "node": contents.node,
        "env": contents.env.value,
        "made_at": write_instant(contents.made_at),
        "selection": encode(contents.selection),
        **{standing.value: report.count(standing) for standing in Standing},
    }
    if report.altered is not None:
        head["altered"] = report.altered
    for name, place in (("after", contents.after), ("next", contents.next)):
        if place is not None:
            head[name] = place.encode()
    return head


def _public(act: ExportedAct) -> JsonObject:
    hidden = {"id", "private", "salt", "leaf", "proof"}
    return {name: value for name, value in encode(act).items() if name not in hidden}


def _readable(act: ExportedAct) -> Json:
    """Return the private part as an object; where it is none, which only a wrong act's is, as it can be shown."""
    try:
        value: Json = json.loads(act.private)
    except ValueError:
        return repr(act.private)
    return value


def _text(contents: Contents, report: Report) -> str:
    head = _head(contents, report)
    head["selection"] = json.dumps(head["selection"], ensure_ascii=False)
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in head.items()]
    lines += [_line(act, finding) for act, finding in zip(contents.acts, report.findings, strict=True)]
    lines += [_leaf_line(each) for each in report.taken_back]
    lines.append(f"entries of the log that it proves: {_ranges(report.ranges)}")
    if report.missing:
        lines.append(f"entries of the log that every act would have, and no act here has: {_ranges(report.missing)}")
    lines += ["what it does not prove:", *(f"  {sentence}" for sentence in NOT_PROVED)]
    return "\n".join(lines) + "\n"


def _ranges(ranges: Sequence[tuple[int, int]]) -> str:
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in ranges) or "none"


def _leaf_line(found: LeafFinding) -> str:
    leaf, finding = found.leaf, found.finding
    about = "a leaf that cannot be read" if leaf is None else f"{write_instant(leaf.at)}  {leaf.kind:<24} {leaf.id}"
    by = "" if finding.logged_by is None else f" by {write_instant(finding.logged_by)}"
    return f"  {MARK[finding.standing]} {about}  {finding.standing}{by}: {finding.code}: {finding.reason}"


def _line(act: ExportedAct, finding: ActFinding) -> str:
    where = "" if finding.index is None else f"  entry {finding.index}"
    by = "" if finding.logged_by is None else f" by {write_instant(finding.logged_by)}"
    why = "" if finding.standing is Standing.PROVED else f": {finding.code}: {finding.reason}"
    about = f"{write_instant(act.at)}  {act.kind:<24} {act.id}"
    return f"  {MARK[finding.standing]} {about}  {finding.standing}{where}{by}{why}"
