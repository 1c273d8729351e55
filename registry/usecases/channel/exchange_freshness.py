"""Say how fresh our word is, and keep what a peer says of its own (formats 8, "Freshness")."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.agreement import Environment
from registry.core.calendar import read_instant
from registry.core.channel.message import FIRST, FIRST_EPOCH, Message
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.errors import NotFound
from registry.core.signature import Signer
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.note import Note
from registry.core.trust.freshness import (
    MADE_EVERY,
    Freshness,
    FreshnessNotNewer,
    NamedCheckpoint,
    NamedList,
    SentTo,
    believe_freshness,
    check_newer,
)
from registry.store import channel, checkpoints, freshness, log, peers, tasks
from registry.store.beliefs import read_met
from registry.store.tasks import TaskKind
from registry.usecases.channel.find_unsent import find_unsent
from registry.usecases.trust.believe_peers import Beliefs, read_word

_MOMENT = timedelta(seconds=1)


@dataclass(eq=False)
class NothingStated(NotFound):
    """The node has not said yet how fresh its word is."""

    code: ClassVar[str] = "freshness-not-stated"

    def __str__(self) -> str:
        return "this node has made no freshness statement yet"


@dataclass(frozen=True, slots=True)
class Stating:
    """Who states: its DID, country, environment, release and key, and the nodes that its courier serves."""

    did: str
    country: str
    env: Environment
    release: str
    signer: Signer
    serves: Iterable[str]


def state(tx: Session, of: Stating, beliefs: Beliefs, *, at: datetime) -> Freshness | None:
    """Sign what is newest here, if five minutes have passed or our list is another; None where nothing newer is said.

    What has not come into the log or the channel yet makes the statement as old as itself: a peer that has met it has
    everything that is older. Raises `CountryNotTrusted`.
    """
    adopted = beliefs.list_of(of.country)
    named = NamedList(adopted.list.epoch, adopted.list.version, adopted.digest)
    channel.lock_sender(tx, of.did)
    row = freshness.newest(tx, of.did)
    if row is not None:
        before = Freshness.parse(Envelope.parse(row.text, Typ.FRESHNESS).payload)
        if before.trust_list == named and before.as_of <= at < before.as_of + MADE_EVERY:
            return None
    as_of = _everything_is_out(tx, of, beliefs, at)
    if row is not None and as_of <= row.as_of:
        return None
    published = checkpoints.newest_published(tx)
    sent = [(to, channel.sent(tx, to)) for to in channel.peers(tx)]
    said = Freshness(
        issuer=of.did,
        env=of.env,
        as_of=as_of,
        release=of.release,
        trust_list=named,
        agreements=tuple(sorted(each.id for each in peers.agreements(tx))),
        sent=tuple(SentTo(to, position.epoch, position.seq, position.digest) for to, position in sent if position.seq),
        checkpoint=None if published is None else _checkpoint(published.note),
    )
    text = seal(said.encode(), Typ.FRESHNESS, of.signer).text
    moved = freshness.move(tx, of.did, text, as_of=as_of, last=said.last(of.did), met=text)
    assert moved
    return said


def read_own(tx: Session, did: str) -> str:
    """Return the newest statement of this node; raises `NothingStated`."""
    row = freshness.newest(tx, did)
    if row is None:
        raise NothingStated
    return row.text


def is_kept(tx: Session, text: str, node: str) -> bool:
    """Tell whether this very statement of a node is the one that is kept."""
    row = freshness.newest(tx, node)
    return row is not None and row.text == text


def keep(tx: Session, text: str, node: str, beliefs: Beliefs, *, own: str, env: str, at: datetime) -> Freshness:
    """Keep the statement of a peer in place of an older one, and remember the one by which everything had come.

    Raises what `believe_freshness` and `check_newer` raise.
    """
    said = believe_freshness(text, node, beliefs.lists, env)
    known = beliefs.node(node)
    assert known is not None
    adopted = beliefs.list_of(known.country)
    channel.lock_sender(tx, node)
    row = freshness.newest(tx, node)
    before = None if row is None else read_word(row.text, node, adopted)
    check_newer(said, before, adopted, at)
    last = said.last(own)
    met = text if last.seq == 0 and not _sent_before(tx, said) else read_met(tx, node)
    if not freshness.move(tx, node, text, as_of=said.as_of, last=last, met=met):
        raise FreshnessNotNewer(node)  # what a former key said binds no more, and may be dated minutes ahead
    return said


def _sent_before(tx: Session, said: Freshness) -> bool:
    """Tell whether a message is held that a node made before its statement."""
    first = channel.received_before(tx, said.issuer, FIRST_EPOCH, FIRST)
    if first is None:
        return False
    return Message.parse(Envelope.parse(first.envelope, Typ.MESSAGE).payload).issued_at < said.as_of


def _everything_is_out(tx: Session, of: Stating, beliefs: Beliefs, at: datetime) -> datetime:
    """Return by when everything that was recorded has its place in the log, and in the channel whom it concerns.

    A transaction that is open may have recorded something that nobody sees before it commits. What a restore lost
    before it was sent never comes: it waits until a person has closed its task.
    """
    waited = freshness.oldest_open(tx)  # first: what is committed from here on is in the queue
    waiting = [] if waited is None else [at - waited]
    if (oldest := log.oldest_queued(tx)) is not None:
        waiting.append(oldest)
    waiting += [read_instant(task.detail["at"]) for task in tasks.open_tasks(tx, TaskKind.ENTRY_LOST, limit=None)]
    waiting += find_unsent(tx, beliefs, of.country, of.serves).values()
    return min([at, *((each - _MOMENT).replace(microsecond=0) for each in waiting)])


def _checkpoint(note: str) -> NamedCheckpoint:
    checkpoint = Checkpoint.parse(Note.parse(note).text)
    return NamedCheckpoint(checkpoint.size, checkpoint.root.hex())
