from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.merkle import EMPTY_ROOT
from registry.core.tlog.note import KeyType, Note, NotSigned, VerifierKey, WrongSignature, sign_note
from registry.core.tlog.policy import KnownLog, Policy, WrongOrigin
from registry.core.tlog.split import Comparison, Finding, compare

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
KEY = VerifierKey("by.example/log", KeyType.ED25519, PRIVATE.public_key().public_bytes_raw())
OTHER_KEY = VerifierKey("uz.example/log", KeyType.ED25519, OTHER.public_key().public_bytes_raw())
POLICY = Policy((KnownLog(KEY), KnownLog(OTHER_KEY)))
ROOT, OTHER_ROOT = b"\1" * 32, b"\2" * 32


def at(size: int, root: bytes) -> Checkpoint:
    return Checkpoint(KEY.name, size, root)


def signed(checkpoint: Checkpoint) -> Note:
    if checkpoint.origin == OTHER_KEY.name:
        return sign_note(checkpoint.encode(), OTHER_KEY, OTHER.sign)
    return sign_note(checkpoint.encode(), KEY, PRIVATE.sign)


@pytest.mark.parametrize(
    ("first", "second", "finding"),
    [
        (at(7, ROOT), at(7, OTHER_ROOT), Finding.SPLIT),
        (at(7, ROOT), at(7, ROOT), Finding.SAME),
        (at(7, ROOT), at(8, OTHER_ROOT), Finding.OPEN),
        (at(7, ROOT), at(8, ROOT), Finding.OPEN),
        (at(0, EMPTY_ROOT), at(8, ROOT), Finding.OPEN),
        (at(0, ROOT), at(8, OTHER_ROOT), Finding.SPLIT),
        (at(0, EMPTY_ROOT), at(0, ROOT), Finding.SPLIT),
        (at(0, EMPTY_ROOT), at(0, EMPTY_ROOT), Finding.SAME),
        (at(7, ROOT), Checkpoint(OTHER_KEY.name, 7, OTHER_ROOT), Finding.OPEN),
    ],
)
def test_two_signed_notes_show_a_split_or_nothing_in_either_order(
    first: Checkpoint, second: Checkpoint, finding: Finding
) -> None:
    assert compare(signed(first), signed(second), POLICY) == Comparison(first, second, finding)
    assert compare(signed(second), signed(first), POLICY) == Comparison(second, first, finding)


def test_a_note_that_the_log_did_not_sign_is_evidence_against_nobody() -> None:
    good = signed(at(7, ROOT))
    forged = Note(at(7, OTHER_ROOT).encode(), good.lines)
    with pytest.raises(WrongSignature):
        compare(good, forged, POLICY)
    with pytest.raises(NotSigned):
        compare(replace(good, lines=signed(Checkpoint(OTHER_KEY.name, 7, ROOT)).lines), good, Policy((KnownLog(KEY),)))
    stranger = sign_note(at(7, OTHER_ROOT).encode(), OTHER_KEY, OTHER.sign)
    with pytest.raises(WrongOrigin):
        compare(good, stranger, POLICY)
