"""Settle each month that is over with a peer: state what was issued, state what was delivered, compare (decision 0026).

Each statement is made of this node's own data: of its log and its registry what it issued, of the messages that it took
and what stands here of them what was delivered. What the peer says tells only where the month ends.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.certificate import lifecycle
from registry.core.certificate.status_change import Status
from registry.core.channel.message import Message, MessageKind
from registry.core.channel.reconciliation import Entry, Month, SeenLog, Side, Statement, StatementPart, Through, compare
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Malformed
from registry.core.identifiers import log_origin
from registry.core.tlog.entry import Kind
from registry.core.tlog.merkle import tree_root
from registry.core.verification.presentation import Delivery
from registry.store import acts, channel, checkpoints, epochs, mirror, months, reconciliations, tasks
from registry.store.acts import Actor, Draw
from registry.store.guard import Mark
from registry.store.parties import Role
from registry.store.reconciliations import MonthStatement, Reconciliation
from registry.store.tasks import TaskKind
from registry.usecases.channel.deliver_message import check_caught_up
from registry.usecases.channel.take_change import change_of, clarification_of

SETTLED = timedelta(hours=1)
"""How long after its end a month is stated: what began before midnight is committed by then, and clocks differ."""
PATIENCE = timedelta(days=1)
"""How long the mirror may take to reach what the peer published: then it is said that it did not."""
START = (0, 0)
"""Before the first message of a direction."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The two nodes of a corridor: this one, and the peer with its country."""

    own: str
    peer: str
    country: str


def settle(tx: Session, ends: Ends, *, mark: Mark | None, at: datetime, draw: Draw) -> int:
    """Do what can be done now for the months that are over; return how many statements and comparisons were made.

    `mark` is what the guard remembers of what we sent: a database that was restored states nothing anew. Raises
    `ChannelBehind`.
    """
    check_caught_up(tx, ends.peer, mark)
    reconciliations.lock(tx, ends.peer)
    stated = _state_issued(tx, ends, at, draw) + _state_delivered(tx, ends, at, draw)
    return stated + _compare(tx, ends, at, draw)


def read_statement(tx: Session, peer: str, month: str, side: Side, by: str) -> Statement | None:
    """Return what a node says of a month; None while a part of it is missing."""
    return Statement.of(_parts(tx, peer, month, side, by))


def digest_brought(message: Message) -> str | None:
    """Return the digest of the certificate, change or clarification that a message brought; None where it has none."""
    with suppress(Malformed):
        if message.kind is MessageKind.CERTIFICATE_ISSUED:
            return Envelope.parse(Delivery.of(message.body).presentation.certificate, Typ.CERTIFICATE).digest
        if message.kind is MessageKind.CERTIFICATE_STATUS:
            return change_of(message).digest
        if message.kind is MessageKind.CERTIFICATE_CLARIFIED:
            return clarification_of(message).digest
    return None


def unstated(tx: Session, ends: Ends, issuer: str) -> Month | None:
    """Return the first month that a node has yet to state; None where it never issued anything for the other."""
    last = reconciliations.last_month(tx, ends.peer, issuer)
    if last is not None:
        return Month.parse(last).next
    began = months.began(tx, ends.country) if issuer == ends.own else months.came(tx, ends.peer)
    return None if began is None else Month.of(began)


def _state_issued(tx: Session, ends: Ends, at: datetime, draw: Draw) -> int:
    """State what we issued in the first month that is over and not stated, once all of it is sent and published."""
    month, last = unstated(tx, ends, ends.own), reconciliations.last_month(tx, ends.peer, ends.own)
    if month is None or at < month.end + SETTLED or months.is_queued(tx, ends.country, month.end):
        return 0
    before = None if last is None else _parts(tx, ends.peer, last, Side.ISSUED, ends.own)[0].through
    astray = _beyond_ends(tx, ends)
    since = -1 if before is None else months.index_at(tx, ends.peer, before)
    since = max([since, *(index for through, index in astray if before is not None and through.place <= before.place)])
    held = months.numbered(tx, ends.country, since)
    until = max((each.index for each in held if each.at < month.end), default=since)
    carried = max((each.index for each in held if each.index <= until and not each.lost), default=since)
    published = checkpoints.newest_published(tx)
    if channel.last_entry(tx, ends.peer) < carried or published is None or published.size <= until:
        return 0
    sent = [each for each in (before, months.end_of(tx, ends.peer, until)) if each is not None]
    sent += [through for through, index in astray if since < index <= until]
    if not sent:
        return 0  # there is no message that the month could end at
    through = max(sent, key=lambda each: each.place)
    checkpoint = checkpoints.checkpoint(tx, published.size)
    assert checkpoint is not None
    inside = {each.digest for each in held if each.index <= until}
    entries = _entries(tx, inside, partial(months.changes_beyond, tx, ends.country, until), delivered=False)
    seen = SeenLog(checkpoint.size, checkpoint.root.hex())
    return _keep(tx, Statement(month, Side.ISSUED, through, seen, entries), ends, at, draw)


