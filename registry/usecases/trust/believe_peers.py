"""What this node believes: the newest list of each pinned country and the agreements in force, read and checked again.

The signed texts come from the database each time; a text that was checked before under the same pin is not checked
twice, because the check has no other input.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.agreement import Agreement, NotAgreed, Recognition, in_order
from registry.core.calendar import Offset
from registry.core.envelope.jose import Typ, parse_joint
from registry.core.errors import Malformed, Unavailable, Unprocessable
from registry.core.tlog.note import VerifierKey
from registry.core.tlog.policy import Policy
from registry.core.trust.agreement_adoption import AgreementNotBelieved, believe_agreement, lists_that_signed
from registry.core.trust.believed_list import BelievedList, KnownNode, ListNotTrusted, believe
from registry.core.trust.document_signer import ChainBroken
from registry.core.trust.freshness import Freshness, Word, believe_freshness, word_of
from registry.core.trust.log_policy import log_policy
from registry.core.trust.pin import Pin
from registry.store import beliefs, peers
from registry.store.beliefs import KeptText
from registry.store.guard import Mark
from registry.store.peers import TrustListRow

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
    """Lists by country, agreements by id, when each log was last vouched for, and how fresh each node's word is."""

    lists: Mapping[str, BelievedList]
    agreements: Mapping[str, Agreement]
    heads: Mapping[str, datetime] = field(default_factory=dict)
    words: Mapping[str, Word] = field(default_factory=dict)
    adopted: Mapping[str, datetime] = field(default_factory=dict)
    """When each agreement was adopted here, by its id."""

    def list_of(self, country: str) -> BelievedList:
        """Return the list of a country; raises `CountryNotTrusted`."""
        if country not in self.lists:
            raise CountryNotTrusted(country)
        return self.lists[country]

    def newest_word(self, country: str) -> datetime | None:
        """Return by when everything had come here, to a node of `country`, from the other country that spoke last."""
        others = (each for name, each in self.lists.items() if name != country)
        words = (self.words.get(node.row.id, Word()).as_of for each in others for node in each.nodes.values())
        return max((as_of for as_of in words if as_of is not None), default=None)

    def agreed(
        self, scheme: str, issued_in: str, presented_in: str, day: date, *, by: datetime | None = None
    ) -> tuple[Agreement, Recognition]:
        """Return the agreement in force that begins last and holds scheme and direction on a day; raises `NotAgreed`.

        Of those that were adopted by an instant, where that is asked: nobody names what is not agreed yet.
        """
        for agreement in reversed(list(self.agreements.values())):
            known = by is None or self.adopted.get(agreement.id, by) <= by
            if known and agreement.in_force_on(day) and {issued_in, presented_in} == set(agreement.countries):
                return agreement, agreement.recognition(scheme, issued_in, presented_in, day)
        raise NotAgreed(f"no agreement between {issued_in} and {presented_in} is in force on {day.isoformat()}")

    def offset(self, country: str, at: datetime) -> Offset:
        """Return the clock of a country by the newest agreement that holds at an instant, or held before it.

        Raises `NotAgreed` where it is party of none.
        """
        for agreement in reversed(self._begun(country, at)):
            return agreement.party(country).offset
        raise NotAgreed(f"no agreement on this node has {country} as a party")

    def local_day(self, country: str, at: datetime) -> date:
        """Return the local day of a country by its newest agreement in force; of UTC where none says its clock."""
        try:
            return self.offset(country, at).local_date(at).day
        except NotAgreed:
            return at.astimezone(UTC).date()

    def foreign_logs(self, country: str) -> Mapping[str, VerifierKey]:
        """Return the key of every log that another country runs, by its origin: no state witnesses its own."""
        return {
            node.row.log.origin: node.row.log.vkey
            for name, believed in self.lists.items()
            if name != country
            for node in believed.nodes.values()
        }

    def log_policies(self, id: str, at: datetime) -> Sequence[Policy]:
        """Return what must be met before the log of a node shows a checkpoint at an instant.

        It is the newest agreement with each country that holds then; one that is yet to come asks for nothing. The one
        before it is asked for as long as what was issued under it may wait for its proof. Raises `NoQuorum`.
        """
        node = self.node(id)
        if node is None:
            return []
        waits = max((each.log_required_after_hours for each in self._agreed_by(node.country)), default=0)
        moments = (at, at - timedelta(hours=waits))
        newest = {each.id: each for moment in moments for each in self._newest(node.country, moment)}
        return [log_policy(agreement, self.lists, node) for agreement in newest.values()]

    def _newest(self, country: str, at: datetime) -> Iterable[Agreement]:
        return {agreement.peer_of(country).country: agreement for agreement in self._begun(country, at)}.values()

    def witnesses(self, country: str) -> Mapping[str, VerifierKey]:
        """Return the key, by its name, of every witness that counts for the logs of a country."""
        keys = {
            neutral.vkey.name: neutral.vkey for each in self._agreed_by(country) for neutral in each.neutral_witnesses
        }
        peers = {peer.country for agreement in self._agreed_by(country) for peer in [agreement.peer_of(country)]}
        for name in peers & self.lists.keys():
            keys |= {node.row.witness.vkey.name: node.row.witness.vkey for node in self.lists[name].nodes.values()}
        return keys

    def _begun(self, country: str, at: datetime) -> Sequence[Agreement]:
        """Return the agreements of a country whose date has come: first those that ended, then those in force."""
        local = {each.id: each.party(country).offset.local_date(at).day for each in self._agreed_by(country)}
        begun = [each for each in self._agreed_by(country) if each.from_ <= local[each.id]]
        return sorted(begun, key=lambda each: each.in_force_on(local[each.id]))

    def _agreed_by(self, country: str) -> Sequence[Agreement]:
        return [agreement for agreement in self.agreements.values() if country in agreement.countries]

    def node(self, id: str) -> KnownNode | None:
        """Return a node of any list by its DID."""
        found = (believed.node(id) for believed in self.lists.values())
        return next((node for node in found if node is not None), None)


