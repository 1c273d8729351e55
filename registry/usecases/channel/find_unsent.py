"""Find what another country must learn of and no message carries yet: while it waits, our word is as old as it is."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice

from sqlalchemy.orm import Session

from registry.store import channel
from registry.usecases.channel.deliver_message import unsent
from registry.usecases.trust.believe_peers import Beliefs


def find_unsent(tx: Session, beliefs: Beliefs, own: str, serves: Iterable[str] = ()) -> Mapping[str, datetime]:
    """Return since when the oldest such act waits, by the node it is for, or the country where none is known.

    Whoever was written to before counts, and every country of an adopted list, whatever addresses this node's settings
    name today: an annulment that nobody is sent must not look delivered. `own` is our country, `serves` the nodes that
    its courier writes to.
    """
    known = {to: beliefs.node(to) for to in {*serves, *channel.peers(tx)}}
    waiting: dict[str, datetime] = {}
    for country in sorted(beliefs.lists.keys() - {own}):
        nodes: list[str | None] = [to for to, node in known.items() if node and node.country == country]
        for to in nodes or [None]:
            for _, act in islice(unsent(tx, country, to, 1), 1):
                waiting[to or country] = act.at
    return waiting
