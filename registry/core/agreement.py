"""What two countries agreed, as data: nothing is recognised outside an agreement in force (formats 9).

Every figure that the sources leave open (domain, marks I and K) is a value here, never a constant in code.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, ClassVar, Self

from registry.core import canonical
from registry.core.calendar import Calendar, LocalDate, Offset
from registry.core.canonical import JsonObject
from registry.core.errors import Unprocessable
from registry.core.identifiers import Country, Did, Digest
from registry.core.number_pattern import NumberPattern
from registry.core.record import decode, encode
from registry.core.tlog.note import KeyType, VerifierKey

MAX_FIGURE = 10_000
"""Of hours, days, months and witnesses: no date that follows from one leaves what a date can hold."""

CountryCode = Annotated[str, re.compile(r"[A-Z]{2}")]
Percent = Annotated[str, re.compile(r"(?:0|[1-9]\d?)(?:\.\d{1,2})?")]


class Environment(StrEnum):
    """Which world a signed thing belongs to; a mix is refused everywhere (formats 1)."""

    PRODUCTION = "production"
    TRAINING = "training"
    DEMO = "demo"


class Effect(StrEnum):
    """What a certificate does at the importing customs."""

    RECOGNISED = "recognised"
    INFORMATION = "information"


class Form(StrEnum):
    """Whether there is a paper beside the electronic certificate (S7: none in Uzbekistan since August 2024)."""

    PAPER = "paper"
    ELECTRONIC = "electronic"


class Silence(StrEnum):
    """What it means that an applicant does not answer to the draft in time (S5 4.12)."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(eq=False)
class NotAgreed(Unprocessable):
    """The agreement in force does not hold this scheme, direction or body on this day."""

    code: ClassVar[str] = "not-agreed"
    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two countries: its clock, its nodes, and the names of its authorities in their roles."""

    country: CountryCode
    offset: Offset
    nodes: tuple[Did, ...]
    central_customs: str
    central_authorised_body: str


@dataclass(frozen=True, slots=True)
class Recognition:
    """One scheme in one direction from a day on: by which rules, in which form, with which effect and validity."""

    scheme: str
    rules_set: str
    issued_in: CountryCode
    presented_in: CountryCode
    from_: date
    effect: Effect
    form: Form
    validity_months: int
    tolerance_percent: Percent
    until: date | None = None

    def holds_on(self, day: date) -> bool:
        """Tell whether certificates issued on `day` are under it."""
        return self.from_ <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class BodyNumbers:
    """The number pattern of one certification body."""

    body: Did
    pattern: NumberPattern


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many witnesses, not counting its own, must cosign the log of one country; 0 is none."""

    country: CountryCode
    witnesses: int


@dataclass(frozen=True, slots=True)
class NeutralWitness:
    """A witness of neither state that both count, under its verifier key (c2sp.org/tlog-cosignature)."""

    name: Annotated[str, re.compile(r"[a-z0-9./-]{1,200}")]
    vkey: VerifierKey


