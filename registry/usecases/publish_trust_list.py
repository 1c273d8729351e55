"""Draft this country's next trust list from what is registered here and the certificates that the root made.

A draft keeps every row of the list before it; the list keys sign it one at a time, elsewhere, and it is adopted by the
same path as a peer's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.agreement import Environment
from registry.core.envelope.jose import Typ, parse_joint
from registry.core.errors import Unprocessable
from registry.core.identifiers import Did, authority_did
from registry.core.trust.adoption import LONGEST_LIFE
from registry.core.trust.document_signer import Chained, Purpose, Root, chain
from registry.core.trust.trust_list import (
    BelievedList,
    BodyRole,
    BodyRow,
    FormerWitness,
    ListKey,
    LogKey,
    NodeRole,
    NodeRow,
    SignatoryRow,
    SignerRow,
    SignerStatus,
    TrustList,
    WitnessKey,
)
from registry.store import parties, peers
from registry.store.parties import Organisation, OrganisationKind, Role
from registry.usecases.believe_peers import Pins, read_list

USE = timedelta(days=182)
NOTIFIED_FOR = timedelta(days=366)


@dataclass(eq=False)
class NothingPinned(Unprocessable):
    """This country's own root is not pinned here: its list is adopted by the same path as a peer's."""

    code: ClassVar[str] = "own-root-not-pinned"
    country: str

    def __str__(self) -> str:
        return f"the root of {self.country} is not pinned on this node yet"


@dataclass(frozen=True, slots=True)
class Material:
    """The public halves of what the root certified: list keys, node, log and witness keys, document signers by code."""

    list_keys: Sequence[bytes]
    node: bytes
    log: LogKey
    witness: WitnessKey
    documents: Mapping[str, bytes]


@dataclass(eq=False)
class NewKeysMissing(Unprocessable):
    """A new epoch begins with list keys of its own, and there are fewer of them than must sign."""

    code: ClassVar[str] = "new-list-keys-missing"
    found: int
    needed: int

    def __str__(self) -> str:
        return f"a new epoch wants {self.needed} list keys that no earlier list named, and {self.found} are there"


def draft(
    tx: Session,
    pins: Pins,
    material: Material,
    *,
    name: str,
    country: str,
    env: Environment,
    at: datetime,
    new_epoch: bool = False,
) -> TrustList:
    """Return the next version of the list of `country`, or the first of its next epoch, which has new list keys.

    A witness key that was replaced is kept for what it cosigned until now; only a new epoch may replace it. Raises
    `NothingPinned`, `NewKeysMissing`, `ChainBroken`.
    """
    if country not in pins:
        raise NothingPinned(country)
    pin = pins[country]
    root = pin.anchor()
    before = read_list(tx, pins, country)
    known = {} if before is None else {body.id: body for body in before.list.bodies}
    rows = [
        _body(tx, organisation, known.get(str(organisation.did)), material, root, at)
        for organisation in parties.organisations(tx, OrganisationKind.BODY)
    ]
    authority = authority_did(root.name)
    list_keys = [_list_key(der, root, authority) for der in material.list_keys]
    epoch = max(pin.epoch, 1 if before is None else before.list.epoch)
    if new_epoch and before is not None:
        epoch = before.list.epoch + 1
        list_keys = _new_keys(tx, country, epoch, list_keys, pin.threshold)
    follows = before is not None and before.list.epoch == epoch
    return TrustList(
        country=country,
        env=env,
        issuer=authority,
        epoch=epoch,
        version=before.list.version + 1 if before is not None and follows else 1,
        issued_at=at,
        expires_at=at + LONGEST_LIFE,
        list_keys=tuple(list_keys),
        nodes=(_node(material, name, before, at),),
        bodies=tuple(rows),
        previous=None if before is None else before.digest,
    )


def _list_key(der: bytes, root: Root, authority: Did) -> ListKey:
    return ListKey(chain(der, root, Purpose.LIST, authority).kid(authority), der)


def _new_keys(tx: Session, country: str, epoch: int, keys: Sequence[ListKey], needed: int) -> list[ListKey]:
    """Leave out the keys that any earlier list named: they are what an epoch gets rid of. Raises `NewKeysMissing`."""
    known = {
        key.kid
        for row in peers.lists_before_epoch(tx, country, epoch)
        for key in TrustList.parse(parse_joint(row.text, Typ.TRUST_LIST)[0].payload).list_keys
    }
    fresh = [key for key in keys if key.kid not in known]
    if len(fresh) < needed:
        raise NewKeysMissing(len(fresh), needed)
    return fresh


def _node(material: Material, name: str, before: BelievedList | None, at: datetime) -> NodeRow:
    roles = (NodeRole.ISSUING, NodeRole.CUSTOMS)
    known = None if before is None else before.node(f"did:web:{name}")
    former: tuple[FormerWitness, ...] = ()
    if known is not None:
        present = known.row.witness
        former = known.row.former_witnesses
        if present != material.witness:
            former = (*former, FormerWitness(present.name, present.vkey, at))
    return NodeRow(f"did:web:{name}", name, roles, material.node, material.log, material.witness, former)


def _body(
    tx: Session, organisation: Organisation, before: BodyRow | None, material: Material, root: Root, at: datetime
) -> BodyRow:
    did = Did(str(organisation.did))
    signers = {} if before is None else {row.kid: row for row in before.signers}
    signatories = {} if before is None else {row.id: row for row in before.signatories}
    schemes = set() if before is None else set(before.schemes)
    der = material.documents.get(str(organisation.code))
    if der is not None:
        chained = chain(der, root, Purpose.DOCUMENT, did)
        schemes |= {uri.partition("#")[2] for uri in chained.uris if "#" in uri}
        signers.setdefault(chained.kid(did), _signer(der, chained, did))
    today = at.astimezone(UTC).date()
    for person, _ in parties.people(tx, organisation=organisation.id):
        if Role.SIGNATORY in person.roles:
            signatories.setdefault(person.id, _signatory(person.id, person.name, today))
    return BodyRow(
        id=did,
        code=str(organisation.code),
        name=organisation.name,
        address=organisation.address,
        role=BodyRole(str(organisation.body_role)),
        schemes=tuple(sorted(schemes)),
        signatories=tuple(signatories.values()),
        signers=tuple(signers.values()),
    )


def _signer(der: bytes, chained: Chained, did: Did) -> SignerRow:
    return SignerRow(
        kid=chained.kid(did),
        certificate=der,
        from_=chained.from_,
        until=chained.until,
        use_until=chained.from_ + USE,
        status=SignerStatus.ACTIVE,
    )


def _signatory(id: str, name: str, today: date) -> SignatoryRow:
    """Notify a signatory from the day before: in the easternmost country it may be tomorrow already, or still today."""
    return SignatoryRow(id, name, today - timedelta(days=1), today + NOTIFIED_FOR)
