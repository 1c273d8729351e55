"""What customs carries offline: all that a verification believes and holds, signed by the node (formats 6).

Pins are installed with the device and never taken from a file that is being verified.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, ClassVar, Self

from registry.core.agreement import Agreement
from registry.core.canonical import JsonObject
from registry.core.certificate.clarification import Clarification
from registry.core.certificate.credential import Certificate
from registry.core.certificate.relation import DUPLICATES
from registry.core.certificate.status_change import StatusChange
from registry.core.envelope.jose import Envelope, EnvelopeText, Typ
from registry.core.errors import Unprocessable
from registry.core.identifiers import CERTIFICATE, HEX_256, Digest
from registry.core.record import MalformedRecord, decode, encode
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.note import Note, NotSigned, WrongSignature
from registry.core.tlog.policy import QuorumNotMet
from registry.core.trust.believed_list import BelievedList, KnownNode
from registry.core.trust.freshness import CLOCK_SKEW, Word, believe_freshness, word_of
from registry.core.trust.log_policy import log_policy
from registry.core.trust.pin import Pin
from registry.core.verification.beside import Beside, believe_beside
from registry.core.verification.carried import believe_carried, believe_lists, newest_of
from registry.core.verification.evidence import Evidence, Held, ReadEvidence, Standpoint, Trusted, earliest

DIGEST_BYTES = 16
"""Half of SHA-256: whoever could find a second certificate for it could as well break the signature."""


@dataclass(eq=False)
class BundleNotTrusted(Unprocessable):
    """The bundle is not the newest word of a node that the pins vouch for."""

    code: ClassVar[str] = "bundle-not-trusted"
    reason: str

    def __str__(self) -> str:
        return f"the bundle cannot be believed: {self.reason}"


@dataclass(eq=False)
class BundleRolledBack(BundleNotTrusted):
    """The bundle is older than one that this device has seen."""

    code: ClassVar[str] = "bundle-rolled-back"


@dataclass(eq=False)
class BundleMixed(BundleNotTrusted):
    """The bundle holds what is later than itself."""

    code: ClassVar[str] = "bundle-mixed"


@dataclass(eq=False)
class BundleSignatureWrong(BundleNotTrusted):
    """The signature of the node does not verify, or its key was not valid when the bundle was made."""

    code: ClassVar[str] = "bundle-signature-wrong"


@dataclass(frozen=True, slots=True)
class Delivered:
    """Certificates that were held by an instant: the first 16 bytes of each digest, and whether the log has them.

    `outside` and `late` tell whether the body's own system issued them, and whether they were registered late.
    """

    by: datetime
    logged: bool
    digests: bytes
    outside: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """Up to when everything that a node had to say has come."""

    node: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """By when the node had received something, or found it in a log."""

    digest: Annotated[Digest, HEX_256]
    at: datetime


@dataclass(frozen=True, slots=True)
class Bundle:
    """The bundle as the node signs it."""

    issuer: str
    env: str
    country: Annotated[str, re.compile(r"[A-Z]{2}")]
    sequence: int
    made_at: datetime
    stale_after: datetime
    lists: tuple[EnvelopeText, ...]
    agreements: tuple[EnvelopeText, ...] = ()
    changes: tuple[EnvelopeText, ...] = ()
    delivered: tuple[Delivered, ...] = ()
    as_of: datetime | None = None
    checkpoints: tuple[str, ...] = ()
    """The newest cosigned checkpoint of each log, as signed notes."""
    heard: tuple[Heard, ...] = ()
    freshness: tuple[EnvelopeText, ...] = ()
    """The newest statement of each node, as it signed it."""
    clarifications: tuple[EnvelopeText, ...] = ()
    seen: tuple[Seen, ...] = ()
    """Of changes and clarifications, whose own dates count for nothing after a revocation; and of agreements."""
    alone: tuple[Annotated[str, CERTIFICATE], ...] = ()
    """Duplicates that were delivered, and what they duplicate was not: nothing tells whether that is still in force."""
    waiting: tuple[Annotated[str, CERTIFICATE], ...] = ()
    """Certificates of which a change came by a key that no list knows yet: it may be their body's."""

    @classmethod
    def parse(cls, value: JsonObject) -> Self:
        """Read a bundle; raises `MalformedRecord`."""
        bundle = decode(cls, value)
        if any(len(group.digests) % DIGEST_BYTES for group in bundle.delivered):
            raise MalformedRecord("delivered", f"holds a digest that is not {DIGEST_BYTES} bytes")
        return bundle

    def encode(self) -> JsonObject:
        """Write the bundle as the object that the node signs."""
        return encode(self)


@dataclass(frozen=True, slots=True)
class OpenBundle:
    """A bundle whose signatures were all followed to the pins, once, for many verifications."""

    bundle: Bundle
    trusted: Trusted
    read: ReadEvidence
    beside: Callable[[Certificate, Digest], Beside]
    """What the bundle holds beside a certificate, of which a device knows no other."""

    def now(self, clock: datetime) -> datetime:
        """Return the later of the clock and the newest signed time: a clock set back revives nothing."""
        return max([clock, self.bundle.made_at, *(adopted.list.issued_at for adopted in self.trusted.lists.values())])