def _beyond_ends(tx: Session, ends: Ends) -> Sequence[tuple[Through, int]]:
    """Return what the peer holds of ours beyond the end of an epoch, and where our log has what each message carried.

    It was lost here, and so are its acts: it is not sent anew, and to both of us it came by these messages.
    """
    lost = months.lost(tx, ends.country)
    found = []
    for text in epochs.branches(tx, ends.peer):
        envelope = Envelope.parse(text, Typ.MESSAGE)
        message = Message.parse(envelope.payload)
        index = lost.get(digest_brought(message) or "")
        if index is not None:
            found.append((Through(message.epoch, message.seq, envelope.digest), index))
    return found


def _state_delivered(tx: Session, ends: Ends, at: datetime, draw: Draw) -> int:
    """State what stands here of the first month that the peer stated and we have not, with its log as it was mirrored.

    All messages of the month are here, since the statement came after them.
    """
    for month in reconciliations.unanswered(tx, ends.peer, ends.own):
        parts = _parts(tx, ends.peer, month, Side.ISSUED, ends.peer)
        issued = Statement.of(parts)
        if issued is None or issued.log is None:
            continue
        stated_at = reconciliations.parts(tx, ends.peer, month, Side.ISSUED, ends.peer)[0].stated_at
        seen = _mirrored(tx, ends.peer, issued.log.size)
        if seen is None and at < stated_at + PATIENCE:
            continue
        last = reconciliations.last_month(tx, ends.peer, ends.peer, before=month)
        after = START if last is None else _parts(tx, ends.peer, last, Side.ISSUED, ends.peer)[0].through.place
        end = issued.through.place
        inside = _digests(months.brought(tx, ends.peer, after, end))
        entries = _entries(tx, inside, partial(_changes_after, tx, ends.peer, end), delivered=True)
        digest = channel.received_digest(tx, ends.peer, *end)
        assert digest is not None
        through = Through(*end, digest)
        return _keep(tx, Statement(issued.month, Side.DELIVERED, through, seen, entries), ends, at, draw)
    return 0


def _mirrored(tx: Session, peer: str, size: int) -> SeenLog | None:
    """Return the peer's log as we mirrored it at a size; None where the mirror has not reached it."""
    origin = log_origin(peer.removeprefix("did:web:"))
    if mirror.root_of(mirror.head(tx, origin))[0] < size:
        return None
    return SeenLog(size, tree_root(size, lambda wanted: mirror.hashes(tx, origin, wanted)).hex())


def _digests(texts: Iterable[str]) -> set[str]:
    """Return the digests of what messages brought."""
    messages = (Message.parse(Envelope.parse(text, Typ.MESSAGE).payload) for text in texts)
    return {digest for digest in map(digest_brought, messages) if digest is not None}


def _changes_after(tx: Session, peer: str, end: tuple[int, int]) -> set[str]:
    """Return the digests of changes that came after the month's last message."""
    return _digests(months.brought(tx, peer, end, kinds=[MessageKind.CERTIFICATE_STATUS]))


