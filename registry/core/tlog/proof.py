"""A proof that travels with a file: leaf, place, path and checkpoint (c2sp.org/tlog-proof, draft of C2SP@5ba5ee8)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from registry.core.errors import Malformed, Unprocessable
from registry.core.identifiers import Digest
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind, Leaf
from registry.core.tlog.merkle import HASH_BYTES, MAX_PROOF, MAX_SIZE, Hash, leaf_hash, verify_inclusion
from registry.core.tlog.note import MalformedNote, Note, read_base64, write_base64
from registry.core.tlog.policy import Policy

HEADER = "c2sp.org/tlog-proof@v1"
MAX_HEAD = 100_000
_EXTRA = "extra "
_INDEX = "index "


@dataclass(eq=False)
class MalformedProof(Malformed):
    """The text is not a proof file in its one spelling."""

    code: ClassVar[str] = "malformed-proof"
    clause: ClassVar[str | None] = "c2sp.org/tlog-proof@v1, Format"
    reason: str

    def __str__(self) -> str:
        return f"the proof file cannot be read: {self.reason}"


@dataclass(eq=False)
class LeafMissing(Unprocessable):
    """The proof does not carry the leaf that it proves."""

    code: ClassVar[str] = "leaf-missing"
    clause: ClassVar[str | None] = "c2sp.org/tlog-proof@v1, Format"

    def __str__(self) -> str:
        return "the proof carries no leaf"


@dataclass(eq=False)
class LeafOfAnotherKind(Unprocessable):
    """The leaf is of another act than the one that the file claims."""

    code: ClassVar[str] = "leaf-of-another-kind"
    clause: ClassVar[str | None] = "c2sp.org/tlog-proof@v1, Format"
    kind: Kind
    expected: Kind

    def __str__(self) -> str:
        return f"the leaf is of {self.kind}, not of {self.expected}"


@dataclass(eq=False)
class LeafOfAnotherDigest(Unprocessable):
    """The leaf is of another file."""

    code: ClassVar[str] = "leaf-of-another-digest"
    clause: ClassVar[str | None] = "c2sp.org/tlog-proof@v1, Format"
    digest: Digest | None
    expected: Digest | None

    def __str__(self) -> str:
        return "the leaf is of another file"


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A parsed proof file. Nothing in it is to be believed before `verify_proof`."""

    extra: bytes | None
    index: int
    hashes: tuple[Hash, ...]
    checkpoint_note: str

    def __post_init__(self) -> None:
        assert self.extra != b""
        assert 0 <= self.index <= MAX_SIZE
        assert len(self.hashes) <= MAX_PROOF
        assert all(len(node) == HASH_BYTES for node in self.hashes)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a proof file; whatever `encode` would not write is refused. Raises `MalformedProof`."""
        head, _, note = text.partition("\n\n")
        if len(head) > MAX_HEAD:
            raise MalformedProof(f"what precedes its checkpoint is longer than {MAX_HEAD} characters")
        header, *lines = head.split("\n")
        if header != HEADER:
            raise MalformedProof(f"its first line is not {HEADER}")
        extra = _base64(lines.pop(0).removeprefix(_EXTRA)) if lines and lines[0].startswith(_EXTRA) else None
        if extra == b"":
            raise MalformedProof("its extra line is empty, and then it is absent")
        if not lines or not lines[0].startswith(_INDEX):
            raise MalformedProof("its index line is missing")
        index = _index(lines[0].removeprefix(_INDEX))
        hashes = tuple(_base64(line) for line in lines[1:])
        if len(hashes) > MAX_PROOF or any(len(node) != HASH_BYTES for node in hashes):
            raise MalformedProof(f"it has more than {MAX_PROOF} hashes, or one is not {HASH_BYTES} bytes")
        try:
            Note.parse(note)
        except MalformedNote as error:
            raise MalformedProof(f"its checkpoint is no signed note: {error.reason}") from None
        return cls(extra, index, hashes, note)

    def encode(self) -> str:
        """Write the proof file, its checkpoint verbatim."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(_EXTRA + write_base64(self.extra))
        lines.append(f"{_INDEX}{self.index}")
        lines.extend(write_base64(node) for node in self.hashes)
        return "\n".join(lines) + "\n\n" + self.checkpoint_note


@dataclass(frozen=True, slots=True)
class Logged:
    """A leaf that is proved to be in the log, the checkpoint that covers it, and when the quorum vouched for that."""

    leaf: Leaf
    checkpoint: Checkpoint
    by: datetime | None


def verify_proof(proof: TlogProof, policy: Policy, *, kind: Kind, digest: Digest | None) -> Logged:
    """Check that the log of `policy` holds a leaf of `kind` about the file with `digest`, or about none, and return it.

    What the log signed is checked first, for the text of a note means nothing before; the quorum is asked last, so
    that `QuorumNotMet` says that all else holds. Raises `NotSigned`, `WrongSignature`, `MalformedCheckpoint`,
    `WrongOrigin`, `LeafMissing`, `MalformedLeaf`, `LeafOfAnotherKind`, `LeafOfAnotherDigest`, `WrongProof`.
    """
    note = Note.parse(proof.checkpoint_note)
    checkpoint = policy.signed(note)
    if proof.extra is None:
        raise LeafMissing
    leaf = Leaf.parse(proof.extra)
    if leaf.kind is not kind:
        raise LeafOfAnotherKind(leaf.kind, kind)
    if leaf.digest != digest:
        raise LeafOfAnotherDigest(leaf.digest, digest)
    verify_inclusion(proof.index, checkpoint.size, leaf_hash(proof.extra), proof.hashes, checkpoint.root)
    return Logged(leaf, checkpoint, policy.met_at(note))


def _base64(text: str) -> bytes:
    try:
        return read_base64(text)
    except ValueError:
        raise MalformedProof("a line is not in the one spelling of base64") from None


def _index(text: str) -> int:
    try:
        index = int(text)
    except ValueError:
        raise MalformedProof("its index is not a number") from None
    if str(index) != text or not 0 <= index <= MAX_SIZE:
        raise MalformedProof("its index is not a decimal number below 2^63 in its one spelling")
    return index
