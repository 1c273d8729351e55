"""What a worker does over and over: number, have cosigned, publish, deliver, mirror, remind. Fetch, then begin."""

from datetime import datetime, timedelta

from registry.core.tlog.follow import TileReader
from registry.core.tlog.merkle import prove_consistency
from registry.core.tlog.note import VerifierKey
from registry.node import Node
from registry.peer.client import Peer
from registry.peer.refusals import PeerHasNone, PeerWantsEarlier, WitnessKnowsOther, WitnessSaysSplit
from registry.store import channel, checkpoints
from registry.store.acts import Actor
from registry.store.guard import Mark, of_log, of_published, of_sent, of_shown
from registry.store.messages import MessageOut
from registry.usecases.application.apply_deadlines import hear_silence, tell_overdue
from registry.usecases.channel.deliver_message import BATCH, Sender, keep_receipt, make_messages
from registry.usecases.channel.tell_waiting import tell_waiting
from registry.usecases.recovery.reconcile_log import Wanted, await_mirror, reconcile
from registry.usecases.tlog import mirror_log, publish_log
from registry.usecases.tlog.extend_log import extend, mark_of
from registry.usecases.tlog.publish_log import HEARTBEAT, Asked, ask, publish
from registry.usecases.trust.believe_peers import Beliefs, read_beliefs


def sequence(node: Node) -> bool:
    """Take one batch into the log, then let the guard know; tells whether there may be more."""
    signer = node.keyring.log
    what = of_log(signer.vkey.name)
    with node.database.begin() as tx:
        checkpoint = extend(tx, signer.vkey.name, signer.sign, mark=node.guard.mark(what), at=node.now())
    if checkpoint is None:
        return False
    node.guard.advance(what, mark_of(checkpoint))
    return True


def publish_newest(node: Node) -> bool:
    """Publish the newest checkpoint once it has met every quorum; tells whether it did."""
    mark = _log_mark(node)
    if mark is None:
        return False
    with node.database.read() as tx:
        waits = checkpoints.published_size(tx) < mark.number
    if waits:
        origin = node.keyring.log.vkey.name
        with node.database.begin() as tx:
            policies = read_beliefs(tx, node.pins).log_policies(node.settings.did, node.now())
            published = publish(tx, policies, mark, at=node.now())
            if published is not None:
                node.guard.advance(of_shown(origin), mark)  # before anyone can see it, which is with the commit
        if published is not None:
            node.guard.advance(of_published(origin), mark)
            return True
    return False


class Reminding:
    """Notes what silence means once a draft's days are over, and opens tasks for what is overdue, here or at a peer."""

    EVERY = timedelta(seconds=60)

    def __init__(self, node: Node) -> None:
        self.node = node
        self.looked: datetime | None = None

    def run(self) -> bool:
        """Do one batch of each; tells whether there may be more."""
        at, country = self.node.now(), self.node.settings.country
        if self.looked is not None and self.looked <= at < self.looked + self.EVERY:
            return False
        by, draw = Actor(self.node.settings.did), self.node.draw
        with self.node.database.begin() as tx:
            beliefs = read_beliefs(tx, self.node.pins)
            today = beliefs.local_day(country, at)
            heard = hear_silence(tx, today, by=by, at=at, draw=draw, limit=BATCH)
            told = tell_overdue(tx, today, at=at, limit=BATCH)
            tell_waiting(tx, beliefs, country, at=at)
        if BATCH in {heard, told}:
            return True
        self.looked = at
        return False


class Witnessing:
    """Has one witness cosign our checkpoints: issuing never waits for it, what is published does."""

    def __init__(self, node: Node, name: str, peer: Peer) -> None:
        self.node, self.name, self.peer = node, name, peer
        self.done: tuple[int, datetime] | None = None

    def run(self) -> bool:
        """Ask for a cosignature on the newest checkpoint, if it has not been given lately; tells of a new one."""
        return self._ask(None)

    def _ask(self, old: int | None) -> bool:
        mark, at = _log_mark(self.node), self.node.now()
        if mark is None or (old is None and self._has_done(mark.number, at)):
            return False
        with self.node.database.read() as tx:
            key = self._key(read_beliefs(tx, self.node.pins))
            asked = None if key is None else ask(tx, key, mark, at=at, old=old)
        if key is None or asked is None:
            self.done = None if key is None else (mark.number, at)
            return False
        shown = asked.growth.checkpoint
        self.node.guard.advance(of_shown(shown.origin), mark_of(shown))  # before the request leaves
        try:
            answer = self.peer.add_checkpoint(asked.growth.encode())
        except WitnessKnowsOther as other:
            if other.size > asked.size:
                self._note_ahead(asked, key, other.size)
            if other.size > asked.size or old is not None:
                raise
            return self._ask(other.size)
        except WitnessSaysSplit as split:
            with self.node.database.begin() as tx:
                publish_log.note_split(tx, asked, key, str(split), at=self.node.now())
            raise
        with self.node.database.begin() as tx:
            publish_log.keep_cosignature(tx, asked, key, answer, at=self.node.now())
        self.done = (asked.size, at)
        publish_newest(self.node)
        return True

    def _has_done(self, size: int, at: datetime) -> bool:
        """Tell whether the witness cosigned this size lately: the look that mostly finds nothing is a cheap one."""
        return self.done is not None and self.done[0] == size and self.done[1] <= at < self.done[1] + HEARTBEAT

    def _note_ahead(self, asked: Asked, key: VerifierKey, size: int) -> None:
        """Open a task where the witness knows more than we do; if we only read too early, its next line closes it."""
        with self.node.database.begin() as tx:
            publish_log.note_ahead(tx, asked, key, size, at=self.node.now())

    def _key(self, beliefs: Beliefs) -> VerifierKey | None:
        """Return the key under which the witness answers now: that of a node, or of a neutral witness by its name."""
        known = beliefs.node(self.name)
        return beliefs.witnesses(self.node.settings.country).get(self.name) if known is None else known.row.witness.vkey


