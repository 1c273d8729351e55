"""The way back of a node whose database is a backup: its log, its messages, its numbers, and one act that says it all.

Everything is fetched before, and all of it is one transaction: a node is recovered, or as it was.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.channel.message import GENESIS
from registry.core.errors import Unavailable
from registry.core.identifiers import log_origin
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind
from registry.core.tlog.note import VerifierKey
from registry.store import acts, certificates, channel, checkpoints, log, parties, serials
from registry.store.acts import Actor, Draw
from registry.store.at_work import NodeWorks
from registry.store.guard import Mark, of_log, of_published, of_received, of_sent, of_shown
from registry.store.parties import OrganisationKind, Role
from registry.usecases.channel.accept_message import Receiver
from registry.usecases.party.identify_party import Party
from registry.usecases.recovery.compare_guard import Marks, compare
from registry.usecases.recovery.end_powers import end_powers
from registry.usecases.recovery.end_proposals import end_proposals, return_applications
from registry.usecases.recovery.recall_messages import Recalled
from registry.usecases.recovery.recover_contents import RecalledNotOurs, TakenMessages
from registry.usecases.recovery.recover_log import Copy, TakenLog, UnseenLeft, count_unseen, take_back
from registry.usecases.recovery.recover_messages import Restoring
from registry.usecases.trust.believe_peers import Beliefs


@dataclass(eq=False)
class NotAsked(Unavailable):
    """Someone who may have seen more than this database holds cannot be asked, for no address is known."""

    code: ClassVar[str] = "not-asked"
    who: list[str]

    def __str__(self) -> str:
        return (
            f"no address of {', '.join(self.who)} is set, and each must be asked what it has of this node: "
            "name them in REGISTRY_PEERS and REGISTRY_WITNESSES"
        )


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the others gave: the best copy of the log, what witnesses cosigned, and the messages of each direction."""

    copy: Copy | None
    entries: Sequence[bytes]
    cosigned: Sequence[Checkpoint]
    sent: Mapping[str, Sequence[Recalled]]
    received: Mapping[str, Sequence[Recalled]]


@dataclass(frozen=True, slots=True)
class Recovered:
    """What the guard is to remember once this is committed, and what the act says."""

    marks: Mapping[str, Mark]
    said: Mapping[str, Json]


def witnesses_of(beliefs: Beliefs, country: str) -> Mapping[str, Sequence[VerifierKey]]:
    """Return who may have cosigned the log of a country: nodes by DID, neutral witnesses by name, with their keys."""
    counted = beliefs.witnesses(country)
    asked: dict[str, Sequence[VerifierKey]] = {}
    nodes = [node.row for believed in beliefs.lists.values() for node in believed.nodes.values()]
    for row in nodes:
        if row.witness.name in counted:
            asked[row.id] = row.witness_keys()
    of_nodes = {row.witness.name for row in nodes}
    return asked | {name: [key] for name, key in counted.items() if name not in of_nodes}


def recover(
    tx: Session,
    fetched: Fetched,
    receiver: Receiver,
    marks: Marks,
    beliefs: Beliefs,
    *,
    give_up: int,
    by: Party,
    at: datetime,
    draw: Draw,
) -> Recovered:
    """Take back log and messages, leave every number unused that may have been given, and record what is lost.

    Tokens, mandates and proposals end where one that was ended since may live again (decision 0040).

    `give_up` is how many entries that were never shown, and messages that no peer says it has, the operator goes on
    without. Of messages the peer's word is taken, as nobody but the two of us relies on their numbers: one that it had
    and hid is refused by it for ever, and our act says what was given up. Raises `NodeWorks`, `CopyDiffers`,
    `EntriesLost`, `ShownLost`, `UnseenLeft`, `NotAsked`, `RecalledNotOurs`, and what taking raises.
    """
    by.require(Role.OPERATOR)
    _check_asked(marks, fetched)
    if not channel.try_courier(tx):
        raise NodeWorks
    origin = log_origin(receiver.did.removeprefix("did:web:"))
    taken = take_back(tx, fetched.copy, fetched.entries, at=at)
    entries = count_unseen(tx, taken, marks, origin, fetched.cosigned)
    restoring = Restoring(tx, receiver.country, receiver.env, receiver.did, beliefs, by.actor, at, draw)
    for peer, recalled in fetched.sent.items():
        restoring.take_sent(peer, recalled)
    for recalled in fetched.received.values():
        restoring.take_received(recalled, receiver)
    restoring.contents.finish()
    stands = {of_log(origin): taken.mark} if taken.size else {}
    for peer in fetched.sent:
        for what, position in ((of_sent, channel.sent(tx, peer)), (of_received, channel.received(tx, peer))):
            stands[what(peer, position.epoch)] = Mark(position.seq, position.digest)
    messages, lowered = _count_messages(tx, marks)
    stands |= lowered
    if entries + messages and give_up != entries + messages:
        raise UnseenLeft(entries, messages)
    stands |= _shown(tx, taken, marks, origin)
    said = _say(tx, origin, taken, restoring.taken) | {
        "entries_given_up": entries,
        "messages_given_up": messages,
        "numbers": _skip_numbers(tx, taken, restoring.taken, entries, beliefs, receiver.country, at),
    }
    kinds, today = [leaf.kind for leaf in taken.lost.values()], beliefs.local_day(receiver.country, at)
    said |= end_powers(tx, kinds, entries, today, by=by, at=at, draw=draw)
    said |= end_proposals(tx, kinds, entries, by=by.actor, at=at, draw=draw)
    lost, node = list(taken.lost.values()), Actor(receiver.did)
    said |= return_applications(tx, lost, entries, by=node, at=at, draw=draw)
    acts.record(tx, Kind.LOG_RECOVERED, said, by=by.actor, at=at, draw=draw)
    return Recovered(stands, said)


