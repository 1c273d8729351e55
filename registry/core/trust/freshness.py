"""How fresh what a node says is: every five minutes it signs what is newest there (formats 8, "Freshness"; TUF 5.4).

Whoever withholds a newer list, a change of status or a message can show the last word of the node only until that word
is too old. A statement adds nothing to what is believed: it says how old it is, and what is missing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Self

from registry.core.agreement import Environment
from registry.core.canonical import JsonObject
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Conflict, Unprocessable
from registry.core.record import decode, encode
from registry.core.trust.believed_list import BelievedList
from registry.core.trust.trust_list import DidText, Hex256

MADE_EVERY = timedelta(minutes=5)
FRESH_FOR = timedelta(hours=24)
"""As long as a status list is valid (formats 4), and as a bundle is by default: older, a word says nothing of now."""
CLOCK_SKEW = timedelta(minutes=5)
START = (0, 0)
"""Where a channel stands before its first message."""


@dataclass(eq=False)
class _NotKept(Unprocessable):
    clause: ClassVar[str | None] = "TUF 1.0, 5.4"
    node: str
    reason: str

    def __str__(self) -> str:
        return f"the freshness statement of {self.node} is not kept: {self.reason}"


@dataclass(eq=False)
class FreshnessNotTrusted(_NotKept):
    """The statement is not signed by a key that the node has in its country's adopted list."""

    code: ClassVar[str] = "freshness-not-trusted"


@dataclass(eq=False)
class FreshnessWrongPurpose(_NotKept):
    """The statement is signed by a key of the country that is for another purpose than a node's."""

    code: ClassVar[str] = "freshness-wrong-purpose"


@dataclass(eq=False)
class FreshnessOfAnotherNode(_NotKept):
    """The statement is another node's than the one that was asked."""

    code: ClassVar[str] = "freshness-of-another-node"


@dataclass(eq=False)
class FreshnessOfAnotherEnvironment(_NotKept):
    """The statement is of another environment."""

    code: ClassVar[str] = "freshness-of-another-environment"


@dataclass(eq=False)
class FreshnessFromFuture(_NotKept):
    """The statement is of a time that has not come."""

    code: ClassVar[str] = "freshness-from-future"


@dataclass(eq=False)
class FreshnessStale(_NotKept):
    """The statement is older than a word may be that says something of now."""

    code: ClassVar[str] = "freshness-stale"


@dataclass(eq=False)
class FreshnessMixed(_NotKept):
    """The statement names another list under the epoch and version of the adopted one: the country signed two."""

    code: ClassVar[str] = "freshness-names-another-list"


@dataclass(eq=False)
class FreshnessNotNewer(Conflict):
    """The statement is not newer than the one that is kept."""

    code: ClassVar[str] = "freshness-not-newer"
    clause: ClassVar[str | None] = "TUF 1.0, 5.4.3"
    node: str

    def __str__(self) -> str:
        return f"the freshness statement of {self.node} is not newer than the one that is kept"


@dataclass(eq=False)
class FreshnessRolledBack(Conflict):
    """The statement is newer and names something older: a list, a log or a channel that shrank."""

    code: ClassVar[str] = "freshness-rolled-back"
    clause: ClassVar[str | None] = "TUF 1.0, 5.4.3"
    node: str
    what: str

    def __str__(self) -> str:
        return f"the freshness statement of {self.node} names {self.what} that is older than the one before"


@dataclass(frozen=True, slots=True)
class NamedList:
    """The newest trust list of the node's country."""

    epoch: int
    version: int
    digest: Hex256


@dataclass(frozen=True, slots=True)
class NamedCheckpoint:
    """The newest checkpoint that the node's log has published."""

    size: int
    root: Hex256


@dataclass(frozen=True, slots=True)
class SentTo:
    """How far the channel to a node had come: whoever has had this very message has missed none.

    Its digest tells it from another of the same number, which a node that was restored may have sent (decision 0042).
    A statement of an earlier release has none, and says of no message that it has come.
    """

    to: DidText
    epoch: int
    seq: int
    digest: Hex256 | None = None


