"""What a witness may cosign: growth that is proved, and nothing else (c2sp.org/tlog-witness of 2026-07)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from registry.core.errors import Conflict, Malformed, NotFound, Refused, RegistryError, Unprocessable
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.merkle import EMPTY_ROOT, HASH_BYTES, MAX_PROOF, MAX_SIZE, Hash, verify_consistency
from registry.core.tlog.note import Note, VerifierKey, read_base64, write_base64

MAX_REQUEST = 100_000
"""Characters of a request: 63 hashes and a checkpoint with as many cosignatures as anyone has take a tenth of it."""
_CLAUSE = "c2sp.org/tlog-witness@v1.0.0, add-checkpoint"
_OLD = re.compile(r"old (0|[1-9]\d{0,18})", re.ASCII)


@dataclass(eq=False)
class MalformedGrowth(Malformed):
    """The request is not old size, consistency proof and checkpoint."""

    code: ClassVar[str] = "malformed-growth"
    clause: ClassVar[str | None] = _CLAUSE
    reason: str

    def __str__(self) -> str:
        return f"the request for a cosignature cannot be read: {self.reason}"


@dataclass(eq=False)
class LogUnknown(NotFound):
    """No log of this origin is witnessed here."""

    code: ClassVar[str] = "log-unknown"
    clause: ClassVar[str | None] = _CLAUSE
    origin: str

    def __str__(self) -> str:
        return f"{self.origin[:200]} is no log that this witness follows"


@dataclass(eq=False)
class LogSignatureMissing(Refused):
    """The checkpoint is not signed by the key of the log that it names."""

    code: ClassVar[str] = "log-signature-missing"
    clause: ClassVar[str | None] = _CLAUSE
    reason: str

    def __str__(self) -> str:
        return f"the checkpoint is not that log's: {self.reason}"


@dataclass(eq=False)
class StaleOldSize(Conflict):
    """The proof starts from another size than the one cosigned last, which is named."""

    code: ClassVar[str] = "stale-old-size"
    clause: ClassVar[str | None] = _CLAUSE
    size: int

    def __str__(self) -> str:
        return f"the last checkpoint that was cosigned here has size {self.size}"


@dataclass(eq=False)
class NotConsistent(Unprocessable):
    """The log did not only grow, or does not prove it; whoever signed two histories signed the evidence."""

    code: ClassVar[str] = "not-consistent"
    clause: ClassVar[str | None] = _CLAUSE
    reason: str

    def __str__(self) -> str:
        return f"the checkpoint does not continue what was cosigned here: {self.reason}"


@dataclass(frozen=True, slots=True)
class Growth:
    """A request for a cosignature: from which size, the proof, and the log's signed note."""

    old: int
    proof: tuple[Hash, ...]
    note: Note
    checkpoint: Checkpoint

    @classmethod
    def parse(cls, body: str) -> Self:
        """Read `old <size>`, hashes a line each, an empty line, and the note. Raises `MalformedGrowth`."""
        if len(body) > MAX_REQUEST:
            raise MalformedGrowth(f"it is longer than {MAX_REQUEST} characters")
        head, empty, text = body.partition("\n\n")
        first, *lines = head.split("\n")
        old = _OLD.fullmatch(first)
        if not empty or old is None or int(old[1]) > MAX_SIZE:
            raise MalformedGrowth("it does not begin with old and a size, and an empty line before the checkpoint")
        if len(lines) > MAX_PROOF:
            raise MalformedGrowth(f"its proof has more than {MAX_PROOF} hashes")
        try:
            proof = tuple(read_base64(line) for line in lines)
        except ValueError:
            raise MalformedGrowth("a hash of its proof is not in the one spelling of base64") from None
        try:
            note = Note.parse(text)
            checkpoint = Checkpoint.parse(note.text)
        except RegistryError as refusal:
            raise MalformedGrowth(str(refusal)) from None
        if any(len(node) != HASH_BYTES for node in proof):
            raise MalformedGrowth(f"a hash of its proof is not {HASH_BYTES} bytes")
        if int(old[1]) > checkpoint.size:
            raise MalformedGrowth("the old size is larger than the checkpoint's")
        return cls(int(old[1]), proof, note, checkpoint)

    def encode(self) -> str:
        """Write the request."""
        return "\n".join((f"old {self.old}", *map(write_base64, self.proof), "", self.note.encode()))


def check_growth(growth: Growth, key: VerifierKey, size: int, root: Hash) -> None:
    """Check that the log of `key` grew from `size` and `root`, which were cosigned last, in the order of the rules.

    Raises `LogSignatureMissing` (403), `StaleOldSize` (409), `NotConsistent` (422).
    """
    try:
        growth.note.verified([key])
    except Unprocessable as refusal:
        raise LogSignatureMissing(str(refusal)) from None
    if growth.old != size:
        raise StaleOldSize(size)
    check_consistent(Checkpoint(key.name, size, root), growth.checkpoint, growth.proof)


def check_consistent(old: Checkpoint, new: Checkpoint, proof: Sequence[Hash]) -> None:
    """Check that `new` continues `old`; of an empty tree the root is known, and a proof would prove nothing.

    Raises `NotConsistent`.
    """
    if new.size == 0 and new.root != EMPTY_ROOT:
        raise NotConsistent("its root is not that of an empty tree")
    if old.size == 0:
        if proof:
            raise NotConsistent("a proof from an empty tree is empty")
        return
    try:
        verify_consistency(old.size, new.size, old.root, new.root, proof)
    except Unprocessable as refusal:
        raise NotConsistent(str(refusal)) from None
