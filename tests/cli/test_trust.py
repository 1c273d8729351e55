"""Trust lists at the command line: a draft says what it changes, and takes nothing half said."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry.signing.ceremony import ROOT
from registry.signing.key_file import read_certificate
from tests.kit import Corridor, Forge
from tests.processes import environment_of

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
    (line,) = [each for each in told["changes"] if not each.startswith("signatory of ")]
    assert "status retired" in line


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
