"""What customs subscribes to: certificates that come here, and what is said of them later, none ever missed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.errors import Conflict
from registry.store import arrivals
from registry.store.arrivals import Arrived
from registry.store.parties import Role
from registry.usecases.party.identify_party import Party


@dataclass(eq=False)
class ChangesRenumbered(Conflict):
    """The node was restored since the cursor was given, and may have numbered what came again: begin anew."""

    code: ClassVar[str] = "changes-renumbered"

    def __str__(self) -> str:
        return "the order that this cursor is a place in is no more; read from the beginning"


def follow(
    tx: Session, after: tuple[datetime, int] | None, *, country: str, limit: int, by: Party
) -> Sequence[Arrived]:
    """Return what came after a place, in the order in which this node recorded it, of certificates presented here.

    A number is seen after every smaller one, so that going on from the last one misses nothing that commits late.
    Raises `ChangesRenumbered`.
    """
    by.require(Role.CUSTOMS)
    if after is not None:
        at, seq = after
        known = arrivals.arrival(tx, seq)
        if known is None or known.at != at:
            raise ChangesRenumbered
    return arrivals.after(tx, 0 if after is None else after[1], presented_in=country, limit=limit)
