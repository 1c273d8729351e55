"""Every refusal as a problem document (RFC 9457), and the one table between rules and HTTP."""

import logging
import secrets
from dataclasses import fields, is_dataclass
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from registry.core.canonical import Json
from registry.core.errors import (
    Conflict,
    Malformed,
    NotFound,
    Refused,
    RegistryError,
    Unavailable,
    Unprocessable,
)
from registry.core.record import encode
from registry.usecases.identify_party import TokenNotAccepted
from registry.usecases.keep_product import VersionStale

STATUS: dict[type[RegistryError], int] = {
    Malformed: 400,
    Refused: 403,
    NotFound: 404,
    Conflict: 409,
    Unprocessable: 422,
    Unavailable: 503,
}
EXACT: dict[type[RegistryError], int] = {TokenNotAccepted: 401, VersionStale: 412}
"""Refusals for which HTTP has a word of its own."""
MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger("registry.api")


class Problem(BaseModel):
    """A refusal: `code` is stable, `title` says what is so, further members are its fields."""

    model_config = ConfigDict(extra="allow")

    type: str
    code: str
    title: str
    status: int
    clause: str | None = None


class FaceProblem(Exception):
    """A refusal of the face itself: it is about HTTP, and no rule is behind it."""

    def __init__(self, status: int, code: str, title: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(title)
        self.status, self.code, self.title, self.headers = status, code, title, headers or {}


def problem(status: int, code: str, title: str, *, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """Render a problem document."""
    document = {"type": f"about:blank#{code}", "code": code, "title": title, "status": status, **more}
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(document, default=_plain), status, kept, MEDIA_TYPE)


def status_of(refusal: type[RegistryError]) -> int:
    """Return the HTTP status of a kind of refusal."""
    if refusal in EXACT:
        return EXACT[refusal]
    return next(status for kind, status in STATUS.items() if issubclass(refusal, kind))


def of_refusal(refusal: RegistryError) -> Response:
    """Render a refusal of a rule, with its fields and the clause behind it."""
    shape: Any = refusal
    more = {field.name: getattr(refusal, field.name) for field in fields(shape)} if is_dataclass(shape) else {}
    if refusal.clause is not None:
        more["clause"] = refusal.clause
    status = status_of(type(refusal))
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "2"}}.get(status)
    taken = {"type", "code", "title", "status"}
    members = {name: value for name, value in more.items() if name not in taken and value is not None}
    return problem(status, refusal.code, str(refusal), headers=headers, **members)


def responses(*refusals: type[RegistryError]) -> dict[int | str, dict[str, Any]]:
    """Document the refusals of an operation, beside those that every operation has."""
    every: dict[int, list[str]] = {}
    for refusal in refusals:
        every.setdefault(status_of(refusal), []).append(refusal.code)
    for status, code in COMMON.items():
        every.setdefault(status, []).extend(code)
    return {
        status: {
            "description": ", ".join(sorted(set(codes))),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, codes in sorted(every.items())
    }


COMMON: dict[int, tuple[str, ...]] = {
    400: ("malformed-json", "idempotency-key-missing", "query-repeated"),
    401: ("token-not-accepted",),
    403: ("role-missing",),
    413: ("body-too-large",),
    415: ("media-type-not-read",),
    422: ("request-invalid",),
    503: ("database-unavailable",),
}


def install(app: FastAPI) -> None:
    """Answer every refusal, and every bug, with a problem document."""
    for kind in (RegistryError, FaceProblem, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _answer)


def _answer(request: Request, error: Exception) -> Response:
    match error:
        case RegistryError():
            return of_refusal(error)
        case FaceProblem():
            return _of_face(error)
        case RequestValidationError():
            return _of_invalid(error)
        case HTTPException():
            return _of_http(error)
        case _:
            return _of_bug(request, error)


def _of_face(refusal: FaceProblem) -> Response:
    return problem(refusal.status, refusal.code, refusal.title, headers=refusal.headers)


def _of_invalid(error: RequestValidationError) -> Response:
    errors = [
        {"path": ".".join(str(part) for part in item["loc"]), "reason": str(item["msg"])} for item in error.errors()
    ]
    return problem(
        422, "request-invalid", "the request does not have the shape that this operation reads", errors=errors
    )


def _of_http(error: HTTPException) -> Response:
    if isinstance(error.__cause__, RegistryError):
        return of_refusal(error.__cause__)
    if isinstance(error.__cause__, FaceProblem):
        return _of_face(error.__cause__)
    code, title = _HTTP.get(error.status_code, ("request-refused", str(error.detail)))
    return problem(error.status_code, code, title, headers=dict(error.headers or {}))


_HTTP = {
    400: ("request-unreadable", "the request cannot be read"),
    404: ("no-such-path", "nothing is at this path"),
    405: ("method-not-allowed", "this path does not take this method"),
}


def _of_bug(request: Request, error: Exception) -> Response:
    event = secrets.token_hex(8)
    _LOG.error("event %s: %s %s", event, request.method, request.url.path, exc_info=error)
    return problem(500, "internal-error", f"this is our fault; tell the operator of event {event}", event=event)


def _plain(value: object) -> Json:
    """Render a record among the fields of a refusal: a finding, say."""
    return encode(value)
