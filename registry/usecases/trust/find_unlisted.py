"""Find what a body is here and the adopted list does not say: nothing of it holds before a list says it (S4 6.5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from registry.core.tlog.entry import Kind
from registry.store import acts, parties
from registry.store.parties import OrganisationKind
from registry.usecases.trust.believe_peers import Beliefs


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A name or role (`what`) of a body since a local day, and what the list says; None where it has no such body."""

    code: str
    what: str
    here: str
    listed: str | None
    since: date


def find_unlisted(tx: Session, beliefs: Beliefs, country: str) -> Iterator[Unlisted]:
    """Give each body that the adopted list of its country does not name, or names otherwise than it is registered.

    Before the first list nothing is late: that one is missing as a whole.
    """
    if country not in beliefs.lists:
        return
    adopted = beliefs.lists[country]
    for row in parties.organisations(tx, OrganisationKind.BODY):
        listed, code = adopted.body(str(row.did)), str(row.code)
        if listed is None:
            yield Unlisted(code, "name", row.name, None, beliefs.local_day(country, row.registered_at))
            continue
        stands = [("name", row.name, listed.name), ("role", str(row.body_role), str(listed.role))]
        differing = [each for each in stands if each[1] != each[2]]
        if differing:
            changes = acts.about(tx, row.id, Kind.ORGANISATION_CHANGED)
            since = beliefs.local_day(country, max((act.at for act in changes), default=row.registered_at))
            yield from (Unlisted(code, *each, since) for each in differing)
