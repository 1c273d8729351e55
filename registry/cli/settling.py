"""What a worker does about months that are over: state and compare them with a peer; what is sent is the courier's."""

from datetime import datetime, timedelta

from registry.node import Node
from registry.store import channel
from registry.store.guard import of_sent
from registry.usecases.channel.settle_months import Ends, settle
from registry.usecases.channel.tell_unsettled import tell_unsettled
from registry.usecases.trust.believe_peers import read_beliefs


class Settling:
    """Settles months with one peer, a step at a time: whatever was done stands, so it may stop anywhere."""

    EVERY = timedelta(seconds=10)

    def __init__(self, node: Node, did: str) -> None:
        self.node, self.did = node, did
        self.looked: datetime | None = None

    def run(self) -> bool:
        """Do what can be done now; tells whether anything was."""
        at = self.node.now()
        if self.looked is not None and self.looked <= at < self.looked + self.EVERY:
            return False
        with self.node.database.begin() as tx:
            peer = read_beliefs(tx, self.node.pins).node(self.did)
            done = 0
            if peer is not None:
                ends = Ends(self.node.settings.did, self.did, peer.country)
                mark = self.node.guard.mark(of_sent(self.did, channel.sent(tx, self.did).epoch))
                done = settle(tx, ends, mark=mark, at=at, draw=self.node.draw)
                tell_unsettled(tx, ends, at=at)
        if done:
            return True
        self.looked = at
        return False
