"""What comes in from strangers: bytes that are no request, bodies without end, and members that nobody asked for."""

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import make_url

from registry.api.limits import ANY, MAX_BODY, MAX_HEADERS, MAX_QUERY, MAX_UPLOAD
from registry.api.operation import ROLES
from registry.node import Node
from registry.store.database import Database
from tests.api.conftest import Served
from tests.api.desk import PDF, QUERIES, Documented, Office, assert_problem, open_office, product
from tests.kit import Corridor, Country

MALFORMED = {
    "deep": b"[" * 100_000,
    "deep in an object": b'{"a":' * 100_000,
    "NaN": b'{"reason": NaN}',
    "Infinity": b'{"reason": -Infinity}',
    "1e400": b'{"reason": 1e400}',
    "a float": b'{"reason": 1.0}',
    "-0": b'{"reason": -0}',
    "2^53": b'{"reason": 9007199254740992}',
    "a number of a million digits": b'{"reason": ' + b"9" * 900_000 + b"}",
    "a lone surrogate": rb'{"reason": "\ud800"}',
    "a lone surrogate in a key": rb'{"\udfff": ""}',
    "NUL": rb'{"reason": "\u0000"}',
    "a bare NUL": b'{"reason": "\0"}',
    "BOM": b'\xef\xbb\xbf{"reason": "x"}',
    "UTF-16": '{"reason": "x"}'.encode("utf-16"),
    "UTF-16 without BOM": '{"reason": "x"}'.encode("utf-16-le"),
    "not UTF-8": b'{"reason": "\xff"}',
    "trailing bytes": b'{"reason": "x"} x',
    "two values": b'{"reason": "x"}{}',
    "a key twice": b'{"reason": "x", "reason": "y"}',
    "a key twice in two spellings": rb'{"reason": "x", "\u0072eason": "y"}',
    "a thousand and one members": json.dumps({str(number): 1 for number in range(1001)}).encode(),
    "half a text": b'{"reason": "' + b"\\" * 99_999,
    "nothing but a space": b" ",
}
MISSHAPEN = {
    "empty": b"",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"reason"',
    "a number": b"1",
    "no member": b"{}",
    "another type": b'{"reason": 1}',
    "a long text": json.dumps({"reason": "x" * 2_001}).encode(),
    "a text in another normalisation": json.dumps({"reason": "и\u0306"}).encode(),
    "a text with a hidden direction": json.dumps({"reason": "a\u202eb"}).encode(),
    "a text of spaces": b'{"reason": "  "}',
}
NOT_THEIRS = ("status", "org_id", "country", "approved_by", "role", "id", "created_at", "serial")
SENT: dict[str, Any] = {
    "/api/v1/products": product(),
    "/api/v1/products/{id}": product(),
    "/api/v1/registrations": {"certificate": "x", "examiner": {"id": "1", "name": "И. Иванова"}},
    "/api/v1/applications/{id}/send-back": {"reason": "нет акта"},
    "/api/v1/applications/{id}/refuse": {"reason": "нет акта"},
    "/api/v1/applications/{id}/stop": {"why": "payment"},
    "/api/v1/applications/{id}/accept": {"draft": "0" * 64},
    "/api/v1/applications/{id}/object": {"draft": "0" * 64, "reason": "ошибка"},
    "/api/v1/applications/{id}/issue": {"draft": "0" * 64},
    "/api/v1/certificates/{node}/{body}/{year}/{number}/annulment": {
        "reason": "ошибка",
        "effective_from": "2026-11-21+03:00",
    },
    "/api/v1/certificates/{node}/{body}/{year}/{number}/annulment/confirm": {"proposal": "0" * 32},
    "/api/v1/applications/{id}/replacement": {"reason": "ошибка"},
    "/api/v1/certificates/{node}/{body}/{year}/{number}/clarification": {
        "box": "transport.route",
        "old": "a",
        "new": "b",
        "reason": "опечатка",
    },
    "/api/v1/certificates/{node}/{body}/{year}/{number}/clarification/confirm": {"proposal": "0" * 32},
    "/api/v1/acts/{id}/look": {"reason": "проверка"},
    "/api/v1/tasks/{id}/close": {"reason": "проверено"},
    "/api/v1/verifications": {"number": "BYUZ6101000001"},
    "/api/v1/verifications/held": {"certificate": f"a.b.{'c' * 86}"},
    "/api/v1/verifications/bulk": {"questions": [{"number": "BYUZ6101000001"}]},
}
PLACES = {
    "id": "0" * 32,
    "sha256": "0" * 64,
    "origin": "0" * 64,
    "path": "0/000.p/1",
    "node": "by.registry.example",
    "body": "bcci",
    "year": "2026",
    "number": "BYUZ6101000001",
}
SEND_BACK = f"/api/v1/applications/{'0' * 32}/send-back"
JSON = {"Content-Type": "application/json"}


