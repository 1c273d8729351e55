"""Logs that this project did not write, or that four other verifiers have checked: read, verified, reproduced."""

import json
from base64 import b64decode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.cosignature import cosign, cosigned_at
from registry.core.tlog.merkle import (
    Hash,
    WrongProof,
    leaf_hash,
    new_hashes,
    prove_consistency,
    prove_inclusion,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from registry.core.tlog.note import Note, VerifierKey, WrongSignature, sign_note
from registry.core.tlog.policy import Group, KnownLog, KnownWitness, Policy
from registry.core.tlog.proof import TlogProof
from registry.core.tlog.tile import Tile, read_entries, read_hashes, tiles, write_entries, write_hashes
from registry.core.tlog.witness import Growth, check_growth

TESSERA = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
SIZES = (1, 2, 3, 7, 8, 255, 256, 257, 512, 1000)
COSIGNED = datetime(2026, 1, 1, tzinfo=UTC)


class Tree:
    """A log in memory, over entries that are known."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.entries = entries
        leaves = [leaf_hash(entry) for entry in entries]
        self.stored = {(level, index): node for level, index, node in new_hashes(0, leaves, lambda _: [])}

    def read(self, wanted: Sequence[tuple[int, int]]) -> Sequence[Hash]:
        return [self.stored[place] for place in wanted]

    def content(self, tile: Tile) -> bytes:
        places = range(tile.start, tile.start + tile.width)
        if tile.level is None:
            return write_entries([self.entries[place] for place in places])
        return write_hashes(self.read([(tile.tree_level, place) for place in places]))

    def checkpoint(self, origin: str, size: int) -> Checkpoint:
        return Checkpoint(origin, size, tree_root(size, self.read))


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def tessera(vectors: Path) -> Path:
    return vectors / "tessera-log"


@pytest.fixture(scope="module")
def tessera_notes(tessera: Path) -> list[Note]:
    return [Note.parse((tessera / f"checkpoint.{size}").read_text()) for size in range(16)]


@pytest.fixture(scope="module")
def tessera_tree(tessera: Path) -> Tree:
    return Tree(read_entries((tessera / "tile/entries/000.p/15").read_bytes(), 15))


def test_every_checkpoint_of_tessera_is_signed_and_is_the_root_of_its_entries(
    tessera: Path, tessera_notes: list[Note], tessera_tree: Tree
) -> None:
    policy = Policy((KnownLog(VerifierKey.parse(TESSERA)),))
    for size, note in enumerate(tessera_notes):
        assert note.encode() == (tessera / f"checkpoint.{size}").read_text()
        assert policy.check(note).checkpoint == tessera_tree.checkpoint("example.com/log/testdata", size)
    newest = policy.signed(Note.parse((tessera / "checkpoint").read_text()))
    assert newest == tessera_tree.checkpoint("example.com/log/testdata", 15)


def test_every_tile_and_bundle_of_tessera_is_ours_byte_for_byte(tessera: Path, tessera_tree: Tree) -> None:
    served = {path: data for path, data in files_below(tessera).items() if path.startswith("tile/")}
    ours = {tile.path: tessera_tree.content(tile) for size in range(16) for tile in tiles(size)}
    assert served == ours
    assert len(served) == 30
    for path, data in served.items():
        tile = Tile.parse(path)
        if tile.level is None:
            assert read_entries(data, tile.width) == tessera_tree.entries[: tile.width]
        else:
            hashes = read_hashes(data, tile.width)
            assert tree_root(tile.width, _from_tile(hashes)) == tree_root(tile.width, tessera_tree.read)


def _from_tile(hashes: Sequence[Hash]) -> Callable[[Sequence[tuple[int, int]]], Sequence[Hash]]:
    stored = {(level, index): node for level, index, node in new_hashes(0, hashes, lambda _: [])}
    return lambda wanted: [stored[place] for place in wanted]


def test_a_witness_would_follow_the_log_of_tessera_from_every_size_to_every_later_one(
    tessera_notes: list[Note], tessera_tree: Tree
) -> None:
    key = VerifierKey.parse(TESSERA)
    checkpoints = [Checkpoint.parse(note.text) for note in tessera_notes]
    for new in range(16):
        for old in range(new + 1):
            proof = prove_consistency(old, new, tessera_tree.read)
            if old:
                verify_consistency(old, new, checkpoints[old].root, checkpoints[new].root, proof)
            growth = Growth(old, tuple(proof), tessera_notes[new], checkpoints[new])
            check_growth(Growth.parse(growth.encode()), key, old, checkpoints[old].root)
        for index in range(new):
            proof = prove_inclusion(index, new, tessera_tree.read)
            verify_inclusion(index, new, leaf_hash(tessera_tree.entries[index]), proof, checkpoints[new].root)


@pytest.fixture(scope="module")
def keys(vectors: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((vectors / "own-logs" / "keys.json").read_text())
    return found


@pytest.fixture(scope="module")
def own_tree() -> Tree:
    return Tree([b"certificate event %d" % number for number in range(max(SIZES))])


def _own_note(keys: dict[str, str], checkpoint: Checkpoint) -> Note:
    """Sign and cosign a checkpoint by the seeds."""
    log = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(keys["log_seed"]))
    witness = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(keys["witness_seed"]))
    signed = sign_note(checkpoint.encode(), VerifierKey.parse(keys["log_vkey"]), log.sign)
    line = cosign(signed.text, VerifierKey.parse(keys["witness_vkey"]), witness.sign, COSIGNED)
    return Note(signed.text, (*signed.lines, line))


@pytest.mark.parametrize("size", SIZES)
def test_every_file_of_our_logs_is_made_again_byte_for_byte(
    vectors: Path, keys: dict[str, str], own_tree: Tree, size: int
) -> None:
    """All but the ML-DSA lines, into whose making randomness goes."""
    assert keys["entry"] == "b'certificate event %d'"
    note = _own_note(keys, own_tree.checkpoint(keys["origin"], size)).encode()
    made = {tile.path: own_tree.content(tile) for tile in tiles(size)} | {"checkpoint": note.encode()}
    proved = {0, size // 2, size - 1} if size > 3 else set(range(size))
    for index in proved:
        proof = TlogProof(None, index, tuple(prove_inclusion(index, size, own_tree.read)), note)
        made[f"entry-{index}.tlog-proof"] = proof.encode().encode()
    found = files_below(vectors / "own-logs" / f"log-{size}")
    found.pop("checkpoint.pq", None)
    assert found == made


@pytest.mark.parametrize("size", SIZES)
def test_every_proof_of_our_logs_is_read_and_leads_to_a_root_that_log_and_witness_vouch_for(
    vectors: Path, keys: dict[str, str], size: int
) -> None:
    policy = Policy(
        (KnownLog(VerifierKey.parse(keys["log_vkey"])),),
        (KnownWitness("uz", VerifierKey.parse(keys["witness_vkey"])),),
        quorum="uz",
    )
    files = sorted((vectors / "own-logs" / f"log-{size}").glob("entry-*.tlog-proof"))
    assert len(files) == min(size, 3)
    for file in files:
        proof = TlogProof.parse(file.read_text())
        assert proof.index == int(file.name.removeprefix("entry-").removesuffix(".tlog-proof"))
        cosigned = policy.check(Note.parse(proof.checkpoint_note))
        assert (cosigned.checkpoint.size, cosigned.at) == (size, COSIGNED)
        leaf = leaf_hash(b"certificate event %d" % proof.index)
        verify_inclusion(proof.index, size, leaf, proof.hashes, cosigned.checkpoint.root)


def test_the_lines_of_a_post_quantum_witness_verify_and_fail_under_any_other_text(
    vectors: Path, keys: dict[str, str], own_tree: Tree
) -> None:
    (file,) = (vectors / "own-logs").rglob("checkpoint.pq")
    note = Note.parse(file.read_text())
    assert note.encode() == file.read_text()
    key = VerifierKey.parse(keys["witness_mldsa44_vkey"])
    seed = MLDSA44PrivateKey.from_seed_bytes(bytes.fromhex(keys["mldsa_seed"]))
    assert seed.public_key().public_bytes_raw() == key.public
    assert cosigned_at(note, key) == COSIGNED
    policy = Policy(
        (KnownLog(VerifierKey.parse(keys["log_vkey"])),),
        (KnownWitness("uz", VerifierKey.parse(keys["witness_vkey"])), KnownWitness("pq", key)),
        (Group("both", 2, ("uz", "pq")),),
        "both",
    )
    assert policy.check(note).checkpoint == own_tree.checkpoint(keys["origin"], 1000)
    with pytest.raises(WrongSignature):
        cosigned_at(Note(note.text.replace("\n1000\n", "\n1001\n"), note.lines), key)


def test_the_known_log_that_grew_from_5_to_8_may_be_cosigned_with_its_published_proof(vectors: Path) -> None:
    known: list[dict[str, Any]] = json.loads((vectors / "known_notes.json").read_text())
    assert len(known) == 5
    five, eight = (vector for vector in known if vector["note"].startswith("monkeys\n"))
    old, new = (Note.parse(vector["note"]) for vector in (five, eight))
    proof = tuple(bytes.fromhex(node) for node in eight["consistency_from_5_hex"])
    growth = Growth(5, proof, new, Checkpoint.parse(new.text))
    check_growth(growth, VerifierKey.parse(eight["vkey"]), 5, Checkpoint.parse(old.text).root)
    golang = next(vector for vector in known if vector["vkey"].startswith("sum.golang.org"))
    policy = Policy((KnownLog(VerifierKey.parse(golang["vkey"])),))
    with pytest.raises(Exception, match=r"the checkpoint is of go\.sum database tree, not of sum\.golang\.org"):
        policy.signed(Note.parse(golang["note"]))


def _hash(text: str) -> bytes:
    return b64decode(text, validate=True)


def _is_subtree(start: int, end: int) -> bool:
    """Tell whether a range is a subtree (draft-ietf-plants-merkle-tree-certs): it starts where a tree that size may."""
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def _holds(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except WrongProof:
        return False
    return True


def test_the_published_subtree_inclusions_hold_in_the_tree_that_a_subtree_is(vectors: Path) -> None:
    files = sorted((vectors / "merkle" / "testdata" / "subtreeinclusion").rglob("*.json"))
    assert len(files) == 204
    wanted = 0
    for file in files:
        vector = json.loads(file.read_text())
        start, end = vector["start"], vector["end"]
        index, size = vector["leafIdx"] - start, end - start
        hashes = [_hash(vector["leafHash"]), _hash(vector["root"])]
        proof = [_hash(line) for line in vector["proof"] or []]
        holds = _holds(partial(verify_inclusion, index, size, hashes[0], proof, hashes[1]))
        assert (holds and _is_subtree(start, end)) == (not vector["wantErr"]), file
        wanted += not vector["wantErr"]
    assert wanted


def test_the_published_subtree_consistencies_from_the_first_entry_hold(vectors: Path) -> None:
    """A subtree from the first entry is an older tree; of the others no proof is made or asked here.

    Two things are stricter here: of an empty tree nothing is proved, and one vector calls texts of 12 bytes roots.
    """
    files = sorted((vectors / "merkle" / "testdata" / "subtreeconsistency").rglob("*.json"))
    assert len(files) == 118
    read = wanted = 0
    for file in files:
        vector = json.loads(file.read_text())
        if vector["start"] == 0:
            old_root, new_root = _hash(vector["root1"]), _hash(vector["root2"])
            proof = [_hash(line) for line in vector["proof"] or []]
            holds = _holds(partial(verify_consistency, vector["end"], vector["size"], old_root, new_root, proof))
            stricter = vector["end"] == 0 or len(old_root) == 12
            assert holds == (not vector["wantErr"] and not stricter), file
            read += 1
            wanted += holds
    assert read
    assert wanted
