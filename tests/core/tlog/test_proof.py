import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry.core.errors import RegistryError
from registry.core.identifiers import ActId, Country, Did, Digest
from registry.core.tlog.checkpoint import Checkpoint, MalformedCheckpoint
from registry.core.tlog.cosignature import cosign
from registry.core.tlog.entry import Kind, Leaf, MalformedLeaf
from registry.core.tlog.merkle import (
    EMPTY_ROOT,
    MAX_PROOF,
    MAX_SIZE,
    Hash,
    WrongProof,
    leaf_hash,
    new_hashes,
    prove_inclusion,
    tree_root,
    verify_inclusion,
)
from registry.core.tlog.note import KeyType, Note, NotSigned, SignatureLine, VerifierKey, WrongSignature, sign_note
from registry.core.tlog.policy import KnownLog, KnownWitness, Policy, QuorumNotMet, WrongOrigin
from registry.core.tlog.proof import (
    HEADER,
    LeafMissing,
    LeafOfAnotherDigest,
    LeafOfAnotherKind,
    Logged,
    MalformedProof,
    TlogProof,
    verify_proof,
)

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
KEY = VerifierKey("by.example/log", KeyType.ED25519, PRIVATE.public_key().public_bytes_raw())
OTHER_KEY = VerifierKey("uz.example/log", KeyType.ED25519, PRIVATE.public_key().public_bytes_raw())
LEAVES = [
    Leaf(
        ActId(f"{number:032x}"),
        Kind.CERTIFICATE_ISSUED,
        datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
        Did("did:web:by.example:bodies:bcci"),
        Digest(f"{number:064x}"),
        Country("UZ"),
        Digest(f"{number + 100:064x}"),
    )
    for number in range(7)
]
ENTRIES = [leaf.encode() for leaf in LEAVES]
STORED = {
    (level, index): node for level, index, node in new_hashes(0, [leaf_hash(entry) for entry in ENTRIES], lambda _: [])
}


def read(wanted: Sequence[tuple[int, int]]) -> Sequence[Hash]:
    return [STORED[place] for place in wanted]


CHECKPOINT = Checkpoint(KEY.name, len(LEAVES), tree_root(len(LEAVES), read))
NOTE = sign_note(CHECKPOINT.encode(), KEY, PRIVATE.sign).encode()
PROOFS = [
    TlogProof(ENTRIES[index], index, tuple(prove_inclusion(index, len(LEAVES), read)), NOTE)
    for index in range(len(LEAVES))
]
POLICY = Policy((KnownLog(KEY),))
KIND = Kind.CERTIFICATE_ISSUED
DIGEST = Digest(f"{103:064x}")
PROOF = PROOFS[3]


def verify(proof: TlogProof) -> Logged:
    return verify_proof(proof, POLICY, kind=KIND, digest=DIGEST)


@pytest.mark.parametrize("index", range(7))
def test_a_proof_gives_the_leaf_and_the_checkpoint_that_covers_it(index: int) -> None:
    proof = TlogProof.parse(PROOFS[index].encode())
    assert proof == PROOFS[index]
    digest = Digest(f"{index + 100:064x}")
    assert verify_proof(proof, POLICY, kind=KIND, digest=digest) == Logged(LEAVES[index], CHECKPOINT, None)


def test_each_flipped_bit_of_a_proof_makes_it_fail() -> None:
    whole = PROOF.encode().encode()
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            text = changed.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(RegistryError):
            verify(TlogProof.parse(text))


def test_each_removed_line_or_character_makes_it_fail() -> None:
    text = PROOF.encode()
    lines = text.split("\n")
    shorter = ["\n".join(lines[:place] + lines[place + 1 :]) for place in range(len(lines))]
    shorter += [text[:place] + text[place + 1 :] for place in range(len(text))]
    for changed in shorter:
        with pytest.raises(RegistryError):
            verify(TlogProof.parse(changed))


def test_lines_of_unknown_witnesses_are_carried_and_change_nothing() -> None:
    proof = with_line(SignatureLine("uz.example/witness", b"abcd", b"\1" * 72))
    assert TlogProof.parse(proof.encode()) == proof
    assert verify(proof) == Logged(LEAVES[3], CHECKPOINT, None)


