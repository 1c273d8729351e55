"""The matrix of roles: every operation x role x organisation x country, each cell asked over HTTP (PROMISES S1)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine, event

from registry.api.operation import HIDES, ROLES, Reach
from registry.store.parties import Role
from tests.api.desk import Documented, assert_problem, open_office
from tests.api.matrix import PEOPLE, THINGS, Thing, World, absent, ask, register_outsiders
from tests.kit import Forge

Operation = tuple[str, str, Mapping[str, Any]]
PASSING = ("x-request-id", "date")
"""Headers that differ from answer to answer."""


@dataclass
class Matrix:
    """Both countries, and a thing of each kind that no cell uses up: where the answer is no, nothing is done."""

    here: World
    there: World
    kept: dict[tuple[str, str, Role], Thing] = field(default_factory=dict)

    @property
    def tokens(self) -> Mapping[str, str]:
        return self.here.country.tokens

    def refused(self, world: World, operation: str, role: Role) -> Thing:
        key = world.country.code, operation, role
        if key not in self.kept:
            self.kept[key] = world.thing(operation, role)
        return self.kept[key]

    def ask(self, found: Operation, token: str, thing: Thing) -> httpx2.Response:
        return ask(self.here.here, *found, token, thing)

    def check_secret(self, found: Operation, token: str, thing: Thing, status: int, code: str) -> None:
        """Check that a refusal is the same, word for word and statement for statement, where there is no such thing."""
        nothing = absent(thing)
        with statements(self.here.country.node.database.engine) as of_thing:
            answer = self.ask(found, token, thing)
        with statements(self.here.country.node.database.engine) as of_nothing:
            otherwise = self.ask(found, token, nothing)
        assert_problem(answer, status, code)
        assert spelled(answer, thing) == spelled(otherwise, nothing)
        assert of_thing == of_nothing, "how long it takes would tell what is there"


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Note what the database is asked: the time that an answer takes follows from that."""
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def spelled(answer: httpx2.Response, thing: Thing) -> tuple[str, dict[str, str]]:
    """Return an answer without what was asked about."""
    text = answer.text
    named = [*thing.places.values(), *(thing.body or {}).values()] if isinstance(thing.body, dict) else []
    for place in sorted({str(place) for place in [*named, *thing.places.values()]}, key=len, reverse=True):
        text = text.replace(place, "…")
    headers = {name: value for name, value in answer.headers.items() if name not in (*PASSING, "content-length")}
    return text, headers


@pytest.fixture(scope="module")
def matrix(forge: Forge, documented: Documented) -> Iterator[Matrix]:
    with (
        forge.corridor() as corridor,
        open_office(corridor.by, documented) as minsk,
        open_office(corridor.uz, documented) as tashkent,
    ):
        ours, theirs = corridor.by.issued(), corridor.uz.issued("cotton-yarn")
        corridor.by.deliver(corridor.uz)
        corridor.uz.deliver(corridor.by)
        register_outsiders(corridor.by)
        yield Matrix(World(minsk, ours, theirs), World(tashkent, theirs, ours))


@pytest.fixture(scope="module")
def guarded(documented: Documented) -> list[Operation]:
    return [found for found in documented.operations() if found[2][ROLES]]


def test_every_operation_has_its_row(guarded: list[Operation]) -> None:
    assert {operation["operationId"] for _, _, operation in guarded} == set(THINGS)
    for method, path, operation in guarded:
        assert HIDES in operation or "{" not in path, f"{method} {path} does not say what it hides behind"


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_what_is_its_own(matrix: Matrix, guarded: list[Operation], role: Role) -> None:
    assert matrix.here.country.people[PEOPLE[role]].roles == {role}
    token = matrix.tokens[PEOPLE[role]]
    for found in guarded:
        method, path, operation = found
        if role in operation[ROLES]:
            answer = matrix.ask(found, token, matrix.here.thing(operation["operationId"], role))
            assert answer.status_code in {200, 201, 204}, (method, path, answer.text)


