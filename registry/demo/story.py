"""What happens between the two countries (DESIGN 2): told as it happens, and stopped where it is not as told."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from registry.core import canonical
from registry.demo.birth import CAST, Tell
from registry.demo.country import Country
from registry.demo.desk import Desk, NotAsTold, answers, wait_for

DATA = Path(__file__).with_name("applications.json")
VC_JWT, ENVELOPE = "application/vc+jwt", "application/vnd.registry.envelope+json"
EXPERTS, EXPERT_ACT_HOLDS = {"BY": "А. Н. Сакович", "UZ": "D. R. Rahimov"}, timedelta(days=90)
"""Who made the expert acts of the demo, and for how long such an act holds there."""
STANDS_BESIDE = ("key", "scheme", "rules_set", "issued_in", "presented_in", "note")
LATER = (
    ("PDF with QR, offline from paper", "steps 3 and 6"),
    ("published status lists", "step 7"),
    ("quantity reserved, consumed, released", "step 6"),
    ("verification request with its clocks", "step 8"),
)


@dataclass
class Tally:
    """What is counted on the way, for the table at the end."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def issued(self, what: str, number: str, way: str, verdict: str) -> None:
        """Count a certificate that crossed."""
        self.rows.append((what, number, way, verdict))

    def refuse(self, what: str, why: str) -> None:
        """Count something that was stopped."""
        self.refused.append((what, why))


def applications(today: date | None = None) -> Mapping[str, dict[str, Any]]:
    """Return the applications of the data file by key, their dates moved so that the newest is today."""
    source = json.loads(DATA.read_text())["applications"]
    newest = max(date.fromisoformat(found) for found in re.findall(r"\d{4}-\d\d-\d\d", json.dumps(source)))
    shift = (today or datetime.now(UTC).date()) - newest
    return {application["key"]: _moved(application, shift) for application in source}


def exporters_of(country: str) -> list[dict[str, str]]:
    """Return the exporters of a country that the data file names, each with the person who signs."""
    return [
        {
            "key": key,
            "name": application["consignor_exporter"]["name"],
            "address": application["consignor_exporter"]["address"],
            "tax_id": application["consignor_exporter"]["tax_id"],
            "person": application["declaration"]["signatory"],
        }
        for key, application in applications().items()
        if application["issued_in"] == country
    ]


def corridor(countries: Mapping[str, Country]) -> Mapping[str, dict[str, Any]]:
    """Return the applications whose both ends are countries of the demo."""
    return {
        key: application
        for key, application in applications().items()
        if {application["issued_in"], application["presented_in"]} <= countries.keys()
    }