def with_line(line: SignatureLine) -> TlogProof:
    note = Note.parse(NOTE)
    return replace(PROOF, checkpoint_note=Note(note.text, (*note.lines, line)).encode())


WITNESS = VerifierKey("uz.example/witness", KeyType.COSIGNATURE, PRIVATE.public_key().public_bytes_raw())
WITNESSED = Policy((KnownLog(KEY),), (KnownWitness("uz", WITNESS),), quorum="uz")


def test_a_proof_says_when_the_quorum_vouched_for_its_checkpoint() -> None:
    at = datetime(2026, 11, 21, 9, 31, tzinfo=UTC)
    proof = with_line(cosign(CHECKPOINT.encode(), WITNESS, PRIVATE.sign, at))
    assert verify_proof(proof, WITNESSED, kind=KIND, digest=DIGEST) == Logged(LEAVES[3], CHECKPOINT, at)


def test_the_quorum_is_asked_last_so_that_all_else_holds_when_only_it_is_missing() -> None:
    with pytest.raises(QuorumNotMet):
        verify_proof(PROOF, WITNESSED, kind=KIND, digest=DIGEST)
    for proof, refusal in REFUSALS:
        with pytest.raises(refusal):
            verify_proof(proof, WITNESSED, kind=KIND, digest=DIGEST)
    with pytest.raises(WrongSignature):
        verify_proof(
            with_line(SignatureLine(WITNESS.name, WITNESS.id, b"\1" * 72)), WITNESSED, kind=KIND, digest=DIGEST
        )


HASH = PROOF.encode().split("\n")[3]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "first line"),
        (f"c2sp.org/tlog-proof@v2\nindex 0\n\n{NOTE}", "first line"),
        (f"{HEADER}\n\n{NOTE}", "index line is missing"),
        (f"{HEADER}\nextra AAAA\n\n{NOTE}", "index line is missing"),
        (f"{HEADER}\n{HASH}\nindex 0\n\n{NOTE}", "index line is missing"),
        (f"{HEADER}\nextra AAAA\nextra AAAA\nindex 0\n\n{NOTE}", "index line is missing"),
        (f"{HEADER}\nindex 0\nextra AAAA\n\n{NOTE}", "base64"),
        (f"{HEADER}\nextra \nindex 0\n\n{NOTE}", "extra line is empty"),
        (f"{HEADER}\nextra AAA\nindex 0\n\n{NOTE}", "base64"),
        (f"{HEADER}\nextra AAB=\nindex 0\n\n{NOTE}", "base64"),
        (f"{HEADER}\nextra\nindex 0\n\n{NOTE}", "index line is missing"),
        (f"{HEADER}\nindex\n\n{NOTE}", "index line is missing"),
        (f"{HEADER}\nindex \n\n{NOTE}", "index is not a number"),
        (f"{HEADER}\nindex 0x1\n\n{NOTE}", "index is not a number"),
        (f"{HEADER}\nindex 00\n\n{NOTE}", "one spelling"),
        (f"{HEADER}\nindex  1\n\n{NOTE}", "one spelling"),
        (f"{HEADER}\nindex ١\n\n{NOTE}", "one spelling"),
        (f"{HEADER}\nindex -1\n\n{NOTE}", "below 2"),
        (f"{HEADER}\nindex {2**63}\n\n{NOTE}", "below 2"),
        (f"{HEADER}\nindex 0\nAAAA\n\n{NOTE}", "not 32 bytes"),
        (f"{HEADER}\nindex 0\n" + f"{HASH}\n" * 64 + f"\n{NOTE}", "more than 63"),
        (f"{HEADER}\nindex 0\n{HASH}", "no signed note"),
        (f"{HEADER}\nindex 0\n\n\n{NOTE}x", "no signed note"),
        (f"{HEADER}\r\nindex 0\n\n{NOTE}", "first line"),
        (f"{HEADER}\nextra {'A' * 100_000}\nindex 0\n\n{NOTE}", "longer than"),
    ],
)
def test_a_proof_in_another_spelling_is_refused(text: str, reason: str) -> None:
    with pytest.raises(MalformedProof, match=f"the proof file cannot be read: .*{reason}"):
        TlogProof.parse(text)


