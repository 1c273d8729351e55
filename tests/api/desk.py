"""How tests of the face ask: a person's program over HTTP, held at every answer to what is documented."""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from starlette.testclient import TestClient

from registry.api.app import create_app
from registry.api.documents import openapi
from registry.demo import casework
from tests.kit import Country

PROBLEM = "application/problem+json"
PDF = b"%PDF-1.4\nact of an expert\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
JPEG = b"\xff\xd8\xff\xe0" + bytes(16)

QUERIES: Mapping[str, Any] = {"recall_messages": {"of": "did:web:by.registry.example", "from": "1"}}
"""What an operation wants in its query, by its name."""


@dataclass
class Documented:
    """The OpenAPI, and which of its responses were seen."""

    schema: Mapping[str, Any] = field(default_factory=openapi)
    seen: set[tuple[str, str, str]] = field(default_factory=set)

    def operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for path, item in self.schema["paths"].items():
            for method, operation in item.items():
                yield method.upper(), path, operation

    def everything(self) -> set[tuple[str, str, str]]:
        return {
            (method, path, status) for method, path, operation in self.operations() for status in operation["responses"]
        }

    def hold(self, response: httpx2.Response) -> None:
        """Check that an answer is documented, and that every refusal is a problem document; no answer is a bug."""
        response.read()
        status, method = response.status_code, response.request.method
        if method == "HEAD":
            return  # what GET says, without its body
        path, operation = self._find(method, response.request.url.raw_path.partition(b"?")[0].decode())
        answers = {} if operation is None else operation["responses"].get(str(status), {}).get("content", {})
        refusal = status >= 400 and (not answers or PROBLEM in answers)
        if refusal:
            assert_problem(response)
        assert status != 500, response.text
        if operation is None:
            return
        documented = operation["responses"].get(str(status))
        assert documented is not None, f"{method} {path} answers {status}, which is not documented: {response.text}"
        if refusal:
            assert response.json()["code"] in documented["description"].split(", "), (method, path, response.text)
        elif response.content and "content" in documented:
            media_type = response.headers["content-type"].partition(";")[0]
            assert media_type in documented["content"], (method, path, media_type)
        self.seen.add((method, path, str(status)))

    def _find(self, method: str, path: str) -> tuple[str, Mapping[str, Any] | None]:
        for asked, template, operation in self.operations():
            if asked == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template.replace("{path}", ".+")), path):
                return template, operation
        return path, None


def assert_problem(response: httpx2.Response, status: int | None = None, code: str | None = None) -> dict[str, Any]:
    """Check that a response is a problem document, and of a status and code where they are named."""
    assert response.headers["content-type"] == PROBLEM, response.text
    document: dict[str, Any] = response.json()
    assert document["status"] == response.status_code
    assert document["code"]
    assert document["title"]
    assert document["type"] == f"about:blank#{document['code']}"
    assert status in {None, response.status_code}, response.text
    assert code in {None, document["code"]}, response.text
    return document


@dataclass
class Office:
    """A country's node as its people's programs see it."""

    country: Country
    http: httpx2.Client

    def desk(self, who: str) -> "Desk":
        return Desk(self, who)

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """Ask without a token."""
        return self.http.get(path, headers=headers)

    def product(self, who: str = "exporter") -> dict[str, Any]:
        return self.desk(who).post("/api/v1/products", product()).json()  # type: ignore[no-any-return]

    def drafted(self, key: str = "tractors", *, with_product: bool = False, **form: Any) -> dict[str, Any]:
        body = self.form(key) | form
        if with_product:
            kept = self.product()
            self.desk("exporter").upload(kept["id"])
            body["claims"]["items"][0]["product"] = kept["id"]
        return self.desk("exporter").post("/api/v1/applications", body).json()  # type: ignore[no-any-return]

    def form(self, key: str = "tractors") -> dict[str, Any]:
        return casework.form(casework.applications(self.country.clock().date())[key])

    def submitted(self, **how: Any) -> dict[str, Any]:
        path = f"/api/v1/applications/{self.drafted(**how)['id']}"
        return self.desk("exporter").post(f"{path}/submit").json()  # type: ignore[no-any-return]

    def offered(self, **how: Any) -> dict[str, Any]:
        path = f"/api/v1/applications/{self.submitted(**how)['id']}"
        self.desk("examiner").post(f"{path}/take-up")
        return self.desk("examiner").post(f"{path}/offer-draft").json()  # type: ignore[no-any-return]

    def approved(self, **how: Any) -> dict[str, Any]:
        offered = self.offered(**how)
        path = f"/api/v1/applications/{offered['id']}/accept"
        return self.desk("exporter").post(path, {"draft": offered["draft"]}).json()  # type: ignore[no-any-return]

    def issue(
        self, approved: Mapping[str, Any], who: str = "signatory", key: str | None = None, **more: str
    ) -> httpx2.Response:
        path = f"/api/v1/applications/{approved['id']}/issue"
        return self.desk(who).post(path, {"draft": approved["draft"], **more}, key=key)

    def issued(self, **how: Any) -> dict[str, Any]:
        answer = self.issue(self.approved(**how))
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]


@dataclass
class Desk:
    """One person's program."""

    office: Office
    who: str

    def ask(self, method: str, path: str, *, key: str | None = None, **how: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.office.country.tokens[self.who]}", **how.pop("headers", {})}
        if method in {"POST", "PUT"}:
            headers.setdefault("Idempotency-Key", key or secrets.token_hex(16))
        return self.office.http.request(method, path, headers=headers, **how)

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> httpx2.Response:
        return self.ask("POST", path, key=key, **({} if body is None else {"json": body}))

    def put(self, path: str, body: Any, etag: str | None, *, key: str | None = None) -> httpx2.Response:
        headers = {} if etag is None else {"If-Match": etag}
        return self.ask("PUT", path, key=key, json=body, headers=headers)

    def upload(
        self, product: str, name: str = "act.pdf", content: bytes = PDF, *, key: str | None = None, **headers: str
    ) -> httpx2.Response:
        sent = {"X-File-Name": name, "Content-Type": "application/pdf", **headers}
        return self.ask("POST", f"/api/v1/products/{product}/evidence", key=key, content=content, headers=sent)


def product(**changes: Any) -> dict[str, Any]:
    """Return a product as an exporter states it."""
    maker = {"name": "ОАО «Полесский тракторный завод»", "address": "г. Минск, ул. Заводская, 29", "country": "BY"}
    stated = {
        "description": "Тракторы колёсные «ПТЗ-82.1»",
        "hs_code": "8701931000",
        "manufacturer": maker,
        "origin_basis": "Достаточно переработан; см. акт экспертизы.",
    }
    return stated | changes


@contextmanager
def open_office(country: Country, documented: Documented) -> Iterator[Office]:
    """Open a country's node to programs, without a server."""
    hooks = {"response": [documented.hold]}
    with TestClient(create_app(country.node), raise_server_exceptions=False) as http:
        http.event_hooks = hooks
        yield Office(country, http)
