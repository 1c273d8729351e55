"""Every command of every guide, typed in its order at two running nodes; what is not run says why, and is counted."""

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.demo import casework, story
from registry.demo.country import Country
from registry.demo.desk import Desk
from tests.guide import GUIDES, NOT_RUN, ROOT, YOURS, Reader, blocks
from tests.two_nodes.world import settle

LEFT_OUT = {"auditor.md": 2, "body.md": 1, "customs.md": 0, "exporter.md": 0, "importer.md": 0, "operator.md": 8}
PROGRAMS = ("curl", "jq", "openssl")

pytestmark = pytest.mark.skipif(
    any(shutil.which(program) is None for program in PROGRAMS), reason=f"a reader has {', '.join(PROGRAMS)}"
)


def test_what_is_not_run_says_why_and_names_a_test_where_one_does_it() -> None:
    found = {}
    for path in sorted(GUIDES.glob("*.md")):
        shells = [block for block in blocks(path.name) if block.language != "json"]
        assert {block.language for block in shells} == {"sh"}, path.name
        skipped = [block.said for block in shells if block.said.startswith(NOT_RUN)]
        assert all(block.said in {"", YOURS} or block.said in skipped for block in shells), path.name
        for said in skipped:
            assert len(said) > len(NOT_RUN) + 10
            for named in re.findall(r"tests/\S+\.py", said):
                assert (ROOT / named).is_file(), said
        found[path.name] = len(skipped)
    assert found == LEFT_OUT


def test_the_exporters_guide_leads_to_a_certificate(running: Mapping[str, Country], tmp_path: Path) -> None:
    home = running["BY"]
    offered: dict[str, str] = {}

    def offer() -> str:
        listed = Desk(home, "examiner").get("/api/v1/applications?state=submitted&order=newest").body["items"]
        path = f"/api/v1/applications/{listed[0]['id']}"
        Desk(home, "examiner").post(f"{path}/take-up")
        offered.update(Desk(home, "examiner").post(f"{path}/offer-draft").body)
        return offered["draft"]

    def issue() -> str:
        number: str = casework.issue(home, offered)["number"]
        return number

    answers = {
        "NODE": lambda: home.url,
        "TOKEN": lambda: home.token("milk-powder"),
        "DRAFT": offer,
    }
    reader = _reader(home, tmp_path, answers, {"jq -r .certificate.href": issue})
    reader.follow("exporter.md")
    assert json.loads((tmp_path / "certificate.json").read_text())["certificate"]


def test_the_bodys_guide_examines_issues_and_annuls(running: Mapping[str, Country], tmp_path: Path) -> None:
    home = running["BY"]
    application: dict[str, str] = casework.draft(home, "tractors", casework.applications()["tractors"])
    path = f"/api/v1/applications/{application['id']}"
    Desk(home, "tractors").post(f"{path}/submit")
    taken_up = []
    for _ in range(2):
        other: dict[str, str] = casework.draft(home, "tractors", casework.applications()["tractors"])
        Desk(home, "tractors").post(f"/api/v1/applications/{other['id']}/submit")
        Desk(home, "examiner").post(f"/api/v1/applications/{other['id']}/take-up")
        taken_up.append(other["id"])
    reader: Reader = _reader(
        home,
        tmp_path,
        {
            "NODE": lambda: home.url,
            "APPLICATION": lambda: application["id"],
            "RETURNED": lambda: taken_up[0],
            "REFUSED": lambda: taken_up[1],
            "EXAMINER": lambda: home.token("examiner"),
            "SIGNATORY": lambda: home.token("signatory"),
            "SECOND": lambda: home.token("second_signatory"),
            "BODY": lambda: home.people["examiner"]["organisation"],
            "REGISTRY_TOKEN": lambda: home.token("operator"),
            "OTHER": lambda: home.token("second_operator"),
        },
        {"/issue": lambda: Desk(home, "tractors").post(f"{path}/accept", {"draft": reader.value("DRAFT")})},
    )
    reader.follow("body.md")
    certificate = json.loads(reader.value("CERTIFICATE"))
    listed = Desk(home, "signatory").get(f"/api/v1/certificates?number={certificate['number']}&status=annulled").body
    assert [item["id"] for item in listed["items"]] == [certificate["id"]]


def test_the_guide_of_customs_is_answered(running: Mapping[str, Country], tmp_path: Path) -> None:
    home, abroad = running["BY"], running["UZ"]
    certificate = _delivered(home)
    envelope = Desk(home, "tractors").get(certificate["href"], story.ENVELOPE).text
    (tmp_path / "certificate.json").write_text(envelope)
    answers = {
        "NODE": lambda: abroad.url,
        "TOKEN": lambda: abroad.token("officer"),
        "REGISTRY_TOKEN": lambda: abroad.token("officer"),
        "NUMBER": lambda: certificate["number"],
    }
    reader = _reader(abroad, tmp_path, answers)
    reader.follow("customs.md")
    assert reader.value("CURSOR")


