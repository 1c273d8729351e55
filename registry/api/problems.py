"""Every refusal as a problem document (RFC 9457), and the one table between rules and HTTP."""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from registry.api.spelled import written_errors
from registry.core.canonical import Json
from registry.core.certificate.claims import MalformedClaims
from registry.core.errors import (
    Conflict,
    Malformed,
    NotFound,
    Refused,
    RegistryError,
    Unavailable,
    Unprocessable,
)
from registry.core.product.product import MalformedProduct
from registry.core.record import encode
from registry.lines import ASKED
from registry.usecases.application.keep_product import VersionStale
from registry.usecases.party.identify_party import TokenNotAccepted
from registry.usecases.verification.verify_held import TooManyVerifications

STATUS: dict[type[RegistryError], int] = {
    Malformed: 400,
    Refused: 403,
    NotFound: 404,
    Conflict: 409,
    Unprocessable: 422,
    Unavailable: 503,
}
EXACT: dict[type[RegistryError], int] = {
    TokenNotAccepted: 401,
    VersionStale: 412,
    TooManyVerifications: 429,
    MalformedClaims: 422,
    MalformedProduct: 422,
}
"""Refusals for which HTTP has a word of its own; JSON that was read and has another shape is 422, whoever reads it."""
FACE: dict[str, tuple[int, str]] = {
    "agreement-not-found": (404, "No agreement with this id is in force here."),
    "body-not-read": (422, "A body came to an operation that reads none."),
    "body-too-large": (413, "The body is longer than 1 MB, or 10 MB for evidence."),
    "cursor-unreadable": (422, "The cursor is not one that a page gave."),
    "file-name-unreadable": (400, "X-File-Name is not UTF-8, percent-encoded or as it is."),
    "headers-too-large": (431, "The headers together are longer than 16 kB."),
    "idempotency-key-missing": (400, "There is no Idempotency-Key of 1 to 128 visible characters."),
    "if-match-missing": (428, "A change does not name the ETag that it was made from."),
    "if-match-unreadable": (400, "If-Match is not one ETag as it was given."),
    "internal-error": (500, "A fault of this program; the operator finds it by `event`."),
    "log-empty": (404, "The log is empty."),
    "media-type-not-read": (415, "The body is of a media type that the operation does not read."),
    "method-not-allowed": (405, "The path does not take this method."),
    "no-such-path": (404, "Nothing is at this path."),
    "not-acceptable": (406, "The thing is not given as any of the media types in Accept."),
    "proof-pending": (503, "No checkpoint that covers the act is cosigned by the witnesses yet."),
    "query-repeated": (400, "A query parameter stands twice."),
    "query-unknown": (422, "A query parameter that this operation does not take: nothing asked is ignored."),
    "query-too-long": (414, "The query is longer than 4,000 characters."),
    "request-invalid": (422, "The request does not have the shape that this operation reads; `errors` says where."),
    "request-unreadable": (
        400,
        "It is not HTTP as it is read here, its path holds a control character, or its query NUL.",
    ),
}
"""The refusals of the face itself: they are about HTTP, and no rule is behind them."""
INVALID = "the request does not have the shape that this operation reads"
MEDIA_TYPE = "application/problem+json"
_TAKEN = frozenset({"type", "code", "title", "status"})
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
    """A refusal of the face itself, by its code in `FACE`."""

    def __init__(self, code: str, title: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status, self.code, self.title, self.headers = FACE[code][0], code, title, headers

    def response(self) -> Response:
        """Render the problem document."""
        return problem(self.status, self.code, self.title, headers=self.headers)


def problem(status: int, code: str, title: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """Render a problem document, and note its code for the line of the request."""
    if (asked := ASKED.get()) is not None:
        asked.code = code
    document = write_problem(status, code, title, **more)
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(document, default=_plain), status, kept, MEDIA_TYPE)


def write_problem(status: int, code: str, title: str, **more: Any) -> dict[str, Any]:
    """Write a problem document: alone it is an answer, in a list it stands in the place of one."""
    return {"type": f"about:blank#{code}", "code": code, "title": title, "status": status, **more}


def write_refusal(refusal: RegistryError) -> dict[str, Any]:
    """Write the problem document of a refusal."""
    return write_problem(status_of(type(refusal)), refusal.code, str(refusal), **members_of(refusal))


def status_of(refusal: type[RegistryError]) -> int:
    """Return the HTTP status of a kind of refusal."""
    if refusal in EXACT:
        return EXACT[refusal]
    return next(status for kind, status in STATUS.items() if issubclass(refusal, kind))


def of_refusal(refusal: RegistryError) -> Response:
    """Render a refusal of a rule, with its fields and the clause behind it."""
    status = status_of(type(refusal))
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "2"}}.get(status)
    if isinstance(refusal, TooManyVerifications):
        headers = {"Retry-After": str(refusal.retry_after)}
    return problem(status, refusal.code, str(refusal), headers=headers, **members_of(refusal))


def members_of(refusal: RegistryError) -> dict[str, Any]:
    """Return what a refusal says beside type, code, title and status: its fields, and the clause behind it."""
    shape: Any = refusal
    more = {field.name: getattr(refusal, field.name) for field in fields(shape)} if is_dataclass(shape) else {}
    if refusal.clause is not None:
        more["clause"] = refusal.clause
    return {name: value for name, value in more.items() if name not in _TAKEN and value is not None}


def install(app: FastAPI) -> None:
    """Answer every refusal, and every bug, with a problem document."""
    for kind in (RegistryError, FaceProblem, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _answer)


def _answer(_request: Request, error: Exception) -> Response:
    match error:
        case RegistryError():
            return of_refusal(error)
        case FaceProblem():
            return error.response()
        case RequestValidationError():
            return _of_invalid(error)
        case HTTPException():
            return _of_http(error)
        case _:
            return of_bug(error)


def _of_invalid(error: RequestValidationError) -> Response:
    return problem(422, "request-invalid", INVALID, errors=written_errors(error.errors()))


def _of_http(error: HTTPException) -> Response:
    cause = error.__cause__
    if isinstance(cause, RegistryError):
        return of_refusal(cause)
    if isinstance(cause, FaceProblem):
        return cause.response()
    code, title = _HTTP.get(error.status_code, ("request-unreadable", "the request cannot be read"))
    headers = dict(error.headers or {})
    if "GET" in (allowed := headers.get("Allow", "").split(", ")):
        headers["Allow"] = ", ".join([*allowed, "HEAD"])
    return problem(error.status_code, code, title, headers=headers)


_HTTP = {
    404: ("no-such-path", "nothing is at this path"),
    405: ("method-not-allowed", "this path does not take this method"),
}


def of_bug(error: Exception) -> Response:
    """Render a fault of this program: one event for who asked, all else for the operator."""
    asked = ASKED.get()
    event = secrets.token_hex(8) if asked is None else asked.id
    _LOG.error("internal-error", exc_info=error, extra={"members": {"id": event}})
    return problem(500, "internal-error", f"this is our fault; tell the operator of event {event}", event=event)


def _plain(value: object) -> Json:
    """Render a record among the fields of a refusal: a finding, say."""
    return encode(value)
