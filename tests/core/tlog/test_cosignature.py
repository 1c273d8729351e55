from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from registry.core.signature import verify_mldsa44
from registry.core.tlog.checkpoint import Checkpoint, MalformedCheckpoint
from registry.core.tlog.cosignature import cosign, cosigned_at
from registry.core.tlog.merkle import EMPTY_ROOT
from registry.core.tlog.note import KeyType, MalformedNote, Note, SignatureLine, VerifierKey, WrongSignature, sign_note

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
LOG = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
WITNESS = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
POST_QUANTUM = MLDSA44PrivateKey.from_seed_bytes(b"\x03" * 32)
LOG_KEY = VerifierKey("by.example/log", KeyType.ED25519, LOG.public_key().public_bytes_raw())
KEY = VerifierKey("uz.example/witness", KeyType.COSIGNATURE, WITNESS.public_key().public_bytes_raw())
PQ_KEY = VerifierKey("uz.example/pq", KeyType.MLDSA44_COSIGNATURE, POST_QUANTUM.public_key().public_bytes_raw())
CHECKPOINT = Checkpoint("by.example/log", 7, EMPTY_ROOT)
SIGNED = sign_note(CHECKPOINT.encode(), LOG_KEY, LOG.sign)


def at_seconds(seconds: int, text: str = SIGNED.text) -> SignatureLine:
    """Return the line that says so, whatever moment that is."""
    message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
    return SignatureLine(KEY.name, KEY.id, seconds.to_bytes(8) + WITNESS.sign(message))


def post_quantum(seconds: int, checkpoint: Checkpoint = CHECKPOINT, name: str = PQ_KEY.name) -> SignatureLine:
    """Return the ML-DSA-44 line of c2sp.org/tlog-cosignature, as it is written there."""
    message = (
        b"subtree/v1\n\0"
        + bytes([len(name)])
        + name.encode()
        + seconds.to_bytes(8)
        + bytes([len(checkpoint.origin)])
        + checkpoint.origin.encode()
        + bytes(8)
        + checkpoint.size.to_bytes(8)
        + checkpoint.root
    )
    key = replace(PQ_KEY, name=name)
    return SignatureLine(name, key.id, seconds.to_bytes(8) + POST_QUANTUM.sign(message))


def note(*lines: SignatureLine) -> Note:
    return Note.parse(Note(SIGNED.text, SIGNED.lines + lines).encode())


SECONDS = int(AT.timestamp())
LINES = [(KEY, at_seconds(SECONDS)), (PQ_KEY, post_quantum(SECONDS))]


@pytest.mark.parametrize(("key", "line"), LINES, ids=lambda item: getattr(item, "name", ""))
def test_a_cosignature_says_when_the_witness_saw_the_tree(key: VerifierKey, line: SignatureLine) -> None:
    assert cosigned_at(note(line), key) == AT
    assert cosigned_at(SIGNED, key) is None


def test_what_is_cosigned_here_is_the_line_of_the_specification() -> None:
    assert cosign(SIGNED.text, KEY, WITNESS.sign, AT) == at_seconds(SECONDS)
    tashkent = AT.astimezone(timezone(timedelta(hours=5)))
    assert cosign(SIGNED.text, KEY, WITNESS.sign, tashkent) == at_seconds(SECONDS)


def test_only_an_ed25519_witness_cosigns_here_and_only_whole_seconds() -> None:
    for key in (LOG_KEY, PQ_KEY):
        with pytest.raises(AssertionError):
            cosign(SIGNED.text, key, WITNESS.sign, AT)
    with pytest.raises(AssertionError):
        cosign(SIGNED.text, KEY, WITNESS.sign, AT.replace(microsecond=1))
    with pytest.raises(WrongSignature):
        cosign(SIGNED.text, KEY, LOG.sign, AT)
    with pytest.raises(AssertionError):
        cosigned_at(SIGNED, LOG_KEY)


@pytest.mark.parametrize(("key", "line"), LINES, ids=lambda item: getattr(item, "name", ""))
def test_each_flipped_byte_of_a_line_is_refused_or_names_another_key(key: VerifierKey, line: SignatureLine) -> None:
    for place in range(len(line.signature)):
        changed = bytearray(line.signature)
        changed[place] ^= 1 << place % 8
        with pytest.raises(WrongSignature, match=f"the signature line of {key.name} does not verify"):
            cosigned_at(note(replace(line, signature=bytes(changed))), key)
    text = line.encode()
    for place in range(len(text)):
        changed_text = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        try:
            parsed = Note.parse(f"{SIGNED.encode()}{changed_text}\n")
        except MalformedNote:
            continue
        try:
            assert cosigned_at(parsed, key) is None
        except WrongSignature:
            continue
        assert parsed.lines[-1].name != key.name or parsed.lines[-1].id != key.id


