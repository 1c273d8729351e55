"""What stands in front of everything: sizes, what a path and a query may hold, and the strict reading of JSON.

The server and the framework have no such limits of their own (PROMISES, facts 3 and 4).
"""

import re
from collections.abc import Callable, Coroutine, Sequence
from collections.abc import Set as AbstractSet
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.api.problems import FaceProblem, of_bug
from registry.core import canonical
from registry.core.envelope.jose import MAX_ENVELOPE

MAX_BODY = 1_000_000
MAX_UPLOAD = 10_000_000
MAX_QUERY = 4_000
MAX_HEADERS = 16_384
GUARDS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=63072000"),
    (b"x-content-type-options", b"nosniff"),
)
"""What every answer says to a browser, refusals too (ASVS 3.4); one that says stricter itself keeps that."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
JSON = "application/json"
ANY = "*/*"
"""What an operation reads for which a protocol names no media type."""


class StrictRequest(Request):
    """A request whose JSON is read by the one strict reader."""

    async def json(self) -> Any:
        """Read the body as strict JSON; raises `MalformedJson`."""
        return canonical.read(await self.body(), longest=MAX_ENVELOPE)


class StrictRoute(APIRoute):
    """A route that reads JSON strictly, no body but of the media types that it says, and no query but its own."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Hand the endpoint a strict request."""
        handle = super().get_route_handler()
        described: dict[str, Any] = (self.openapi_extra or {}).get("requestBody", {})
        reads = {JSON} if self.body_field is not None else set(described.get("content", ()))
        members = [] if self.body_field is None else _required_of(self.body_field.field_info.annotation)
        takes = _query_of(self.dependant)

        async def strict(request: Request) -> Response:
            _check_query(request.query_params.keys(), takes)
            _check_media_type(request.headers, reads, members)
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


class Limits:
    """ASGI middleware: refuses a body past its limit while it arrives, and a query that is ambiguous or no text.

    HEAD is answered as GET, without the body (RFC 9110, 9.3.2).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is too large or ambiguous, pass on the rest."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] != "HEAD":
            await self._answer(scope, receive, send)
            return
        scope["method"] = "GET"
        try:
            await self._answer(scope, receive, _without_body(send))
        finally:
            scope["method"] = "HEAD"

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                known = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in GUARDS if pair[0] not in known)]
            started = True
            await send(message)

        headers = dict(scope["headers"])
        limit = MAX_UPLOAD if scope["path"].endswith("/evidence") else MAX_BODY
        refusal = _refuse_target(scope["path"], scope["query_string"])
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
            refusal = FaceProblem("headers-too-large", f"headers have at most {MAX_HEADERS} bytes together")
        length = headers.get(b"content-length", b"0")
        if refusal is None and (not length.isdigit() or int(length) > limit):
            refusal = _too_large(limit)
        if refusal is not None:
            await refusal.response()(scope, receive, noted)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _BodyTooLarge
            return message

        try:
            await self.app(scope, counted, noted)
        except _BodyTooLarge:
            assert not started
            await _too_large(limit).response()(scope, receive, noted)
        except ClientDisconnect:
            return
        except Exception as error:  # the edge: whatever it is, it is told once, and nothing of it to who asked
            if started:
                raise
            await of_bug(error)(scope, receive, noted)


class _BodyTooLarge(BaseException):
    """Passes through every handler of the framework up to the middleware that raised it."""


def _without_body(send: Send) -> Send:
    async def headers_alone(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return headers_alone


def _query_of(dependant: Dependant) -> set[str]:
    """Return the query parameters of an operation, those of what it depends on among them."""
    own = {field.alias for field in dependant.query_params}
    return own.union(*map(_query_of, dependant.dependencies))


def _check_query(asked: AbstractSet[str], takes: AbstractSet[str]) -> None:
    """Refuse a parameter that would be ignored: who misspells a filter would take the whole for a part."""
    if unknown := sorted(asked - takes):
        known = f"; it takes {', '.join(sorted(takes))}" if takes else ", and it takes none"
        raise FaceProblem(
            "query-unknown", f"this operation takes no query parameter {', '.join(map(repr, unknown))}{known}"
        )


def _required_of(body: Any) -> list[str]:
    return [name for name, field in getattr(body, "model_fields", {}).items() if field.is_required()]


def _check_media_type(headers: Headers, reads: AbstractSet[str], members: Sequence[str]) -> None:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if ANY in reads:
        return
    if reads and media_type not in reads:
        came = f"Content-Type {media_type}" if media_type else "no Content-Type"
        wanted = f" with {', '.join(members)}" if members else ""
        raise FaceProblem(
            "media-type-not-read", f"this operation reads a body of {', '.join(sorted(reads))}{wanted}, and {came} came"
        )
    if not reads and (headers.get("content-length", "0") != "0" or "transfer-encoding" in headers):
        raise FaceProblem("body-not-read", "this operation reads no body")


def _refuse_target(path: str, query: bytes) -> FaceProblem | None:
    if len(query) > MAX_QUERY:
        return FaceProblem("query-too-long", f"a query has at most {MAX_QUERY} characters")
    parameters = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if _CONTROL.search(path) or any("\0" in name + value for name, value in parameters):
        return FaceProblem(
            "request-unreadable", "the path holds a control character, or the query NUL: no text here does"
        )
    if len(parameters) != len(dict(parameters)):
        return FaceProblem("query-repeated", "a query parameter stands twice")
    return None


def _too_large(limit: int) -> FaceProblem:
    return FaceProblem("body-too-large", f"a body here has at most {limit} bytes", {"Connection": "close"})
