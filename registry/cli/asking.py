"""What peers and witnesses have seen of this node: fetched before one transaction decides what comes back of it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from itertools import count

from registry.core.channel.message import FIRST, FIRST_EPOCH, Position
from registry.core.channel.recall import Recall
from registry.core.envelope.jose import Typ, seal
from registry.core.identifiers import log_origin
from registry.core.tlog.checkpoint import Checkpoint
from registry.node import Node
from registry.peer.client import Peer
from registry.peer.refusals import PeerHasNone
from registry.store import channel
from registry.usecases.channel.accept_message import Receiver
from registry.usecases.recovery.recall_messages import Recalled
from registry.usecases.recovery.recover_log import Copy, EntriesLost, read_copy, read_cosigned
from registry.usecases.recovery.recover_node import Fetched, NotAsked, witnesses_of
from registry.usecases.trust.believe_peers import Beliefs


def ask_everyone(node: Node, beliefs: Beliefs, receiver: Receiver, copies: Sequence[str]) -> Fetched:
    """Ask every peer for its copy of our log and for the messages between us, and every witness what it cosigned.

    Raises `NotAsked`, `EntriesLost`, `PeerUnavailable`, and what reading a copy raises.
    """
    origin = log_origin(node.settings.name)
    urls = [f"{url}/log/mirror/{_digest(origin)}" for url in node.settings.peer_urls.values()]
    copy, entries = _best_copy(node, beliefs, [*urls, *copies])
    sent: dict[str, Sequence[Recalled]] = {}
    received: dict[str, Sequence[Recalled]] = {}
    for did, url in node.settings.peer_urls.items():
        with node.database.read() as tx:
            our_end, their_end = channel.acknowledged(tx, did), channel.received(tx, did)
        with closing(Peer.at(url)) as peer:
            sent[did] = list(recall(node, peer, did, receiver.did, our_end))
            received[did] = list(recall(node, peer, did, did, their_end))
    return Fetched(copy, entries, list(ask_witnesses(node, beliefs)), sent, received)


def _best_copy(node: Node, beliefs: Beliefs, urls: Sequence[str]) -> tuple[Copy | None, Sequence[bytes]]:
    """Return the largest copy of our log that anyone shows, and the entries that this database does not hold."""
    best: tuple[Copy, str] | None = None
    for url in urls:
        with closing(Peer.at(url)) as peer:
            try:
                note = peer.read("/checkpoint").decode("utf-8", errors="replace")
            except PeerHasNone:
                continue
        with node.database.read() as tx:
            shown = read_copy(tx, note, node.settings.did, beliefs, at=node.now())
        if best is None or shown.checkpoint.size > best[0].checkpoint.size:
            best = shown, url
    if best is None:
        return None, ()
    shown, url = best
    if shown.checkpoint.size <= shown.known:
        return shown, ()
    with closing(Peer.at(url)) as peer:
        try:
            return shown, peer.read_entries(shown.known, shown.checkpoint.size, shown.checkpoint.size)
        except PeerHasNone:
            # its copy was still on the way to the checkpoint that vouches for it
            raise EntriesLost(shown.known, shown.checkpoint.size) from None


def ask_witnesses(node: Node, beliefs: Beliefs) -> Iterator[Checkpoint]:
    """Ask every witness that counts what it has cosigned of our log. Raises `NotAsked`, `PeerUnavailable`."""
    asked = witnesses_of(beliefs, node.settings.country)
    urls = {did: f"{url}/witness" for did, url in node.settings.peer_urls.items()} | node.settings.witness_urls
    if missing := sorted(asked.keys() - urls.keys()):
        raise NotAsked(missing)
    own = node.keyring.log.vkey
    for name, keys in asked.items():
        with closing(Peer.at(urls[name])) as peer:
            try:
                note = peer.read(f"/{_digest(own.name)}/checkpoint").decode("utf-8", errors="replace")
            except PeerHasNone:
                continue
        yield read_cosigned(note, own, keys)


def recall(node: Node, peer: Peer, to: str, of: str, after: Position) -> Iterator[Recalled]:
    """Ask a peer for the messages of one sender after a place: a page at a time, then of each epoch that followed."""
    yield from recall_epoch(node, peer, to, of, after.epoch, after.next_seq)
    for epoch in count(after.epoch + 1):
        found = list(recall_epoch(node, peer, to, of, epoch, FIRST))
        if not found:
            return
        yield from found


def recall_epoch(node: Node, peer: Peer, to: str, of: str, epoch: int, first: int) -> Iterator[Recalled]:
    """Ask a peer for the messages of one sender in an epoch, a page at a time, each request signed anew."""
    more = True
    while more:
        numbered = epoch if epoch > FIRST_EPOCH else None
        request = Recall(node.settings.env, node.settings.did, to, of, first, node.now(), numbered)
        signed = seal(request.encode(), Typ.RECALL, node.keyring.node).text
        page, more = peer.recall(of, epoch, first, signed)
        for message, receipt in page:
            yield Recalled(message, receipt)
        first += len(page)


def _digest(origin: str) -> str:
    return sha256(origin.encode()).hexdigest()
