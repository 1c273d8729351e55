"""A node of the tests that answers over HTTP, from a thread of this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from registry.api.app import create_app
from tests.kit import Country


@contextmanager
def served(country: Country) -> Iterator[str]:
    """Serve a country's node from a thread of this process."""
    config = uvicorn.Config(create_app(country.node), host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
