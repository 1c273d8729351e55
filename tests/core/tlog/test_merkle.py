import json
from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.core.tlog.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_PROOF,
    MAX_SIZE,
    Hash,
    WrongProof,
    fold,
    leaf_hash,
    new_hashes,
    node_hash,
    prove_consistency,
    prove_inclusion,
    subtrees,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

MOST = 130
LEAVES = [leaf_hash(b"%d" % number) for number in range(MOST)]


def naive_root(leaves: Sequence[Hash]) -> Hash:
    """MTH of RFC 6962, 2.1, as it stands there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def naive_path(index: int, leaves: Sequence[Hash]) -> list[Hash]:
    """PATH of RFC 6962, 2.1.1, as it stands there."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*naive_path(index, leaves[:split]), naive_root(leaves[split:])]
    return [*naive_path(index - split, leaves[split:]), naive_root(leaves[:split])]


class Rows:
    """The stored hashes of a log, which counts how often it is asked."""

    def __init__(self) -> None:
        self.stored: dict[tuple[int, int], Hash] = {}
        self.batches = 0

    def __call__(self, wanted: Sequence[tuple[int, int]]) -> Sequence[Hash]:
        self.batches += 1
        return [self.stored[place] for place in wanted]

    def append(self, size: int, leaves: Sequence[Hash]) -> None:
        for level, index, node in new_hashes(size, leaves, self):
            assert (level, index) not in self.stored
            self.stored[level, index] = node


ROWS = Rows()
ROWS.append(0, LEAVES)
ROOTS = [tree_root(size, ROWS) for size in range(MOST + 1)]


def flipped(hashes: Sequence[Hash], bit: int) -> list[Hash]:
    """The same hashes with one bit of one of them turned."""
    joined = bytearray(b"".join(hashes))
    joined[bit // 8] ^= 1 << bit % 8
    return [bytes(joined[start : start + HASH_BYTES]) for start in range(0, len(joined), HASH_BYTES)]


def test_the_hashes_are_those_of_rfc_6962() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert node_hash(EMPTY_ROOT, EMPTY_ROOT) == sha256(b"\x01" + EMPTY_ROOT * 2).digest()


@pytest.mark.parametrize("size", range(MOST + 1))
def test_the_root_is_the_naive_one(size: int) -> None:
    assert ROOTS[size] == naive_root(LEAVES[:size])


@given(st.integers(0, MAX_SIZE), st.integers(0, MAX_SIZE))
def test_subtrees_make_the_range_from_left_to_right(one: int, other: int) -> None:
    start, end = sorted((one, other))
    place = start
    for level, index in subtrees(start, end):
        assert index << level == place
        place += 1 << level
    assert place == end


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_inclusion_proof_is_the_one_of_the_rfc_and_verifies(size: int) -> None:
    for index in range(size):
        proof = prove_inclusion(index, size, ROWS)
        assert proof == naive_path(index, LEAVES[:size])
        verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_an_inclusion_proof_holds_at_no_other_index(size: int) -> None:
    for index in range(size):
        proof = prove_inclusion(index, size, ROWS)
        for other in {index - 1, index ^ 1, index + 1, size} - {index}:
            with pytest.raises(WrongProof):
                verify_inclusion(other, size, LEAVES[index], proof, ROOTS[size])


@pytest.mark.parametrize("new", range(1, MOST + 1))
def test_every_consistency_proof_verifies(new: int) -> None:
    for old in range(1, new + 1):
        proof = prove_consistency(old, new, ROWS)
        verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)


@pytest.mark.parametrize("new", range(2, MOST + 1))
def test_a_consistency_proof_holds_for_no_other_old_root(new: int) -> None:
    for old in range(1, new):
        proof = prove_consistency(old, new, ROWS)
        with pytest.raises(WrongProof):
            verify_consistency(old, new, ROOTS[old - 1], ROOTS[new], proof)
        with pytest.raises(WrongProof):
            verify_consistency(old, new, ROOTS[old], ROOTS[new - 1], proof)


def test_the_proof_from_an_empty_log_is_empty() -> None:
    assert prove_consistency(0, 0, ROWS) == prove_consistency(0, 7, ROWS) == []


