"""Measure how a node stands: its log, what waits for each peer, what each witness owes, lists, agreements, open tasks.

A measure judges nothing: what is wrong is said by `/health/ready`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.trust.believed_list import BelievedList
from registry.store import channel, checkpoints, freshness, log, mirror, tasks, tokens
from registry.store.parties import Role
from registry.usecases.party.count_operators import Operators, count_operators
from registry.usecases.tlog.publish_log import HEARTBEAT
from registry.usecases.trust.believe_peers import Beliefs, Pins, read_beliefs
from registry.usecases.trust.find_unlisted import Unlisted, find_unlisted

OFFICES = (Role.OPERATOR, Role.EXAMINER, Role.SIGNATORY, Role.REGISTRAR)
"""Roles without which no certificate comes about: whoever holds two tokens of them can be two people."""


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
class WitnessMeasure:
    """A witness that counts for our log: how long ago it cosigned last, and for how long it has owed the next line.

    It owes one from a checkpoint on that it has not cosigned, and once its last line is older than the heartbeat.
    """

    name: str
    answered: float | None
    unanswered: float | None


@dataclass(frozen=True, slots=True)
class ListMeasure:
    """The newest trust list of a country: its age, how long it still holds, and how old the country's freshest word is.

    That word is the newest freshness statement of a node of it; None where there is none yet.
    """

    country: str
    epoch: int
    version: int
    age: float
    left: float
    stated: float | None


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
    witnesses: Sequence[WitnessMeasure]
    lists: Sequence[ListMeasure]
    agreements: Sequence[AgreementMeasure]
    tasks: Mapping[str, int]
    by_one: int
    """How many living tokens of people in an office one operator alone issued, as was done before two did."""
    unlisted: Sequence[Unlisted]
    operators: Operators


def measure(tx: Session, pins: Pins, *, country: str, at: datetime) -> Measures:
    """Measure the node of a country; raises what `read_beliefs` raises."""
    beliefs = read_beliefs(tx, pins)
    stated = {row.node: row.as_of for row in freshness.all_newest(tx)}
    return Measures(
        at,
        LogMeasure(
            log.root_of(log.head(tx))[0],
            checkpoints.published_size(tx),
            _age(log.oldest_queued(tx), at) or 0.0,
            _age(checkpoints.oldest_unpublished(tx), at) or 0.0,
        ),
        _peers(tx, beliefs, country, at),
        [_witness(tx, name, at) for name in sorted(beliefs.witnesses(country))],
        [
            ListMeasure(
                name,
                held.list.epoch,
                held.list.version,
                (at - held.list.issued_at).total_seconds(),
                (held.list.expires_at - at).total_seconds(),
                _age(max((stated[node] for node in _ids(held) if node in stated), default=None), at),
            )
            for name, held in sorted(beliefs.lists.items())
        ],
        [
            AgreementMeasure(agreement.id, tuple(agreement.countries), agreement.in_force(at, country))
            for agreement in beliefs.agreements.values()
        ],
        tasks.count_open(tx),
        tokens.by_one(tx, OFFICES, at),
        list(find_unlisted(tx, beliefs, country)),
        count_operators(tx, at),
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


def _ids(held: BelievedList) -> Sequence[str]:
    return [node.row.id for node in held.nodes.values()]


def _witness(tx: Session, name: str, at: datetime) -> WitnessMeasure:
    last = checkpoints.cosigned(tx, name)
    owed = checkpoints.oldest_above(tx, 0 if last is None else last.size)
    if owed is None and last is not None and last.at + HEARTBEAT <= at:
        owed = last.at + HEARTBEAT
    return WitnessMeasure(name, _age(None if last is None else last.at, at), _age(owed, at))


def _age(since: datetime | None, at: datetime) -> float | None:
    return None if since is None else max(0.0, (at - since).total_seconds())
