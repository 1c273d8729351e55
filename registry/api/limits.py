"""What stands in front of everything: sizes, repeated query parameters, and the strict reading of JSON.

The server and the framework have no such limits of their own (PROMISES, facts 3 and 4).
"""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.api.problems import FaceProblem, problem
from registry.core import canonical
from registry.core.envelope.jose import MAX_ENVELOPE

MAX_BODY = 1_000_000
MAX_UPLOAD = 10_000_000
MAX_QUERY = 4_000
JSON = "application/json"


class StrictRequest(Request):
    """A request whose JSON is read by the one strict reader."""

    async def json(self) -> Any:
        """Read the body as strict JSON; raises `MalformedJson`."""
        return canonical.read(await self.body(), longest=MAX_ENVELOPE)


class StrictRoute(APIRoute):
    """A route that reads JSON strictly, and nothing else as JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Hand the endpoint a strict request."""
        handle = super().get_route_handler()
        takes_json = self.body_field is not None

        async def strict(request: Request) -> Response:
            media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if takes_json and media_type != JSON:
                raise FaceProblem(415, "media-type-not-read", f"this operation reads {JSON}")
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


class Limits:
    """ASGI middleware: refuses a body past its limit while it arrives, and a query that says a thing twice."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is too large or ambiguous, pass on the rest."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        limit = MAX_UPLOAD if scope["path"].endswith("/evidence") else MAX_BODY
        refusal = _refuse_query(scope["query_string"])
        length = headers.get(b"content-length", b"0")
        if refusal is None and (not length.isdigit() or int(length) > limit):
            refusal = _too_large(limit)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        received = 0
        started = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _BodyTooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, counted, noted)
        except _BodyTooLarge:
            assert not started
            await _too_large(limit)(scope, receive, send)


class _BodyTooLarge(BaseException):
    """Passes through every handler of the framework up to the middleware that raised it."""


def _refuse_query(query: bytes) -> Response | None:
    if len(query) > MAX_QUERY:
        return problem(414, "query-too-long", f"a query has at most {MAX_QUERY} characters")
    names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)]
    if len(names) != len(set(names)):
        return problem(400, "query-repeated", "a query parameter stands twice")
    return None


def _too_large(limit: int) -> Response:
    return problem(413, "body-too-large", f"a body here has at most {limit} bytes", headers={"Connection": "close"})
