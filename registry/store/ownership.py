"""Whose a database is: the origin of its log says so, and before there is a log its first act.

A node whose rows are another's would sign that other's history under its own name: it neither restores nor opens them.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from registry.core.errors import Conflict
from registry.store.database import Database, DatabaseUnavailable

WHOSE = (
    "coalesce((SELECT split_part(origin, '/', 1) FROM log_head), "
    """(SELECT split_part("by", ':', 3) FROM act ORDER BY at, seq LIMIT 1))"""
)
"""The name of the node, in SQL; null where nothing was done in the database yet."""
SIGNED = (
    r"(SELECT line[1] || '+' || encode(substring(decode(line[2], 'base64') FOR 4), 'hex') FROM "
    r"(SELECT regexp_match(note, '^(\S+)\n.*\n\S+ \1 (\S+)\n') AS line "
    "FROM log_checkpoint ORDER BY size DESC LIMIT 1) AS newest)"
)
"""The log's key as `Own.log` spells it, in SQL: by the line under the newest checkpoint; null where there is none."""
_LISTED = """
    (WITH signed AS (SELECT epoch, version, translate(split_part(text, '.', 2), '-_', '+/') AS body FROM trust_list),
    read AS (SELECT epoch, version, rpad(body, (length(body) + 3) / 4 * 4, '=') AS body FROM signed),
    list AS (SELECT epoch, version, convert_from(decode(body, 'base64'), 'UTF8')::jsonb AS said FROM read)
    SELECT said ->> '{member}' FROM list
    WHERE said -> 'nodes' @> jsonb_build_array(jsonb_build_object('id', CAST(:node AS text)))
    ORDER BY epoch DESC, version DESC LIMIT 1)
"""
"""What the newest trust list that names the node says of itself, in SQL; null where none was adopted yet."""


@dataclass(frozen=True, slots=True)
class Own:
    """What a node is: a node that was born anew has the name of the one before, and another key of its log."""

    node: str
    country: str
    env: str
    log: str | None = None
    """Origin of the log and id of its key, as a verifier key begins (c2sp.org/signed-note).

    Absent where the key is not at hand: making a backup needs none.
    """

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.removeprefix("did:web:")


@dataclass(eq=False)
class DatabaseOfAnother(Conflict):
    """The rows are another node's: they are not put in the place of ours, and this node does not work on them."""

    code: ClassVar[str] = "database-of-another"
    what: str
    held: str
    own: str

    def __str__(self) -> str:
        return (
            f"these rows are of the {self.what} {self.held}, and this node's is {self.own}: look at which database and "
            "which file, and at REGISTRY_NAME, REGISTRY_COUNTRY, REGISTRY_ENV and REGISTRY_KEYS"
        )


def check_own(tx: Session, own: str) -> None:
    """Check that the database is the node's of this name, or nobody's yet; raises `DatabaseOfAnother`."""
    made = tx.scalar(text("SELECT to_regclass('log_head') IS NOT NULL AND to_regclass('act') IS NOT NULL"))
    node = tx.scalar(text(f"SELECT {WHOSE}")) if made else None
    if node not in {None, own}:
        raise DatabaseOfAnother("node", str(node), own)


def check_replaceable(database: Database, own: Own) -> None:
    """Check that rows are the node's own, by all that they say of whose they are; raises `DatabaseOfAnother`.

    A node that was born anew under the name has other rows than the one before, and neither's are the other's to
    replace. What rows do not say, or cannot be read of them, is not asked: damage is why a backup is put back.
    """
    for what, ours, asked in (
        ("node", own.name, WHOSE),
        ("log key", own.log, SIGNED),
        ("country", own.country, _LISTED.format(member="country")),
        ("environment", own.env, _LISTED.format(member="env")),
    ):
        with suppress(SQLAlchemyError, DatabaseUnavailable), database.read() as tx:
            held = tx.scalar(text(f"SELECT {asked}"), {"node": own.node})
            if held not in {None, ours}:
                raise DatabaseOfAnother(what, str(held), ours or "unknown")