@dataclass(frozen=True, slots=True)
class Freshness:
    """What is newest at a node as of an instant; everything that it recorded before then is in what it names."""

    issuer: DidText
    env: Environment
    as_of: datetime
    release: Annotated[str, re.compile(r"[0-9A-Za-z.+-]{1,60}")]
    trust_list: NamedList
    agreements: tuple[Hex256, ...] = ()
    status_lists: tuple[Hex256, ...] = ()
    sent: tuple[SentTo, ...] = ()
    checkpoint: NamedCheckpoint | None = None

    @classmethod
    def parse(cls, value: JsonObject) -> Self:
        """Read a statement; raises `MalformedRecord`."""
        return decode(cls, value)

    def encode(self) -> JsonObject:
        """Write the statement as the object that the node signs."""
        return encode(self)

    def last(self, to: str) -> SentTo:
        """Return the last message to a node."""
        return next((row for row in self.sent if row.to == to), SentTo(DidText(to), *START))

    def position(self, to: str) -> tuple[int, int]:
        """Return epoch and number of the last message to a node."""
        last = self.last(to)
        return last.epoch, last.seq


@dataclass(frozen=True, slots=True)
class Word:
    """What is known of how fresh a node's word is.

    `as_of`: everything that the node had recorded by then for the one who asks has come. `list_as_of`: the adopted list
    of its country was the newest then. `behind`: it names a newer list than the adopted one.
    """

    as_of: datetime | None = None
    list_as_of: datetime | None = None
    behind: bool = False

    def fresh(self, at: datetime) -> bool:
        """Tell whether nothing that is older than it may be is missing at `at`."""
        return self.as_of is not None and at <= self.as_of + FRESH_FOR


def believe_freshness(text: str, node: str, lists: Mapping[str, BelievedList], env: str) -> Freshness:
    """Read the statement of a node and check who signed it; checked again whenever it is read.

    Raises `FreshnessNotTrusted` and its like, but for what depends on the time, and what parsing raises.
    """
    envelope = Envelope.parse(text, Typ.FRESHNESS)
    said = Freshness.parse(envelope.payload)
    for believed in lists.values():
        if envelope.kid in believed.signers or envelope.kid in believed.list_keys:
            raise FreshnessWrongPurpose(node, f"{envelope.kid} is no key of a node")
    if (said.issuer, envelope.signer) != (node, node):
        raise FreshnessOfAnotherNode(node, f"it is of {said.issuer}, signed as {envelope.signer}")
    if said.env != env:
        raise FreshnessOfAnotherEnvironment(node, f"it is of {said.env}, not of {env}")
    known = next((found for each in lists.values() if (found := each.nodes.get(envelope.kid)) is not None), None)
    if known is None:
        raise FreshnessNotTrusted(node, f"no adopted list has {envelope.kid} as its key")
    if not known.chained.valid_at(said.as_of) or not envelope.is_signed_by(known.chained.key):
        raise FreshnessNotTrusted(node, "its signature does not verify")
    return said


def check_newer(said: Freshness, known: Freshness | None, adopted: BelievedList, at: datetime) -> None:
    """Check that a statement may take the place of `known` (None: none is kept whose key still counts).

    A thief of the node key can name what does not exist yet; a list with another key for the node cures that, because
    what the former key named binds no more. Raises `FreshnessNotNewer` and its like.
    """
    if said.as_of > at + CLOCK_SKEW:
        raise FreshnessFromFuture(said.issuer, "it is of a time that has not come")
    if at > said.as_of + FRESH_FOR:
        raise FreshnessStale(said.issuer, "it is older than a day")
    named = said.trust_list
    if (named.epoch, named.version) == (adopted.list.epoch, adopted.list.version) and named.digest != adopted.digest:
        raise FreshnessMixed(said.issuer, f"it names another list of epoch {named.epoch} and version {named.version}")
    if known is None:
        return
    if said.as_of <= known.as_of:
        raise FreshnessNotNewer(said.issuer)
    before = known.trust_list
    if (named.epoch, named.version) < (before.epoch, before.version):
        raise FreshnessRolledBack(said.issuer, "a list")
    if known.checkpoint and (said.checkpoint is None or said.checkpoint.size < known.checkpoint.size):
        raise FreshnessRolledBack(said.issuer, "a checkpoint")
    if any(said.position(row.to) < (row.epoch, row.seq) for row in known.sent):
        raise FreshnessRolledBack(said.issuer, "a message")


def word_of(said: Freshness, adopted: BelievedList, as_of: datetime | None) -> Word:
    """Return what a statement says of the adopted list; `as_of` is by when everything had come, as known otherwise."""
    named = (said.trust_list.epoch, said.trust_list.version)
    newest = (adopted.list.epoch, adopted.list.version)
    same = said.trust_list.digest == adopted.digest
    return Word(as_of, said.as_of if same else None, behind=named > newest)
