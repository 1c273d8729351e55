"""Take over a trust list, a peer's or our own newest, and an agreement: only what the pins vouch for."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.agreement import Agreement
from registry.core.canonical import Json
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Conflict
from registry.core.tlog.entry import Kind
from registry.core.trust.adoption import check_adoptable
from registry.core.trust.agreement_adoption import AgreementNotBelieved
from registry.core.trust.believed_list import BelievedList, ListOfAnotherCountry, believe
from registry.core.trust.trust_list import TrustList
from registry.store import acts, certificates, peers
from registry.store.acts import Actor, Draw
from registry.store.peers import AgreementRow, TrustListRow
from registry.usecases.trust.believe_peers import Beliefs, Pins, believe_by_adopted, read_list


@dataclass(eq=False)
class AgreementKnown(Conflict):
    """The agreement is adopted already."""

    code: ClassVar[str] = "agreement-known"

    def __str__(self) -> str:
        return "this agreement is adopted already"


@dataclass(eq=False)
class IssuedSinceRename(Conflict):
    """The list is older than what a body has issued since under the name that it says to be a former one."""

    code: ClassVar[str] = "issued-since-rename"
    clause: ClassVar[str | None] = "S4 6.5"
    body: str
    until: str
    certificate: str

    def __str__(self) -> str:
        return f"the list says what {self.body} was called until {self.until}, and it has issued since: draft it anew"


def adopt(tx: Session, text: str, pins: Pins, *, own_country: str, by: Actor, at: datetime, draw: Draw) -> BelievedList:
    """Adopt a trust list; raises the rule that forbids it, and the adopted list stays.

    The list that is adopted already, by whomever and however lately, is returned and nothing is recorded.

    Raises `ListNotTrusted` and its kinds, every refusal of `core.trust.adoption`, `IssuedSinceRename`, and what parsing
    raises.
    """
    peers.lock_adoption(tx)
    country = country_of(text)
    if country not in pins:
        raise ListOfAnotherCountry(f"no root of {country} is pinned here")
    offered = believe(text, pins[country])
    adopted = read_list(tx, pins, country)
    if adopted is not None and adopted.digest == offered.digest:
        return adopted
    earlier = {
        row.kid
        for known in peers.lists_before_epoch(tx, country, offered.list.epoch)
        for row in TrustList.parse(Envelope.parse(known.text.partition("\n")[0], Typ.TRUST_LIST).payload).list_keys
    }
    check_adoptable(offered, adopted, earlier, at)
    if country == own_country and adopted is not None:
        _check_issued(tx, offered, adopted)
    kind = Kind.TRUST_PUBLISHED if country == own_country else Kind.TRUST_ADOPTED
    private: dict[str, Json] = {"country": country, "epoch": offered.list.epoch, "version": offered.list.version}
    act = acts.record(tx, kind, private, by=by, at=at, draw=draw, digest=offered.digest)
    row = TrustListRow(
        country=country,
        epoch=offered.list.epoch,
        version=offered.list.version,
        digest=offered.digest,
        text=text,
        adopted_at=at,
        act=act,
    )
    tx.add(row)
    tx.flush()
    return offered


def _check_issued(tx: Session, offered: BelievedList, adopted: BelievedList) -> None:
    """Check that no body of ours has issued under its name of before after the day up to which a list says it.

    A list is signed elsewhere, which may take days, and the body goes on meanwhile as the list before says.
    """
    for old in adopted.list.bodies:
        new = offered.body(old.id)
        assert new is not None  # no row vanishes
        for former in new.former[len(old.former) :][:1]:
            since = certificates.issued_since(tx, old.id, former.until)
            if since is not None:
                raise IssuedSinceRename(old.id, former.until.isoformat(), since)


def adopt_agreement(
    tx: Session, text: str, beliefs: Beliefs, *, own_country: str, env: str, by: Actor, at: datetime, draw: Draw
) -> Agreement:
    """Adopt an agreement that both countries signed; raises `AgreementNotBelieved`, `AgreementKnown`, and its kinds."""
    agreement = believe_by_adopted(tx, text, beliefs.lists)
    if agreement.env != env:
        raise AgreementNotBelieved(f"it is of {agreement.env}, this node of {env}")
    agreement.party(own_country)
    if peers.agreement(tx, agreement.id) is not None:
        raise AgreementKnown
    private = {"agreement": agreement.id, "title": agreement.title}
    act = acts.record(tx, Kind.AGREEMENT_ADOPTED, private, by=by, at=at, draw=draw, digest=agreement.id)
    tx.add(AgreementRow(id=agreement.id, text=text, adopted_at=at, act=act))
    tx.flush()
    return agreement


def country_of(text: str) -> str:
    """Return the country that a list says it is of, to find its pin; nothing of it is believed yet."""
    return TrustList.parse(Envelope.parse(text.partition("\n")[0], Typ.TRUST_LIST).payload).country
