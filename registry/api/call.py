"""One call of the API: whose token, which key, and the transaction in which it is answered once.

What a call is gathered from is `async`, though nothing in it waits: a `def` would take a thread from those who work.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy.orm import Session

from registry.api.problems import FaceProblem
from registry.core.errors import Unprocessable
from registry.lines import ASKED
from registry.node import Node
from registry.store import replies
from registry.usecases.party.identify_party import Party, TokenNotAccepted, identify, identify_once

_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_ETAG = re.compile(r'"(\d{1,9})"')
JSON = "application/json"


class KeyReused(Unprocessable):
    """The idempotency key was used for another request."""

    code = "idempotency-key-reused"

    def __str__(self) -> str:
        return "this Idempotency-Key was used for another request"


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: a status, a body, and headers beside the content type."""

    status: int
    body: bytes
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, view: BaseModel, *, status: int = 200, version: int | None = None, location: str | None = None
    ) -> "Reply":
        """Render a view; its version is its ETag."""
        headers = {}
        if version is not None:
            headers["ETag"] = f'"{version}"'
        if location is not None:
            headers["Location"] = location
        return cls(status, view.model_dump_json(exclude_none=True).encode(), headers=headers)

    def response(self) -> Response:
        """Return the HTTP response; what the API tells is for the one who asked."""
        return Response(self.body, self.status, {"Cache-Control": "no-store", **self.headers}, self.media_type)


async def the_node(request: Request) -> Node:
    """Return the node that serves this request."""
    node: Node = request.app.state.node
    return node


_BEARER = HTTPBearer(
    auto_error=False, description="A person's token, as `registry party token new` showed it to them alone."
)


async def bearer_token(shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> str:
    """Return the token that was shown; raises `TokenNotAccepted` where none was."""
    if shown is None:
        raise TokenNotAccepted
    return shown.credentials


async def request_digest(request: Request) -> str:
    """Return what tells one request from another under the same key: method, path, query, condition and body."""
    head = f"{request.method} {request.url.path}?{request.url.query} {request.headers.get('if-match', '')}\n"
    return sha256(head.encode() + await request.body()).hexdigest()


async def idempotency_key(
    key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="Names this request: a retry under it gets the same bytes."),
    ] = None,
) -> str:
    """Return the key, which every POST that changes something has."""
    if key is None or not _KEY.fullmatch(key):
        raise FaceProblem("idempotency-key-missing", "an Idempotency-Key of 1 to 128 visible characters is wanted")
    return key


async def expected_version(
    condition: Annotated[str | None, Header(alias="If-Match", description="The ETag that was read.")] = None,
) -> int:
    """Return the version that a change supposes; every PUT names one."""
    if condition is None:
        raise FaceProblem("if-match-missing", "a change names the ETag that it was made from in If-Match")
    named = _ETAG.fullmatch(condition)
    if named is None:
        raise FaceProblem("if-match-unreadable", 'If-Match is one ETag as it was given, like "3"')
    return int(named[1])


NodeDep = Annotated[Node, Depends(the_node)]
BearerDep = Annotated[str, Depends(bearer_token)]
KeyDep = Annotated[str, Depends(idempotency_key)]
VersionDep = Annotated[int, Depends(expected_version)]


@dataclass(frozen=True, slots=True)
class Call:
    """A call that changes something: who shows which token, under which key, with which request."""

    node: Node
    token: str
    key: str
    digest: str

    def once(self, work: Callable[[Session, Party, datetime], Reply]) -> Response:
        """Do the work and keep the reply in one transaction; a retry gets the kept bytes and does nothing.

        Only what is done is kept: a refusal rolls everything back, the key included. Raises `KeyReused`.
        """
        at = self.node.now()
        with self.node.database.begin() as tx:
            by, kept = identify_once(tx, self.token, self.key, self.digest, node=self.node.settings.did, at=at)
            _note(by)
            if kept is None:
                reply = work(tx, by, at)
                headers = {**reply.headers, "Content-Type": reply.media_type}
                replies.keep(tx, by.person, self.key, status=reply.status, headers=headers, body=reply.body)
            elif kept.request != self.digest:
                raise KeyReused
            else:
                reply = _kept(kept)
        return reply.response()

    def first(self, work: Callable[[Session, Party, datetime], None]) -> None:
        """Do what stays whatever becomes of the call, in a transaction of its own: a refusal would roll it back."""
        at = self.node.now()
        with self.node.database.begin() as tx:
            work(tx, _identified(tx, self.token, self.node, at), at)


async def call(node: NodeDep, token: BearerDep, key: KeyDep, digest: Annotated[str, Depends(request_digest)]) -> Call:
    """Gather what a call that changes something is made of."""
    return Call(node, token, key, digest)


CallDep = Annotated[Call, Depends(call)]


@dataclass(frozen=True, slots=True)
class Look:
    """A call that changes nothing."""

    node: Node
    token: str

    def answer(self, work: Callable[[Session, Party, datetime], Reply]) -> Response:
        """Read in one transaction that cannot write."""
        at = self.node.now()
        with self.node.database.read() as tx:
            by = _identified(tx, self.token, self.node, at)
            reply = work(tx, by, at)
        return reply.response()


async def look(node: NodeDep, token: BearerDep) -> Look:
    """Gather what a call that changes nothing is made of."""
    return Look(node, token)


LookDep = Annotated[Look, Depends(look)]


def _identified(tx: Session, token: str, node: Node, at: datetime) -> Party:
    by = identify(tx, token, node=node.settings.did, at=at)
    _note(by)
    return by


def _note(by: Party) -> None:
    """Note who asks for the line of the request."""
    if (asked := ASKED.get()) is not None:
        asked.person, asked.organisation = by.person, by.kind.value


def _kept(kept: replies.Reply) -> Reply:
    assert kept.status is not None
    assert kept.body is not None
    headers = dict(kept.headers or {})
    return Reply(kept.status, kept.body, headers.pop("Content-Type", JSON), headers)
