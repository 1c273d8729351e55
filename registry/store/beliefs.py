"""Everything that beliefs are made of, read in one trip: each request asks for all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from registry.store.guard import Mark, received

_KEPT = """
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
    UNION ALL SELECT 'before', leaf ->> 'digest', '', NULL, CAST(leaf ->> 'at' AS timestamptz) FROM (
        SELECT CAST(convert_from(leaf, 'UTF8') AS jsonb) AS leaf FROM log_recovered
        WHERE position('"kind":"agreement.adopted"'::bytea IN leaf) > 0
    ) AS came_back
"""
"""By a statement everything has come whose last message is held, this very one."""
_LOST = """
    SELECT 'lost' AS what, mark.peer AS name, '' AS text, NULL AS met, now() AS at
    FROM unnest(CAST(:peers AS text[]), CAST(:epochs AS integer[]), CAST(:seqs AS bigint[]), CAST(:digests AS text[]))
        AS mark (peer, epoch, seq, digest)
    WHERE NOT EXISTS (
        SELECT FROM message_in AS held WHERE held."from" = mark.peer
        AND (held.epoch, held.seq, held.digest) = (mark.epoch, mark.seq, mark.digest)
    )
"""
"""Of whom the guard remembers a message that was received, and this database does not hold."""
_ALL, _LOST_ALONE = text(f"{_KEPT} UNION ALL {_LOST} ORDER BY what, at, name"), text(_LOST)


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
    """The newest list of each country, every agreement, oldest first, what each node said, and who vouches for logs.

    `lost`: the nodes of which more was received, as the guard has it, than this database holds. `before`: when an
    agreement was first adopted, by its id, where a restore lost the act and its leaf came back.
    """

    lists: Sequence[KeptText]
    agreements: Sequence[KeptText]
    said: Sequence[KeptText]
    vouched: Mapping[str, datetime]
    lost: frozenset[str]
    before: Mapping[str, datetime]


def read_kept(tx: Session, marks: Mapping[str, Mark]) -> Kept:
    """Return what is kept of all countries and nodes, held beside the marks of the guard."""
    found: dict[str, list[KeptText]] = {
        "list": [],
        "agreement": [],
        "vouched": [],
        "said": [],
        "lost": [],
        "before": [],
    }
    for what, name, signed, met, at in tx.execute(_ALL, _of_received(marks)):
        found[what].append(KeptText(name, signed, met, at))
    vouched = {each.name: each.at for each in found["vouched"]}
    behind, before = frozenset(each.name for each in found["lost"]), {each.name: each.at for each in found["before"]}
    return Kept(found["list"], found["agreement"], found["said"], vouched, behind, before)


def lost(tx: Session, marks: Mapping[str, Mark]) -> list[str]:
    """Return the nodes of which more was received, as the guard has it, than is held: this database is a backup."""
    return sorted({row.name for row in tx.execute(_LOST_ALONE, _of_received(marks))})


def _of_received(marks: Mapping[str, Mark]) -> dict[str, list[object]]:
    rows = received(marks)
    return {
        "peers": [peer for peer, _, _ in rows],
        "epochs": [epoch for _, epoch, _ in rows],
        "seqs": [mark.number for _, _, mark in rows],
        "digests": [mark.digest for _, _, mark in rows],
    }


def read_met(tx: Session, node: str) -> str | None:
    """Return the newest statement of a node by which everything had come; None where none did."""
    return next((each.met for each in read_kept(tx, {}).said if each.name == node), None)
