"""What a peer or a witness did that nothing can be taken from: each by a code of its own."""

from dataclasses import dataclass
from typing import ClassVar

from registry.core.errors import Unavailable


@dataclass(eq=False)
class PeerUnavailable(Unavailable):
    """The peer did not answer, or not as the channel says."""

    code: ClassVar[str] = "peer-unavailable"
    reason: str

    def __str__(self) -> str:
        return f"the peer cannot be asked now: {self.reason}"


@dataclass(eq=False)
class PeerTooSlow(PeerUnavailable):
    """The peer did not end its answer in the time that a whole exchange has."""

    code: ClassVar[str] = "peer-too-slow"
    reason: str = "it is too slow"


@dataclass(eq=False)
class PeerWithoutEnd(PeerUnavailable):
    """The peer's answer is longer than the thing asked for can be."""

    code: ClassVar[str] = "peer-without-end"
    reason: str = "its answer has no end"


@dataclass(eq=False)
class PeerRedirects(PeerUnavailable):
    """The peer points to another address: nobody goes there, whoever answers there is not the peer."""

    code: ClassVar[str] = "peer-redirects"


@dataclass(eq=False)
class PeerAnswersOtherwise(PeerUnavailable):
    """The peer answers with a thing of another kind than was asked for."""

    code: ClassVar[str] = "peer-answers-otherwise"


@dataclass(eq=False)
class PeerHasNone(Unavailable):
    """The peer serves nothing at this path yet."""

    code: ClassVar[str] = "peer-has-none"
    path: str

    def __str__(self) -> str:
        return f"the peer has nothing at {self.path}"


@dataclass(eq=False)
class WitnessKnowsOther(Unavailable):
    """The witness cosigned another size than we thought; it named it."""

    code: ClassVar[str] = "witness-knows-other"
    size: int

    def __str__(self) -> str:
        return f"the witness has cosigned {self.size} entries"


@dataclass(eq=False)
class WitnessSaysSplit(Unavailable):
    """The witness says that our log is not the one it cosigned: one of the two was rewritten."""

    code: ClassVar[str] = "witness-says-split"
    status: int

    def __str__(self) -> str:
        return f"the witness answers {self.status}: what it was shown does not continue what it cosigned"


@dataclass(eq=False)
class PeerWantsEarlier(Unavailable):
    """The peer has not had an earlier message; it named the number that it wants."""

    code: ClassVar[str] = "peer-wants-earlier"
    next_seq: int

    def __str__(self) -> str:
        return f"the peer wants message number {self.next_seq} first"