def _shown(tx: Session, taken: TakenLog, marks: Marks, origin: str) -> dict[str, Mark]:
    """Return the marks of what was shown of the log, where they grow: these are never lowered.

    Where nobody noted what was shown, all that stands here now may have been.
    """
    published = checkpoints.checkpoint(tx, checkpoints.published_size(tx))
    stand = Mark(0, "") if published is None else Mark(published.size, published.root.hex())
    known = {what: marks.get(what) for what in (of_shown(origin), of_published(origin))}
    grown = {what: stand for what, mark in known.items() if stand.number > (0 if mark is None else mark.number)}
    return grown if known[of_shown(origin)] is not None else grown | {of_shown(origin): taken.mark}


def _check_asked(marks: Marks, fetched: Fetched) -> None:
    """Check that every node with which we exchanged messages was asked for them."""
    peers = {what.split(" ")[-1] for what in marks if what.startswith(("sent ", "received "))}
    if missing := sorted(peers - (fetched.sent.keys() & fetched.received.keys())):
        raise NotAsked(missing)


def _count_messages(tx: Session, marks: Marks) -> tuple[int, dict[str, Mark]]:
    """Return how many messages the guard remembers and no one has, of whatever epoch, and the marks without them.

    Where the number is here, it must be the message that the guard remembers. Raises `RecalledNotOurs`.
    """
    missing, lowered = 0, dict[str, Mark]()
    of_messages = {what: mark for what, mark in marks.items() if what.startswith(("sent ", "received "))}
    for each in compare(tx, of_messages, ""):
        if not each.behind:
            continue
        if each.held >= each.marked:
            reason = "the guard remembers another message of this number: begin a new epoch (registry channel begin)"
            raise RecalledNotOurs(each.marked, reason)
        direction, epoch, _, peer = each.what.split(" ")
        find = channel.sent_digest if direction == "sent" else channel.received_digest
        lowered[each.what] = Mark(each.held, find(tx, peer, int(epoch), each.held) or GENESIS)
        missing += each.marked - each.held
    return missing, lowered


def _say(tx: Session, origin: str, taken: TakenLog, messages: TakenMessages) -> dict[str, Json]:
    """Say what came back and what is lost for good: of the acts that are not here the private rows always are."""
    lost = list(taken.lost.values())
    issued = [str(leaf.digest) for leaf in lost if leaf.kind is Kind.CERTIFICATE_ISSUED]
    changed = [str(leaf.digest) for leaf in lost if leaf.kind is Kind.CERTIFICATE_STATUS]
    return {
        "origin": origin,
        "held": taken.since,
        "published": taken.published,
        "size": taken.size,
        "acts_found": len(taken.found),
        "private_rows_lost": len(lost),
        "messages_sent": messages.sent,
        "messages_received": messages.received,
        "certificates": list(messages.certificates),
        "changes": list(messages.changes),
        "certificates_lost": [each for each in issued if certificates.by_digest(tx, each) is None],
        "changes_lost": [each for each in changed if certificates.change_by_digest(tx, each) is None],
        "applications_to_look_at": sorted(messages.look_at),
        "astray": list(messages.astray),
        "entries_lost": list(messages.entries_lost),
        "certificates_twice": list(messages.twice),
    }


def _skip_numbers(
    tx: Session,
    taken: TakenLog,
    messages: TakenMessages,
    unseen: int,
    beliefs: Beliefs,
    country: str,
    at: datetime,
) -> list[Json]:
    """Leave unused what was given: a number for each lost leaf of an issue, and one for each entry that nobody knows.

    Which entries of those given up were issues nobody can say; a gap is no harm, a number given twice is.
    """
    used = Counter(
        (str(leaf.by), beliefs.offset(country, leaf.at).local_date(leaf.at).day.year)
        for leaf in taken.lost.values()
        if leaf.kind is Kind.CERTIFICATE_ISSUED
    )
    anew = Counter(messages.logged_anew)
    head = log.head(tx)
    if unseen:
        offset = beliefs.offset(country, at)
        years = {offset.local_date(moment).day.year for moment in (at, at if head is None else head.at)}
        bodies = [str(body.did) for body in parties.organisations(tx, OrganisationKind.BODY)]
        anew |= Counter({(body, year): unseen for body in bodies for year in years})
    used += anew
    return [
        {"body": body, "year": year, "skipped": count, "last": serials.skip(tx, body, year, count)}
        for (body, year), count in sorted(used.items())
    ]
