"""The auditor at the command line, and the dossier checked elsewhere with nothing but the pins."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from registry.core.record import encode
from registry.core.tlog.entry import Kind
from registry.store.certificates import CertificateRow
from tests.cli.test_verify import FORBIDDEN, TELL_AT_EXIT
from tests.kit import Corridor, Forge
from tests.processes import environment_of
from tests.usecases.recovery.test_lost_acts import restore

ALLOWED = (
    "registry",
    "registry.core",
    "registry.cli",
    "registry.cli.main",
    "registry.cli.offline",
    "registry.cli.check_acts",
)
WHY = "Проверка за ноябрь"


@dataclass
class Desk:
    """The auditor's own machine: a token, a folder, and the pins that came some other way."""

    corridor: Corridor
    folder: Path
    environment: Mapping[str, str]
    certificate: CertificateRow

    def run(self, *words: str, who: str = "auditor", code: str | None = None) -> subprocess.CompletedProcess[str]:
        program = ["-m", "registry.cli.main"] if code is None else ["-c", code]
        return subprocess.run(
            [sys.executable, *program, "acts", *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            timeout=60,
            env={**self.environment, "REGISTRY_TOKEN": self.corridor.by.tokens[who]},
        )

    def ask(self, *words: str, who: str = "auditor") -> Any:
        done = self.run(*words, "--json", who=who)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    def check(self, file: Path, *words: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
        """Check where there is neither node nor database."""
        program = ["-m", "registry.cli.main"] if code is None else ["-c", code]
        pins = str(self.folder / "pins")
        return subprocess.run(
            [sys.executable, *program, "acts", "check", str(file), "--pins", pins, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            timeout=60,
        )

    @property
    def dossier(self) -> Path:
        return self.folder / "ноябрь.dossier"


@pytest.fixture
def desk(forge: Forge, corridor: Corridor, tmp_path: Path) -> Desk:
    by = corridor.by
    row = by.issued()
    by.deliver(corridor.uz)
    return open_desk(forge, corridor, tmp_path, row)


def open_desk(forge: Forge, corridor: Corridor, folder: Path, row: CertificateRow) -> Desk:
    """Open the auditor's desk, with pins that came some other way."""
    pins = folder / "pins"
    pins.mkdir()
    for code, pin in corridor.by.node.pins.items():
        (pins / f"{code.lower()}.pin.json").write_text(json.dumps({"pin": encode(pin)}))
    environment = {**environment_of(forge, corridor.by, folder), "REGISTRY_VAR": str(folder)}
    return Desk(corridor, folder, environment, row)


def test_acts_are_found_by_each_filter(desk: Desk) -> None:
    by, row = desk.corridor.by, desk.certificate
    spaced = f"{row.number[:4].lower()} {row.number[4:]}"
    found = desk.ask("search", "--number", spaced)
    assert found["next"] is None
    assert {act["subject"] for act in found["items"]} == {row.id, row.application}
    assert desk.ask("search", "--number", row.id)["items"] == found["items"]
    (issued,) = desk.ask("search", "--kind", "certificate.issued")["items"]
    signatory = by.people["signatory"]
    assert issued == {
        "at": "2026-11-21T09:30:00Z",
        "kind": "certificate.issued",
        "id": row.act,
        "by": signatory.did,
        "person": signatory.person,
        "organisation": signatory.organisation,
        "subject": row.id,
        "to": "UZ",
    }
    for words in (
        ("--person", signatory.person, "--kind", "certificate.issued"),
        ("--organisation", signatory.organisation, "--subject", row.id),
        ("--from", "2026-11-21T09:30:00Z", "--until", "2026-11-21T09:30:00Z", "--subject", row.id),
        ("--from", "2026-11-21+03:00", "--until", "2026-11-21+03:00", "--subject", row.id),
    ):
        assert desk.ask("search", *words)["items"] == [issued]
    assert desk.ask("search", "--from", "2026-11-22+03:00") == {"items": [], "next": None}
    assert desk.run("search", "--from", "2026-11-22+03:00").stdout == "no such act\n"


def test_a_second_page_begins_where_the_printed_cursor_says(desk: Desk) -> None:
    everything = [act["id"] for act in desk.ask("search", "--limit", "1000")["items"]]
    first = desk.run("search", "--limit", "3").stdout.splitlines()
    assert len(first) == 5
    assert first[0].split()[:3] == ["at", "kind", "id"]
    words = first[-1].partition(": ")[2].split()
    second = desk.run("search", "--limit", "1000", *words).stdout.splitlines()
    shown = [line.split()[2] for line in (*first[1:4], *second[1:])]
    assert shown == everything


def test_a_look_shows_what_was_committed_to_and_is_an_act(desk: Desk) -> None:
    assert desk.certificate.act is not None
    seen = desk.ask("show", desk.certificate.act, "--reason", WHY)
    assert seen["private"]["number"] == desk.certificate.number
    committed = sha256(bytes.fromhex(seen["salt"]) + seen["committed"].encode()).hexdigest()
    assert json.loads(seen["leaf"])["private"] == committed
    done = desk.run("show", desk.certificate.act, "--reason", WHY)
    assert f"committed: {seen['committed']}" in done.stdout
    looks = desk.corridor.by.acts(Kind.ACTS_READ)
    assert [act.private["reason"] for act in looks] == [WHY, WHY]
    unknown = desk.run("show", "0" * 32, "--reason", WHY)
    assert (unknown.returncode, unknown.stderr) == (1, "registry: act-not-found: there is no such act\n")
    assert desk.run("show", desk.certificate.act).returncode == 2


@pytest.mark.parametrize("who", ["operator", "signatory", "officer"])
def test_it_is_the_work_of_an_auditor(desk: Desk, who: str) -> None:
    assert desk.certificate.act is not None
    for words in (
        ("search",),
        ("show", desk.certificate.act, "--reason", WHY),
        ("export", str(desk.dossier), "--reason", WHY),
    ):
        refused = desk.run(*words, who=who)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith("registry: role-missing: ")
    assert not desk.dossier.exists()
    assert desk.corridor.by.acts(Kind.ACTS_READ, Kind.ACTS_EXPORTED) == []


def test_a_dossier_is_taken_home_and_checked_there(desk: Desk) -> None:
    by = desk.corridor.by
    late = by.issued()
    done = desk.ask("export", str(desk.dossier), "--reason", WHY)
    assert (done["acts"], done["pending"]) == (len(by.acts()) - 1, 6)
    assert desk.dossier.stat().st_mode & 0o077 == 0
    (act,) = by.acts(Kind.ACTS_EXPORTED)
    assert (act.private["reason"], act.private["acts"], act.private["digest"]) == (WHY, done["acts"], done["digest"])
    told = desk.check(desk.dossier)
    assert (told.returncode, told.stderr) == (0, "")
    assert f"pending: {done['pending']}\nlost: 0\nwrong: 0\n" in told.stdout
    assert "what it does not prove:\n  that nothing was left out" in told.stdout
    report = json.loads(desk.check(desk.dossier, "--json").stdout)
    assert (report["proved"], report["pending"], report["wrong"]) == (done["acts"] - 6, 6, 0)
    assert report["ranges"] == [[0, done["acts"] - 7]]
    assert report["not_proved"]
    found = {each["id"]: each for each in report["acts"]}
    assert desk.certificate.act is not None
    assert found[desk.certificate.act]["standing"] == "proved"
    assert found[desk.certificate.act]["private"]["what"]["number"] == desk.certificate.number
    assert found[desk.certificate.act]["logged_by"] == "2026-11-21T09:30:00Z"
    assert found[late.act or ""]["standing"] == "pending"


def test_a_full_file_says_how_to_go_on(desk: Desk) -> None:
    number = ("--number", desk.certificate.number, "--reason", WHY)
    first = desk.run("export", str(desk.dossier), *number, "--limit", "4").stdout
    assert "full: one file holds no more: go on in another with --after" in first
    following = first.partition("next: ")[2].strip()
    assert f"next: {following}\n" in desk.check(desk.dossier).stdout
    rest = desk.ask("export", str(desk.folder / "second"), *number, "--after", following)
    assert rest["acts"] == 2
    assert "next" not in rest
    assert f"after: {following}\n" in desk.check(desk.folder / "second").stdout


def test_what_was_altered_is_named_and_the_check_fails(desk: Desk) -> None:
    by = desk.corridor.by
    with desk.corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE act SET private = '{\"a\": 1}' WHERE id = :id"), {"id": desk.certificate.act})
    desk.ask("export", str(desk.dossier), "--reason", WHY, "--number", desk.certificate.number)
    told = desk.check(desk.dossier)
    assert told.returncode == 1
    (line,) = [line for line in told.stdout.splitlines() if line.startswith("  - ")]
    assert str(desk.certificate.act) in line
    assert "wrong: commitment-differs: " in line
    whole = desk.dossier.read_text()
    desk.dossier.write_text(whole.replace("2026-11-21T09:30:00Z", "2026-11-21T09:30:01Z", 1))
    told = desk.check(desk.dossier)
    assert told.returncode == 1
    report = json.loads(desk.check(desk.dossier, "--json").stdout)
    assert "altered" in report or report["wrong"] > 1
    desk.dossier.write_text(whole[:-1])
    refused = desk.check(desk.dossier)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("registry: not-canonical: ")


def test_misuse_is_told_from_a_refusal(desk: Desk) -> None:
    for words in (
        ("search", "--person", ""),
        ("search", "--limit", "0"),
        ("search", "--kind", "birth"),
        ("export", str(desk.folder / "none" / "x"), "--reason", WHY),
        ("export", str(desk.folder), "--reason", WHY),
        ("export", str(desk.dossier)),
    ):
        misused = desk.run(*words)
        assert misused.returncode == 2, words
        assert "Traceback" not in misused.stderr
    for words, code in (
        (("search", "--from", "2026-11-21"), "malformed-time"),
        (("search", "--after", "x"), "malformed-time"),
        (("export", str(desk.dossier), "--reason", ""), "reason-unfit"),
    ):
        refused = desk.run(*words)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith(f"registry: {code}: ")
    assert desk.check(desk.folder / "none").returncode == 2
    for pin in (desk.folder / "pins").iterdir():
        pin.unlink()
    desk.dossier.write_text("{}")
    assert desk.check(desk.dossier).returncode == 1
    assert desk.corridor.by.acts(Kind.ACTS_EXPORTED) == []


def test_a_dossier_of_a_country_without_a_pin_is_not_judged(desk: Desk) -> None:
    desk.ask("export", str(desk.dossier), "--reason", WHY)
    (desk.folder / "pins" / "uz.pin.json").unlink()
    refused = desk.check(desk.dossier)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("registry: agreement-not-believed: ")
    (desk.folder / "pins" / "by.pin.json").unlink()
    assert desk.check(desk.dossier).returncode == 2


def test_the_check_loads_the_core_alone_and_asks_no_network(desk: Desk) -> None:
    desk.corridor.clock.forward(timedelta(seconds=1))
    desk.ask("export", str(desk.dossier), "--reason", WHY)
    done = desk.check(desk.dossier, code=TELL_AT_EXIT)
    loaded_line, asked = done.stderr.splitlines()[-2:]
    loaded = loaded_line.split("|")[1:]
    assert done.returncode == 0
    assert [name for name in loaded if name.partition(".")[0] in {*FORBIDDEN, "typer", "rich"}] == []
    ours = [name for name in loaded if name.partition(".")[0] == "registry"]
    assert [name for name in ours if name not in ALLOWED and not name.startswith("registry.core.")] == []
    assert asked == "ASKED"


def test_a_lost_act_is_named_by_search_dossier_and_check_and_its_leaf_is_proved(
    forge: Forge, corridor: Corridor, tmp_path: Path
) -> None:
    lost = restore(corridor).lost
    desk = open_desk(forge, corridor, tmp_path, lost)
    page = desk.run("search", "--number", lost.number, "--kind", "certificate.issued")
    header, row, said = page.stdout.splitlines()
    entry = row.split()[-1]
    assert header.split()[-2:] == ["taken", "back"]
    assert said == f"entry {entry} of the log is a leaf taken back without its act: all else of it is lost"
    assert [each["taken_back"] for each in desk.ask("search", "--number", lost.number)["items"]][1] == int(entry)
    exported = desk.ask("export", str(desk.dossier), "--number", lost.number, "--reason", WHY)
    assert exported["taken_back"] == 2
    done = desk.check(desk.dossier)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"entry {entry} of the log is a leaf that was taken back without its act" in done.stdout
    (_, leaf) = json.loads(desk.check(desk.dossier, "--json").stdout)["taken_back"]
    assert (leaf["standing"], leaf["code"], leaf["leaf"]["digest"]) == ("lost", "act-lost", lost.digest)
    environment = {**desk.environment, "REGISTRY_TOKEN": ""}
    words = [sys.executable, "-m", "registry.cli.main", "log", "prove", lost.id]
    proof = subprocess.run(words, capture_output=True, text=True, check=True, env=environment, timeout=60).stdout
    assert f"\nindex {entry}\n" in proof


def test_a_dossier_does_not_replace_a_file_unasked(desk: Desk) -> None:
    desk.dossier.write_text("another")
    refused = desk.run("export", str(desk.dossier), "--reason", WHY)
    assert (refused.returncode, desk.dossier.read_text()) == (2, "another")
    assert "is there already" in refused.stderr
    desk.ask("export", str(desk.dossier), "--reason", WHY, "--force")
    assert desk.check(desk.dossier).returncode == 0


def test_the_help_of_acts_lists_the_check(desk: Desk) -> None:
    assert re.search(r"^ +check +Check a dossier", desk.run("--help").stdout, re.MULTILINE)