def form(application: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request that drafts an application."""
    claims = {name: value for name, value in application.items() if name not in STANDS_BESIDE}
    declared = date.fromisoformat(application["declaration"]["date"])
    claims["expert_act"] = {
        "number": f"АЭ-{declared:%m%d}",
        "until": (declared + EXPERT_ACT_HOLDS).isoformat(),
        "expert": EXPERTS[application["issued_in"]],
        "goods": "товары заявки",
        "rules_set": application["rules_set"],
    }
    return {
        "scheme": application["scheme"],
        "rules_set": application["rules_set"],
        "presented_in": application["presented_in"],
        "body": CAST[application["issued_in"]]["body"][0],
        "claims": claims,
    }


def draft(country: Country, key: str, application: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the product with evidence and draft the application."""
    exporter = Desk(country, key)
    item = application["items"][0]
    consignor = application["consignor_exporter"]
    maker = {name: consignor[name] for name in ("name", "address", "country", "tax_id")}
    product = exporter.post(
        "/api/v1/products",
        {
            "description": item["description"],
            "hs_code": item["hs_code"],
            "manufacturer": maker,
            "origin_basis": "Полностью произведён либо достаточно переработан; см. акт экспертизы.",
        },
    ).body
    exporter.upload(f"/api/v1/products/{product['id']}/evidence", "akt-ekspertizy.pdf", _paper(key))
    filled = form(application)
    filled["claims"]["items"][0]["product"] = product["id"]
    drafted: dict[str, Any] = exporter.post("/api/v1/applications", filled).body
    return drafted


def approve(country: Country, key: str, application: Mapping[str, Any]) -> dict[str, Any]:
    """Take an application from the draft to approval: three people, each with their own token."""
    exporter, examiner = Desk(country, key), Desk(country, "examiner")
    path = f"/api/v1/applications/{draft(country, key, application)['id']}"
    exporter.get(f"{path}/findings")
    exporter.post(f"{path}/submit")
    examiner.post(f"{path}/take-up")
    offered = examiner.post(f"{path}/offer-draft").body
    accepted: dict[str, Any] = exporter.post(f"{path}/accept", {"draft": offered["draft"]}).body
    return accepted


def issue(country: Country, approved: Mapping[str, Any]) -> dict[str, Any]:
    """Issue the certificate of an approved application."""
    path = f"/api/v1/applications/{approved['id']}/issue"
    issued: dict[str, Any] = Desk(country, "signatory").post(path, {"draft": approved["draft"]}).body
    return issued


def delivered(country: Country, certificate: Mapping[str, Any], seconds: float = 60) -> dict[str, Any]:
    """Wait until the other country has acknowledged a certificate and the proof that its own witness made possible."""

    def look() -> dict[str, Any] | None:
        view: dict[str, Any] = Desk(country, "signatory").get(certificate["href"]).body
        return view if view.get("delivery", {}).get("proof") == "delivered" else None

    return wait_for(look, f"the receipt for {certificate['number']}", seconds)


def tell(countries: Mapping[str, Country], say: Tell, work: Path) -> Tally:
    """Tell the whole story; raises `NotAsTold` where the system does something else."""
    tally = Tally()
    crossing = {
        key: _cross(countries, key, application, say, tally) for key, application in corridor(countries).items()
    }
    _stop_defective(countries, say, tally)
    _show_forged(countries, crossing["tractors"], say, tally)
    _show_at_wrong_border(countries, crossing["tractors"], say, tally)
    _annul(countries, crossing["milk-powder"], say, tally)
    _verify_offline(countries, crossing, say, work)
    _live_without_peer(countries, say, tally)
    _audit(countries, crossing["tractors"], say, work)
    return tally


def _cross(
    countries: Mapping[str, Country], key: str, application: Mapping[str, Any], say: Tell, tally: Tally
) -> dict[str, Any]:
    home, abroad = countries[application["issued_in"]], countries[application["presented_in"]]
    certificate = issue(home, approve(home, key, application))
    say(f"{home.code} → {abroad.code}  {key}: drafted, examined and signed by three people: {certificate['number']}")
    view = delivered(home, certificate)
    officer = Desk(abroad, "officer")
    by_number = officer.post("/api/v1/verifications", {"number": certificate["number"].lower()}).body
    shown = Desk(home, key).get(certificate["href"], ENVELOPE).text
    by_file = officer.post("/api/v1/verifications", {"certificate": shown}).body
    for verdict in (by_number, by_file):
        _expect(verdict, "TOTAL-PASSED", certificate["number"])
    say(f"       receipt: {view['delivery']['outcome']}; customs by number and by file: {by_number['indication']}")
    tally.issued(key, certificate["number"], f"{home.code} → {abroad.code}", by_number["indication"])
    return {**certificate, "envelope": shown}


def _stop_defective(countries: Mapping[str, Country], say: Tell, tally: Tally) -> None:
    application = deepcopy(applications()["grapes"])
    application["items"][1]["quantity"]["net_kg"] = "1300"
    application["items"][0]["quantity"]["unit"] = "kg"
    home = countries[application["issued_in"]]
    path = f"/api/v1/applications/{draft(home, 'grapes', application)['id']}/submit"
    refusal = Desk(home, "grapes").post(path, expect=422).body
    severe = [finding for finding in refusal["findings"] if finding["severity"] == "severe"]
    say(f"{home.code}  a defective application is stopped: {refusal['title']}")
    for finding in severe:
        say(f"       {finding['path']}: {finding['message']['ru']} [{finding['source']}]")
    tally.refuse("application with defects", ", ".join(sorted({finding["rule"] for finding in severe})))


def _show_forged(countries: Mapping[str, Country], certificate: Mapping[str, Any], say: Tell, tally: Tally) -> None:
    head, body, signature = json.loads(certificate["envelope"])["certificate"].split(".")
    payload = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    payload["credentialSubject"]["claims"]["items"][0]["quantity"]["value"] = "120"
    altered = base64.urlsafe_b64encode(canonical.encode(payload)).rstrip(b"=").decode()
    forged = (
        Desk(countries["UZ"], "officer")
        .post("/api/v1/verifications", {"certificate": f"{head}.{altered}.{signature}"})
        .body
    )
    _expect(forged, "TOTAL-FAILED", "the forged certificate", "signature-wrong")
    say(f"UZ  12 tractors made 120 with the same signature: {_why(forged)}")
    tally.refuse("forged certificate", _why(forged))


def _show_at_wrong_border(
    countries: Mapping[str, Country], certificate: Mapping[str, Any], say: Tell, tally: Tally
) -> None:
    verdict = Desk(countries["BY"], "officer").post("/api/v1/verifications", {"number": certificate["number"]}).body
    _expect(verdict, "TOTAL-FAILED", "a certificate for Uzbekistan in Minsk", "destination-elsewhere")
    say(f"BY  a certificate for Uzbekistan shown to Belarusian customs: {_why(verdict)}")
    tally.refuse("certificate for the other country", _why(verdict))


def _annul(countries: Mapping[str, Country], certificate: Mapping[str, Any], say: Tell, tally: Tally) -> None:
    home, abroad = countries["BY"], countries["UZ"]
    path = f"{certificate['href']}/annulment"
    proposal = {"reason": "Акт экспертизы отозван экспертом.", "effective_from": certificate["issue_date"]}
    Desk(home, "signatory").post(path, proposal)
    Desk(home, "signatory").post(f"{path}/confirm", expect=403)
    Desk(home, "second_signatory").post(f"{path}/confirm")
    officer = Desk(abroad, "officer")

    def look() -> dict[str, Any] | None:
        verdict: dict[str, Any] = officer.post("/api/v1/verifications", {"number": certificate["number"]}).body
        return verdict if verdict["indication"] == "TOTAL-FAILED" else None

    verdict = wait_for(look, "the annulment at the other country's customs")
    _expect(verdict, "TOTAL-FAILED", "the annulled certificate", "annulled")
    say(f"BY  annulled by two people, from the day of issue; UZ customs: {_why(verdict)}")
    tally.refuse("annulled certificate", _why(verdict))


def _verify_offline(
    countries: Mapping[str, Country], crossing: Mapping[str, Mapping[str, Any]], say: Tell, work: Path
) -> None:
    abroad = countries["UZ"]
    bundle, shown = work / "customs.bundle", work / "certificate.json"
    made = abroad.run("bundle", "make", str(bundle), token=abroad.token("officer"))
    pins = abroad.keys / "trust"
    shown.write_text(str(crossing["tractors"]["envelope"]))
    verdict = abroad.run("verify", str(shown), "--bundle", str(bundle), "--pins", str(pins))
    _expect(verdict, "TOTAL-PASSED", "the same file offline")
    say(f"UZ  bundle {made['sequence']} ({made['bytes']} bytes); the file with no network: {verdict['indication']}")


def _live_without_peer(countries: Mapping[str, Country], say: Tell, tally: Tally) -> None:
    home, abroad = countries["BY"], countries["UZ"]
    application = applications()["medicines"]
    approved = approve(home, "medicines", application)
    abroad.stop("serve")
    say("UZ  the node is stopped; Minsk goes on issuing")
    certificate = issue(home, approved)
    say(f"BY → UZ  medicines: {certificate['number']} issued and logged; witness and customs of UZ are away")
    abroad.start("serve")
    wait_for(lambda: answers(abroad), "UZ back")
    view = delivered(home, certificate)
    say(f"UZ  is back and has cosigned; receipt: {view['delivery']['outcome']}, the proof has come")
    verdict = Desk(abroad, "officer").post("/api/v1/verifications", {"number": certificate["number"]}).body
    _expect(verdict, "TOTAL-PASSED", certificate["number"])
    tally.issued("medicines, peer away", certificate["number"], "BY → UZ", verdict["indication"])


def _audit(countries: Mapping[str, Country], certificate: Mapping[str, Any], say: Tell, work: Path) -> None:
    home, abroad = countries["BY"], countries["UZ"]
    policy, dossier = work / "by.policy", work / "dossier.json"
    home.run("log", "policy", "--out", str(policy))
    seen = abroad.run("log", "monitor", f"{home.url}/log", "--policy", str(policy), "--state", str(work / "monitor"))
    say(f"UZ  reads the log of BY from outside: {seen['size']} entries, one history, cosigned {seen['witnessed']}")
    checked = home.run("fsck")
    if checked["discrepancies"]:
        raise NotAsTold(f"fsck: {checked['discrepancies']}")
    say("BY  fsck: every hash, signature, column and checkpoint agrees")
    reason = ("--reason", "учебный запрос", "--number", str(certificate["number"]))
    home.run("acts", "export", str(dossier), *reason, token=home.token("auditor"))
    report = home.run("acts", "check", str(dossier), "--pins", str(abroad.keys / "trust"))
    if report["wrong"]:
        raise NotAsTold(f"the dossier: {report}")
    say(f"BY  dossier of {certificate['number']} checked with no network: {report['proved']} acts proved")


def _expect(verdict: Mapping[str, Any], indication: str, what: str, code: str | None = None) -> None:
    codes = {finding["code"] for finding in verdict["findings"]}
    if verdict["indication"] != indication or (code is not None and code not in codes):
        raise NotAsTold(f"{what}: {verdict['indication']}, expected {indication} {code or ''}: {verdict['findings']}")


def _why(verdict: Mapping[str, Any]) -> str:
    decisive = next(finding for finding in verdict["findings"] if finding["outcome"] == "failed")
    return f"{verdict['indication']}, {decisive['check']}: {decisive['sentence']}"


def _moved(application: Mapping[str, Any], shift: timedelta) -> dict[str, Any]:
    def move(found: re.Match[str]) -> str:
        return f'"{(date.fromisoformat(found[1]) + shift).isoformat()}"'

    moved: dict[str, Any] = json.loads(re.sub(r'"(\d{4}-\d\d-\d\d)"', move, json.dumps(application)))
    return moved


def _paper(key: str) -> bytes:
    """Return a small PDF file that differs for each product."""
    return b"".join(_pdf_lines(f"Expert act, training: {key}"))


def _pdf_lines(text: str) -> Iterator[bytes]:
    stream = f"BT /F1 18 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R\n"
            b"/Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    yield body
    yield b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    yield b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))
