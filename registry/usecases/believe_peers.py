"""What this node believes: the newest list of each pinned country and the agreements in force, read and checked again.

The signed texts come from the database each time; a text that was checked before under the same pin is not checked
twice, because the check has no other input.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.agreement import Agreement, NotAgreed, Recognition
from registry.core.calendar import Offset
from registry.core.errors import Unavailable
from registry.core.trust.agreement_adoption import AgreementNotBelieved, believe_agreement
from registry.core.trust.trust_list import BelievedList, KnownNode, ListNotTrusted, Pin, believe
from registry.store import channel, peers
from registry.store.peers import AgreementRow, TrustListRow

Pins = Mapping[str, Pin]
Sources = tuple[tuple[str, str, Pin], ...]
"""Lists as they are kept: country, signed text, and the pin to check it by."""


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
    sources = _sources(peers.newest_lists(tx), pins)
    lists = {country: _believed(text, pin) for country, text, pin in sources}
    agreements = (_read_agreement(tx, row, sources, pins) for row in peers.agreements(tx))
    return Beliefs(lists, {agreement.id: agreement for agreement in agreements}, channel.newest_word(tx))


def read_list(tx: Session, pins: Pins, country: str) -> BelievedList | None:
    """Read the newest list of one country and check it again; None where none is adopted.

    What replaces a list asks no more than this: a row of another country that fails must not keep it from healing.
    """
    found = (_believed(text, pin) for name, text, pin in _sources(peers.newest_lists(tx), pins) if name == country)
    return next(found, None)


def _sources(rows: Iterable[TrustListRow], pins: Pins) -> Sources:
    return tuple((row.country, row.text, pins[row.country]) for row in rows if row.country in pins)


def _read_agreement(tx: Session, row: AgreementRow, newest: Sources, pins: Pins) -> Agreement:
    """Check an agreement by the newest lists, or by those that were so when it was adopted.

    A country that takes new list keys does not sign its agreements again.
    """
    try:
        return _believed_agreement(row.text, newest)
    except (ListNotTrusted, AgreementNotBelieved):
        return _believed_agreement(row.text, _sources(peers.newest_lists(tx, row.adopted_at), pins))


@lru_cache(maxsize=64)
def _believed(text: str, pin: Pin) -> BelievedList:
    return believe(text, pin)


@lru_cache(maxsize=64)
def _believed_agreement(text: str, sources: Sources) -> Agreement:
    return believe_agreement(text, {country: _believed(source, pin) for country, source, pin in sources})