def _entries(
    tx: Session, inside: Collection[str], later: Callable[[], Collection[str]], *, delivered: bool
) -> tuple[Entry, ...]:
    """Return an entry for each certificate of which something in the month stands here.

    `later` gives the changes that are not of the month. It is asked once all changes are read: one that was committed
    meanwhile is among them, too.
    """
    touched: dict[str, dict[str, list[str]]] = {}
    for kind, certificate, digest in months.touched(tx, inside, delivered=delivered):
        touched.setdefault(certificate, {}).setdefault(kind, []).append(digest)
    changes: dict[str, list[Status]] = {each: [] for each in touched}
    found = months.changes_of(tx, touched)
    beyond = set(later()) - set(inside)
    for certificate, digest, status in found:
        if digest not in beyond:
            changes[certificate].append(Status(status))
    digests = months.digests_of(tx, touched)
    return tuple(
        Entry(
            certificate=each,
            digest=digests[each],
            new=Kind.CERTIFICATE_ISSUED in touched[each],
            standing=lifecycle.standing_after(changes[each]),
            changes=tuple(sorted(touched[each].get(Kind.CERTIFICATE_STATUS, ()))),
            clarifications=tuple(sorted(touched[each].get(Kind.CERTIFICATE_CLARIFIED, ()))),
        )
        for each in sorted(touched)
    )


def _keep(tx: Session, statement: Statement, ends: Ends, at: datetime, draw: Draw) -> int:
    """Keep a statement of ours, each part with an act, of which the courier makes a message; return how many."""
    parts = statement.cut(draw(16).hex())
    for part in parts:
        month = part.month.encode()
        act = acts.record(
            tx,
            Kind.MONTH_STATED,
            stated(part, ends.peer),
            by=Actor(ends.own),
            at=at,
            draw=draw,
            to=ends.country,
            digest=part.digest,
            subject=ends.peer,
        )
        row = {"peer": ends.peer, "month": month, "side": part.side, "by": ends.own, "part": part.part}
        tx.add(MonthStatement(**row, digest=part.digest, body=dict(part.encode()), stated_at=at, act=act))
    tx.flush()
    return len(parts)


def stated(part: StatementPart, peer: str) -> dict[str, Json]:
    """Return what the act of a statement says."""
    said: dict[str, Json] = {"month": part.month.encode(), "side": part.side.value, "peer": peer}
    return said | {"part": part.part, "parts": part.parts, "digest": part.digest, "entries": len(part.entries)}


def _compare(tx: Session, ends: Ends, at: datetime, draw: Draw) -> int:
    """Compare what both say of each month and direction, once both have said all; a person looks at differences."""
    done = 0
    for month, issuer in reconciliations.uncompared(tx, ends.peer):
        other = ends.peer if issuer == ends.own else ends.own
        issued = read_statement(tx, ends.peer, month, Side.ISSUED, issuer)
        delivered = read_statement(tx, ends.peer, month, Side.DELIVERED, other)
        if issued is None or delivered is None:
            continue
        found = [each.encode() for each in compare(issued, delivered)]
        digests = {
            side.value: [row.digest for row in reconciliations.parts(tx, ends.peer, month, side, by)]
            for side, by in ((Side.ISSUED, issuer), (Side.DELIVERED, other))
        }
        said = compared(month, issuer, ends.peer, digests, len(found))
        act = acts.record(tx, Kind.MONTH_COMPARED, said, by=Actor(ends.own), at=at, draw=draw, subject=ends.peer)
        row = {"peer": ends.peer, "month": month, "issuer": issuer, "at": at, "act": act}
        tx.add(Reconciliation(**row, found={"differences": found}))
        if found:
            subject = subject_of(month, issuer, ends.peer)
            detail: dict[str, Json] = {"month": month, "issuer": issuer, "peer": ends.peer, "differences": len(found)}
            tasks.open_task(tx, TaskKind.RECONCILIATION_DIFFERS, subject, detail, role=Role.OPERATOR, at=at)
        done += 1
    tx.flush()
    return done


def compared(
    month: str, issuer: str, peer: str, digests: Mapping[str, Sequence[str]], differences: int
) -> dict[str, Json]:
    """Return what the act of a comparison says: of which signed statements, and how many differences."""
    return {"month": month, "issuer": issuer, "peer": peer, **digests, "differences": differences}


def subject_of(month: str, issuer: str, peer: str) -> str:
    """Return the subject of the task about a direction of a month."""
    return f"{month} {issuer} {peer}"


def _parts(tx: Session, peer: str, month: str, side: Side, by: str) -> Sequence[StatementPart]:
    return [StatementPart.parse(row.body) for row in reconciliations.parts(tx, peer, month, side, by)]
