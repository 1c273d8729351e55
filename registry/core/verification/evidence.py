"""What the one who asks believes, and what is held about one certificate: all that a verification rests on."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from registry.core.agreement import Agreement
from registry.core.certificate.credential import Certificate
from registry.core.identifiers import Digest
from registry.core.trust.believed_list import BelievedList
from registry.core.trust.freshness import Word


class Standpoint(Enum):
    """Who asks: it decides what stands for delivery and for the freshness of the status."""

    ISSUER = "issuer"
    NODE = "node"
    BUNDLE = "bundle"


@dataclass(frozen=True, slots=True)
class Trusted:
    """What the one who asks believes: adopted lists, agreements in force, and how old the newest word is.

    `country` is where the goods are to be presented; None asks for the certificate's own destination.
    """

    env: str
    country: str | None
    lists: Mapping[str, BelievedList]
    agreements: Mapping[str, Agreement]
    as_of: datetime | None
    stale_after: datetime | None = None
    heads: Mapping[str, datetime] = field(default_factory=dict)
    """When the quorum of each log's witnesses last vouched for it, as far as the one who asks has seen."""
    words: Mapping[str, Word] = field(default_factory=dict)
    """How fresh the word of each node is, by its DID."""
    read_at: datetime | None = None
    """When all this was read, and until when freshness is asked for; None: now."""
    adopted: Mapping[str, datetime] = field(default_factory=dict)
    """When the one who asks adopted each agreement, by its id."""

    def same_environment(self) -> Iterator[BelievedList]:
        """Return the lists of this environment: those of another vouch for nothing here."""
        return (adopted for adopted in self.lists.values() if adopted.list.env == self.env)


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of a certificate: its digest, since when, by own issue or not, and whether it is known as logged.

    Logged is what a proof showed that met the quorum; at the issuer's node, what its own log holds and has published,
    and `logged_by` when it could first publish that: when the witnesses had vouched for it.
    """

    digest: Digest
    recorded_at: datetime
    standpoint: Standpoint
    logged: bool
    logged_by: datetime | None = None
    outside: bool = False
    """Whether the body's own system issued it, and the issuing node registered it."""
    late: bool = False
    """Whether it was registered after the day that was due."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is held about one certificate."""

    held: Held | None = None
    changes: Sequence[str] = ()
    original: Sequence[str] | None = ()
    """Changes of the certificate that this one duplicates; None where that one is not held."""
    seen: Mapping[str, datetime] = field(default_factory=dict)
    """By when others than its signer had seen each change, by its digest; what nobody dates is missing."""
    waits: bool = False
    """Whether a change of it, or of what it duplicates, is by a key that no list knows, and one to come may know."""


def earliest(seen: Iterable[tuple[str, datetime | None]]) -> dict[str, datetime]:
    """Return the earliest time of each; what has none is missing."""
    found: dict[str, datetime] = {}
    for digest, at in seen:
        if at is not None:
            found[digest] = min(at, found.get(digest, at))
    return found


ReadEvidence = Callable[[Certificate, Digest], Evidence]
"""Given a certificate that could be read and its digest, return what is held about it, in one query."""
