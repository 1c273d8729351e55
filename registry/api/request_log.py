"""One line for each request, whatever its end: how, to which route, for what kind of organisation, and how long."""

import logging
import secrets
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.api.metrics import Meter
from registry.lines import ASKED, Asked, tell
from registry.usecases.party.identify_party import RoleMissing, TokenNotAccepted

_LOG = logging.getLogger("registry.request")
_SECURITY = logging.getLogger("registry.security")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
DENIED = {TokenNotAccepted.code: "login.denied", RoleMissing.code: "role.missing"}
"""The refusals that are events of security themselves; what was done is told by its act."""


class RequestLog:
    """ASGI middleware: says and counts each request; the path, the query, the bodies and the person are left out."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self.app, self.meter = app, meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under an id of its own, which the answer bears too."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked, began = Asked(secrets.token_hex(8)), perf_counter()
        status: int | None = None

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", asked.id.encode())]
            await send(message)

        before = ASKED.set(asked)
        try:
            await self.app(scope, receive, noted)
        finally:
            self._tell(scope, asked, status, perf_counter() - began)
            ASKED.reset(before)

    def _tell(self, scope: Scope, asked: Asked, status: int | None, seconds: float) -> None:
        route = getattr(scope.get("route"), "path_format", None)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        if asked.code in DENIED:
            tell(
                _SECURITY,
                DENIED[asked.code],
                level=logging.WARNING,
                who=asked.person,
                what=f"{method} {route}",
                code=asked.code,
            )
        tell(
            _LOG,
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            organisation=asked.organisation,
            code=asked.code,
        )
        self.meter.count(method, route or "none", "none" if status is None else str(status), seconds)
