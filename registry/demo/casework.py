"""The demo's applications, and what its people do with one: drafted, approved and issued by three of them."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from registry.demo.birth import CAST
from registry.demo.country import Country
from registry.demo.desk import Desk, wait_for

DATA = Path(__file__).with_name("applications.json")
EXPERTS, EXPERT_ACT_HOLDS = {"BY": "А. Н. Сакович", "UZ": "D. R. Rahimov"}, timedelta(days=90)
"""Who made the expert acts of the demo, and for how long such an act holds there."""
STANDS_BESIDE = ("key", "scheme", "rules_set", "issued_in", "presented_in", "note")


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