def test_the_longest_and_the_shortest_proof_are_read_back() -> None:
    for proof in (
        TlogProof(b"\0" * 65_535, MAX_SIZE, (EMPTY_ROOT,) * MAX_PROOF, NOTE),
        TlogProof(None, 0, (), NOTE),
    ):
        assert TlogProof.parse(proof.encode()) == proof


@pytest.mark.parametrize(
    ("extra", "index", "hashes"),
    [(b"", 0, ()), (None, -1, ()), (None, 2**63, ()), (None, 0, (b"",)), (None, 0, (EMPTY_ROOT,) * 64)],
)
def test_a_proof_that_could_not_be_read_back_cannot_be_made(
    extra: bytes | None, index: int, hashes: tuple[Hash, ...]
) -> None:
    with pytest.raises(AssertionError):
        TlogProof(extra, index, hashes, NOTE)


def _signed(checkpoint: Checkpoint, key: VerifierKey = KEY) -> str:
    return sign_note(checkpoint.encode(), key, PRIVATE.sign).encode()


REFUSALS: list[tuple[TlogProof, type[RegistryError]]] = [
    (replace(PROOF, checkpoint_note=_signed(CHECKPOINT, OTHER_KEY)), NotSigned),
    (replace(PROOF, checkpoint_note=NOTE.replace("7\n", "8\n", 1)), WrongSignature),
    (replace(PROOF, checkpoint_note=sign_note("log\n7\n", KEY, PRIVATE.sign).encode()), MalformedCheckpoint),
    (replace(PROOF, checkpoint_note=_signed(replace(CHECKPOINT, origin="uz.example/log"))), WrongOrigin),
    (replace(PROOF, extra=None), LeafMissing),
    (replace(PROOF, extra=b"certificate event 3"), MalformedLeaf),
    (replace(PROOF, extra=replace(LEAVES[3], kind=Kind.CERTIFICATE_STATUS).encode()), LeafOfAnotherKind),
    (PROOFS[4], LeafOfAnotherDigest),
    (replace(PROOF, index=4), WrongProof),
    (replace(PROOF, extra=replace(LEAVES[3], private=Digest("00" * 32)).encode()), WrongProof),
    (replace(PROOF, checkpoint_note=_signed(replace(CHECKPOINT, root=EMPTY_ROOT))), WrongProof),
]


@pytest.mark.parametrize(("proof", "refusal"), REFUSALS)
def test_each_thing_that_is_wrong_is_its_own_refusal(proof: TlogProof, refusal: type[RegistryError]) -> None:
    with pytest.raises(refusal) as refused:
        verify(proof)
    assert type(refused.value) is refusal


def test_the_codes_of_the_refusals_differ() -> None:
    kinds = {refusal for _, refusal in REFUSALS} | {MalformedProof}
    assert len({refusal.code for refusal in kinds}) == len(kinds)


def test_the_refusals_say_what_is_so() -> None:
    assert str(WrongOrigin("a", "b")) == "the checkpoint is of a, not of b"
    assert str(LeafMissing()) == "the proof carries no leaf"
    assert str(LeafOfAnotherKind(Kind.TRUST_ADOPTED, KIND)) == "the leaf is of trust.adopted, not of certificate.issued"
    assert str(LeafOfAnotherDigest(None, DIGEST)) == "the leaf is of another file"


def test_proofs_made_elsewhere_are_read_and_lead_to_the_root(vectors: Path) -> None:
    keys = json.loads((vectors / "own-logs" / "keys.json").read_text())
    key, witness = VerifierKey.parse(keys["log_vkey"]), VerifierKey.parse(keys["witness_vkey"])
    policy = Policy((KnownLog(key),), (KnownWitness("uz", witness),), quorum="uz")
    files = sorted((vectors / "own-logs").glob("log-*/entry-*.tlog-proof"))
    assert len(files) == 27
    for file in files:
        proof = TlogProof.parse(file.read_text())
        assert proof.encode() == file.read_text()
        checkpoint = policy.check(Note.parse(proof.checkpoint_note)).checkpoint
        leaf = leaf_hash(b"certificate event %d" % proof.index)
        verify_inclusion(proof.index, checkpoint.size, leaf, proof.hashes, checkpoint.root)
        with pytest.raises(LeafMissing):
            verify_proof(proof, policy, kind=KIND, digest=DIGEST)
