"""What a log says of itself: so many entries, with this root (c2sp.org/tlog-checkpoint@v1.0.0)."""

from dataclasses import dataclass
from typing import ClassVar, Self

from registry.core.errors import Malformed
from registry.core.tlog.merkle import HASH_BYTES, MAX_SIZE, Hash
from registry.core.tlog.note import read_base64, write_base64


@dataclass(eq=False)
class MalformedCheckpoint(Malformed):
    """The text is not a checkpoint in its one spelling."""

    code: ClassVar[str] = "malformed-checkpoint"
    clause: ClassVar[str | None] = "c2sp.org/tlog-checkpoint@v1.0.0, Note text"
    reason: str

    def __str__(self) -> str:
        return f"the checkpoint cannot be read: {self.reason}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A size of the log and the root at that size; extension lines, which no witness can audit, are not taken."""

    origin: str
    size: int
    root: Hash

    def __post_init__(self) -> None:
        assert self.origin
        assert "\n" not in self.origin
        assert 0 <= self.size <= MAX_SIZE
        assert len(self.root) == HASH_BYTES

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a note; whatever `encode` would not write is refused. Raises `MalformedCheckpoint`."""
        match text.split("\n"):
            case [origin, size_line, root_line, ""] if origin:
                pass
            case _:
                raise MalformedCheckpoint("it is not origin, size and root, each on a line")
        try:
            size, root = int(size_line), read_base64(root_line)
        except ValueError:
            raise MalformedCheckpoint("its size or root is not readable") from None
        if str(size) != size_line or not 0 <= size <= MAX_SIZE:
            raise MalformedCheckpoint("its size is not a decimal number below 2^63 in its one spelling")
        if len(root) != HASH_BYTES:
            raise MalformedCheckpoint(f"its root is not {HASH_BYTES} bytes")
        return cls(origin, size, root)

    def encode(self) -> str:
        """Write the text that the log signs."""
        return f"{self.origin}\n{self.size}\n{write_base64(self.root)}\n"
