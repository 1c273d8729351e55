"""Trust lists at the command line: a draft says what it changes, and takes nothing half said."""

import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry.core.calendar import read_instant
from registry.signing.ceremony import ROOT
from registry.signing.key_file import read_certificate
from registry.usecases.party import rename_body
from tests.kit import SECRET, Corridor, Forge
from tests.processes import environment_of
from tests.usecases.party.test_register_party import by_operator

FROM = ("--from", "2026-11-21T09:00:00Z")


def run(forge: Forge, corridor: Corridor, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    by = corridor.by
    return subprocess.run(
        [sys.executable, "-m", "registry.cli.main", "trust", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment_of(forge, by, folder) | {"REGISTRY_TOKEN": by.tokens["operator"], "COLUMNS": "200"},
        timeout=60,
    )


def draft(forge: Forge, corridor: Corridor, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    keys = str(forge.keys("BY"))
    return run(forge, corridor, folder, "draft", str(folder / "list.json"), "--list-keys", keys, *words)


def test_a_draft_prints_what_it_changes_against_the_adopted_list(
    forge: Forge, corridor: Corridor, tmp_path: Path
) -> None:
    kid = corridor.by.signer.kid
    same = draft(forge, corridor, tmp_path)
    assert (same.returncode, same.stderr) == (0, "")
    lines = [line for line in same.stdout.splitlines() if line.startswith("  ")]
    assert lines
    assert all(line.startswith("  signatory of ") and " is altered: until " in line for line in lines), lines
    ended = draft(forge, corridor, tmp_path, "--revoke", kid, *FROM, "--reason", "lost laptop")
    assert (
        f"  document signer {kid} is altered: status revoked; status_from 2026-11-21T09:00:00Z; reason lost laptop\n"
        in ended.stdout
    )
    told = json.loads(draft(forge, corridor, tmp_path, "--retire", kid, *FROM, "--json").stdout)
    line, attention = (each for each in told["changes"] if not each.startswith("signatory of "))
    assert "status retired" in line
    assert attention.startswith("ATTENTION: from ")
    assert attention.endswith(" bcci has no document signer and issues nothing")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--retire", "KID"), "want --from"),
        (("--revoke", "KID", "--reason", "stolen"), "want --from"),
        (("--revoke", "KID", *FROM), "wants --reason"),
        (("--revoke", "KID", "--retire", "KID", *FROM, "--reason", "stolen"), "one key is named twice"),
        (("--reason", "stolen"), "are of a key that ends"),
        (FROM, "are of a key that ends"),
        (("--role", "customs"), "name its folder with --node"),
    ],
)
def test_what_is_half_said_is_misuse_and_drafts_nothing(
    forge: Forge, corridor: Corridor, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    kid = corridor.by.signer.kid
    done = draft(forge, corridor, tmp_path, *(kid if word == "KID" else word for word in words))
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert not (tmp_path / "list.json").exists()


def test_a_threshold_that_the_adopted_list_does_not_reach_is_not_proposed(
    forge: Forge, corridor: Corridor, tmp_path: Path
) -> None:
    root = tmp_path / "root.cert.pem"
    root.write_bytes(read_certificate(forge.keys("BY"), ROOT).public_bytes(Encoding.PEM))
    done = run(forge, corridor, tmp_path, "pin", "propose", str(root), "--threshold", "9")
    assert (done.returncode, done.stdout) == (1, "")
    assert "list-below-threshold" in done.stderr
    assert "2 of 9 list keys signed" in done.stderr
    done = run(forge, corridor, tmp_path, "pin", "propose", str(root))
    assert done.returncode == 0, done.stderr
    assert "2 list keys must sign each list" in done.stdout


def sign(forge: Forge, corridor: Corridor, folder: Path) -> list[str]:
    """Sign the draft with both list keys, and return the files."""
    secret = folder / "pass"
    secret.write_text(SECRET.decode())
    files = []
    for key in ("list-1", "list-2"):
        words = (str(folder / "list.json"), str(folder / f"{key}.jws"), "--key", key, "--passphrase-file", str(secret))
        signed = run(forge, corridor, folder, "sign", *words, "--folder", str(forge.keys("BY")))
        assert (signed.returncode, signed.stderr) == (0, "")
        files.append(words[1])
    return files


def test_a_list_that_is_published_already_stays_as_it_is_and_its_operator_is_told_since_when(
    forge: Forge, corridor: Corridor, tmp_path: Path
) -> None:
    by = corridor.by
    draft(forge, corridor, tmp_path)
    first = run(forge, corridor, tmp_path, "publish", *sign(forge, corridor, tmp_path))
    assert (first.returncode, first.stderr) == (0, "")
    assert "already" not in first.stdout
    since, acts = by.clock(), len(by.acts())
    corridor.clock.forward(timedelta(hours=3))
    again = run(forge, corridor, tmp_path, "publish", *sign(forge, corridor, tmp_path))
    assert (again.returncode, again.stderr) == (0, "")
    said = re.search(r"^unchanged: this list is published already, since (\S+)$", again.stdout, re.MULTILINE)
    assert said is not None, again.stdout
    assert abs(read_instant(said[1]) - since) < timedelta(hours=1)
    assert again.stdout.startswith(first.stdout), "which list it is, and its version"
    run(forge, corridor, tmp_path, "show", "--out", str(tmp_path / "own.jws"))
    adopted = json.loads(run(forge, corridor, tmp_path, "adopt", str(tmp_path / "own.jws"), "--json").stdout)
    assert adopted["unchanged"] == f"this list is adopted already, since {said[1]}"
    assert len(by.acts()) == acts


def test_a_list_of_a_rename_is_published_on_its_day(forge: Forge, corridor: Corridor, tmp_path: Path) -> None:
    by = corridor.by
    with by.tx() as tx:
        rename_body.rename(tx, "bcci", name="Палата", role=None, **by_operator(by))
    draft(forge, corridor, tmp_path)
    files = sign(forge, corridor, tmp_path)
    corridor.clock.forward(timedelta(days=1))
    late = run(forge, corridor, tmp_path, "publish", *files)
    assert (late.returncode, late.stdout) == (1, "")
    assert "rename-day-over" in late.stderr
    assert "which is over: draft it anew" in late.stderr