def place(template: str, /, **places: str) -> str:
    """Fill a path template."""
    agreement = {"id": "0" * 64} if template.startswith("/agreements") else {}
    task = {"id": "9"} if template.startswith("/api/v1/tasks") else {}
    return template.format_map({**PLACES, **agreement, **task, **places})


def send(office: Office, method: str, path: str, operation: Any, **how: Any) -> httpx2.Response:
    """Ask an operation as someone whose roles are all of them, with all that it wants beside the body."""
    headers = {"If-Match": '"1"', "X-File-Name": "a.pdf"} if method in {"POST", "PUT"} else {}
    if "?" not in path:
        how.setdefault("params", QUERIES.get(operation["operationId"]))
    if office.country.code == "BY" and operation[ROLES]:
        return office.desk("everything").ask(method, place(path), headers=headers | how.pop("headers", {}), **how)
    return office.http.request(method, place(path), headers=headers | how.pop("headers", {}), **how)


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_not_strict_json_is_malformed(lasting: Office, body: bytes) -> None:
    answer = lasting.desk("everything").ask("POST", SEND_BACK, content=body, headers=JSON)
    assert_problem(answer, 400, "malformed-json")


@pytest.mark.parametrize("body", MISSHAPEN.values(), ids=MISSHAPEN.keys())
def test_json_of_another_shape_is_unprocessable(lasting: Office, body: bytes) -> None:
    answer = lasting.desk("everything").ask("POST", SEND_BACK, content=body, headers=JSON)
    assert assert_problem(answer, 422, "request-invalid")["errors"]


def test_every_operation_that_reads_a_body_refuses_members_that_nobody_asked_for(
    lasting: Office, documented: Documented
) -> None:
    bodies = SENT | {"/api/v1/applications": lasting.form(), "/api/v1/applications/{id}": lasting.form()}
    for method, path, operation in documented.operations():
        if "application/json" not in operation.get("requestBody", {}).get("content", {}):
            continue
        own = {"id"} if path in {"/api/v1/verifications", "/api/v1/verifications/held"} else set()
        for name in set(NOT_THEIRS) - own:
            answer = send(lasting, method, path, operation, json=bodies[path] | {name: "x"})
            assert_problem(answer, 422)
    for name in NOT_THEIRS:
        form = lasting.form()
        form["claims"]["items"][0][name] = "x"
        assert_problem(lasting.desk("exporter").post("/api/v1/applications", form), 422, "malformed-claims")


def test_every_operation_refuses_what_it_is_not_asked(lasting: Office, documented: Documented) -> None:
    for method, path, operation in documented.operations():
        reads = operation.get("requestBody", {}).get("content", {})
        if ANY in reads:
            assert_problem(send(lasting, method, path, operation, content=b"{}"), 400)
        elif reads:
            answer = send(lasting, method, path, operation, content=b"{}", headers={"Content-Type": "text/plain"})
            assert_problem(answer, 415, "media-type-not-read")
            assert_problem(send(lasting, method, path, operation), 415, "media-type-not-read")
        else:
            assert_problem(send(lasting, method, path, operation, content=b"{}"), 422, "body-not-read")
            assert_problem(send(lasting, method, path, operation, content=iter([b"{}"])), 422, "body-not-read")
        if operation.get("parameters") or "application/json" in reads:
            wrong = place(path, id="X", year="two", body="B_", origin="X", path="0" * 61)
            headers = {"Idempotency-Key": "1", "If-Match": '"1"', "Content-Type": next(iter(reads), "")}
            answer = lasting.desk("everything").ask(
                method, wrong, params={"limit": "0"}, headers=headers, content=b"{}" if reads else None
            )
            assert_problem(answer, 422)


def test_every_operation_refuses_a_query_that_is_ambiguous_too_long_or_no_text(
    lasting: Office, documented: Documented
) -> None:
    for method, path, operation in documented.operations():
        for query in ("limit=1&limit=1", "limit=1&%6cimit=2", "a&a"):
            assert_problem(send(lasting, method, f"{path}?{query}", operation), 400, "query-repeated")
        answer = send(lasting, method, f"{path}?a={'a' * MAX_QUERY}", operation)
        assert_problem(answer, 414, "query-too-long")
        assert_problem(send(lasting, method, f"{path}?number=%00", operation), 400, "request-unreadable")
        assert_problem(send(lasting, method, f"{path}%00", operation), 400, "request-unreadable")
        assert_problem(send(lasting, method, f"{path}%0A", operation), 400, "request-unreadable")
        answer = send(lasting, method, path, operation, headers={"X": "x" * MAX_HEADERS})
        assert_problem(answer, 431, "headers-too-large")


