"""Draft this country's next trust list from what is registered here and the certificates that the root made.

A draft keeps every row of the list before it, and notifies its signatories anew or no longer; the list keys sign it one
at a time, elsewhere, and it is adopted by the same path as a peer's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.agreement import Environment
from registry.core.envelope.jose import Typ, parse_joint
from registry.core.errors import Conflict, NotFound, Unprocessable
from registry.core.identifiers import Did, authority_did, node_did
from registry.core.trust.adoption import LONGEST_LIFE
from registry.core.trust.believed_list import BelievedList
from registry.core.trust.document_signer import Purpose, Root, chain_to_any
from registry.core.trust.trust_list import (
    BodyRow,
    FormerWitness,
    ListKey,
    LogKey,
    NodeRole,
    NodeRow,
    SignerRow,
    SignerStatus,
    TrustList,
    WitnessKey,
)
from registry.store import parties, peers
from registry.store.acts import Actor, Draw
from registry.store.parties import OrganisationKind
from registry.usecases.trust.adopt_trust_list import adopt
from registry.usecases.trust.believe_peers import Pins, read_beliefs, read_list
from registry.usecases.trust.draft_body import Drafting

OVERLAP = timedelta(days=1)
"""So long before it is used a further key of a body is known to the peers, which take a list over in a minute."""


@dataclass(eq=False)
class NothingPinned(Unprocessable):
    """This country's own root is not pinned here: its list is adopted by the same path as a peer's."""

    code: ClassVar[str] = "own-root-not-pinned"
    country: str

    def __str__(self) -> str:
        return f"the root of {self.country} is not pinned on this node yet"


@dataclass(eq=False)
class SignerNotListed(NotFound):
    """The list has no such document signer."""

    code: ClassVar[str] = "signer-not-listed"
    kid: str

    def __str__(self) -> str:
        return f"the trust list has no document signer {self.kid}"


@dataclass(frozen=True, slots=True)
class OtherNode:
    """The public halves of a further node of the country, and what it does."""

    name: str
    roles: Sequence[NodeRole]
    certificate: bytes
    log: LogKey
    witness: WitnessKey


@dataclass(frozen=True, slots=True)
class Material:
    """The public halves of what the root certified: list keys, node, log and witness keys, document signers by code.

    Of a body the signers stand oldest first; those of other nodes of the country are given when they are new.
    """

    list_keys: Sequence[bytes]
    node: bytes
    log: LogKey
    witness: WitnessKey
    documents: Mapping[str, Sequence[bytes]]
    others: Sequence[OtherNode] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """From when a document signer is retired, or revoked, and why.

    A key that was stolen is revoked from the moment from which a thief may have had it, however long that is past.
    """

    kid: str
    status: SignerStatus
    since: datetime
    reason: str | None = None


@dataclass(eq=False)
class NewKeysMissing(Unprocessable):
    """A new epoch begins with list keys of its own, and there are fewer of them than must sign."""

    code: ClassVar[str] = "new-list-keys-missing"
    found: int
    needed: int

    def __str__(self) -> str:
        return f"a new epoch wants {self.needed} list keys that no earlier list named, and {self.found} are there"


@dataclass(eq=False)
class ListKeysMissing(Unprocessable):
    """Fewer list keys are there than must sign: the draft would name none by which anybody believes the next list."""

    code: ClassVar[str] = "list-keys-missing"
    found: int
    needed: int

    def __str__(self) -> str:
        return (
            f"{self.needed} list keys must sign, and certificates of {self.found} are in the folder: name that of all "
            "list keys (list-1.cert.pem and so on)"
        )


@dataclass(eq=False)
class RenameDayOver(Conflict):
    """The list says what a body was called up to a day that is over: it would use the new name before peers know it."""

    code: ClassVar[str] = "rename-day-over"
    clause: ClassVar[str | None] = "S4 6.5"
    body: str
    until: str

    def __str__(self) -> str:
        return f"the list says what {self.body} was called until {self.until}, which is over: draft it anew"


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
    endings: Sequence[Ending] = (),
    overlap: timedelta = OVERLAP,
) -> TrustList:
    """Return the next version of the list of `country`, or the first of its next epoch, which has new list keys.

    A pin of a later epoch than the adopted list, as another root has, begins that epoch. A further key of a body is in
    use from `overlap` on. A witness key that was replaced is kept for what it cosigned until now; only a new epoch may
    replace it. Raises `NothingPinned`, `ListKeysMissing`, `NewKeysMissing`, `SignerNotListed`, `ChainBroken`,
    `BodyNotAsListed`.
    """
    if country not in pins:
        raise NothingPinned(country)
    pin = pins[country]
    roots = pin.anchors()
    before = read_list(tx, pins, country)
    known = {} if before is None else {body.id: body for body in before.list.bodies}
    since = at if before is None else before.list.issued_at
    drafting = Drafting(tx, pins, country, material.documents, roots, at, overlap, since)
    rows = [
        drafting.body(organisation, known.get(str(organisation.did)))
        for organisation in parties.organisations(tx, OrganisationKind.BODY)
    ]
    authority = authority_did(roots[0].name)
    epoch = max(pin.epoch, 1 if before is None else before.list.epoch)
    if new_epoch and before is not None:
        epoch = max(pin.epoch, before.list.epoch + 1)
    follows = before is not None and before.list.epoch == epoch
    if before is None or follows:
        list_keys = [_list_key(der, roots[:1], authority) for der in material.list_keys]
        if len(list_keys) < pin.threshold:
            raise ListKeysMissing(len(list_keys), pin.threshold)
    else:
        candidates = [_list_key(der, roots, authority) for der in material.list_keys]
        list_keys = _new_keys(tx, country, epoch, candidates, pin.threshold)
    return TrustList(
        country=country,
        env=env,
        issuer=authority,
        epoch=epoch,
        version=before.list.version + 1 if before is not None and follows else 1,
        issued_at=at,
        expires_at=at + LONGEST_LIFE,
        list_keys=tuple(list_keys),
        nodes=_nodes(material, name, before, at),
        bodies=_ended(rows, endings),
        previous=None if before is None else before.digest,
    )


def publish(
    tx: Session, text: str, pins: Pins, *, own_country: str, by: Actor, at: datetime, draw: Draw
) -> BelievedList:
    """Adopt this country's next list, as yet unknown to anybody: a body goes by a new name from the next day on.

    On the day of the change it issues under the former name, and every peer has that day to take the list over. What
    was published before and is taken over again, as after a restore, is adopted. Raises `RenameDayOver` and what
    `adopt` raises.
    """
    before = read_list(tx, pins, own_country)
    believed = adopt(tx, text, pins, own_country=own_country, by=by, at=at, draw=draw)
    known = {} if before is None else {body.id: len(body.former) for body in before.list.bodies}
    today = read_beliefs(tx, pins).local_day(own_country, at)
    for body in believed.list.bodies if believed.list.country == own_country else ():
        for former in body.former[known.get(body.id, 0) :]:
            if former.until < today:
                raise RenameDayOver(body.id, former.until.isoformat())
    return believed


def _list_key(der: bytes, roots: Sequence[Root], authority: Did) -> ListKey:
    return ListKey(chain_to_any(der, roots, Purpose.LIST, authority).kid(authority), der)


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


def _nodes(material: Material, name: str, before: BelievedList | None, at: datetime) -> tuple[NodeRow, ...]:
    """Return the rows of this node, of those that are given, and of all that stood in the list before."""
    known = {} if before is None else {node.row.id: node.row for node in before.nodes.values()}
    own = known.get(node_did(name))
    roles = (NodeRole.ISSUING, NodeRole.CUSTOMS) if own is None else own.roles
    given = [OtherNode(name, roles, material.node, material.log, material.witness), *material.others]
    rows = known | {node_did(each.name): _node(each, known.get(node_did(each.name)), at) for each in given}
    return tuple(rows.values())


def _node(given: OtherNode, before: NodeRow | None, at: datetime) -> NodeRow:
    former = () if before is None else before.former_witnesses
    if before is not None and before.witness != given.witness:
        former = (*former, FormerWitness(before.witness.name, before.witness.vkey, at))
    did, roles = node_did(given.name), tuple(given.roles)
    return NodeRow(did, given.name, roles, given.certificate, given.log, given.witness, former)


def _ended(bodies: Sequence[BodyRow], endings: Sequence[Ending]) -> tuple[BodyRow, ...]:
    """Return the bodies with some of their signers retired or revoked; raises `SignerNotListed`."""
    ends = {ending.kid: ending for ending in endings}
    listed = {signer.kid for body in bodies for signer in body.signers}
    if unknown := sorted(ends.keys() - listed):
        raise SignerNotListed(unknown[0])
    return tuple(
        replace(body, signers=tuple(_end(signer, ends.get(signer.kid)) for signer in body.signers)) for body in bodies
    )


def _end(signer: SignerRow, ending: Ending | None) -> SignerRow:
    if ending is None:
        return signer
    return replace(signer, status=ending.status, status_from=ending.since, reason=ending.reason)
