"""What happens between the two countries (DESIGN 2): told as it happens, and stopped where it is not as told."""

import base64
import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry.core import canonical
from registry.demo import casework
from registry.demo.birth import Tell
from registry.demo.country import Country
from registry.demo.desk import Desk, NotAsTold, answers, wait_for

VC_JWT, ENVELOPE = "application/vc+jwt", "application/vnd.registry.envelope+json"
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


def tell(countries: Mapping[str, Country], say: Tell, work: Path) -> Tally:
    """Tell the whole story; raises `NotAsTold` where the system does something else."""
    tally = Tally()
    crossing = {
        key: _cross(countries, key, application, say, tally)
        for key, application in casework.corridor(countries).items()
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
    certificate = casework.issue(home, casework.approve(home, key, application))
    say(f"{home.code} → {abroad.code}  {key}: drafted, examined and signed by three people: {certificate['number']}")
    view = casework.delivered(home, certificate)
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
    application = deepcopy(casework.applications()["grapes"])
    application["items"][1]["quantity"]["net_kg"] = "1300"
    application["items"][0]["quantity"]["unit"] = "kg"
    home = countries[application["issued_in"]]
    path = f"/api/v1/applications/{casework.draft(home, 'grapes', application)['id']}/submit"
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
    read = {"proposal": Desk(home, "signatory").post(path, proposal).body["id"]}
    Desk(home, "signatory").post(f"{path}/confirm", read, expect=403)
    Desk(home, "second_signatory").post(f"{path}/confirm", read)
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
    application = casework.applications()["medicines"]
    approved = casework.approve(home, "medicines", application)
    abroad.stop("serve")
    say("UZ  the node is stopped; Minsk goes on issuing")
    certificate = casework.issue(home, approved)
    say(f"BY → UZ  medicines: {certificate['number']} issued and logged; witness and customs of UZ are away")
    abroad.start("serve")
    wait_for(lambda: answers(abroad), "UZ back")
    view = casework.delivered(home, certificate)
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
