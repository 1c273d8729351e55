"""What a worker does so that a verdict can say how fresh it is: state, and hear what peers state. Fetch, then begin."""

from datetime import datetime, timedelta
from importlib.metadata import version

from registry.core.envelope.jose import MAX_FRESHNESS
from registry.core.identifiers import log_origin
from registry.core.trust.freshness import FreshnessNotTrusted
from registry.node import Node
from registry.peer.client import Peer
from registry.peer.refusals import PeerHasNone
from registry.store.acts import Actor
from registry.usecases.channel import exchange_freshness
from registry.usecases.channel.accept_message import judge_again
from registry.usecases.channel.set_aside import set_aside
from registry.usecases.channel.take_certificate import Here
from registry.usecases.recovery.compare_guard import check_caught_up
from registry.usecases.trust import adopt_trust_list
from registry.usecases.trust.believe_peers import read_beliefs


class Stating:
    """Signs every five minutes what is newest here, and sooner where our trust list is another.

    A node whose database is behind says nothing of how fresh it is: what it would say takes back what it has said.
    """

    EVERY = timedelta(seconds=5)

    def __init__(self, node: Node) -> None:
        self.node = node
        self.looked: datetime | None = None

    def run(self) -> bool:
        """State what is newest, if that is due."""
        at = self.node.now()
        if self.looked is None or not self.looked <= at < self.looked + self.EVERY:
            with self.node.database.begin() as tx:
                check_caught_up(tx, self.node.guard.marks(), log_origin(self.node.settings.name))
                beliefs = read_beliefs(tx, self.node.pins)
                if self.node.settings.country in beliefs.lists:
                    exchange_freshness.state(tx, stating_of(self.node), beliefs, at=at)
            self.looked = at
        return False


class Freshening:
    """Keeps what a peer says of how fresh its word is, and takes over its newer trust list."""

    EVERY = timedelta(seconds=15)
    """What is revoked there is known here within a minute (PROMISES R1), though both nodes be busy."""

    def __init__(self, node: Node, did: str, peer: Peer) -> None:
        self.node, self.did, self.peer = node, did, peer
        self.looked: datetime | None = None

    def run(self) -> bool:
        """Ask the peer, unless it was asked lately."""
        at = self.node.now()
        if self.looked is not None and self.looked <= at < self.looked + self.EVERY:
            return False
        try:
            text = self.peer.read("/freshness", MAX_FRESHNESS).decode("ascii", errors="replace")
        except PeerHasNone:
            return False
        self.looked = at
        try:
            behind = self._keep(text, at)
        except FreshnessNotTrusted:
            self._adopt(at)  # a node key that we do not know may stand in a list that we have not seen
            raise
        if behind:
            self._adopt(at)
        return False

    def _keep(self, text: str, at: datetime) -> bool:
        """Keep a statement that is not kept yet; tells whether it names a newer list than the adopted one."""
        settings = self.node.settings
        with self.node.database.begin() as tx:
            beliefs = read_beliefs(tx, self.node.pins)
            if not exchange_freshness.is_kept(tx, text, self.did):
                exchange_freshness.keep(tx, text, self.did, beliefs, own=settings.did, env=settings.env, at=at)
                beliefs = read_beliefs(tx, self.node.pins)
                set_aside(tx, beliefs, at=at)
            return beliefs.words[self.did].behind

    def _adopt(self, at: datetime) -> None:
        """Take over the peer's list by the rules for every list: what its list keys signed needs no person here."""
        settings = self.node.settings
        with self.node.database.read() as tx:
            known = read_beliefs(tx, self.node.pins).node(self.did)
        if known is None:
            return  # a country's first list is for a person to adopt
        text = self.peer.read("/trust-list").decode("ascii", errors="replace")
        with self.node.database.begin() as tx:
            by, country = Actor(settings.did), settings.country
            adopt_trust_list.adopt(tx, text, self.node.pins, own_country=country, by=by, at=at, draw=self.node.draw)
            here = Here(settings.did, settings.env, country)
            judge_again(tx, here, read_beliefs(tx, self.node.pins), at=at)


def stating_of(node: Node) -> exchange_freshness.Stating:
    """Return who states how fresh the word of this node is."""
    settings = node.settings
    return exchange_freshness.Stating(
        settings.did, settings.country, settings.env, version("registry"), node.keyring.node, tuple(settings.peer_urls)
    )
