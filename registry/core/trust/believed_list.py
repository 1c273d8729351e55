"""A trust list that is believed: its signatures reach the pin's threshold, and every row of it holds (formats 8)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from registry.core.calendar import latest_day
from registry.core.envelope.jose import Envelope, Typ, parse_joint
from registry.core.errors import Unprocessable
from registry.core.identifiers import Did, Digest, Kid, authority_did, body_did
from registry.core.tlog.note import KeyType
from registry.core.trust.document_signer import Chained, Purpose, Root, chain_to_any
from registry.core.trust.pin import Pin
from registry.core.trust.trust_list import BodyRow, NodeRow, SignerRow, SignerStatus, TrustList


@dataclass(eq=False)
class ListNotTrusted(Unprocessable):
    """A trust list, or a row of it, is not what the pinned root and its threshold vouch for."""

    code: ClassVar[str] = "list-not-trusted"
    clause: ClassVar[str | None] = "TUF 1.0, 5.3"
    reason: str
    what: str = "the trust list"

    def __str__(self) -> str:
        return f"{self.what} cannot be believed: {self.reason}"


@dataclass(eq=False)
class ListBelowThreshold(ListNotTrusted):
    """Fewer of the country's list keys signed than its pin asks for."""

    code: ClassVar[str] = "list-below-threshold"


@dataclass(eq=False)
class ListOfAnotherCountry(ListNotTrusted):
    """The list is another country's than the pin's."""

    code: ClassVar[str] = "list-of-another-country"


@dataclass(eq=False)
class ListOfAnotherEnvironment(ListNotTrusted):
    """The list is of another environment than the pin."""

    code: ClassVar[str] = "list-of-another-environment"


@dataclass(eq=False)
class ListRowBroken(ListNotTrusted):
    """A row names a node, body or log that is not the authority's, or its members contradict one another."""

    code: ClassVar[str] = "list-row-broken"


@dataclass(eq=False)
class ListKeyMisnamed(ListRowBroken):
    """A key stands under a name that is not its own, or for schemes that its body's row lacks."""

    code: ClassVar[str] = "list-key-misnamed"


@dataclass(eq=False)
class ListDatesBeyond(ListRowBroken):
    """The dates of a signer are not within those of its certificate, or contradict one another."""

    code: ClassVar[str] = "list-dates-beyond-certificate"


@dataclass(eq=False)
class ListKeyTwice(ListRowBroken):
    """A key, node or body stands in two rows: a signer is of one body."""

    code: ClassVar[str] = "list-key-twice"


@dataclass(eq=False)
class ListStrangerSigned(ListNotTrusted):
    """A line is signed by a key that is none of the country's list keys, or not at that time."""

    code: ClassVar[str] = "list-stranger-signed"


@dataclass(eq=False)
class ListSignatureWrong(ListNotTrusted):
    """A signature of a list key does not verify: the content was altered, or put together from two lists."""

    code: ClassVar[str] = "list-signature-wrong"


@dataclass(frozen=True, slots=True)
class KnownSigner:
    """A document signer of a believed list, its chain followed."""

    country: str
    body: BodyRow
    row: SignerRow
    chained: Chained


@dataclass(frozen=True, slots=True)
class KnownNode:
    """A node of a believed list, its chain followed."""

    country: str
    row: NodeRow
    chained: Chained


@dataclass(frozen=True, slots=True)
class BelievedList:
    """A list whose signatures reach the threshold and whose every row holds. That it is the newest is adoption's."""

    list: TrustList
    pin: Pin
    digest: Digest
    text: str
    signers: Mapping[str, KnownSigner]
    nodes: Mapping[str, KnownNode]
    list_keys: Mapping[str, Chained]

    def expired(self, at: datetime) -> bool:
        """Tell whether the list no longer says anything at `at`."""
        return at > self.list.expires_at

    def body(self, id: str) -> BodyRow | None:
        """Return the body with this DID."""
        return next((body for body in self.list.bodies if body.id == id), None)

    def node(self, id: str) -> KnownNode | None:
        """Return the node with this DID."""
        return next((node for node in self.nodes.values() if node.row.id == id), None)


def believe(text: str, pin: Pin) -> BelievedList:
    """Read a signed list and check it against the pin; the same function checks it again whenever it is read.

    Raises `ListNotTrusted` and its kinds, `ChainBroken`, `MalformedEnvelope`, `NotCanonical`, `MalformedRecord`.
    """
    envelopes = parse_joint(text, Typ.TRUST_LIST)
    trust_list = TrustList.parse(envelopes[0].payload)
    roots = pin.anchors()
    root = roots[0]
    if trust_list.country != root.country:
        raise ListOfAnotherCountry(f"it is of {trust_list.country}, the pin is of {root.country}")
    if trust_list.env != pin.env:
        raise ListOfAnotherEnvironment(f"it is of {trust_list.env}, the pin is of {pin.env}")
    authority = authority_did(root.name)
    if trust_list.issuer != authority:
        raise ListOfAnotherCountry(f"its issuer is not {authority}")
    list_keys = _list_keys(trust_list, roots[:1] if trust_list.epoch >= pin.epoch else roots)
    count_signatures(envelopes, list_keys, pin.threshold, trust_list.issued_at)
    signers, nodes = _signers(trust_list, roots), _nodes(trust_list, roots)
    return BelievedList(trust_list, pin, envelopes[0].payload_digest, text, signers, nodes, list_keys)


