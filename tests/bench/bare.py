"""The ceilings: bare endpoints on the same stack, with the least that the promise could cost (PROMISES P1, P2)."""

import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio.to_thread
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI, Request, Response
from sqlalchemy import Column, LargeBinary, MetaData, Table, Text, insert, select

from registry.store.database import Database

METADATA = MetaData()
ONE, TWO, THREE = (
    Table(name, METADATA, Column("id", Text, primary_key=True), Column("content", LargeBinary))
    for name in ("bare_one", "bare_two", "bare_three")
)
SIZE = 2_500
"""Bytes of a certificate, about."""
KNOWN = "known"
_KEY = ec.generate_private_key(ec.SECP256R1())
_CONTENT = secrets.token_bytes(SIZE)
_SIGNATURE = _KEY.sign(_CONTENT, ec.ECDSA(hashes.SHA256()))


def serving(threads: int, close: Callable[[], None]) -> FastAPI:
    """Return an application that serves nothing yet but that it lives, with so many threads."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = threads
        yield
        close()

    served = FastAPI(
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )

    @served.get("/health/live")
    def live() -> Response:
        return Response()

    return served


def app() -> FastAPI:
    """Return the bare application."""
    threads = int(os.environ["REGISTRY_THREADS"])
    database = Database.open(os.environ["REGISTRY_DATABASE_URL"], pool=threads + 4)
    bare = serving(threads, database.close)

    @bare.post("/issue")
    def issue(_request: Request) -> Response:
        """Sign once and insert three rows in one durable transaction."""
        id = secrets.token_hex(16)
        signature = _KEY.sign(_CONTENT, ec.ECDSA(hashes.SHA256()))
        with database.begin() as tx:
            tx.execute(insert(ONE).values(id=id, content=_CONTENT))
            tx.execute(insert(TWO).values(id=id, content=signature))
            tx.execute(insert(THREE).values(id=id, content=_CONTENT[:200]))
        return Response(_CONTENT[:1000].hex(), 201)

    @bare.post("/verify")
    def verify(_request: Request) -> Response:
        """Select one row, verify one signature and insert one row in a durable transaction."""
        id = secrets.token_hex(16)
        with database.begin() as tx:
            content: bytes = tx.scalar(select(ONE.c.content).where(ONE.c.id == KNOWN)) or _CONTENT
            _KEY.public_key().verify(_SIGNATURE, content[:0] + _CONTENT, ec.ECDSA(hashes.SHA256()))
            tx.execute(insert(TWO).values(id=id, content=content[:700]))
        return Response(_CONTENT[:1000].hex(), 201)

    return bare
