"""No operation without saying whom it is for, and none without a living token; `test_matrix` has the rest."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx2

from registry.api.operation import ROLES
from registry.store.parties import Role
from registry.usecases.party import register_party
from tests.api.desk import PDF, QUERIES, Documented, Office, assert_problem, product
from tests.api.matrix import PEOPLE
from tests.kit import Corridor

BODIES: Mapping[str, Any] = {
    "register_a_certificate": {"certificate": "x", "examiner": {"id": "1", "name": "И. Иванова"}},
    "send_back": {"reason": "нет акта"},
    "refuse": {"reason": "нет акта"},
    "stop": {"why": "payment"},
    "accept": {"draft": "0" * 64},
    "object_to": {"draft": "0" * 64, "reason": "ошибка"},
    "issue": {"draft": "0" * 64},
    "propose_annulment": {"reason": "ошибка", "effective_from": "2026-11-21+03:00"},
    "confirm_annulment": {"proposal": "0" * 32},
    "propose_replacement": {"reason": "ошибка"},
    "propose_clarification": {"box": "transport.route", "old": "a", "new": "b", "reason": "опечатка"},
    "confirm_clarification": {"proposal": "0" * 32},
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
        corridor.by.tokens["auditor"], kept = corridor.by.issues_token(tx, person)
    auditor = minsk.desk("auditor")
    assert auditor.get("/api/v1/acts").status_code == 200
    with corridor.by.tx() as tx:
        register_party.revoke_token(tx, kept.id, **by)
    assert_problem(auditor.get("/api/v1/acts"), 401, "token-not-accepted")


def test_a_body_does_not_see_an_application_before_it_is_submitted(lasting: Office, documented: Documented) -> None:
    drafted = lasting.drafted()["id"]
    for method, path, operation in documented.operations():
        if path.startswith("/api/v1/applications/{id}"):
            for role in {Role.EXAMINER, Role.SIGNATORY} & set(operation[ROLES]):
                token = lasting.country.tokens[PEOPLE[role]]
                answer = call(lasting, method, path, operation, f"Bearer {token}", id=drafted)
                assert_problem(answer, 404, "application-not-found")
