"""The rules of a witness in the order of c2sp.org/tlog-witness; the statuses of the face follow the kinds."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from registry.core.errors import Conflict, Malformed, NotFound, Refused, RegistryError, Unprocessable
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.merkle import (
    EMPTY_ROOT,
    MAX_PROOF,
    MAX_SIZE,
    Hash,
    leaf_hash,
    new_hashes,
    prove_consistency,
    tree_root,
)
from registry.core.tlog.note import KeyType, Note, SignatureLine, VerifierKey, sign_note, write_base64
from registry.core.tlog.witness import (
    MAX_REQUEST,
    Growth,
    LogSignatureMissing,
    LogUnknown,
    MalformedGrowth,
    NotConsistent,
    StaleOldSize,
    check_consistent,
    check_growth,
)

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
KEY = VerifierKey("by.example/log", KeyType.ED25519, PRIVATE.public_key().public_bytes_raw())
OTHER_KEY = VerifierKey("uz.example/log", KeyType.ED25519, OTHER.public_key().public_bytes_raw())
MOST = 20
STORED = {
    (level, index): node
    for level, index, node in new_hashes(0, [leaf_hash(b"%d" % number) for number in range(MOST)], lambda _: [])
}


def read(wanted: Sequence[tuple[int, int]]) -> Sequence[Hash]:
    return [STORED[place] for place in wanted]


ROOTS = [tree_root(size, read) for size in range(MOST + 1)]


def note(size: int, root: Hash | None = None, *, key: VerifierKey = KEY) -> Note:
    text = Checkpoint(KEY.name, size, ROOTS[size] if root is None else root).encode()
    return sign_note(text, key, PRIVATE.sign if key is KEY else OTHER.sign)


def request(old: int, new: int, proof: Sequence[Hash] | None = None, signed: Note | None = None) -> Growth:
    """Return an honest request, or one with another proof or note."""
    hashes = prove_consistency(old, new, read) if proof is None else proof
    text = Growth(old, tuple(hashes), signed or note(new), Checkpoint(KEY.name, new, ROOTS[new])).encode()
    return Growth.parse(text)


@pytest.mark.parametrize("old", range(MOST + 1))
def test_growth_that_is_proved_may_be_cosigned(old: int) -> None:
    for new in range(old, MOST + 1):
        growth = request(old, new)
        assert (growth.old, growth.checkpoint.size) == (old, new)
        assert Growth.parse(growth.encode()) == growth
        check_growth(growth, KEY, old, ROOTS[old])


def test_a_request_is_these_lines() -> None:
    growth = request(3, 4)
    lines = [write_base64(node) for node in prove_consistency(3, 4, read)]
    assert growth.encode() == "\n".join(["old 3", *lines, "", note(4).encode()])
    assert request(0, 4).encode() == f"old 0\n\n{note(4).encode()}"


HASH = write_base64(EMPTY_ROOT)
NOTE = note(7).encode()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "does not begin with old"),
        ("old 0", "does not begin with old"),
        ("old 0\n", "does not begin with old"),
        (f"\n\n{NOTE}", "does not begin with old"),
        (f"{NOTE}", "does not begin with old"),
        (f"old\n\n{NOTE}", "does not begin with old"),
        (f"old \n\n{NOTE}", "does not begin with old"),
        (f"old  0\n\n{NOTE}", "does not begin with old"),
        (f"old 0 \n\n{NOTE}", "does not begin with old"),
        (f"old 00\n\n{NOTE}", "does not begin with old"),
        (f"old 01\n\n{NOTE}", "does not begin with old"),
        (f"old +1\n\n{NOTE}", "does not begin with old"),
        (f"old -1\n\n{NOTE}", "does not begin with old"),
        (f"old ١\n\n{NOTE}", "does not begin with old"),
        (f"old 0x1\n\n{NOTE}", "does not begin with old"),
        (f"Old 1\n\n{NOTE}", "does not begin with old"),
        (f"old 1\r\n\r\n{NOTE}", "does not begin with old"),
        (f"old {MAX_SIZE + 1}\n\n{NOTE}", "does not begin with old"),
        (f"old {'9' * 5_000}\n\n{NOTE}", "does not begin with old"),
        (f"old {MAX_SIZE}\n\n{NOTE}", "old size is larger"),
        (f"old 8\n\n{NOTE}", "old size is larger"),
        (f"old 1\n{HASH[:-2]}V=\n\n{NOTE}", "base64"),
        (f"old 1\n{HASH[:-1]}\n\n{NOTE}", "base64"),
        (f"old 1\n {HASH}\n\n{NOTE}", ""),
        (f"old 1\n{HASH}\r\n\n{NOTE}", ""),
        (f"old 1\n{HASH.replace('/', '_')}\n\n{NOTE}", ""),
        (f"old 1\nЖЖЖЖ\n\n{NOTE}", "base64"),
        (f"old 1\n{write_base64(b'x' * 31)}\n\n{NOTE}", "not 32 bytes"),
        (f"old 1\n{write_base64(b'x' * 33)}\n\n{NOTE}", "not 32 bytes"),
        ("old 1\n" + f"{HASH}\n" * (MAX_PROOF + 1) + f"\n{NOTE}", "more than 63"),
        (f"old 1\n{HASH}\n{NOTE}", ""),
        (f"old 1\n\n\n{NOTE}", ""),
        ("old 1\n\n", "not text, an empty line"),
        (f"old 1\n\n{NOTE}x", "signed note cannot be read"),
        (f"old 1\n\n{sign_note('no checkpoint' + chr(10), KEY, PRIVATE.sign).encode()}", "checkpoint cannot be read"),
        (f"old 1\n\n{NOTE.replace(chr(10) + '7' + chr(10), chr(10) + '07' + chr(10))}", "checkpoint cannot be read"),
        ("old 1\n\n" + NOTE + " " * MAX_REQUEST, "longer than 100000"),
        (f"old 1\n\n\ud800{NOTE}", "UTF-8"),
    ],
)
def test_a_request_in_another_spelling_is_refused_before_anything_else(body: str, reason: str) -> None:
    with pytest.raises(MalformedGrowth, match=f"the request for a cosignature cannot be read: .*{reason}") as refused:
        Growth.parse(body)
    assert isinstance(refused.value, Malformed)


def test_63_hashes_are_read_and_judged() -> None:
    growth = request(1, 7, [EMPTY_ROOT] * MAX_PROOF)
    with pytest.raises(NotConsistent):
        check_growth(growth, KEY, 1, ROOTS[1])


@given(st.text(max_size=80))
def test_whatever_can_be_read_is_written_back_the_same(rubbish: str) -> None:
    for text in (rubbish, f"old {rubbish}\n\n{NOTE}", f"old 1\n{rubbish}\n\n{NOTE}", f"old 1\n\n{rubbish}{NOTE}"):
        try:
            growth = Growth.parse(text)
        except MalformedGrowth:
            continue
        assert growth.encode() == text


def test_each_flipped_bit_of_a_request_is_refused() -> None:
    """But for what is changed in the names on lines of others, of which there are none here."""
    whole = request(3, 7).encode().encode()
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            text = changed.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises((MalformedGrowth, LogSignatureMissing, StaleOldSize, NotConsistent)):
            check_growth(Growth.parse(text), KEY, 3, ROOTS[3])


FORGED = Note(note(7).text, (replace(note(7).lines[0], signature=bytes(64)),))
TWICE = Note(note(7).text, (*note(7).lines, *FORGED.lines))
LATER_ROOT = b"\7" * 32
STALE = request(3, 7)


@pytest.mark.parametrize(
    ("growth", "size", "root", "refusal"),
    [
        pytest.param(request(3, 7, signed=note(7, key=OTHER_KEY)), 3, ROOTS[3], LogSignatureMissing, id="another key"),
        pytest.param(request(3, 7, signed=FORGED), 3, ROOTS[3], LogSignatureMissing, id="forged"),
        pytest.param(request(3, 7, signed=TWICE), 3, ROOTS[3], LogSignatureMissing, id="signed and forged"),
        pytest.param(request(4, 7, signed=FORGED), 3, ROOTS[3], LogSignatureMissing, id="403 before 409"),
        pytest.param(STALE, 4, ROOTS[4], StaleOldSize, id="too old"),
        pytest.param(STALE, 2, ROOTS[2], StaleOldSize, id="too new"),
        pytest.param(STALE, 0, EMPTY_ROOT, StaleOldSize, id="never cosigned"),
        pytest.param(request(0, 7), 7, ROOTS[7], StaleOldSize, id="to learn the size"),
        pytest.param(request(3, 7, signed=note(7, LATER_ROOT)), 4, ROOTS[4], StaleOldSize, id="409 before 422"),
        pytest.param(request(0, 0, signed=note(0, LATER_ROOT)), 0, EMPTY_ROOT, NotConsistent, id="empty, other root"),
        pytest.param(request(0, 7, [EMPTY_ROOT]), 0, EMPTY_ROOT, NotConsistent, id="proof from empty"),
        pytest.param(request(0, 0, [EMPTY_ROOT]), 0, EMPTY_ROOT, NotConsistent, id="proof from empty to empty"),
        pytest.param(request(7, 7, signed=note(7, LATER_ROOT)), 7, ROOTS[7], NotConsistent, id="same size, other root"),
        pytest.param(request(7, 7, [EMPTY_ROOT]), 7, ROOTS[7], NotConsistent, id="same size, and a proof"),
        pytest.param(request(3, 7, []), 3, ROOTS[3], NotConsistent, id="no proof"),
        pytest.param(request(3, 7, signed=note(7, LATER_ROOT)), 3, ROOTS[3], NotConsistent, id="another new root"),
        pytest.param(request(3, 7), 3, LATER_ROOT, NotConsistent, id="another old root"),
    ],
)
def test_each_rule_has_its_refusal_and_its_place(
    growth: Growth, size: int, root: Hash, refusal: type[RegistryError]
) -> None:
    with pytest.raises(refusal) as refused:
        check_growth(growth, KEY, size, root)
    assert type(refused.value) is refusal
    if isinstance(refused.value, StaleOldSize):
        assert refused.value.size == size
        assert str(size) in str(refused.value)


def test_the_same_checkpoint_may_be_cosigned_again_and_so_may_the_empty_one() -> None:
    check_growth(request(7, 7), KEY, 7, ROOTS[7])
    check_growth(request(0, 0), KEY, 0, EMPTY_ROOT)


def test_lines_of_other_witnesses_are_carried_and_passed_over() -> None:
    line = SignatureLine("kz.example/witness", b"abcd", b"\1" * 72)
    growth = request(3, 7, signed=Note(note(7).text, (*note(7).lines, line)))
    assert growth.note.lines[1] == line
    check_growth(growth, KEY, 3, ROOTS[3])


def test_two_checkpoints_with_a_proof_are_judged_without_a_request() -> None:
    old, new = (Checkpoint(KEY.name, size, ROOTS[size]) for size in (3, 7))
    check_consistent(old, new, prove_consistency(3, 7, read))
    with pytest.raises(NotConsistent, match="the checkpoint does not continue what was cosigned here: the proof "):
        check_consistent(new, old, prove_consistency(3, 7, read))
    with pytest.raises(NotConsistent):
        check_consistent(new, Checkpoint(KEY.name, 0, EMPTY_ROOT), [])


def test_the_refusals_are_of_the_kinds_that_the_statuses_follow() -> None:
    kinds: dict[type[RegistryError], type[RegistryError]] = {
        MalformedGrowth: Malformed,
        LogUnknown: NotFound,
        LogSignatureMissing: Refused,
        StaleOldSize: Conflict,
        NotConsistent: Unprocessable,
    }
    assert all(issubclass(refusal, kind) for refusal, kind in kinds.items())
    assert len({refusal.code for refusal in kinds}) == len(kinds)
    assert str(LogUnknown("x" * 300)) == "x" * 200 + " is no log that this witness follows"
    with pytest.raises(LogSignatureMissing, match="the checkpoint is not that log's: no known key signed the note"):
        check_growth(request(3, 7, signed=note(7, key=OTHER_KEY)), KEY, 3, ROOTS[3])
