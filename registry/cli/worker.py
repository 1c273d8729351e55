"""The worker: a thread for each duty, each with its own transactions; a duty that dies ends the process."""

import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import typer

from registry.cli.duties import Courier, Mirroring, Witnessing, publish_newest, sequence
from registry.core.errors import RegistryError, Unavailable
from registry.node import Node
from registry.peer.client import Peer
from registry.settings import Settings
from registry.usecases.extend_log import AnotherSequencer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
IDLE = 0.2
"""Seconds between two looks for work."""
LONGEST_WAIT = 8.0
"""Seconds between two tries while a peer is away."""
LOG = logging.getLogger("registry.worker")


@app.command()
def worker() -> None:
    """Extend the log, have it witnessed, and deliver messages until told to stop. Example: registry worker."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.Formatter.converter = lambda *_: datetime.now(UTC).timetuple()
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    node = Node.open(Settings.from_environment())
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    _ = node.keyring, node.guard
    duties: dict[str, Callable[[], bool]] = {
        "sequence": lambda: sequence(node),
        "publish": lambda: publish_newest(node),
    }
    for did, url in node.settings.peer_urls.items():
        duties[f"courier to {did}"] = Courier(node, did, Peer.at(url)).run
        duties[f"mirror {did}"] = Mirroring(node, did, Peer.at(f"{url}/log")).run
        duties[f"witness {did}"] = Witnessing(node, did, Peer.at(f"{url}/witness")).run
    for neutral, url in node.settings.witness_urls.items():
        duties[f"witness {neutral}"] = Witnessing(node, neutral, Peer.at(url)).run
    threads = [threading.Thread(target=_keep, args=(name, duty, stop), daemon=True) for name, duty in duties.items()]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(timeout=15)
    node.close()


def _keep(name: str, duty: Callable[[], bool], stop: threading.Event) -> None:
    """Do a duty until told to stop; wait longer and longer while it cannot be done, end the process when it breaks."""
    wait = IDLE
    while not stop.is_set():
        try:
            more = duty()
        except Unavailable as refusal:
            LOG.warning("%s: %s: %s", name, refusal.code, refusal)
            stop.wait(wait * random.uniform(0.8, 1.2))  # noqa: S311  jitter is no secret
            wait = min(wait * 2, LONGEST_WAIT)
            continue
        except AnotherSequencer as refusal:
            LOG.critical("%s: %s: this process stops", name, refusal)
            os._exit(1)
        except RegistryError as refusal:
            LOG.error("%s: %s: %s", name, refusal.code, refusal)  # noqa: TRY400  a refusal has no traceback worth keeping
            stop.wait(LONGEST_WAIT)
            continue
        except Exception:
            LOG.exception("%s died, and the process with it", name)
            os._exit(1)
        wait = IDLE
        if not more:
            stop.wait(IDLE)
