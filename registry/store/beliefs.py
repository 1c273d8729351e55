"""Everything that beliefs are made of, read in one trip: each request asks for all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_KEPT = text("""
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
    ORDER BY what, at, name
""")
"""By a statement everything has come whose last message is held, this very one."""


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
class Kept:
    """The newest list of each country, every agreement, oldest first, what each node said, and who vouches for logs."""

    lists: Sequence[KeptText]
    agreements: Sequence[KeptText]
    said: Sequence[KeptText]
    vouched: Mapping[str, datetime]


def read_kept(tx: Session) -> Kept:
    """Return what is kept of all countries and nodes."""
    found: dict[str, list[KeptText]] = {"list": [], "agreement": [], "vouched": [], "said": []}
    for what, name, signed, met, at in tx.execute(_KEPT):
        found[what].append(KeptText(name, signed, met, at))
    vouched = {each.name: each.at for each in found["vouched"]}
    return Kept(found["list"], found["agreement"], found["said"], vouched)


def read_met(tx: Session, node: str) -> str | None:
    """Return the newest statement of a node by which everything had come; None where none did."""
    return next((each.met for each in read_kept(tx).said if each.name == node), None)
