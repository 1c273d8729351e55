"""Draft the row of a body in its country's next list: every row before it stays, and what is registered is added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.calendar import earliest_day, latest_day
from registry.core.errors import Conflict
from registry.core.identifiers import Did
from registry.core.tlog.entry import Kind
from registry.core.trust.document_signer import Chained, Purpose, Root, chain_to_any
from registry.core.trust.trust_list import BodyRole, BodyRow, FormerBody, SignatoryRow, SignerRow, SignerStatus
from registry.store import acts, parties
from registry.store.parties import Organisation, Role
from registry.usecases.trust.believe_peers import Pins, read_beliefs

USE = timedelta(days=182)
NOTIFIED_FOR = timedelta(days=366)


@dataclass(eq=False)
class BodyNotAsListed(Conflict):
    """A body has another name or role here than in the adopted list, and nobody changed it since."""

    code: ClassVar[str] = "body-not-as-listed"
    clause: ClassVar[str | None] = "S4 6.5"
    body: str
    name: str
    role: str

    def __str__(self) -> str:
        return (
            f"the adopted list says that the body {self.body} is {self.name!r}, {self.role}, and here it is not, though"
            " nobody changed it since: a restore lost that act. Do it again (registry party body "
            f"{self.body} --name {self.name!r} --role {self.role}), then draft"
        )


@dataclass(frozen=True, slots=True)
class Drafting:
    """What the rows of bodies are drafted from; the adopted list was drafted at `since`."""

    tx: Session
    pins: Pins
    country: str
    documents: Mapping[str, Sequence[bytes]]
    roots: Sequence[Root]
    at: datetime
    overlap: timedelta
    since: datetime

    def body(self, organisation: Organisation, before: BodyRow | None) -> BodyRow:
        """Return the row of a body: what stood in it stays, and its keys and signatories of now are added.

        Raises `BodyNotAsListed`.
        """
        did = Did(str(organisation.did))
        signers = {} if before is None else {row.kid: row for row in before.signers}
        schemes = set() if before is None else set(before.schemes)
        for der in self.documents.get(str(organisation.code), ()):
            chained = chain_to_any(der, self.roots, Purpose.DOCUMENT, did)
            schemes |= {uri.partition("#")[2] for uri in chained.uris if "#" in uri}
            since = max(chained.from_, self.at + self.overlap) if signers else chained.from_
            signers.setdefault(chained.kid(did), _signer(der, chained, did, since))
        people = (person for person, _ in parties.people(self.tx, organisation=organisation.id))
        signing = {person.id: person.name for person in people if Role.SIGNATORY in person.roles}
        return BodyRow(
            id=did,
            code=str(organisation.code),
            name=organisation.name,
            address=organisation.address,
            role=BodyRole(str(organisation.body_role)),
            schemes=tuple(sorted(schemes)),
            signatories=tuple(_signatories(() if before is None else before.signatories, signing, self.at)),
            signers=tuple(signers.values()),
            former=() if before is None else self._former(organisation, before),
        )

    def _former(self, organisation: Organisation, before: BodyRow) -> tuple[FormerBody, ...]:
        """Return what the body was notified as before: up to today, where that changes with this draft (S4 6.5).

        A person changed it since the list before was drafted: a row that a restore brought back changes nothing.
        """
        if (before.name, before.role) == (organisation.name, organisation.body_role):
            return before.former
        changed = acts.about(self.tx, organisation.id, Kind.ORGANISATION_CHANGED)
        if not changed or changed[-1].at < self.since:
            raise BodyNotAsListed(str(organisation.code), before.name, before.role.value)
        today = read_beliefs(self.tx, self.pins).local_day(self.country, self.at)
        return (*before.former, FormerBody(before.name, before.role, today))


def _signer(der: bytes, chained: Chained, did: Did, since: datetime) -> SignerRow:
    return SignerRow(
        kid=chained.kid(did),
        certificate=der,
        from_=since,
        until=chained.until,
        use_until=min(since + USE, chained.until),
        status=SignerStatus.ACTIVE,
    )


def _signatories(before: Sequence[SignatoryRow], signing: Mapping[str, str], at: datetime) -> list[SignatoryRow]:
    """Notify who signs now for a year from today, and nobody else after today; what was notified before, was (S4 6.5).

    Somewhere it is tomorrow already, and elsewhere still yesterday: a day at either end is nobody's fault. Whoever
    comes back after a gap gets a row of their own, so that the gap stays one.
    """
    first, last = earliest_day(at), latest_day(at)
    until = at.date() + NOTIFIED_FOR
    rows, going = [], set()
    for row in before:
        if row.id not in signing:
            rows.append(replace(row, until=min(row.until, last)))
        elif row.until < first:
            rows.append(row)
        else:
            rows.append(replace(row, until=until))
            going.add(row.id)
    return rows + [SignatoryRow(who, name, first, until) for who, name in signing.items() if who not in going]
