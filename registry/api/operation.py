"""What an operation says of itself: its roles, its answer, its refusals. Tests hold what is served to it."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

from pydantic import BaseModel

from registry.api.problems import FACE, MEDIA_TYPE, status_of
from registry.core.errors import NotFound, RegistryError
from registry.store.parties import Role

ROLES, HIDES = "x-roles", "x-hides"
Refusal: TypeAlias = "type[RegistryError] | str"
"""A kind of refusal, or the code of one of the face's own."""


class Reach(StrEnum):
    """How far a role reaches through an operation; what is beyond is not there, not even forbidden (PROMISES S1)."""

    ORGANISATION = "organisation"
    """What concerns one's own organisation."""
    COUNTRY = "country"
    """What is presented in this country, whoever holds it."""
    NODE = "node"
    """All that is here."""


EVERYONE = (Role.EXPORTER, Role.EXAMINER, Role.SIGNATORY)
"""Whoever works on applications."""


def operation(
    view: type[BaseModel] | None,
    *refusals: Refusal,
    roles: Sequence[Role] | Mapping[Role, Reach] = (),
    hides: type[NotFound] | None = None,
    status: int = 200,
    gives: Sequence[str] = (),
    reads: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the arguments of a route: whom it is for (no role: anyone), what it answers, and its own refusals.

    A role reaches what concerns its own organisation where nothing else is said. `hides` is the answer for what is
    beyond; it goes without saying where one refusal alone says that something is not there.

    `gives` and `reads` are media types beside JSON. What follows from the operation's parameters is not repeated here:
    the documents add it.
    """
    answer: dict[str, Any] = {} if view is None else {"model": view}
    if gives:
        answer["content"] = {media_type: {} for media_type in gives}
    reaches = roles if isinstance(roles, Mapping) else dict.fromkeys(roles, Reach.ORGANISATION)
    extra: dict[str, Any] = {ROLES: {role.value: reaches[role].value for role in sorted(reaches)}}
    absent = [refusal for refusal in refusals if isinstance(refusal, type) and issubclass(refusal, NotFound)]
    if hides is not None or len(absent) == 1:
        extra[HIDES] = (hides or absent[0]).code
    if reads:
        binary = {"schema": {"type": "string", "format": "binary"}}
        extra["requestBody"] = {"required": True, "content": dict.fromkeys(reads, binary)}
    return {
        "status_code": status,
        "response_model": None,
        "responses": {status: answer, **refused(refusals)},
        "openapi_extra": extra,
    }


def refused(refusals: Iterable[Refusal]) -> Mapping[int | str, dict[str, Any]]:
    """Return the responses that document refusals: one for each status, naming the codes."""
    codes: dict[int, set[str]] = {}
    for refusal in refusals:
        code, status = (refusal, FACE[refusal][0]) if isinstance(refusal, str) else (refusal.code, status_of(refusal))
        codes.setdefault(status, set()).add(code)
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": ", ".join(sorted(codes[status])), "content": content} for status in sorted(codes)}
