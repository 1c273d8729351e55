"""How the fuzzing tests ask: raw requests at an open node, each answer held to what is documented, each fault kept."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from registry.api.app import create_app
from registry.api.operation import ROLES
from registry.store.parties import Role
from tests.api.desk import PROBLEM, Documented
from tests.api.matrix import Thing, World
from tests.kit import Corridor

LISTED = Path(__file__).resolve().parents[2] / "api_docs" / "problems.md"
BY_DESIGN = {"proof-pending"}
"""The codes of a 503 that say when to ask again."""


@dataclass
class Fuzzed:
    """A node that is asked whatever can be asked, the answers counted by role, and what was wrong with any of them."""

    corridor: Corridor
    world: World
    http: TestClient
    documented: Documented
    cases: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    things: dict[tuple[str, Role], Thing] = field(default_factory=dict)
    codes: frozenset[str] = field(
        default_factory=lambda: frozenset(re.findall(r"^\| `([^`]+)`", LISTED.read_text(), re.MULTILINE))
    )

    def thing(self, operation: Mapping[str, Any], who: Role | None) -> Thing:
        """Return a thing that exists, the role's own where it has one; what is done to it stays done."""
        roles = operation[ROLES]
        if not roles:
            return Thing({})
        role = who if who is not None and who in roles else Role(next(iter(roles)))
        key = operation["operationId"], role
        if key not in self.things:
            self.things[key] = self.world.thing(*key)
        return self.things[key]

    def send(
        self, who: str, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> httpx2.Response | None:
        """Send a request and keep what is wrong with its answer; None where no client can write it."""
        try:
            request = self.http.build_request(method, target, headers=dict(headers), content=body)
        except (httpx2.InvalidURL, UnicodeEncodeError, ValueError):
            return None
        answer = self.http.send(request)
        self.cases[who] += 1
        self.statuses.setdefault(who, Counter())[answer.status_code] += 1
        self.answers[code_of(answer) or str(answer.status_code)] += 1
        fault = self.fault(answer)
        if fault is not None:
            self.faults.append(f"{who}: {method} {ascii(target)[:200]} {ascii(body)[:300]}: {ascii(fault)[:600]}")
        return answer

    def fault(self, answer: httpx2.Response) -> str | None:
        """Return what is wrong with an answer."""
        try:
            self.documented.hold(answer)
        except (AssertionError, KeyError, ValueError) as fault:
            return f"{answer.status_code}: {fault}"
        code = code_of(answer)
        if code is not None and code not in self.codes:
            return f"the code {code} is not listed"
        if answer.status_code >= 500 and code not in BY_DESIGN and answer.url.path != "/health/ready":
            return f"{answer.status_code} {answer.text}"
        return None

    def told(self) -> str:
        """Return the table of what was asked, by role."""
        rows = [
            f"{who:12} {count:6} cases  "
            + "  ".join(f"{status}: {times}" for status, times in sorted(self.statuses[who].items()))
            for who, count in sorted(self.cases.items())
        ]
        seen = ", ".join(f"{code} {times}" for code, times in self.answers.most_common())
        return "\n".join([*rows, seen, f"faults: {len(self.faults)}"])


def code_of(answer: httpx2.Response) -> str | None:
    """Return the code of a refusal."""
    return str(answer.json()["code"]) if answer.headers.get("content-type") == PROBLEM else None


def open_fuzzed(corridor: Corridor, world: World, documented: Documented) -> Fuzzed:
    """Open the node of a world to whatever may come."""
    http = TestClient(create_app(world.country.node), raise_server_exceptions=False)
    return Fuzzed(corridor, world, http, documented)