def test_the_importers_guide_is_answered(running: Mapping[str, Country], tmp_path: Path) -> None:
    home, abroad = running["BY"], running["UZ"]
    certificate = _delivered(home)
    text = Desk(home, "tractors").get(certificate["href"], story.VC_JWT).text
    (tmp_path / "certificate.vc.jwt").write_text(text)
    answers = {
        "NODE": lambda: abroad.url,
        "REGISTRY_TOKEN": lambda: abroad.token("operator"),
        "OTHER": lambda: abroad.token("second_operator"),
        "NUMBER": lambda: certificate["number"],
        "ID": lambda: certificate["id"],
    }
    reader = _reader(abroad, tmp_path, answers)
    reader.follow("importer.md")
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert verdict["indication"] == "TOTAL-PASSED"


def test_the_auditors_guide_reads_proves_and_takes_home(running: Mapping[str, Country], tmp_path: Path) -> None:
    home, abroad = running["BY"], running["UZ"]
    certificate = _delivered(home)
    settle(running)
    for pin in (abroad.keys / "trust").glob("*.pin.json"):
        shutil.copy(pin, tmp_path)
    answers = {"REGISTRY_TOKEN": lambda: home.token("auditor"), "NUMBER": lambda: certificate["number"]}
    _reader(home, tmp_path, answers).follow("auditor.md")
    assert (tmp_path / "act.tlog-proof").read_bytes()


def test_the_operators_guide_leads_from_an_empty_machine_to_an_agreement_and_a_backup(
    running: Mapping[str, Country], tmp_path: Path
) -> None:
    home, abroad = running["BY"], running["UZ"]
    shutil.copy(home.folder.parent / "wishes.json", tmp_path)
    shutil.copy(abroad.offline / "root.cert.pem", tmp_path / "uz-root.cert.pem")
    abroad.run("trust", "show", "--out", str(tmp_path / "peer-list.jws"))

    def sign_abroad() -> None:
        for label in ("1", "2"):
            abroad.run(
                *("agreement", "sign", str(tmp_path / "agreement.json"), str(tmp_path / f"uz-{label}.jws")),
                *("--key", f"list-{label}", "--folder", str(abroad.offline)),
                *("--passphrase-file", str(abroad.secret(f"list-{label}"))),
            )

    reader = _reader(
        home,
        tmp_path,
        {
            "SPOKEN": lambda: _spoken(tmp_path / "media" / "root" / "root.cert.pem"),
            "SPOKEN_THERE": lambda: _spoken(tmp_path / "uz-root.cert.pem"),
        },
        {"agreement join": sign_abroad},
    )
    reader.environment = {name: value for name, value in reader.environment.items() if not name.startswith("REGISTRY_")}
    reader.environment |= {"REGISTRY_VAR": str(home.var), "REGISTRY_DATABASE": "registry_guide"}
    reader.follow("operator.md")


def test_the_operators_guide_says_where_the_demo_keeps_keys_and_passphrases(running: Mapping[str, Country]) -> None:
    home, said = running["BY"].folder, (GUIDES / "operator.md").read_text()
    for file, named in (("offline/list-1.key.pem", "offline"), ("passphrases/list-1", "passphrases/list-1")):
        assert (home / file).exists()
        assert f" var/demo/by/{named}`" in said


def test_every_call_that_a_guide_names_is_served() -> None:
    served = {
        (method.upper(), path)
        for path, operations in json.loads((ROOT / "api_docs" / "openapi.json").read_text())["paths"].items()
        for method in operations
    }
    for guide in sorted(GUIDES.glob("*.md")):
        for method, path in re.findall(r"\b(GET|POST|PUT) (?:…)?(/[^\s`?]+)", guide.read_text()):
            assert any(method == known and served_path.endswith(path) for known, served_path in served), (guide, path)


def _reader(
    country: Country,
    folder: Path,
    answers: Mapping[str, Callable[[], str]],
    before: Mapping[str, Callable[[], object]] | None = None,
) -> Reader:
    today = datetime.now(UTC).date()
    places = {
        "https://by.registry.example/log": f"{country.url}/log",
        "https://uz.registry.example": f"http://127.0.0.1:{country.peer_port}",
        "REGISTRY_ENV=training": "REGISTRY_ENV=demo",
        "--env training": "--env demo",
        "/etc/registry": str(folder / "etc"),
        "/media/": f"{folder}/media/",
        "/srv/": f"{folder}/srv/",
        "/var/lib/": f"{folder}/lib/",
        "2026-11-10": str(today),
        "2027-01-10": str(today + timedelta(days=60)),
    }
    return Reader(folder, dict(country.environment), places, answers, before or {})


def _spoken(certificate: Path) -> str:
    """Return the fingerprint of a root as its keeper reads it out."""
    return hashlib.sha256(base64.b64decode(certificate.read_text().split("-----")[2])).hexdigest()


def _delivered(home: Country) -> dict[str, str]:
    certificate = casework.issue(home, casework.approve(home, "tractors", casework.applications()["tractors"]))
    casework.delivered(home, certificate)
    return certificate