def open_bundle(text: str, pins: Mapping[str, Pin], *, newest: Mapping[str, int] = MappingProxyType({})) -> OpenBundle:
    """Open a bundle against the pins of a device that knows the `newest` number of each node that made it one.

    Raises `BundleNotTrusted`.
    Raises what a trust list or an agreement in it raises when it cannot be believed.
    """
    envelope = Envelope.parse(text.strip(), Typ.BUNDLE)
    bundle = Bundle.parse(envelope.payload)
    carried = believe_lists(bundle.lists, pins, bundle.env)
    lists = newest_of(carried)
    home = lists.get(bundle.country)
    node = home.nodes.get(envelope.kid) if home else None
    if home is None or node is None or node.row.id != bundle.issuer:
        raise BundleNotTrusted(f"no pinned country has {envelope.kid} as the key of this node")
    if not envelope.is_signed_by(node.chained.key) or not node.chained.valid_at(bundle.made_at):
        raise BundleSignatureWrong("the signature of the node does not verify")
    seen_before = newest.get(bundle.issuer, 0)
    if bundle.sequence < seen_before:
        raise BundleRolledBack(f"its number {bundle.sequence} is below {seen_before}, which this device has seen")
    agreements = [believe_carried(agreement, carried) for agreement in bundle.agreements]
    known: dict[str, Agreement] = {agreement.id: agreement for agreement in agreements}
    seen = earliest((each.digest, each.at) for each in bundle.seen)
    trusted = Trusted(
        bundle.env,
        bundle.country,
        lists,
        known,
        bundle.as_of or bundle.made_at,
        bundle.stale_after,
        _heads(bundle, lists, agreements),
        _words(bundle, lists),
        bundle.made_at,
        adopted=seen,
    )
    changes = _by_certificate(bundle.changes, Typ.STATUS, StatusChange)
    mended = _by_certificate(bundle.clarifications, Typ.CLARIFICATION, Clarification)

    def beside(certificate: Certificate, digest: Digest) -> Beside:
        named = certificate.id
        return believe_beside(changes.get(named, ()), mended.get(named, ()), certificate, digest, trusted, seen)

    return OpenBundle(bundle, trusted, _reader(bundle, changes, seen), beside)


def _words(bundle: Bundle, lists: Mapping[str, BelievedList]) -> dict[str, Word]:
    """Return how fresh the word of each node is: of the lists in the bundle its own statement is asked.

    A statement with the lists of another day shows that they do not belong together. Raises `BundleMixed`, and what
    `believe_freshness` raises.
    """
    heard = {row.node: row.as_of for row in bundle.heard}
    if any(as_of > bundle.made_at + CLOCK_SKEW for as_of in heard.values()):
        raise BundleMixed("it has heard of what is later than itself")
    words = {node: Word(as_of) for node, as_of in heard.items()}
    for text in bundle.freshness:
        node = Envelope.parse(text, Typ.FRESHNESS).signer
        said = believe_freshness(text, node, lists, bundle.env)
        adopted = next(each for each in lists.values() if each.node(node) is not None)
        words[node] = word_of(said, adopted, heard.get(node))
    return words


def _heads(bundle: Bundle, lists: Mapping[str, BelievedList], agreements: Sequence[Agreement]) -> dict[str, datetime]:
    """Return when the quorum of each log's witnesses last vouched for it, by the agreements that ask for one.

    Each agreement judges a checkpoint by the keys that count for it: one that falls short of its quorum, or bears a
    wrong signature under one of these, is refused (c2sp.org/signed-note) and dates nothing, whoever wrote the line. It
    spoils neither the word of another agreement nor the bundle. Raises where a note or checkpoint cannot be read.
    """
    heads: dict[str, datetime] = {}
    for note in map(Note.parse, bundle.checkpoints):
        origin = Checkpoint.parse(note.text).origin
        for agreement, node in _logs(agreements, lists):
            if node.row.log.origin != origin:
                continue
            try:
                at = log_policy(agreement, lists, node).check(note).at
            except (QuorumNotMet, NotSigned, WrongSignature):
                continue
            if at is not None:
                heads[origin] = max(at, heads.get(origin, at))
    return heads


def _logs(agreements: Sequence[Agreement], lists: Mapping[str, BelievedList]) -> Iterator[tuple[Agreement, KnownNode]]:
    """Return each agreement with each node of its countries; both have a list, or it would not be believed."""
    for agreement in agreements:
        for country in agreement.countries:
            for node in lists[country].nodes.values():
                yield agreement, node


def _by_certificate(
    texts: Iterable[str], typ: Typ, said: type[StatusChange] | type[Clarification]
) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for text in texts:
        found.setdefault(said.parse(Envelope.parse(text, typ).payload).certificate, []).append(text)
    return found


def _reader(bundle: Bundle, changes: Mapping[str, Sequence[str]], seen: Mapping[str, datetime]) -> ReadEvidence:
    held: dict[bytes, Delivered] = {}
    alone, waiting = frozenset(bundle.alone), frozenset(bundle.waiting)
    for group in bundle.delivered:
        for start in range(0, len(group.digests), DIGEST_BYTES):
            held[group.digests[start : start + DIGEST_BYTES]] = group

    def read(certificate: Certificate, digest: Digest) -> Evidence:
        found = held.get(bytes.fromhex(digest)[:DIGEST_BYTES])
        marks = (None, found.outside, found.late) if found else ()
        kept = Held(digest, found.by, Standpoint.BUNDLE, found.logged, *marks) if found else None
        named = certificate.relation(DUPLICATES)
        original = None if named is None else named.certificate
        of_original = None if certificate.id in alone else changes.get(str(original), ())
        waits = not waiting.isdisjoint({certificate.id, original})
        return Evidence(kept, changes.get(certificate.id, ()), of_original, seen, waits)

    return read
