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

from registry.core.errors import RegistryError, Unavailable
from registry.node import Node
from registry.peer.client import Peer
from registry.settings import Settings
from registry.store import channel
from registry.store.acts import Actor
from registry.usecases.believe_peers import read_beliefs
from registry.usecases.deliver_message import BATCH, Sender, keep_receipt, make_messages
from registry.usecases.extend_log import AnotherSequencer, extend

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
IDLE = 0.2
"""Seconds between two looks for work."""
LONGEST_WAIT = 8.0
"""Seconds between two tries while a peer is away."""
LOG = logging.getLogger("registry.worker")


@app.command()
def worker() -> None:
    """Extend the log and deliver messages until told to stop. Example: registry worker."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.Formatter.converter = lambda *_: datetime.now(UTC).timetuple()
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    node = Node.open(Settings.from_environment())
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    duties: dict[str, Callable[[], bool]] = {"sequence": lambda: sequence(node)}
    for did, url in node.settings.peer_urls.items():
        duties[f"courier to {did}"] = Courier(node, did, Peer.at(url)).run
    _ = node.keyring
    threads = [threading.Thread(target=_keep, args=(name, duty, stop), daemon=True) for name, duty in duties.items()]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(timeout=15)
    node.close()


def sequence(node: Node) -> bool:
    """Take one batch into the log; tells whether there may be more."""
    with node.database.begin() as tx:
        signer = node.keyring.log
        return extend(tx, signer.vkey.name, signer.sign, at=node.now()) is not None


class Courier:
    """Brings what the log has numbered to one peer, in order, and keeps the receipts."""

    def __init__(self, node: Node, did: str, peer: Peer) -> None:
        self.node, self.did, self.peer = node, did, peer
        settings = node.settings
        self.sender = Sender(settings.did, settings.env, node.keyring.node)

    def run(self) -> bool:
        """Make messages, then send what has no receipt; tells whether there may be more."""
        made = self.make()
        with self.node.database.read() as tx:
            waiting = channel.unacknowledged(tx, self.did, BATCH)
        for message in waiting:
            receipt = self.peer.deliver(message.envelope)
            with self.node.database.begin() as tx:
                at = self.node.now()
                beliefs = read_beliefs(tx, self.node.pins)
                by = Actor(self.sender.did)
                keep_receipt(tx, message, receipt, beliefs, by=by, at=at, draw=self.node.draw)
        return bool(made or len(waiting) == BATCH)

    def make(self) -> int:
        """Make messages of what the log has numbered since the last."""
        with self.node.database.begin() as tx:
            node = read_beliefs(tx, self.node.pins).node(self.did)
            if node is None or not channel.try_courier(tx):
                return 0
            at, draw = self.node.now(), self.node.draw
            return make_messages(tx, self.sender, self.did, node.country, at=at, draw=draw)


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