@pytest.mark.parametrize("size", [2, 3, 7, 8, 70, 127, 128, 129, 130])
def test_each_flipped_bit_of_an_inclusion_proof_makes_it_fail(size: int) -> None:
    for index in {0, 1, size // 2, size - 2, size - 1}:
        hashes = [LEAVES[index], *prove_inclusion(index, size, ROWS), ROOTS[size]]
        for bit in range(len(hashes) * HASH_BYTES * 8):
            leaf, *proof, root = flipped(hashes, bit)
            with pytest.raises(WrongProof, match="another root"):
                verify_inclusion(index, size, leaf, proof, root)


@pytest.mark.parametrize(
    ("old", "new"), [(1, 2), (2, 3), (3, 7), (6, 8), (64, 128), (65, 127), (1, 130), (129, 130), (5, 5)]
)
def test_each_flipped_bit_of_a_consistency_proof_makes_it_fail(old: int, new: int) -> None:
    hashes = [ROOTS[old], *prove_consistency(old, new, ROWS), ROOTS[new]]
    for bit in range(len(hashes) * HASH_BYTES * 8):
        old_root, *proof, new_root = flipped(hashes, bit)
        with pytest.raises(WrongProof):
            verify_consistency(old, new, old_root, new_root, proof)


@given(st.data())
def test_any_proof_fails_with_any_one_bit_flipped(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, MOST))
    index = data.draw(st.integers(0, size - 1))
    hashes = [LEAVES[index], *prove_inclusion(index, size, ROWS), ROOTS[size]]
    leaf, *proof, root = flipped(hashes, data.draw(st.integers(0, len(hashes) * HASH_BYTES * 8 - 1)))
    with pytest.raises(WrongProof):
        verify_inclusion(index, size, leaf, proof, root)


@pytest.mark.parametrize("size", [1, 2, 5, 8, 129])
def test_a_proof_with_a_hash_more_or_less_is_refused(size: int) -> None:
    for index in range(size):
        proof = prove_inclusion(index, size, ROWS)
        for place in range(len(proof) + 1):
            with pytest.raises(WrongProof, match=r"too long|another root"):
                verify_inclusion(index, size, LEAVES[index], [*proof[:place], EMPTY_ROOT, *proof[place:]], ROOTS[size])
        for place in range(len(proof)):
            with pytest.raises(WrongProof, match="too short"):
                verify_inclusion(index, size, LEAVES[index], proof[:place] + proof[place + 1 :], ROOTS[size])


@pytest.mark.parametrize(("old", "new"), [(1, 2), (2, 3), (3, 7), (6, 8), (65, 127)])
def test_a_consistency_proof_with_a_hash_more_or_less_is_refused(old: int, new: int) -> None:
    proof = prove_consistency(old, new, ROWS)
    for place in range(len(proof) + 1):
        with pytest.raises(WrongProof, match=r"too long|another root"):
            verify_consistency(old, new, ROOTS[old], ROOTS[new], [*proof[:place], EMPTY_ROOT, *proof[place:]])
    for place in range(len(proof)):
        with pytest.raises(WrongProof, match=r"too short|another root"):
            verify_consistency(old, new, ROOTS[old], ROOTS[new], proof[:place] + proof[place + 1 :])


def test_an_empty_consistency_proof_between_different_sizes_is_refused() -> None:
    for old in (1, 3):
        with pytest.raises(WrongProof, match="too short"):
            verify_consistency(old, 4, ROOTS[old], ROOTS[4], [])


def test_equal_sizes_ask_for_equal_roots_and_no_proof() -> None:
    verify_consistency(3, 3, ROOTS[3], ROOTS[3], [])
    for proof, root in (([], ROOTS[2]), ([EMPTY_ROOT], ROOTS[3])):
        with pytest.raises(WrongProof, match="at equal sizes"):
            verify_consistency(3, 3, root, ROOTS[3], proof)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 1), (2, 1), (-1, 3)])
def test_nothing_is_proved_from_an_empty_or_a_larger_tree(old: int, new: int) -> None:
    with pytest.raises(WrongProof, match="there is no proof"):
        verify_consistency(old, new, EMPTY_ROOT, ROOTS[new], [])


def test_hashes_of_another_length_and_endless_proofs_are_refused() -> None:
    for leaf, proof, root in ((b"", [], b""), (LEAVES[0], [], b""), (LEAVES[0], [b"\0" * 33], ROOTS[2])):
        with pytest.raises(WrongProof, match="not 32 bytes"):
            verify_inclusion(0, 1 + len(proof), leaf, proof, root)
    with pytest.raises(WrongProof, match="more than 63"):
        verify_inclusion(0, MAX_SIZE, LEAVES[0], [EMPTY_ROOT] * (MAX_PROOF + 1), ROOTS[2])


