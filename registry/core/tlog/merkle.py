"""The Merkle tree of the log: hashes, roots, and proofs that a stranger can check (RFC 6962, 2.1; RFC 9162, 2.1).

A complete subtree is named (level, index): it stands over the entries from `index << level` to `(index + 1) << level`.
The log keeps the hash of every complete subtree, so that each root and each proof is one batch of reads.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from typing import ClassVar, TypeAlias

from registry.core.errors import Unprocessable

Hash: TypeAlias = bytes
"""SHA-256, always 32 bytes."""
ReadHashes: TypeAlias = Callable[[Sequence[tuple[int, int]]], Sequence[Hash]]
"""Given (level, index) of complete subtrees, return their hashes, in one batch."""

HASH_BYTES = 32
MAX_PROOF = 63
MAX_SIZE = 2**63 - 1
EMPTY_ROOT: Hash = sha256(b"").digest()


@dataclass(eq=False)
class WrongProof(Unprocessable):
    """The proof does not lead from what it starts with to the root."""

    code: ClassVar[str] = "wrong-proof"
    clause: ClassVar[str | None] = "RFC 9162, 2.1.3.2, 2.1.4.2"
    reason: str

    def __str__(self) -> str:
        return f"the proof does not hold: {self.reason}"


def leaf_hash(entry: bytes) -> Hash:
    """Hash of an entry (RFC 6962, 2.1); the prefix keeps a leaf from passing for a node."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    """Hash over two subtrees (RFC 6962, 2.1)."""
    assert len(left) == len(right) == HASH_BYTES
    return sha256(b"\x01" + left + right).digest()


def subtree_root(row: bytes) -> Hash:
    """Hash over a complete subtree, given the hashes of one of its levels one behind the other (RFC 6962, 2.1)."""
    while len(row) > HASH_BYTES:
        assert len(row) % (2 * HASH_BYTES) == 0
        row = b"".join(
            [sha256(b"\x01" + row[at : at + 2 * HASH_BYTES]).digest() for at in range(0, len(row), 2 * HASH_BYTES)]
        )
    return row


def subtrees(start: int, end: int) -> Sequence[tuple[int, int]]:
    """Return the fewest complete subtrees that make the range from `start` to `end`, left to right."""
    assert 0 <= start <= end <= MAX_SIZE
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        found.append((level, start >> level))
        start += 1 << level
    return found


def fold(hashes: Sequence[Hash]) -> Hash:
    """Root over the subtrees of one range, which lean to the left: the shortest pair is hashed first."""
    assert all(len(node) == HASH_BYTES for node in hashes)
    return reduce(lambda right, left: node_hash(left, right), reversed(hashes))


def tree_root(size: int, read: ReadHashes) -> Hash:
    """Root over the first `size` entries (RFC 6962, 2.1)."""
    return _fold_ranges([(0, size)], read)[0] if size else EMPTY_ROOT


def prove_inclusion(index: int, size: int, read: ReadHashes) -> list[Hash]:
    """Return the audit path of the entry at `index` in the tree of `size`, its sibling first (RFC 6962, 2.1.1)."""
    assert 0 <= index < size <= MAX_SIZE
    start, end = 0, size
    siblings = []
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((start, middle))
            start = middle
    return _fold_ranges(siblings[::-1], read)


def prove_consistency(old: int, new: int, read: ReadHashes) -> list[Hash]:
    """Return the proof that the tree of `old` begins the tree of `new` (RFC 6962, 2.1.2); from nothing it is empty."""
    assert 0 <= old <= new <= MAX_SIZE
    if old == 0:
        return []
    start, end = 0, new
    ranges = []
    while end > old:
        middle = _middle(start, end)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        ranges.append((start, end))
    return _fold_ranges(ranges[::-1], read)


def verify_inclusion(index: int, size: int, leaf: Hash, proof: Sequence[Hash], root: Hash) -> None:
    """Check that `leaf` is at `index` in the tree of `size` and `root`; raises `WrongProof` (RFC 9162, 2.1.3.2)."""
    _check_form([leaf, root], proof)
    if not 0 <= index < size:
        raise WrongProof(f"there is no entry {index} in a tree of {size}")
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise WrongProof("it is too long")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            position, last = _skip_right_edge(position, last)
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise WrongProof("it is too short")
    if node != root:
        raise WrongProof("it leads to another root")


def verify_consistency(old: int, new: int, old_root: Hash, new_root: Hash, proof: Sequence[Hash]) -> None:
    """Check that the tree of `old` begins the tree of `new`; raises `WrongProof` (RFC 9162, 2.1.4.2).

    An empty tree begins every tree, so a proof from one would prove nothing: of two empty trees the roots are compared.
    """
    _check_form([old_root, new_root], proof)
    if not 0 < old <= new:
        raise WrongProof(f"there is no proof from {old} to {new}")
    if old == new:
        if proof or old_root != new_root:
            raise WrongProof("at equal sizes the roots are equal and the proof is empty")
        return
    path = [old_root, *proof] if old & (old - 1) == 0 else proof
    if not path:
        raise WrongProof("it is too short")
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_hash = new_hash = path[0]
    for node in path[1:]:
        if last == 0:
            raise WrongProof("it is too long")
        if position & 1 or position == last:
            old_hash, new_hash = node_hash(node, old_hash), node_hash(node, new_hash)
            position, last = _skip_right_edge(position, last)
        else:
            new_hash = node_hash(new_hash, node)
        position, last = position >> 1, last >> 1
    if last:
        raise WrongProof("it is too short")
    if old_hash != old_root or new_hash != new_root:
        raise WrongProof("it leads to another root")


def new_hashes(size: int, leaves: Sequence[Hash], read: ReadHashes) -> list[tuple[int, int, Hash]]:
    """Return (level, index, hash) of each complete subtree that appending `leaves` to a tree of `size` makes.

    Leaves are among them, at level 0. What is read is the part of the right edge that the new leaves complete.
    """
    end = size + len(leaves)
    edge = [(level, index) for level, index in subtrees(0, size) if ((index >> 1) + 1) << (level + 1) <= end]
    left = dict(zip((level for level, _ in edge), _read(edge, read), strict=True))
    made = []
    for index, node in enumerate(leaves, size):
        assert len(node) == HASH_BYTES
        level = 0
        made.append((level, index, node))
        while index & 1:
            level, index, node = level + 1, index >> 1, node_hash(left[level], node)  # noqa: PLW2901  the way up
            made.append((level, index, node))
        left[level] = node
    return made


def _middle(start: int, end: int) -> int:
    """Where a range is split: the largest power of two smaller than its length (RFC 6962, 2.1)."""
    return start + (1 << ((end - start - 1).bit_length() - 1))


def _skip_right_edge(position: int, last: int) -> tuple[int, int]:
    """Rise from the right edge past the levels at which it has no sibling."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _check_form(ends: Sequence[Hash], proof: Sequence[Hash]) -> None:
    """Refuse hashes of another length, which could be cut at another place, before any is used."""
    if len(proof) > MAX_PROOF:
        raise WrongProof(f"it has more than {MAX_PROOF} hashes")
    if any(len(node) != HASH_BYTES for node in (*ends, *proof)):
        raise WrongProof(f"a hash is not {HASH_BYTES} bytes")


def _read(wanted: Sequence[tuple[int, int]], read: ReadHashes) -> Sequence[Hash]:
    hashes = read(wanted) if wanted else []
    assert len(hashes) == len(wanted)
    assert all(len(node) == HASH_BYTES for node in hashes)
    return hashes


def _fold_ranges(ranges: Sequence[tuple[int, int]], read: ReadHashes) -> list[Hash]:
    """Return the root over each range, after one batch of reads for them all."""
    parts = [subtrees(start, end) for start, end in ranges]
    hashes = iter(_read([subtree for part in parts for subtree in part], read))
    return [fold([next(hashes) for _ in part]) for part in parts]