@pytest.mark.parametrize(("key", "line"), LINES, ids=lambda item: getattr(item, "name", ""))
def test_a_line_that_is_cut_or_longer_is_refused(key: VerifierKey, line: SignatureLine) -> None:
    for length in (1, 7, 8, 9, len(line.signature) - 1):
        with pytest.raises(WrongSignature):
            cosigned_at(note(replace(line, signature=line.signature[:length])), key)
    with pytest.raises(WrongSignature):
        cosigned_at(note(replace(line, signature=line.signature + b"\0")), key)


@pytest.mark.parametrize(("key", "line"), LINES, ids=lambda item: getattr(item, "name", ""))
@pytest.mark.parametrize(
    "other",
    [
        replace(CHECKPOINT, size=8),
        replace(CHECKPOINT, root=bytes(32)),
        replace(CHECKPOINT, origin="by.example/log2"),
        replace(CHECKPOINT, origin="by.example/lo"),
    ],
)
def test_a_line_belongs_to_one_checkpoint(key: VerifierKey, line: SignatureLine, other: Checkpoint) -> None:
    with pytest.raises(WrongSignature):
        cosigned_at(Note(other.encode(), (line,)), key)


@pytest.mark.parametrize("seconds", [1, SECONDS, int(LAST.timestamp())])
def test_any_second_that_a_date_can_hold_is_read(seconds: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert cosigned_at(note(at_seconds(seconds)), KEY) == at
    assert cosigned_at(note(post_quantum(seconds)), PQ_KEY) == at


@pytest.mark.parametrize("seconds", [0, int(LAST.timestamp()) + 1, 2**62, 2**63, 2**64 - 1])
def test_a_time_that_is_none_or_beyond_the_year_9999_is_refused_though_it_was_signed(seconds: int) -> None:
    for key, line in ((KEY, at_seconds(seconds)), (PQ_KEY, post_quantum(seconds))):
        with pytest.raises(WrongSignature):
            cosigned_at(note(line), key)


def test_of_two_lines_of_one_witness_the_first_moment_counts_and_both_must_verify() -> None:
    later, earlier = at_seconds(SECONDS + 60), at_seconds(SECONDS)
    assert cosigned_at(note(later, earlier, later), KEY) == AT
    assert cosigned_at(note(earlier, earlier), KEY) == AT
    forged = replace(earlier, signature=bytes(72))
    with pytest.raises(WrongSignature):
        cosigned_at(note(earlier, forged), KEY)


def test_a_line_under_the_name_of_another_key_is_none_of_the_witness() -> None:
    other = VerifierKey(KEY.name, KeyType.COSIGNATURE, LOG.public_key().public_bytes_raw())
    assert cosigned_at(note(at_seconds(SECONDS)), other) is None
    assert cosigned_at(note(at_seconds(SECONDS)), replace(KEY, name="uz.example/witness-2")) is None


def test_a_plain_signature_under_the_id_of_a_cosigner_is_refused() -> None:
    plain = SignatureLine(KEY.name, KEY.id, WITNESS.sign(SIGNED.text.encode()))
    with pytest.raises(WrongSignature):
        cosigned_at(note(plain), KEY)


def test_ml_dsa_lines_stand_under_checkpoints_only_and_under_names_that_fit_a_byte() -> None:
    with pytest.raises(MalformedCheckpoint):
        cosigned_at(Note("no checkpoint\n", (post_quantum(SECONDS),)), PQ_KEY)
    longest = "w" * 255
    assert cosigned_at(note(post_quantum(SECONDS, name=longest)), replace(PQ_KEY, name=longest)) == AT
    longer = replace(PQ_KEY, name="w" * 256)
    with pytest.raises(WrongSignature):
        cosigned_at(Note(SIGNED.text, (replace(post_quantum(SECONDS), name=longer.name, id=longer.id),)), longer)
    far = replace(CHECKPOINT, origin="o" * 256)
    with pytest.raises(WrongSignature):
        cosigned_at(Note(far.encode(), (post_quantum(SECONDS),)), PQ_KEY)


def test_bytes_that_are_no_ml_dsa_key_verify_nothing() -> None:
    signature = POST_QUANTUM.sign(b"message")
    assert verify_mldsa44(PQ_KEY.public, signature, b"message")
    assert not verify_mldsa44(PQ_KEY.public, signature, b"massage")
    assert not verify_mldsa44(b"", signature, b"message")