def read_beliefs(tx: Session, pins: Pins, marks: Mapping[str, Mark] | None = None) -> Beliefs:
    """Read lists and agreements and check them against the pins; a row that fails is an error, never skipped.

    A verdict asks by the `marks` of the guard, too: where more was received from a node than is held, this database is
    a backup, and how fresh the word of that node is nobody here knows.
    """
    kept = beliefs.read_kept(tx, marks or {})
    sources = tuple((row.name, row.text, pins[row.name]) for row in kept.lists if row.name in pins)
    lists = {country: _believed(text, pin) for country, text, pin in sources}
    said = [row for row in kept.said if row.name not in kept.lost]
    words, adopted = _words(lists, said), {row.name: _adopted(row, kept.before) for row in kept.agreements}
    rows = sorted(kept.agreements, key=lambda row: (adopted[row.name], row.name))
    agreements = in_order(_believed_agreement(row.text, _vouching(tx, row.text, sources, pins, row.at)) for row in rows)
    return Beliefs(lists, {each.id: each for each in agreements}, kept.vouched, words, adopted)


def _adopted(row: KeptText, before: Mapping[str, datetime]) -> datetime:
    """Return when an agreement was adopted: of one adopted again after a restore it is as the log says that came back.

    Else it would supersede from another moment than it did (decision 0032).
    """
    return min(row.at, before.get(row.name, row.at))


def read_lists(tx: Session, pins: Pins) -> dict[str, BelievedList]:
    """Read the newest list of each country and check it again."""
    return {country: _believed(text, pin) for country, text, pin in _sources(peers.newest_lists(tx), pins)}


def read_list(tx: Session, pins: Pins, country: str) -> BelievedList | None:
    """Read the newest list of one country and check it again; None where none is adopted.

    What replaces a list asks no more than this: a row of another country that fails must not keep it from healing.
    """
    found = (_believed(text, pin) for name, text, pin in _sources(peers.newest_lists(tx), pins) if name == country)
    return next(found, None)


