"""The worker: a thread for each duty, each with its own transactions."""

import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable

import typer

from registry import lines
from registry.cli.at_work import at_work
from registry.cli.duties import Courier, Mirroring, Reminding, Witnessing, publish_newest, sequence
from registry.cli.freshening import Freshening, Stating
from registry.cli.settling import Settling
from registry.cli.told import Telling
from registry.core.errors import RegistryError, Unavailable
from registry.node import Node
from registry.peer.client import Peer
from registry.settings import Settings
from registry.usecases.tlog.extend_log import AnotherSequencer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
LOOK = 0.2
"""Seconds between two looks at the queue of the log: acts come from other processes, which wake nobody here."""
IDLE = 1.0
"""Seconds until any other duty looks again by itself."""
LONGEST_WAIT = 8.0
"""Seconds between two tries while a peer is away."""
LOG = logging.getLogger("registry.worker")


class Bell:
    """Wakes every duty that waits once one has done something: what it did is work for the others."""

    def __init__(self) -> None:
        self.strokes = 0
        self._rung = threading.Condition()

    def ring(self) -> None:
        """Wake whoever waits, and whoever had begun to look before this."""
        with self._rung:
            self.strokes += 1
            self._rung.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Wait for a stroke after `heard` of them, or until the time is over."""
        with self._rung:
            self._rung.wait_for(lambda: self.strokes != heard, seconds)


class Complaint:
    """What keeps a duty from being done: said when it is new, and while it lasts every ten minutes."""

    EVERY = 600.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.said, self.since = clock, "", 0.0

    def say(self, level: int, name: str, refusal: RegistryError) -> None:
        """Write a line of a refusal, but not the same one again so soon."""
        said, now = f"{refusal.code}: {refusal}", self.clock()
        if said != self.said or now >= self.since + self.EVERY:
            LOG.log(level, "%s: %s", name, said)
            self.said, self.since = said, now

    def over(self) -> None:
        """Take note that the duty was done: the next refusal is news."""
        self.said = ""


@app.command()
def worker() -> None:
    """Extend the log, have it witnessed, deliver messages and mind the clocks until told to stop.

    Example: registry worker.
    """
    settings = Settings.from_environment()
    lines.begin(sys.stderr, node=settings.name, process="worker")
    node = Node.open(settings)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    _ = node.keyring, node.guard
    with at_work(node, "worker"):
        _work(node, stop)
    node.close()


def _work(node: Node, stop: threading.Event) -> None:
    """Do every duty in a thread of its own until told to stop."""
    bell = Bell()
    own: dict[str, Callable[[], bool]] = {
        "sequence": lambda: sequence(node),
        "publish": lambda: publish_newest(node),
        "tell": Telling(node).run,
        "remind": Reminding(node).run,
        "state": Stating(node).run,
    }
    duties: dict[str, Callable[[], bool]] = {}
    for did, url in node.settings.peer_urls.items():
        duties[f"courier to {did}"] = Courier(node, did, Peer.at(url)).run
        duties[f"freshen {did}"] = Freshening(node, did, Peer.at(url)).run
        duties[f"settle months with {did}"] = Settling(node, did).run
        duties[f"mirror {did}"] = Mirroring(node, did, Peer.at(f"{url}/log")).run
        duties[f"witness {did}"] = Witnessing(node, did, Peer.at(f"{url}/witness")).run
    for neutral, url in node.settings.witness_urls.items():
        duties[f"witness {neutral}"] = Witnessing(node, neutral, Peer.at(url)).run
    threads = [
        threading.Thread(
            target=keep,
            args=(name, duty, stop, bell),
            kwargs={"own": name in own, "idle": LOOK if name == "sequence" else IDLE},
            daemon=True,
        )
        for name, duty in (own | duties).items()
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    bell.ring()
    for thread in threads:
        thread.join(timeout=15)


def keep(
    name: str,
    duty: Callable[[], bool],
    stop: threading.Event,
    bell: Bell,
    *,
    own: bool,
    idle: float = IDLE,
    longest: float = LONGEST_WAIT,
) -> None:
    """Do a duty until told to stop, and wait longer and longer while it cannot be done.

    A duty tells whether it did something: then it is done again at once, and the others are woken.

    A bug in a duty of our `own` ends the process. In one that reads what another node says it does not: whoever found
    the words that make it stumble would stop our log, too.
    """
    wait, complaint = idle, Complaint()
    while not stop.is_set():
        heard = bell.strokes
        try:
            busy = duty()
        except Unavailable as refusal:
            complaint.say(logging.WARNING, name, refusal)
            stop.wait(wait * random.uniform(0.8, 1.2))  # noqa: S311  jitter is no secret
            wait = min(wait * 2, longest)
            continue
        except AnotherSequencer as refusal:
            LOG.critical("%s: %s: this process stops", name, refusal)
            os._exit(1)
        except RegistryError as refusal:
            complaint.say(logging.ERROR, name, refusal)
            stop.wait(longest)
            continue
        except Exception:
            if own:
                LOG.exception("%s died, and the process with it", name)
                os._exit(1)
            LOG.exception("%s stumbled over what nobody foresaw; the other duties go on", name)
            stop.wait(longest)
            continue
        wait = idle
        complaint.over()
        if busy:
            bell.ring()
        else:
            bell.wait(heard, idle)