@pytest.mark.parametrize("role", Role)
def test_another_role_is_refused_alike_whether_or_not_the_thing_exists(
    matrix: Matrix, guarded: list[Operation], role: Role
) -> None:
    for found in guarded:
        _, _, operation = found
        if role not in operation[ROLES]:
            thing = matrix.refused(matrix.here, operation["operationId"], Role(next(iter(operation[ROLES]))))
            for token in (matrix.tokens[PEOPLE[role]], matrix.tokens[f"outside {role}"]):
                matrix.check_secret(found, token, thing, 403, "role-missing")


@pytest.mark.parametrize("role", Role)
def test_what_is_another_organisations_is_not_there(matrix: Matrix, guarded: list[Operation], role: Role) -> None:
    token = matrix.tokens[f"outside {role}"]
    for found in guarded:
        method, path, operation = found
        name, reach = operation["operationId"], operation[ROLES].get(role)
        if reach is None:
            continue
        if reach == Reach.ORGANISATION and HIDES in operation:
            matrix.check_secret(found, token, matrix.refused(matrix.here, name, role), 404, operation[HIDES])
            continue
        answer = matrix.ask(found, token, matrix.here.thing(name, role))
        if name == "register_a_certificate":  # whoever has another body's certificate learns nothing by showing it
            assert_problem(answer, 403, "issued-by-another")
            continue
        assert answer.status_code in {200, 201}, (method, path, answer.text)
        if reach == Reach.ORGANISATION and method == "GET":
            mine = matrix.ask(found, matrix.tokens[PEOPLE[role]], Thing({})).json()["items"]
            assert not {each["id"] for each in mine} & {each["id"] for each in answer.json()["items"]}


@pytest.mark.parametrize("role", Role)
def test_what_is_the_other_countrys_is_not_there(matrix: Matrix, guarded: list[Operation], role: Role) -> None:
    """A certificate is for one country's customs; everything else of the other country is on its own node alone."""
    token = matrix.tokens[PEOPLE[role]]
    for found in guarded:
        _, path, operation = found
        held_here = operation[ROLES].get(role) == Reach.NODE and operation["operationId"] == "read_certificate"
        numbered = path.startswith("/api/v1/tasks")  # each node counts its own: the number names another thing here
        if role in operation[ROLES] and HIDES in operation and not numbered:
            thing = matrix.refused(matrix.there, operation["operationId"], role)
            if held_here:
                assert matrix.ask(found, token, thing).status_code == 200
            else:
                matrix.check_secret(found, token, thing, 404, operation[HIDES])


def test_what_is_presented_in_the_other_country_is_judged_for_customs_and_not_shown(matrix: Matrix) -> None:
    officer = matrix.here.here.desk("officer")
    number = matrix.here.issued.number
    answer = officer.post("/api/v1/verifications", {"number": number})
    assert answer.json()["indication"] == "TOTAL-FAILED"
    assert "certificate" not in answer.json()
    assert matrix.here.country.boxes()["consignee_importer"]["name"] not in answer.text
    (one,) = officer.post("/api/v1/verifications/bulk", {"questions": [{"number": number}]}).json()["answers"]
    assert "certificate" not in one["verdict"]
    shown = officer.get("/api/v1/certificates").json()["items"]
    assert {each["presented_in"] for each in shown} == {"BY"}


def test_people_of_one_country_are_nobody_in_the_other(matrix: Matrix, guarded: list[Operation]) -> None:
    foreigners = [matrix.there.country.tokens[who] for who in (*PEOPLE.values(), "everything")]
    for found in guarded:
        _, _, operation = found
        thing = matrix.refused(matrix.here, operation["operationId"], Role(next(iter(operation[ROLES]))))
        for token in foreigners:
            matrix.check_secret(found, token, thing, 401, "token-not-accepted")


def test_what_is_public_is_so_for_everyone(matrix: Matrix, documented: Documented) -> None:
    places = {"id": "0" * 64, "origin": "0" * 64, "path": "0/000.p/1"}
    shown = [None, *(matrix.tokens[who] for who in PEOPLE.values()), matrix.there.country.tokens["everything"]]
    for method, path, operation in documented.operations():
        if not operation[ROLES] and operation["operationId"] not in {"ready", "recall_messages"}:
            answers = [ask(matrix.here.here, method, path, operation, token, Thing(places)) for token in shown]
            assert {answer.status_code for answer in answers} == {answers[0].status_code}
            assert answers[0].status_code not in {401, 403}, (method, path, answers[0].text)
