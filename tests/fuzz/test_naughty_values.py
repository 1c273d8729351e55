"""Every naughty value in every field: of a body, the path, the query, and the headers. None is our fault.

A report that carries half of a surrogate pair would kill the process that runs the test: what is shown of a value is
its ASCII.
"""

import json
import random
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from registry.api.operation import ROLES
from registry.store.parties import Role
from tests.api.desk import PDF, QUERIES
from tests.api.matrix import PEOPLE, Thing
from tests.conftest import CASES
from tests.fuzz.naughty import TEXTS, bodies, put, values
from tests.fuzz.sending import Fuzzed, code_of

SAMPLE = 250
"""How many values of each kind are asked in each run of all tests; by `make fuzz` every one is."""


@dataclass(frozen=True)
class Asked:
    """An operation, who may ask it, and what it is asked about."""

    method: str
    path: str
    raw: Mapping[str, Any]
    role: Role | None
    thing: Thing

    def target(self, more: Mapping[str, str] | None = None, **places: str) -> str:
        filled = {"origin": "0" * 64, "path": "0/000.p/1", "id": "0" * 64, **self.thing.places}
        path = self.path.format_map({name: quote(str(place), safe="") for name, place in filled.items()} | places)
        query = {**QUERIES.get(self.raw["operationId"], {}), **(more or {})}
        return f"{path}?{urlencode(query)}" if query else path


@pytest.fixture(scope="module")
def operations(fuzzed: Fuzzed) -> list[Asked]:
    return [
        Asked(method, path, raw, next((Role(role) for role in raw[ROLES]), None), fuzzed.thing(raw, None))
        for method, path, raw in fuzzed.documented.operations()
    ]


def send(
    fuzzed: Fuzzed, asked: Asked, target: str | None = None, body: bytes | None = None, **headers: str
) -> dict[str, Any] | None:
    """Ask an operation as who may, with one value that is naughty; return what was made, if anything was."""
    reads = asked.raw.get("requestBody", {}).get("content", {})
    sent = {"Idempotency-Key": secrets.token_hex(8), "If-Match": f'"{asked.thing.version}"', "X-File-Name": "act.pdf"}
    if asked.role is not None:
        sent["Authorization"] = f"Bearer {fuzzed.world.country.tokens[PEOPLE[asked.role]]}"
    if reads:
        sent["Content-Type"] = next(iter(reads))
        body = (json.dumps(asked.thing.body).encode() if "application/json" in reads else PDF) if body is None else body
    if asked.raw["operationId"] == "verify_held_certificate":
        fuzzed.corridor.clock.forward(timedelta(minutes=1))
    answer = fuzzed.send("naughty", asked.method, target or asked.target(), {**sent, **headers}, body)
    made = answer is not None and answer.status_code == 201 and code_of(answer) is None
    return answer.json() if made and answer is not None else None


def chosen(every: Iterator[Any], cases: int) -> list[Any]:
    """Return all, or the same few in each run where few are asked for."""
    found = list(every)
    few = random.Random(SAMPLE)  # noqa: S311  the same few each time, and no secret
    return found if cases > CASES else few.sample(found, min(SAMPLE, len(found)))


def test_each_value_in_each_member_of_each_body(fuzzed: Fuzzed, operations: list[Asked], cases: int) -> None:
    """A form that is taken with such a value is checked by every rule, too."""
    before = len(fuzzed.faults)
    places = [
        (asked, body) for asked in operations if asked.thing.body is not None for body in bodies(asked.thing.body)
    ]
    for (asked, body), value in chosen(((place, value) for place in places for value in values()), cases):
        made = send(fuzzed, asked, body=put(body, value))
        if made is not None and asked.raw["operationId"] == "draft_application":
            checks = next(each for each in operations if each.raw["operationId"] == "check_application")
            send(fuzzed, checks, checks.target(id=made["id"]))
    assert not fuzzed.faults[before:], "\n".join(fuzzed.faults[before : before + 20])


def test_each_text_in_each_parameter(fuzzed: Fuzzed, operations: list[Asked], cases: int) -> None:
    before = len(fuzzed.faults)
    named = [
        (asked, parameter["in"], parameter["name"])
        for asked in operations
        for parameter in [*asked.raw.get("parameters", ()), {"in": "header", "name": "Authorization"}]
    ]
    for (asked, where, name), text in chosen(((each, text) for each in named for text in TEXTS), cases):
        match where:
            case "query":
                send(fuzzed, asked, asked.target({name: text}))
            case "path":
                send(fuzzed, asked, asked.target(None, **{name: quote(text, safe="")}))
                send(fuzzed, asked, asked.target(None, **{name: quote(text)}))
            case _:
                send(fuzzed, asked, None, None, **{name: text})
                send(fuzzed, asked, None, None, **{name: quote(text)})
    assert not fuzzed.faults[before:], "\n".join(fuzzed.faults[before : before + 20])


def test_each_text_as_a_whole_body_and_as_a_query(fuzzed: Fuzzed, operations: list[Asked], cases: int) -> None:
    before = len(fuzzed.faults)
    for asked, text in chosen(((asked, text) for asked in operations for text in TEXTS), cases):
        send(fuzzed, asked, body=text.encode())
        send(fuzzed, asked, f"{asked.target().partition('?')[0]}?{quote(text, safe='=&+;%/')}")
        send(fuzzed, asked, None, b"{}", **{"Content-Type": text})
    assert not fuzzed.faults[before:], "\n".join(fuzzed.faults[before : before + 20])
