"""Who may call what: every operation of the OpenAPI, for everyone; and what is another's is not there."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from registry.api.operation import ROLES
from registry.core.trust.trust_list import BodyRole
from registry.store import tasks
from registry.store.parties import OrganisationKind, Role
from registry.store.tasks import TaskKind
from registry.usecases import register_party
from tests.api.desk import PDF, QUERIES, Documented, Office, assert_problem, product
from tests.kit import Corridor, Country

PEOPLE = {
    Role.EXPORTER: "exporter",
    Role.EXAMINER: "examiner",
    Role.SIGNATORY: "signatory",
    Role.CUSTOMS: "officer",
    Role.AUDITOR: "auditor",
    Role.OPERATOR: "operator",
    Role.IMPORTER: "importer",
}
BODIES: Mapping[str, Any] = {
    "send_back": {"reason": "нет акта"},
    "refuse": {"reason": "нет акта"},
    "stop": {"why": "payment"},
    "accept": {"draft": "0" * 64},
    "object_to": {"draft": "0" * 64, "reason": "ошибка"},
    "issue": {"draft": "0" * 64},
    "propose_annulment": {"reason": "ошибка", "effective_from": "2026-11-21+03:00"},
    "propose_replacement": {"reason": "ошибка"},
    "propose_clarification": {"box": "transport.route", "old": "a", "new": "b", "reason": "опечатка"},
    "look_at_act": {"reason": "проверка"},
    "close": {"reason": "проверено"},
    "verify": {"number": "BYUZ6101000001"},
    "verify_held_certificate": {"certificate": "x"},
    "verify_in_bulk": {"questions": [{"number": "BYUZ6101000001"}]},
    "keep_a_product": product(),
    "change_product": product(),
}
NOWHERE = {
    "id": "0" * 32,
    "sha256": "0" * 64,
    "origin": "0" * 64,
    "path": "0/000.p/1",
    "node": "by.registry.example",
    "body": "bcci",
    "year": "2026",
    "number": "BYUZ6101999999",
}


def call(
    office: Office, method: str, path: str, operation: Mapping[str, Any], authorization: str | None, **places: str
) -> httpx2.Response:
    """Call an operation with all that it wants, so that nothing but who asks can be wrong."""
    headers: dict[str, Any] = {} if authorization is None else {"Authorization": authorization.encode()}
    headers |= {"Idempotency-Key": secrets.token_hex(8), "If-Match": '"1"', "X-File-Name": "act.pdf"}
    how: dict[str, Any] = {"params": QUERIES.get(operation["operationId"])}
    reads = operation.get("requestBody", {}).get("content", {})
    if "application/json" in reads:
        how["json"] = BODIES.get(operation["operationId"]) or office.form()
    elif reads:
        headers["Content-Type"], how["content"] = next(iter(reads)), PDF
    numbered = {"id": "9"} if path.startswith("/api/v1/tasks") else {}
    return office.http.request(method, path.format_map({**NOWHERE, **numbered, **places}), headers=headers, **how)


def test_every_operation_says_whom_it_is_for(documented: Documented) -> None:
    known = {role.value for role in Role}
    for method, path, operation in documented.operations():
        assert ROLES in operation, f"{method} {path} does not say whom it is for"
        assert set(operation[ROLES]) <= known
        assert bool(operation[ROLES]) == path.startswith("/api/")
        assert bool(operation[ROLES]) == ("security" in operation)


def test_without_a_living_token_nobody_gets_past(corridor: Corridor, minsk: Office, documented: Documented) -> None:
    token = corridor.by.tokens["everything"]
    shown = [
        None,
        "",
        "Bearer",
        "Bearer x",
        f"Bearer {token}x",
        f"Bearer {token[:-1]}0" if token[-1] != "0" else f"Bearer {token[:-1]}1",
        f"Bearer {token.upper()}",
        f"Basic {token}",
        "Bearer brt_" + "0" * 64,
        "Bearer brt_" + "ÿ" * 64,
    ]
    guarded = [found for found in documented.operations() if found[2][ROLES]]
    for method, path, operation in guarded:
        for authorization in shown:
            answer = call(minsk, method, path, operation, authorization)
            assert_problem(answer, 401, "token-not-accepted")
            assert answer.headers["www-authenticate"] == "Bearer"
    corridor.clock.forward(timedelta(days=91))
    for method, path, operation in guarded:
        assert_problem(call(minsk, method, path, operation, f"Bearer {token}"), 401, "token-not-accepted")


def test_a_revoked_token_is_a_stranger_at_once(corridor: Corridor, minsk: Office) -> None:
    by = corridor.by.by("operator") | {"by": corridor.by.people["operator"].actor}
    with corridor.by.tx() as tx:
        person = corridor.by.people["auditor"].person
        corridor.by.tokens["auditor"], kept = register_party.issue_token(tx, person, lasts=timedelta(days=1), **by)
    auditor = minsk.desk("auditor")
    assert auditor.get("/api/v1/acts").status_code == 200
    with corridor.by.tx() as tx:
        register_party.revoke_token(tx, kept.id, **by)
    assert_problem(auditor.get("/api/v1/acts"), 401, "token-not-accepted")


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_what_is_for_it_and_nothing_else(lasting: Office, documented: Documented, role: Role) -> None:
    token = lasting.country.tokens[PEOPLE[role]]
    assert lasting.country.people[PEOPLE[role]].roles == {role}
    for method, path, operation in documented.operations():
        places = {"id": "0" * 64} if path.startswith("/agreements") else {}
        answer = call(lasting, method, path, operation, f"Bearer {token}", **places)
        if operation[ROLES] and role not in operation[ROLES]:
            assert_problem(answer, 403, "role-missing")
        else:
            assert answer.status_code not in {401, 403}, (method, path, answer.text)


@dataclass
class Things:
    """Objects of one exporter, one body, one customs service."""

    product: str
    sha256: str
    drafted: str
    submitted: str
    certificate: Mapping[str, str]
    verification: str
    task: str

    def places(self, path: str) -> Mapping[str, str]:
        match path.split("/")[3]:
            case "products":
                return {"id": self.product, "sha256": self.sha256}
            case "applications":
                return {"id": self.submitted}
            case "certificates":
                return self.certificate
            case "tasks":
                return {"id": self.task}
            case _:
                return {"id": self.verification}


def things_of(minsk: Office) -> Things:
    kept = minsk.drafted(with_product=True)
    product_id = kept["claims"]["items"][0]["product"]
    submitted = minsk.desk("exporter").post(f"/api/v1/applications/{kept['id']}/submit").json()
    found = minsk.desk("exporter").get(f"/api/v1/products/{product_id}").json()
    node, body, year, number = minsk.issued()["href"].split("/")[4:]
    verification = minsk.desk("officer").post("/api/v1/verifications", {"number": number}).json()
    return Things(
        product_id,
        found["evidence"][0]["sha256"],
        minsk.drafted()["id"],
        submitted["id"],
        {"node": node, "body": body, "year": year, "number": number},
        verification["id"],
        task_of(minsk.country),
    )


def task_of(country: Country) -> str:
    """Open a task of one customs service."""
    officer = country.people["officer"].organisation
    with country.tx() as tx:
        kind = TaskKind.ANNULLED_AFTER_USE
        tasks.open_task(tx, kind, "x", {}, role=Role.CUSTOMS, organisation=officer, at=country.clock())
        return str(tasks.open_tasks(tx, kind)[0].id)


def register_outsiders(country: Country) -> None:
    """Register a second body and a second customs service with their people."""
    by = country.by("operator") | {"by": country.people["operator"].actor}
    with country.tx() as tx:
        for kind, name, code, roles in (
            (OrganisationKind.BODY, "Второй орган", "second", (Role.EXAMINER, Role.SIGNATORY)),
            (OrganisationKind.CUSTOMS, "Вторая таможня", None, (Role.CUSTOMS,)),
            (OrganisationKind.EXPORTER, "Второй импортёр", None, (Role.IMPORTER,)),
        ):
            organisation = register_party.register_organisation(
                tx,
                kind=kind,
                name=name,
                country="BY",
                address="адрес",
                tax_id=None,
                code=code,
                body_role=None if code is None else BodyRole.AUTHORISED,
                node_name=country.node.settings.name,
                **by,
            )
            for role in roles:
                person = register_party.register_person(
                    tx, organisation=organisation.id, name="Чужой", roles=[role], node_did=country.did, **by
                )
                token, _ = register_party.issue_token(tx, person.id, lasts=timedelta(days=1), **by)
                country.tokens[f"outside {role}"] = token
    country.tokens["outside exporter"] = country.tokens["stranger"]


def test_what_is_another_organisations_is_not_there(lasting: Office, documented: Documented) -> None:
    things = things_of(lasting)
    register_outsiders(lasting.country)
    tried = 0
    for method, path, operation in documented.operations():
        if "{" not in path or not operation[ROLES] or path.startswith("/api/v1/acts"):
            continue
        for role in set(operation[ROLES]) - {Role.AUDITOR, Role.OPERATOR}:
            token = lasting.country.tokens[f"outside {role}"]
            answer = call(lasting, method, path, operation, f"Bearer {token}", **things.places(path))
            assert answer.status_code == 404, (role, method, path, answer.text)
            tried += 1
    assert tried > 30
    for role in (Role.EXPORTER, Role.EXAMINER, Role.SIGNATORY, Role.CUSTOMS, Role.IMPORTER):
        for list_ in ("products", "applications", "certificates", "verifications", "tasks"):
            answer = lasting.http.get(
                f"/api/v1/{list_}", headers={"Authorization": f"Bearer {lasting.country.tokens[f'outside {role}']}"}
            )
            assert answer.status_code == 403 or answer.json() == {"items": []}


def test_a_body_does_not_see_an_application_before_it_is_submitted(lasting: Office, documented: Documented) -> None:
    things = things_of(lasting)
    for method, path, operation in documented.operations():
        if path.startswith("/api/v1/applications/{id}"):
            for role in {Role.EXAMINER, Role.SIGNATORY} & set(operation[ROLES]):
                token = lasting.country.tokens[PEOPLE[role]]
                answer = call(lasting, method, path, operation, f"Bearer {token}", id=things.drafted)
                assert_problem(answer, 404, "application-not-found")


def test_people_of_one_country_are_nobody_in_the_other(
    corridor: Corridor, minsk: Office, tashkent: Office, documented: Documented
) -> None:
    assert minsk.country.code == "BY"
    for method, path, operation in documented.operations():
        if operation[ROLES]:
            answer = call(tashkent, method, path, operation, f"Bearer {corridor.by.tokens['everything']}")
            assert_problem(answer, 401, "token-not-accepted")