def test_every_operation_refuses_a_query_that_it_would_ignore(lasting: Office, documented: Documented) -> None:
    for method, path, operation in documented.operations():
        takes = sorted(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query")
        told = assert_problem(send(lasting, method, f"{path}?statuss=annulled", operation), 422, "query-unknown")[
            "title"
        ]
        assert told.startswith("this operation takes no query parameter 'statuss'")
        assert told.endswith(f"it takes {', '.join(takes)}" if takes else "it takes none")


def test_every_get_is_answered_to_head_without_its_body(lasting: Office, documented: Documented) -> None:
    for method, path, operation in documented.operations():
        asked = send(lasting, "HEAD", path, operation)
        assert asked.content == b""
        if method != "GET":
            continue
        given = send(lasting, "GET", path, operation)
        varies = ("x-request-id", "content-length") if path == "/metrics" else ("x-request-id",)
        headers = [
            {name: value for name, value in each.headers.items() if name not in varies} for each in (asked, given)
        ]
        assert (asked.status_code, headers[0]) == (given.status_code, headers[1]), path


def test_head_is_answered_by_the_server_too_and_the_next_request_is_read(served: Served) -> None:
    http = served.office.http
    for path, status in (("/trust-list", 200), ("/health/live", 200), ("/log/checkpoint", 404), ("/no", 404)):
        asked, given = http.head(path), http.get(path)
        assert (asked.status_code, given.status_code, asked.content) == (status, status, b"")
        assert asked.headers["content-length"] == str(len(given.content)) != "0"
    refused = http.head("/witness/add-checkpoint")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert sorted(http.post("/trust-list").headers["allow"].split(", ")) == ["GET", "HEAD"]


def test_every_operation_refuses_a_body_past_its_limit_by_its_length_and_by_counting(
    lasting: Office, documented: Documented
) -> None:
    for method, path, operation in documented.operations():
        limit = MAX_UPLOAD if path.endswith("/evidence") else MAX_BODY
        reads = next(iter(operation.get("requestBody", {}).get("content", {})), None)
        headers = {"Content-Length": str(limit + 1)} | ({"Content-Type": reads} if reads else {})
        assert_problem(send(lasting, method, path, operation, headers=headers), 413, "body-too-large")
        if reads:
            parts = (bytes(250_000) for _ in range(limit // 250_000 + 1))
            answer = send(lasting, method, path, operation, content=parts, headers={"Content-Type": reads})
            assert_problem(answer, 413, "body-too-large")


def test_a_body_at_its_limit_is_read(lasting: Office) -> None:
    content = PDF + bytes(MAX_UPLOAD - len(PDF))
    assert lasting.desk("exporter").upload(lasting.product()["id"], content=content).status_code == 201
    body = b'{"reason": "x"' + b" " * (MAX_BODY - 15) + b"}"
    answer = lasting.desk("examiner").ask("POST", SEND_BACK, content=body, headers=JSON)
    assert_problem(answer, 404, "application-not-found")


@pytest.mark.parametrize(
    "query",
    [
        "limit=1000000000",
        "limit=0",
        "limit=-1",
        "limit=101",
        "limit=x",
        "limit=1e2",
        "limit=",
        "after=x",
        "after=",
        "after=" + "A" * 201,
        "after=MjAyNi0xMS0yMQ",  # a day, and no row
        "after=MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMCB4",  # 0001-01-01T00:00:00+14:00: before the first day in UTC
        "after=MjAyNi0xMS0yMVQwOTozMDowMCswMDowMCAA",  # a row that is NUL
        "after=%FF",
    ],
)
def test_a_page_that_cannot_be_is_unprocessable(lasting: Office, query: str) -> None:
    desk = lasting.desk("everything")
    for path in ("products", "applications", "certificates", "verifications", "acts"):
        assert_problem(desk.get(f"/api/v1/{path}?{query}"), 422)


def test_what_no_operation_is_at_is_a_problem_too(lasting: Office) -> None:
    assert_problem(lasting.get("/"), 404, "no-such-path")
    assert_problem(lasting.get("/docs"), 404, "no-such-path")
    assert_problem(lasting.get("/openapi.json"), 404, "no-such-path")
    assert_problem(lasting.desk("exporter").get("/api/v1/products/"), 404, "no-such-path")
    answer = lasting.desk("exporter").ask("DELETE", "/api/v1/products")
    assert_problem(answer, 405, "method-not-allowed")
    assert set(answer.headers["allow"].split(", ")) <= {"GET", "POST"}
    assert lasting.http.request("TRACE", "/trust-list").status_code == 405
    override = lasting.desk("exporter").get("/api/v1/products", **{"X-HTTP-Method-Override": "DELETE"})
    assert override.status_code == 200


def test_without_its_database_every_operation_says_so(corridor: Corridor, documented: Documented) -> None:
    country = corridor.by
    url = make_url(str(country.node.settings.database_url.get_secret_value()))  # type: ignore[union-attr]
    away = Database.open(url.set(port=1).render_as_string(hide_password=False))
    node = Node(country.node.settings, away, country.node.pinned, country.clock)
    lost = Country(node, country.clock, country.people, country.tokens, country.database)
    with open_office(lost, documented) as office:
        bodies = SENT | {"/api/v1/applications": office.form(), "/api/v1/applications/{id}": office.form()}
        for method, path, operation in documented.operations():
            if path.startswith(("/health", "/metrics")):
                continue
            media_type = next(iter(operation.get("requestBody", {}).get("content", {})), None)
            if media_type == "application/json":
                answer = send(office, method, path, operation, json=bodies[path])
            elif media_type is not None:
                answer = send(office, method, path, operation, content=PDF, headers={"Content-Type": media_type})
            else:
                answer = send(office, method, path, operation)
            assert_problem(answer, 503, "database-unavailable")
            assert int(answer.headers["retry-after"]) > 0
        ready = office.get("/health/ready")
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        assert office.get("/health/live").status_code == 200
    away.close()


def test_a_refusal_says_nothing_of_how_it_is_made(lasting: Office) -> None:
    told = [
        lasting.desk("everything").ask("POST", SEND_BACK, content=body, headers=JSON).text
        for body in MALFORMED.values()
    ]
    for secret in ("Traceback", "registry/", "SELECT", "psycopg", "pydantic", lasting.country.tokens["everything"]):
        assert not any(secret in text for text in told)


def read_answer(connection: socket.socket) -> bytes:
    """Read until the server hangs up."""
    answer = b""
    try:
        while part := connection.recv(65_536):
            answer += part
    except ConnectionError:
        pass
    return answer


def large(served: Served, head: str, parts: Iterator[bytes]) -> bytes:
    """Send a body of 300 MB as far as the server lets, and return what it answers."""
    with served.connection() as connection:
        answer: list[bytes] = []
        reader = threading.Thread(target=lambda: answer.append(read_answer(connection)))
        reader.start()
        try:
            connection.sendall(head.encode())
            for part in parts:
                connection.sendall(part)
        except ConnectionError:
            pass
        reader.join(60)
    return answer[0]


@pytest.mark.parametrize("path", ["/api/v1/applications", f"/api/v1/products/{'0' * 32}/evidence", "/peer/messages"])
@pytest.mark.parametrize("chunked", [False, True], ids=["by its length", "chunked"])
def test_300_megabytes_are_refused_without_taking_memory(served: Served, path: str, chunked: bool) -> None:  # noqa: FBT001  a parameter of the test
    served.office.get("/health/ready")
    before = served.memory()
    token = served.office.country.tokens["everything"]
    media_type = {"/peer/messages": "application/jwt", "/api/v1/applications": "application/json"}.get(
        path, "image/png"
    )
    part = b"[" * 1_000_000
    framing = "Transfer-Encoding: chunked" if chunked else "Content-Length: 300000000"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: large\r\n"
        f"X-File-Name: a.png\r\nContent-Type: {media_type}\r\n{framing}\r\n\r\n"
    )
    sent = b"%x\r\n%s\r\n" % (len(part), part) if chunked else part
    answer = large(served, head, (sent for _ in range(300)))
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:300]
    document = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (document["code"], document["status"]) == ("body-too-large", 413)
    after = served.memory()
    assert after["VmRSS"] - before["VmRSS"] < 20_000_000
    assert after["VmHWM"] - before["VmRSS"] < 20_000_000


@pytest.mark.parametrize("headers", [{"X": "x" * 17_000}, {f"X-{number}": "x" for number in range(4_000)}])
def test_headers_that_are_too_large_are_refused_however_they_arrive(served: Served, headers: dict[str, str]) -> None:
    assert_problem(served.office.get("/health/live", **headers), 431, "headers-too-large")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000,
        b"GET /" + b"x" * 20_000,
        b"POST /peer/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /peer/messages HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        b"POST /peer/messages HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32),
    ],
    ids=["a header without an end", "a long path", "two lengths", "a long length", "a length below zero",
         "no host", "NUL in a header", "TLS"],
)  # fmt: skip
def test_what_is_no_request_is_a_problem_and_the_end_of_the_connection(served: Served, request_bytes: bytes) -> None:
    with served.connection() as connection:
        connection.sendall(request_bytes)
        head, _, body = read_answer(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "request-unreadable"
    assert served.office.get("/health/live").status_code == 200


def test_every_answer_guards_itself_against_browsers(lasting: Office) -> None:
    desk = lasting.desk("exporter")
    for path in ("/api/v1/products", "/api/v1/products?limit=1&limit=2", "/api/v1/products?limit=0"):
        answer = desk.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "strict-transport-security" in answer.headers