def test_the_refusal_says_what_is_so() -> None:
    assert str(WrongProof("it is too long")) == "the proof does not hold: it is too long"


def test_63_hashes_are_enough_for_the_largest_log() -> None:
    read = dict.fromkeys(range(64), EMPTY_ROOT)
    proof = prove_inclusion(0, MAX_SIZE, lambda wanted: [read[level] for level, _ in wanted])
    assert len(proof) == MAX_PROOF


@given(st.lists(st.integers(0, 40), max_size=6))
def test_appending_in_any_batches_stores_the_naive_tree(batches: list[int]) -> None:
    rows, size = Rows(), 0
    for batch in batches:
        leaves = [leaf_hash(b"%d" % number) for number in range(size, size + batch)]
        before = rows.batches
        rows.append(size, leaves)
        size += batch
        assert rows.batches - before <= 1
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    assert rows.stored == {
        (level, index): naive_root(leaves[index << level : (index + 1) << level])
        for level in range(size.bit_length())
        for index in range(size >> level)
    }
    assert tree_root(size, rows) == naive_root(leaves)


def test_only_the_part_of_the_edge_that_is_completed_is_read() -> None:
    asked: list[tuple[int, int]] = []

    def read(wanted: Sequence[tuple[int, int]]) -> Sequence[Hash]:
        asked.extend(wanted)
        return ROWS(wanted)

    assert [(level, index) for level, index, _ in new_hashes(7, [LEAVES[7]], read)] == [(0, 7), (1, 3), (2, 1), (3, 0)]
    assert asked == [(2, 0), (1, 2), (0, 6)]
    asked.clear()
    assert new_hashes(6, [LEAVES[6]], read) == [(0, 6, LEAVES[6])]
    assert asked == []


def test_each_proof_and_root_is_one_batch_of_reads() -> None:
    for size in range(2, MOST + 1):
        before = ROWS.batches
        tree_root(size, ROWS)
        prove_inclusion(size // 2, size, ROWS)
        prove_consistency(size // 2, size, ROWS)
        assert ROWS.batches - before == 3


def test_a_reader_that_answers_short_is_a_broken_invariant() -> None:
    with pytest.raises(AssertionError):
        tree_root(3, lambda _: [EMPTY_ROOT])
    with pytest.raises(AssertionError):
        tree_root(3, lambda wanted: [b"short" for _ in wanted])
    with pytest.raises(AssertionError):
        fold([b"short"])


def _hash(text: str) -> bytes:
    return b64decode(text, validate=True)


def test_the_published_inclusion_vectors_hold(vectors: Path) -> None:
    files = sorted((vectors / "merkle" / "testdata" / "inclusion").rglob("*.json"))
    assert len(files) == 98
    for file in files:
        vector = json.loads(file.read_text())
        proof = [_hash(line) for line in vector["proof"] or []]
        try:
            verify_inclusion(
                vector["leafIdx"], vector["treeSize"], _hash(vector["leafHash"]), proof, _hash(vector["root"])
            )
        except WrongProof:
            assert vector["wantErr"], file
        else:
            assert not vector["wantErr"], file


def test_the_published_consistency_vectors_hold(vectors: Path) -> None:
    """But for one that calls texts of 12 bytes roots, which must not pass for hashes here."""
    files = sorted((vectors / "merkle" / "testdata" / "consistency").rglob("*.json"))
    assert len(files) == 98
    for file in files:
        vector = json.loads(file.read_text())
        roots = [_hash(vector["root1"]), _hash(vector["root2"])]
        proof = [_hash(line) for line in vector["proof"] or []]
        try:
            verify_consistency(vector["size1"], vector["size2"], roots[0], roots[1], proof)
        except WrongProof:
            assert vector["wantErr"] or file.name == "sizes-are-equal-one-and-proof-is-empty.json", file
        else:
            assert not vector["wantErr"], file


def test_proofs_between_logs_made_elsewhere_are_ours_too(vectors: Path) -> None:
    rows = Rows()
    rows.append(0, [leaf_hash(b"certificate event %d" % number) for number in range(1000)])
    for vector in json.loads((vectors / "own-logs" / "consistency.json").read_text()):
        old, new = vector["old"], vector["new"]
        proof = [_hash(line) for line in vector["proof"]]
        assert prove_consistency(old, new, rows) == proof
        assert (tree_root(old, rows), tree_root(new, rows)) == (_hash(vector["old_root"]), _hash(vector["new_root"]))
        verify_consistency(old, new, _hash(vector["old_root"]), _hash(vector["new_root"]), proof)
