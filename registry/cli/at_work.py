"""Hold a share in the node's database for the life of a process: nothing is restored or recovered under it."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from registry.node import Node
from registry.store.at_work import AtWork, BeingRewritten
from registry.store.database import DatabaseUnavailable

EVERY = 1.0
"""Seconds between two looks whether the share is still held."""
LOG = logging.getLogger("registry.at_work")


@contextmanager
def at_work(node: Node, process: str) -> Iterator[None]:
    """Hold a share while the body works, and take it again after the database was away: the work goes on meanwhile.

    Raises `BeingRewritten`. Where that is so when the share is taken again, the process ends: what it has read of the
    history is no more.
    """
    share = AtWork(node.database.engine.url, process)
    share.take()
    stop = threading.Event()
    thread = threading.Thread(target=_keep, args=(share, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=15)
        share.end()


def _keep(share: AtWork, stop: threading.Event) -> None:
    lost = False
    while not stop.wait(EVERY):
        if not lost and share.holds():
            continue
        if not lost:
            LOG.warning("the database went away: until it is back, nobody sees that this process is at work on it")
        lost = True
        try:
            share.take()
        except DatabaseUnavailable:
            continue
        except BeingRewritten as refusal:
            LOG.critical("%s: %s: this process stops", refusal.code, refusal)
            os._exit(1)
        lost = False
        LOG.info("the database is back, and this process is at work on it")