def carried_lists(tx: Session, pins: Pins, beliefs: Beliefs) -> tuple[str, ...]:
    """Return what a file must carry: the newest list of each country, and those that an agreement still needs."""
    newest = newest_sources(beliefs.lists)
    lists = [text for _, text, _ in sorted(newest)]
    for row in peers.agreements(tx):
        lists += [text for _, text, _ in _vouching(tx, row.text, newest, pins, row.adopted_at)]
    return tuple(dict.fromkeys(lists))


def believe_by_adopted(tx: Session, text: str, lists: Mapping[str, BelievedList]) -> Agreement:
    """Check an agreement that is offered by the newest lists: what list keys of before signed is nothing new.

    But a restored node adopts again what its log says that it had adopted, by earlier lists that were adopted here.
    Raises what `believe_agreement` raises.
    """
    newest, pins = newest_sources(lists), {country: believed.pin for country, believed in lists.items()}
    known = parse_joint(text, Typ.AGREEMENT)[0].payload_digest in beliefs.read_kept(tx, {}).before
    return _believed_agreement(text, _vouching(tx, text, newest, pins) if known else newest)


def newest_sources(lists: Mapping[str, BelievedList]) -> Sources:
    """Return believed lists as they are kept."""
    return tuple((country, believed.text, believed.pin) for country, believed in lists.items())


def _sources(rows: Iterable[TrustListRow], pins: Pins) -> Sources:
    return tuple((row.country, row.text, pins[row.country]) for row in rows if row.country in pins)


def _vouching(tx: Session, text: str, newest: Sources, pins: Pins, at: datetime | None = None) -> Sources:
    """Return the lists by which an agreement is believed: the newest, those of when it was adopted, or any of before.

    A country that takes new list keys does not sign its agreements again. Raises what `believe_agreement` raises.
    """
    try:
        _believed_agreement(text, newest)
    except (ListNotTrusted, AgreementNotBelieved):
        for earlier in _earlier(tx, text, pins, at):
            with suppress(ListNotTrusted, AgreementNotBelieved):
                _believed_agreement(text, earlier)
                return earlier
        raise
    return newest


def _earlier(tx: Session, text: str, pins: Pins, at: datetime | None) -> Iterator[Sources]:
    if at is not None:
        yield _sources(peers.newest_lists(tx, at), pins)
    yield newest_sources(lists_that_signed(text, every_list(tx, pins)))


def every_list(tx: Session, pins: Pins) -> Iterator[BelievedList]:
    """Give every list that was adopted here and that a pin still vouches for, the newest of each country first."""
    for _, text, pin in _sources(peers.every_list(tx), pins):
        with suppress(ListNotTrusted, ChainBroken):
            yield _believed(text, pin)


def _words(lists: Mapping[str, BelievedList], said: Iterable[KeptText]) -> dict[str, Word]:
    """Return how fresh the word of each node is: as its newest statement says of which no message is missing."""
    nodes = {known.row.id: adopted for adopted in lists.values() for known in adopted.nodes.values()}
    rows = {row.name: row for row in said}
    return {node: _word(node, adopted, rows.get(node)) for node, adopted in nodes.items()}


def _word(node: str, adopted: BelievedList, row: KeptText | None) -> Word:
    if row is None:
        return Word()
    said, met = read_word(row.text, node, adopted), read_word(row.met, node, adopted)
    as_of = None if met is None else met.as_of
    return Word(as_of) if said is None else word_of(said, adopted, as_of)


def read_word(text: str | None, node: str, adopted: BelievedList) -> Freshness | None:
    """Read a statement that was kept; one by a key that the node has no more binds no more, and says nothing."""
    return None if text is None else _statement(text, node, adopted.text, adopted.pin)


@lru_cache(maxsize=64)
def _statement(text: str, node: str, source: str, pin: Pin) -> Freshness | None:
    adopted = _believed(source, pin)
    try:
        return believe_freshness(text, node, {adopted.list.country: adopted}, adopted.list.env)
    except (Malformed, Unprocessable):
        return None


@lru_cache(maxsize=64)
def _believed(text: str, pin: Pin) -> BelievedList:
    return believe(text, pin)


@lru_cache(maxsize=64)
def _believed_agreement(text: str, sources: Sources) -> Agreement:
    return believe_agreement(text, {country: _believed(source, pin) for country, source, pin in sources})
