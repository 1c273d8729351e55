"""Whatever a stranger or anyone with a role asks of any operation has a documented answer, and none is our fault.

Requests are made from the OpenAPI by schemathesis, right and wrong ones. Each role asks them all: most that name a
thing name one that is there, and carry the headers without which nothing deeper would be reached.
"""

import secrets
import unittest
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance

from registry.store.parties import Role
from tests.api.matrix import PEOPLE
from tests.fuzz.sending import Fuzzed

load_all_checks()
PLACE = "http://fuzzed"
HEADERS: Mapping[str, Callable[[int], str]] = {
    "Idempotency-Key": lambda _version: secrets.token_hex(8),
    "If-Match": lambda version: f'"{version}"',
    "X-File-Name": lambda _version: "act.pdf",
}
"""Headers that the operations want, spelled as they are to be."""


@dataclass(frozen=True)
class Drawn:
    """A request that was drawn, and whether it names a thing that is there and carries the headers that are wanted."""

    case: Case[Any]
    raw: Mapping[str, Any]
    named: bool
    headed: bool


@pytest.fixture(scope="module")
def drawn(fuzzed: Fuzzed, cases: int) -> list[Drawn]:
    """Draw as many requests as each role is to ask, the same in each run, and alike of each operation."""
    schema = schemathesis.openapi.from_dict(dict(fuzzed.documented.schema))
    operations = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    assert len(operations) == len(list(fuzzed.documented.operations()))
    found: list[Drawn] = []
    round_ = 0
    while len(found) < cases:
        for operation in operations:
            for mode in GenerationMode:
                found += _draw(operation, mode, count=-(-cases // (2 * len(operations))), round_=round_)
        round_ += 1
    return found


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role or "nobody")
def test_every_operation_answers_as_it_is_documented(fuzzed: Fuzzed, drawn: list[Drawn], role: Role | None) -> None:
    before = len(fuzzed.faults)
    for each in drawn:
        _ask(fuzzed, each, role)
    assert fuzzed.cases[role or "nobody"] >= len(drawn) * 9 // 10
    assert not fuzzed.faults[before:], "\n".join(fuzzed.faults[before : before + 20])


def _draw(operation: Any, mode: GenerationMode, *, count: int, round_: int) -> list[Drawn]:
    found: list[Drawn] = []

    @seed(round_)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.integers(0, 2), st.integers(0, 9))
    def keep(case: Case[Any], named: int, headed: int) -> None:
        found.append(Drawn(case, operation.definition.raw, named=named < 2, headed=headed < 9))

    with suppress(Unsatisfiable, unittest.SkipTest):  # there is no wrong way to ask what takes nothing
        keep()
    return found


def _ask(fuzzed: Fuzzed, drawn: Drawn, role: Role | None) -> None:
    """Send a request as the role."""
    case, raw = drawn.case, drawn.raw
    thing = fuzzed.thing(raw, role)
    if raw["operationId"] == "verify_held_certificate":
        fuzzed.corridor.clock.forward(timedelta(minutes=1))  # else all but the first would be too many
    try:
        request = requests.Request(**case.as_transport_kwargs(PLACE)).prepare()
    except (requests.RequestException, UnicodeError, ValueError):
        return
    split = urlsplit(str(request.url))
    path, body = split.path, request.body.encode() if isinstance(request.body, str) else request.body
    headers: dict[str, Any] = dict(request.headers)
    if drawn.named and thing.places:
        path = case.operation.path.format_map({name: quote(str(place)) for name, place in thing.places.items()})
    if drawn.headed:
        wanted = {parameter["name"] for parameter in raw.get("parameters", ())}
        headers |= {name: spell(thing.version) for name, spell in HEADERS.items() if name in wanted}
    if role is not None:
        headers["Authorization"] = f"Bearer {fuzzed.world.country.tokens[PEOPLE[role]]}"
    target = f"{path}?{split.query}" if split.query else path
    answer = fuzzed.send(role or "nobody", case.method, target, headers, body if isinstance(body, bytes) else None)
    if answer is None or answer.headers.get("content-type") != "application/json":
        return
    try:
        case.validate_response(answer, checks=[response_schema_conformance])
    except (Failure, FailureGroup) as failure:
        fuzzed.faults.append(f"{role}: {case.method} {target!a}: {ascii(str(failure))[:600]}")