def count_signatures(
    envelopes: Sequence[Envelope],
    keys: Mapping[str, Chained],
    threshold: int,
    at: datetime,
    what: str = "the trust list",
) -> None:
    """Check that every line is by one of `keys` and that they reach `threshold`; raises `ListNotTrusted`.

    The threshold is the pin's, never the list's. Keys are counted, not lines or certificates.
    """
    counted = set()
    for envelope in envelopes:
        key = keys.get(envelope.kid)
        if key is None or not key.valid_at(at):
            raise ListStrangerSigned(f"{envelope.kid} is none of the country's list keys at that time", what)
        if not envelope.is_signed_by(key.key):
            raise ListSignatureWrong(f"the signature of {envelope.kid} does not verify", what)
        counted.add(key.key.public_numbers())
    if len(counted) < threshold:
        raise ListBelowThreshold(f"{len(counted)} of {threshold} list keys signed", what)


def _list_keys(trust_list: TrustList, roots: Sequence[Root]) -> Mapping[str, Chained]:
    authority = authority_did(roots[0].name)
    keys = {row.kid: chain_to_any(row.certificate, roots, Purpose.LIST, authority) for row in trust_list.list_keys}
    if len(keys) != len(trust_list.list_keys):
        raise ListKeyTwice("a list key stands twice")
    if any(key.kid(authority) != kid for kid, key in keys.items()):
        raise ListKeyMisnamed("a list key stands under a name that is not its own")
    return keys


def _signers(trust_list: TrustList, roots: Sequence[Root]) -> Mapping[str, KnownSigner]:
    signers: dict[str, KnownSigner] = {}
    if len({body.id for body in trust_list.bodies}) != len(trust_list.bodies):
        raise ListKeyTwice("a body stands twice")
    for body in trust_list.bodies:
        if body.id != body_did(roots[0].name, body.code):
            raise ListRowBroken(f"{body.id} is no body of {roots[0].name} with the code {body.code[:60]}")
        ends = [former.until for former in body.former]
        if ends != sorted(ends) or any(end > latest_day(trust_list.issued_at) for end in ends):
            raise ListRowBroken(f"the former names of {body.id} are not in order, or end on a day that is yet to come")
    for body, row in trust_list.signers():
        chained = chain_to_any(row.certificate, roots, Purpose.DOCUMENT, Did(body.id))
        schemes = {uri.partition("#")[2] for uri in chained.uris if uri.startswith(f"{body.id}#")}
        if row.kid != chained.kid(body.id) or not schemes <= set(body.schemes):
            raise ListKeyMisnamed(f"the certificate of {row.kid} is of another key, or of schemes that its body lacks")
        if not (chained.from_ <= row.from_ <= row.use_until <= row.until <= chained.until):
            raise ListDatesBeyond(f"the dates of {row.kid} are not within its certificate's")
        if (row.status is SignerStatus.ACTIVE) != (row.status_from is None):
            raise ListRowBroken(f"{row.kid} is {row.status}, and the day from which is stated wrongly")
        if any(known.chained.key.public_numbers() == chained.key.public_numbers() for known in signers.values()):
            raise ListKeyTwice(f"the key of {row.kid} stands in two rows")
        signers[row.kid] = KnownSigner(trust_list.country, body, row, chained)
    return signers


def _nodes(trust_list: TrustList, roots: Sequence[Root]) -> Mapping[str, KnownNode]:
    nodes: dict[str, KnownNode] = {}
    for row in trust_list.nodes:
        chained = chain_to_any(row.certificate, roots, Purpose.NODE, Did(row.id))
        name = row.id.removeprefix("did:web:")
        if (row.log.origin, row.log.vkey.name) != (f"{name}/log", f"{name}/log"):
            raise ListRowBroken(f"the log of {row.id}, or its key, has another name")
        witnesses = [(row.witness.name, row.witness.vkey), *((each.name, each.vkey) for each in row.former_witnesses)]
        if any(key.name != label or not _is_witness_of(label, name) for label, key in witnesses):
            raise ListRowBroken(f"a witness of {row.id}, or its key, has another name")
        if len({label for label, _ in witnesses}) != len(witnesses):
            raise ListRowBroken(f"two keys of the witness of {row.id} have one name")
        if any(former.until > trust_list.issued_at for former in row.former_witnesses):
            raise ListRowBroken(f"a former key of the witness of {row.id} counts for what is yet to come")
        types = {key.type for _, key in witnesses}
        if row.log.vkey.type is not KeyType.ED25519 or types != {KeyType.COSIGNATURE}:
            raise ListRowBroken(f"a key of the log or witness of {row.id} is of another type")
        nodes[Kid(chained.kid(row.id))] = KnownNode(trust_list.country, row, chained)
    if len({node.row.id for node in nodes.values()}) != len(trust_list.nodes):
        raise ListKeyTwice("a node or its key stands twice")
    return nodes


def _is_witness_of(label: str, name: str) -> bool:
    """Tell whether a witness may be called so: a cosignature names no key, so each new key has a new name."""
    return re.fullmatch(re.escape(f"{name}/witness") + r"(?:-[1-9]\d{0,3})?", label) is not None
