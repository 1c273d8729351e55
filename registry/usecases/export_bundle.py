"""Write the bundle that customs carries offline (formats 6)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy.orm import Session

from registry.core.canonical import Json
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.signature import Signer
from registry.core.tlog.entry import Kind
from registry.core.verification.bundle import DIGEST_BYTES, Bundle, Delivered
from registry.store import acts, certificates, peers
from registry.store.acts import Actor, Draw
from registry.usecases.believe_peers import Pins, read_beliefs

FRESH_FOR = timedelta(hours=24)


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
    """Return the signed bundle of this node's country: lists, agreements, changes, and what was delivered."""
    beliefs = read_beliefs(tx, pins)
    bundle = Bundle(
        issuer=did,
        env=env,
        country=country,
        sequence=acts.count_exclusively(tx, Kind.BUNDLE_MADE) + 1,
        made_at=at,
        stale_after=at + fresh_for,
        lists=tuple(beliefs.lists[name].text for name in sorted(beliefs.lists)),
        agreements=tuple(row.text for row in peers.agreements(tx)),
        changes=tuple(certificates.changes_for(tx, country, at)),
        delivered=_delivered(tx, country, at),
        as_of=beliefs.as_of,
    )
    envelope = seal(bundle.encode(), Typ.BUNDLE, signer)
    private: Mapping[str, Json] = {"sequence": bundle.sequence, "digest": envelope.digest}
    acts.record(tx, Kind.BUNDLE_MADE, private, by=by, at=at, draw=draw)
    return envelope


def _delivered(tx: Session, country: str, at: datetime) -> tuple[Delivered, ...]:
    """Group digests by the day on which they were recorded; the group's time is that of its newest."""
    rows = certificates.unexpired(tx, country, at)
    groups = groupby(
        sorted(rows, key=lambda row: (row.recorded_at.date(), row.logged)),
        key=lambda row: (row.recorded_at.date(), row.logged),
    )
    return tuple(
        Delivered(
            max(row.recorded_at for row in members),
            logged,
            b"".join(bytes.fromhex(row.digest)[:DIGEST_BYTES] for row in members),
        )
        for (_, logged), members in ((key, list(group)) for key, group in groups)
    )
