"""Whose a database is: the origin of its log says so, and before there is a log its first act.

A node whose rows are another's would sign that other's history under its own name: it neither restores nor opens them.
"""

from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from registry.core.errors import Conflict

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
    node: str
    own: str

    def __str__(self) -> str:
        return (
            f"these rows are of {self.node}, and this node is {self.own}: look at REGISTRY_NAME, at which database, "
            "and at which file"
        )


def check_own(tx: Session, own: str) -> None:
    """Check that the database is the node's of this name, or nobody's yet; raises `DatabaseOfAnother`."""
    made = tx.scalar(text("SELECT to_regclass('log_head') IS NOT NULL AND to_regclass('act') IS NOT NULL"))
    node = tx.scalar(text(f"SELECT {WHOSE}")) if made else None
    if node not in {None, own}:
        raise DatabaseOfAnother(str(node), own)
