"""Everything that beliefs are made of, read in one trip: each request asks for all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_KEPT = text("""
    WITH RECURSIVE sender AS (
        SELECT min("from") AS node FROM message_in
        UNION ALL
        SELECT (SELECT min("from") FROM message_in WHERE "from" > node) FROM sender WHERE node IS NOT NULL
    ), last AS (
        SELECT node, newest.* FROM sender CROSS JOIN LATERAL (
            SELECT envelope, received_at FROM message_in WHERE "from" = node
            ORDER BY epoch DESC, seq DESC LIMIT 1
        ) AS newest
    )
    SELECT 'list' AS what, country AS name, text, NULL AS met, adopted_at AS at FROM (
        SELECT DISTINCT ON (country) * FROM trust_list ORDER BY country, epoch DESC, version DESC
    ) AS newest
    UNION ALL SELECT 'agreement', id, text, NULL, adopted_at FROM agreement
    UNION ALL SELECT 'vouched', origin, '', NULL, cosigned_at FROM mirror_head WHERE cosigned_at IS NOT NULL
    UNION ALL SELECT 'said', node, text, CASE
        WHEN EXISTS (
            SELECT FROM message_in AS held WHERE held."from" = freshness.node
            AND (held.epoch, held.seq, held.digest) = (freshness.epoch, freshness.seq, freshness.digest)
        ) THEN text
        ELSE met
    END, as_of FROM freshness
    UNION ALL SELECT 'heard', node, envelope, NULL, received_at FROM last
    ORDER BY what, at, name
""")
"""Senders are found by steps along the key: as many as there are nodes, however many messages they sent.

By a statement everything has come whose last message is held, this very one.
"""


@dataclass(frozen=True, slots=True)
class KeptText:
    """A signed text: of a country's list, an agreement, or what a node said of how fresh its word is.

    `at` is when it was adopted, or as of when it was said; `met` the newest statement by which everything had come.
    """

    name: str
    text: str
    met: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """The last message of a node, and when it came."""

    envelope: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """The newest list of each country, every agreement, oldest first, what each node said, and who vouches for logs.

    `heard` is the last message of each node that sent one: nothing that it sent before is missing.
    """

    lists: Sequence[KeptText]
    agreements: Sequence[KeptText]
    said: Sequence[KeptText]
    vouched: Mapping[str, datetime]
    heard: Mapping[str, Heard]


def read_kept(tx: Session) -> Kept:
    """Return what is kept of all countries and nodes."""
    found: dict[str, list[KeptText]] = {"list": [], "agreement": [], "vouched": [], "said": [], "heard": []}
    for what, name, signed, met, at in tx.execute(_KEPT):
        found[what].append(KeptText(name, signed, met, at))
    vouched = {each.name: each.at for each in found["vouched"]}
    heard = {each.name: Heard(each.text, each.at) for each in found["heard"]}
    return Kept(found["list"], found["agreement"], found["said"], vouched, heard)


def read_met(tx: Session, node: str) -> str | None:
    """Return the newest statement of a node by which everything had come; None where none did."""
    return next((each.met for each in read_kept(tx).said if each.name == node), None)