class Mirroring:
    """Keeps a copy of a peer's log, and compares it with what the peer delivered."""

    EVERY = timedelta(seconds=1)
    COMPARED_EVERY = timedelta(seconds=60)

    def __init__(self, node: Node, did: str, peer: Peer) -> None:
        self.node, self.did, self.peer = node, did, peer
        self.looked: datetime | None = None
        self.compared: datetime | None = None
        self.wanted: Wanted | None = None

    def run(self) -> bool:
        """Take a step of what the peer's log has and the mirror has not; tells whether there is more."""
        at = self.node.now()
        if self.looked is not None and self.looked <= at < self.looked + self.EVERY:
            return False
        try:
            more = self._step(at)
        finally:
            self._compare(at)
        if not more:
            self.looked = at
        return more

    def _compare(self, at: datetime) -> None:
        """Compare log and channel on a clock of its own: a peer that serves nothing silences no alarm."""
        if self.compared is None or not self.compared <= at < self.compared + self.COMPARED_EVERY:
            name = self.did.removeprefix("did:web:")
            with self.node.database.begin() as tx:
                self.wanted = await_mirror(tx, name, self.wanted, at=at)
                reconcile(tx, self.node.settings.country, name, self.wanted, at=at)
            self.compared = at

    def _step(self, at: datetime) -> bool:
        try:
            note = self.peer.read("/checkpoint").decode("utf-8", errors="replace")
        except PeerHasNone:
            return False
        with self.node.database.read() as tx:
            shown = mirror_log.read_shown(tx, note, self.did, read_beliefs(tx, self.node.pins), at=self.node.now())
        size = shown.checkpoint.size
        entries = self.peer.read_entries(shown.known, shown.end, size) if shown.known < size else []
        proof = prove_consistency(shown.end, size, TileReader(size, self.peer.read_tile)) if entries else []
        try:
            with self.node.database.begin() as tx:
                mirror_log.grow(tx, shown, entries, proof, at=at)
        except mirror_log.LogRewritten as refusal:
            with self.node.database.begin() as tx:
                by = Actor(self.node.settings.did)
                mirror_log.keep_evidence(tx, shown, refusal, by=by, at=at, draw=self.node.draw)
            raise
        return shown.end < size


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
            self._send(message)
        return bool(made or len(waiting) == BATCH)

    def _send(self, message: MessageOut) -> None:
        """Send a message; a peer that lost earlier ones, as after a restore, gets them again first."""
        try:
            receipt = self.peer.deliver(message.envelope)
        except PeerWantsEarlier as earlier:
            with self.node.database.read() as tx:
                again = channel.sent_between(tx, self.did, message.epoch, earlier.next_seq, message.seq)
            if len(again) != message.seq - earlier.next_seq or not again:
                raise
            for lost in again:
                self._keep(lost, self.peer.deliver(lost.envelope))
            receipt = self.peer.deliver(message.envelope)
        self._keep(message, receipt)

    def _keep(self, message: MessageOut, receipt: str) -> None:
        with self.node.database.begin() as tx:
            at = self.node.now()
            beliefs = read_beliefs(tx, self.node.pins)
            by = Actor(self.sender.did)
            keep_receipt(tx, message, receipt, beliefs, by=by, at=at, draw=self.node.draw)

    def make(self) -> int:
        """Make messages of what the log has numbered since the last, and let the guard know how far they go."""
        with self.node.database.begin() as tx:
            node = read_beliefs(tx, self.node.pins).node(self.did)
            if node is None or not channel.try_courier(tx):
                return 0
            at, draw = self.node.now(), self.node.draw
            what = of_sent(self.did, channel.sent(tx, self.did).epoch)
            mark = self.node.guard.mark(what)
            made = make_messages(tx, self.sender, self.did, node.country, mark=mark, at=at, draw=draw)
            position = channel.sent(tx, self.did)
        self.node.guard.advance(what, Mark(position.seq, position.digest))
        return made


def _log_mark(node: Node) -> Mark | None:
    return node.guard.mark(of_log(node.keyring.log.vkey.name))
