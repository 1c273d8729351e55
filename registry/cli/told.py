"""Tell each act as the log numbers it, whichever process or command did it: who, what, and for which node."""

import logging

from registry.core.tlog.entry import Kind
from registry.lines import tell
from registry.node import Node
from registry.store import log

_LOG = logging.getLogger("registry.act")
BATCH = 500
GRAVE = frozenset({Kind.WITNESS_CONFLICT})
"""Acts that say that another state's log has shown two histories."""


class Telling:
    """Follows the log from where it stands: a line for each act; persons and organisations by their ids alone."""

    def __init__(self, node: Node) -> None:
        self.node = node
        with node.database.read() as tx:
            self.last = log.root_of(log.head(tx))[0] - 1

    def run(self) -> bool:
        """Tell what was numbered since; tells whether there may be more."""
        with self.node.database.read() as tx:
            entries = log.entries(tx, self.last, BATCH)
        for index, act in entries:
            self.last = index
            level = logging.ERROR if act.kind in GRAVE else logging.INFO
            tell(
                _LOG,
                "act",
                level=level,
                index=index,
                act=act.id,
                what=act.kind,
                who=act.person,
                of=act.organisation,
                by=act.by,
            )
        return len(entries) == BATCH
