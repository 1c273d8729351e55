"""The applications of registry/demo/applications.json, changed member by member, as the rules see them."""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any, Final

from registry.core.agreement import Form
from registry.core.certificate.claims import Claims, NoteCode, RulesSet
from registry.core.product.product import Product
from registry.core.rules.finding import Intake, Kept

FILE = json.loads((Path(__file__).parents[2] / "registry" / "demo" / "applications.json").read_text())
APPLICATIONS: Mapping[str, Mapping[str, Any]] = {item["key"]: item for item in FILE["applications"]}
DEFECTS: list[dict[str, str]] = FILE["defects"]
BESIDE_CLAIMS = {"key", "note", "scheme", "rules_set", "issued_in", "presented_in"}
TODAY = date(2026, 11, 18)
MISSING: Final = object()
AGREED = "agreed_rules_set"
REGISTERED: Mapping[str, Any] = {
    "principal_name": None,
    "principal_tax_id": None,
    "by_agent": False,
    "mandated": False,
    "form": None,
    "lost_until": None,
    "kept": {},
    "sheet": None,
    "sheets": {},
    "registered": {},
    "related": (),
    "place_left": None,
}
"""What the register, the agreement and the product file say beside the application; a product is named by its id."""
PRODUCT: Mapping[str, Any] = {
    "description": "Товар",
    "hs_code": "870193",
    "manufacturer": {"name": "Изготовитель", "address": "Минск", "country": "BY"},
    "origin_basis": "Полностью произведён",
    "files": 1,
}


def changed(value: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of `value` where each path has its new member, or none where that is `MISSING`."""
    copy: Any = deepcopy(dict(value))
    for path, new in changes.items():
        *steps, last = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path)]
        target = copy
        for step in steps:
            target = target.setdefault(step, {}) if isinstance(target, dict) else target[step]
        if new is MISSING:
            del target[last]
        elif isinstance(target, list) and last == len(target):
            target.append(new)
        else:
            target[last] = new
    return dict(copy)


def claims_of(application: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that are claims."""
    return {name: member for name, member in application.items() if name not in BESIDE_CLAIMS}


def intake(key: str, changes: Mapping[str, Any] | None = None, *, today: date = TODAY) -> Intake:
    """Return an application with `changes`, under the agreement that the file's own rules set stands for."""
    original = {**APPLICATIONS[key], **REGISTERED, AGREED: APPLICATIONS[key]["rules_set"]}
    application = changed(original, changes or {})
    agreed = application.pop(AGREED)
    registered = {name: application.pop(name) for name in REGISTERED}
    registered["form"] = registered["form"] and Form(registered["form"])
    registered["related"] = frozenset(NoteCode(code) for code in registered["related"])
    registered["kept"] = {id: _kept(value) for id, value in registered["kept"].items()}
    draft = claims_of(application)
    registered["sheets"] = {
        k: Claims.draft(changed(draft, other), draft["declaration"]["applicant"])
        for k, other in registered["sheets"].items()
    }
    return Intake(
        claims=Claims.draft(draft, draft["declaration"]["applicant"]),
        scheme=application["scheme"],
        rules_set=RulesSet(application["rules_set"]),
        issued_in=application["issued_in"],
        presented_in=application["presented_in"],
        agreed_rules_set=agreed,
        today=today,
        **registered,
    )


def _kept(value: Mapping[str, Any]) -> Kept:
    content = {**PRODUCT, **value}
    return Kept(files=content.pop("files"), product=Product.parse(content))