@dataclass(frozen=True)
class Agreement:
    """The agreement of two countries. Its id is the SHA-256 of its canonical bytes; certificates carry the id."""

    env: Environment
    title: str
    from_: date
    parties: tuple[Party, ...]
    recognitions: tuple[Recognition, ...]
    numbers: tuple[BodyNumbers, ...]
    silence: Silence
    log_required_after_hours: int
    witnesses: tuple[Quorum, ...]
    until: date | None = None
    working_days_to_issue: int | None = None
    days_to_object: int | None = None
    calendars: tuple[Calendar, ...] = ()
    neutral_witnesses: tuple[NeutralWitness, ...] = ()

    @classmethod
    def parse(cls, value: JsonObject) -> Self:
        """Read an agreement; raises `MalformedRecord`, or `NotAgreed` where its parts contradict each other."""
        agreement = decode(cls, value)
        countries = [party.country for party in agreement.parties]
        if len(countries) != 2 or len(set(countries)) != 2:  # noqa: PLR2004  a corridor has two ends
            raise NotAgreed("an agreement has two different countries as parties")
        pairs = {(item.issued_in, item.presented_in) for item in agreement.recognitions}
        if any(set(pair) != set(countries) for pair in pairs):
            raise NotAgreed("a recognition is not from one party to the other")
        if sorted(quorum.country for quorum in agreement.witnesses) != sorted(countries):
            raise NotAgreed("the witnesses asked of each party's log are not stated once for each party")
        neutral = agreement.neutral_witnesses
        if any(item.vkey.type is KeyType.ED25519 for item in neutral) or len({item.name for item in neutral}) < len(
            neutral
        ):
            raise NotAgreed("a neutral witness stands twice, or its key is not one that cosigns")
        figures = (
            *(item.validity_months for item in agreement.recognitions),
            *(quorum.witnesses for quorum in agreement.witnesses),
            agreement.log_required_after_hours,
            agreement.working_days_to_issue or 0,
            agreement.days_to_object or 0,
        )
        if not all(0 <= figure <= MAX_FIGURE for figure in figures):
            raise NotAgreed(f"a deadline, a validity or a quorum is below 0 or beyond {MAX_FIGURE}")
        return agreement

    def encode(self) -> JsonObject:
        """Write the agreement as the object that both countries sign."""
        return encode(self)

    @cached_property
    def id(self) -> Digest:
        """SHA-256 of the canonical bytes."""
        return Digest(canonical.digest(canonical.encode(self.encode())))

    @property
    def countries(self) -> tuple[Country, ...]:
        """The two countries."""
        return tuple(Country(party.country) for party in self.parties)

    def party(self, country: str) -> Party:
        """Return the party for `country`; raises `NotAgreed`."""
        for party in self.parties:
            if party.country == country:
                return party
        raise NotAgreed(f"{country} is not a party of the agreement")

    def peer_of(self, country: str) -> Party:
        """Return the other party; raises `NotAgreed` where `country` is none."""
        mine = self.party(country)
        return next(party for party in self.parties if party is not mine)

    def in_force(self, at: datetime, country: str) -> bool:
        """Tell whether its dates, as local days of `country`, hold at the instant `at`."""
        return self.in_force_on(self.party(country).offset.local_date(at).day)

    def in_force_on(self, day: date) -> bool:
        """Tell whether the agreement holds on `day`."""
        return self.from_ <= day and (self.until is None or day <= self.until)

    def recognition(self, scheme: str, issued_in: str, presented_in: str, day: date) -> Recognition:
        """Return what is agreed for a scheme and direction on a day; raises `NotAgreed`."""
        for item in self.recognitions:
            if (item.scheme, item.issued_in, item.presented_in) == (scheme, issued_in, presented_in) and item.holds_on(
                day
            ):
                return item
        raise NotAgreed(f"{scheme} from {issued_in} to {presented_in} is not agreed for {day.isoformat()}")

    def pattern(self, body: str) -> NumberPattern:
        """Return the number pattern of a body; raises `NotAgreed`."""
        for item in self.numbers:
            if item.body == body:
                return item.pattern
        raise NotAgreed(f"the agreement holds no number pattern for {body}")

    def valid_until(self, issued: LocalDate, recognition: Recognition) -> datetime:
        """Return the last second of validity: the end of the local day, some months after issue (S4 6.4)."""
        return issued.plus_months(recognition.validity_months).ends()

    def quorum(self, country: str) -> int:
        """Return how many witnesses the log of `country` must have."""
        return next(item.witnesses for item in self.witnesses if item.country == country)


def in_order(agreements: Iterable[Agreement]) -> list[Agreement]:
    """Return agreements as they follow one another: by the day from which each holds, whenever a node adopted it.

    Those of one day stay as they are given, which is as they were adopted.
    """
    return sorted(agreements, key=lambda each: each.from_)
