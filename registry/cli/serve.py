"""Answer HTTP: one process a core, a few threads each."""

import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta

import anyio.to_thread
import h11
import typer
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from registry import lines
from registry.api.app import create_app
from registry.api.limits import MAX_HEADERS
from registry.api.metrics import SHARED
from registry.api.problems import FaceProblem
from registry.cli.at_work import at_work
from registry.node import Node
from registry.settings import Settings

PATIENCE = timedelta(seconds=10)
"""What no statement of a request may take: one that waits so long for a lock or a disk is given up."""
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


class Protocol(H11Protocol):
    """HTTP/1.1 whose own refusals, of what never becomes a request, are problem documents too."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  the server's words say less
        """Refuse what cannot be read, or whose headers are too long, and hang up."""
        refusal = FaceProblem(
            "request-unreadable", f"this is not HTTP/1.1, or its headers are longer than {MAX_HEADERS} bytes"
        ).response()
        headers = [*refusal.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=refusal.status_code, headers=headers),
            h11.Data(data=bytes(refusal.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


@app.command()
def serve() -> None:
    """Answer HTTP: the API and the peer's channel. Example: registry serve."""
    settings = Settings.from_environment()
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            sys.stderr.write(
                f"registry: {settings.host}:{settings.port} cannot be listened on ({error.strerror}): "
                "stop what listens there, or set REGISTRY_PORT\n"
            )
            raise typer.Exit(1) from None
    node = with_node()
    with at_work(node, "serve"):
        node.close()
    if settings.metrics and settings.processes > 1:
        os.environ.setdefault(SHARED, tempfile.mkdtemp(prefix="registry-metrics-"))
    lines.begin(sys.stderr, node=settings.name, process="serve")
    uvicorn.run(
        "registry.cli.serve:listening",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.processes,
        http=Protocol,
        h11_max_incomplete_event_size=MAX_HEADERS,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="warning",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
    )


def with_node() -> Node:
    """Open the node and its keys, so that what is missing is said before anything listens."""
    node = Node.open(Settings.from_environment(), patience=PATIENCE)
    _ = node.keyring
    return node


def listening() -> FastAPI:
    """Return the application of one process, with its own node."""
    node = with_node()
    lines.begin(sys.stderr, node=node.settings.name, process="serve")
    api, held = create_app(node), ExitStack()
    held.enter_context(at_work(node, "serve"))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = node.settings.threads
        with held:
            yield
        node.close()

    api.router.lifespan_context = lifespan
    return api
