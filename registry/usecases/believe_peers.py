"""What this node believes: the newest list of each pinned country and the agreements in force, read and checked again.

The signed texts come from the database each time; a text that was checked before under the same pin is not checked
twice, because the check has no other input.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.agreement import Agreement, NotAgreed, Recognition
from registry.core.calendar import Offset
from registry.core.errors import Unavailable
from registry.core.trust.agreement_adoption import believe_agreement
from registry.core.trust.trust_list import BelievedList, KnownNode, Pin, believe
from registry.store import channel, peers

Pins = Mapping[str, Pin]


@dataclass(eq=False)
class CountryNotTrusted(Unavailable):
    """No trust list of this country is adopted here yet."""

    code: ClassVar[str] = "country-not-trusted"
    country: str

    def __str__(self) -> str:
        return f"no trust list of {self.country} is adopted on this node"


@dataclass(frozen=True, slots=True)
class Beliefs:
    """Lists by country, agreements by id, and when the last message came."""

    lists: Mapping[str, BelievedList]
    agreements: Mapping[str, Agreement]
    as_of: datetime | None

    def list_of(self, country: str) -> BelievedList:
        """Return the list of a country; raises `CountryNotTrusted`."""
        if country not in self.lists:
            raise CountryNotTrusted(country)
        return self.lists[country]

    def agreed(self, scheme: str, issued_in: str, presented_in: str, day: date) -> tuple[Agreement, Recognition]:
        """Return the newest agreement in force that holds scheme and direction on a day; raises `NotAgreed`."""
        for agreement in reversed(list(self.agreements.values())):
            if agreement.in_force_on(day) and {issued_in, presented_in} == set(agreement.countries):
                return agreement, agreement.recognition(scheme, issued_in, presented_in, day)
        raise NotAgreed(f"no agreement between {issued_in} and {presented_in} is in force on {day.isoformat()}")

    def offset(self, country: str) -> Offset:
        """Return the clock of a country by the newest agreement; raises `NotAgreed` where it is party of none."""
        for agreement in reversed(list(self.agreements.values())):
            if country in agreement.countries:
                return agreement.party(country).offset
        raise NotAgreed(f"no agreement on this node has {country} as a party")

    def node(self, id: str) -> KnownNode | None:
        """Return a node of any list by its DID."""
        found = (believed.node(id) for believed in self.lists.values())
        return next((node for node in found if node is not None), None)


def read_beliefs(tx: Session, pins: Pins) -> Beliefs:
    """Read lists and agreements and check them against the pins; a row that fails is an error, never skipped."""
    texts = {row.country: row.text for row in peers.newest_lists(tx) if row.country in pins}
    lists = {country: _believed(text, pins[country]) for country, text in texts.items()}
    sources = tuple((text, pins[country]) for country, text in sorted(texts.items()))
    agreements = (_believed_agreement(row.text, sources) for row in peers.agreements(tx))
    return Beliefs(lists, {agreement.id: agreement for agreement in agreements}, channel.newest_word(tx))


@lru_cache(maxsize=64)
def _believed(text: str, pin: Pin) -> BelievedList:
    return believe(text, pin)


@lru_cache(maxsize=64)
def _believed_agreement(text: str, sources: tuple[tuple[str, Pin], ...]) -> Agreement:
    lists = (_believed(source, pin) for source, pin in sources)
    return believe_agreement(text, {believed.list.country: believed for believed in lists})
