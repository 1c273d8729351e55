"""Measure how a node stands: how far its log is, what waits for each peer, how old the lists are, which tasks are open.

A measure judges nothing: what is wrong is said by `/health/ready`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from registry.store import channel, log, mirror, tasks
from registry.usecases.believe_peers import Beliefs, Pins, read_beliefs


@dataclass(frozen=True, slots=True)
class LogMeasure:
    """How far the log is; ages in seconds, nought where nothing waits."""

    size: int
    published: int
    lag: float
    unpublished: float


@dataclass(frozen=True, slots=True)
class PeerMeasure:
    """What waits for a node of another country, how long it is silent, and how much of its log is mirrored here."""

    did: str
    country: str
    queue: int
    waiting: float
    silence: float | None
    mirrored: int


@dataclass(frozen=True, slots=True)
class ListMeasure:
    """The newest trust list of a country: its age, and how long it still holds."""

    country: str
    version: int
    age: float
    left: float


@dataclass(frozen=True, slots=True)
class AgreementMeasure:
    """An agreement that this node holds, and whether it is in force today."""

    id: str
    countries: Sequence[str]
    in_force: bool


@dataclass(frozen=True, slots=True)
class Measures:
    """How the node stands at one moment."""

    at: datetime
    log: LogMeasure
    peers: Sequence[PeerMeasure]
    lists: Sequence[ListMeasure]
    agreements: Sequence[AgreementMeasure]
    tasks: Mapping[str, int]


def measure(tx: Session, pins: Pins, *, country: str, at: datetime) -> Measures:
    """Measure the node of a country; raises what `read_beliefs` raises."""
    beliefs = read_beliefs(tx, pins)
    return Measures(
        at,
        LogMeasure(
            log.root_of(log.head(tx))[0],
            log.published_size(tx),
            _age(log.oldest_queued(tx), at) or 0.0,
            _age(log.oldest_unpublished(tx), at) or 0.0,
        ),
        _peers(tx, beliefs, country, at),
        [
            ListMeasure(
                name,
                held.list.version,
                (at - held.list.issued_at).total_seconds(),
                (held.list.expires_at - at).total_seconds(),
            )
            for name, held in sorted(beliefs.lists.items())
        ],
        [
            AgreementMeasure(agreement.id, tuple(agreement.countries), agreement.in_force(at, country))
            for agreement in beliefs.agreements.values()
        ],
        tasks.count_open(tx),
    )


def _peers(tx: Session, beliefs: Beliefs, country: str, at: datetime) -> Sequence[PeerMeasure]:
    """Measure every node of another country whose list is adopted, whether or not anything went to it yet."""
    queues, words = channel.queues(tx), channel.newest_words(tx)
    found = []
    for name, held in sorted(beliefs.lists.items()):
        for node in held.nodes.values() if name != country else ():
            queue, oldest = queues.get(node.row.id, (0, None))
            found.append(
                PeerMeasure(
                    node.row.id,
                    name,
                    queue,
                    _age(oldest, at) or 0.0,
                    _age(words.get(node.row.id), at),
                    mirror.root_of(mirror.head(tx, node.row.log.origin))[0],
                )
            )
    return found


def _age(since: datetime | None, at: datetime) -> float | None:
    return None if since is None else max(0.0, (at - since).total_seconds())
