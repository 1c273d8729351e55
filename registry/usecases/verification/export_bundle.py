"""Write the bundle that customs carries offline (formats 6)."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.certificate.outside import marks
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.errors import Unavailable
from registry.core.identifiers import Digest
from registry.core.signature import Signer
from registry.core.tlog.entry import Kind
from registry.core.trust.freshness import CLOCK_SKEW
from registry.core.verification.bundle import DIGEST_BYTES, Bundle, Delivered, Heard, Seen
from registry.store import acts, carried, freshness, mirror, open_messages, peers
from registry.store.acts import Actor, Draw
from registry.store.carried import Unexpired
from registry.usecases.application.read_evidence import find_original, open_change
from registry.usecases.trust.believe_peers import Beliefs, Pins, carried_lists, read_beliefs, read_word
from registry.usecases.trust.sign_for_body import read

FRESH_FOR = timedelta(hours=24)


@dataclass(eq=False)
class ClockBehind(Unavailable):
    """What a node said is later than our clock: no device would believe a bundle that is older than what it holds."""

    code: ClassVar[str] = "clock-behind"
    clause: ClassVar[str | None] = "formats, certificates 8"
    node: str
    said: datetime
    at: datetime

    def __str__(self) -> str:
        return (
            f"{self.node} spoke at {self.said.isoformat()}, and the clock of this node says {self.at.isoformat()}: "
            "set the clock right, then make the bundle again"
        )


def export(
    tx: Session,
    pins: Pins,
    signer: Signer,
    *,
    did: str,
    env: str,
    country: str,
    by: Actor,
    at: datetime,
    draw: Draw,
    fresh_for: timedelta = FRESH_FOR,
) -> Envelope:
    """Return the signed bundle of this node's country: lists, agreements, what bodies said, and what was delivered."""
    beliefs = read_beliefs(tx, pins)
    for node, word in sorted(beliefs.words.items()):
        if word.as_of is not None and word.as_of > at + CLOCK_SKEW:
            raise ClockBehind(node, word.as_of, at)
    came = open_messages.open_changes_for(tx, country, at)
    changes = [*carried.changes_for(tx, country, at), *map(open_change, came)]
    mended = carried.clarifications_for(tx, country, at)
    bundle = Bundle(
        issuer=did,
        env=env,
        country=country,
        sequence=acts.count_exclusively(tx, Kind.BUNDLE_MADE) + carried.lost_bundles(tx) + 1,
        made_at=at,
        stale_after=at + fresh_for,
        lists=carried_lists(tx, pins, beliefs),
        agreements=tuple(row.text for row in peers.agreements(tx)),
        changes=tuple(said.text for said in changes),
        delivered=_delivered(tx, country, beliefs, at),
        as_of=beliefs.newest_word(country),
        checkpoints=tuple(head.note for head in mirror.heads(tx) if head.cosigned_at is not None),
        heard=tuple(Heard(node, word.as_of) for node, word in sorted(beliefs.words.items()) if word.as_of is not None),
        freshness=tuple(_statements(tx, beliefs)),
        clarifications=tuple(said.text for said in mended),
        seen=(
            *(Seen(Digest(said.digest), said.seen) for said in (*changes, *mended) if said.seen is not None),
            *(Seen(Digest(named), adopted) for named, adopted in beliefs.adopted.items()),
        ),
        alone=tuple(row.id for row in carried.duplicates_for(tx, country, at) if find_original(tx, read(row)) is None),
        waiting=tuple(open_messages.waiting_for(tx, country, at)),
    )
    envelope = seal(bundle.encode(), Typ.BUNDLE, signer)
    private: Mapping[str, Json] = {"sequence": bundle.sequence, "digest": envelope.digest}
    acts.record(tx, Kind.BUNDLE_MADE, private, by=by, at=at, draw=draw)
    return envelope


def _statements(tx: Session, beliefs: Beliefs) -> Iterator[str]:
    """Return the newest statement of each node whose key still counts."""
    for row in freshness.all_newest(tx):
        known = beliefs.node(row.node)
        if known is not None and read_word(row.text, row.node, beliefs.lists[known.country]) is not None:
            yield row.text


def _delivered(tx: Session, country: str, beliefs: Beliefs, at: datetime) -> tuple[Delivered, ...]:
    """Group digests by the day on which they were recorded; the group's time is that of its newest.

    A group never spans the moment from which a signer was revoked: what was held before it stays good offline too.
    """
    moments = sorted(
        signer.row.status_from
        for believed in beliefs.lists.values()
        for signer in believed.signers.values()
        if signer.row.status_from is not None
    )

    def group_of(row: Unexpired) -> tuple[date, int, bool, bool, bool]:
        return row.recorded_at.date(), bisect_right(moments, row.recorded_at), row.logged, *marks(row.outside)

    groups = groupby(sorted(carried.unexpired(tx, country, at), key=group_of), key=group_of)
    return tuple(
        Delivered(
            max(row.recorded_at for row in members),
            logged,
            b"".join(bytes.fromhex(row.digest)[:DIGEST_BYTES] for row in members),
            outside,
            late,
        )
        for (_, _, logged, outside, late), members in ((key, list(group)) for key, group in groups)
    )
