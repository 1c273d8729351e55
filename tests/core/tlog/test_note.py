import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from registry.core.tlog.note import (
    MAX_NOTE,
    MAX_SIGNATURES,
    KeyType,
    MalformedNote,
    MalformedVerifierKey,
    Note,
    NotSigned,
    SignatureLine,
    VerifierKey,
    WeakKey,
    WrongSignature,
    check_ed25519,
    read_base64,
    sign_note,
    write_base64,
)

P = 2**255 - 19
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
KEY = VerifierKey("by.example/log", KeyType.ED25519, PRIVATE.public_key().public_bytes_raw())
OTHER_KEY = VerifierKey("uz.example/log", KeyType.ED25519, OTHER.public_key().public_bytes_raw())
TEXT = "first\n\nthird\n"
NOTE = sign_note(TEXT, KEY, PRIVATE.sign)


def test_what_was_signed_is_read_back_and_verified() -> None:
    note = Note.parse(NOTE.encode())
    assert note == NOTE
    assert note.verified([KEY, OTHER_KEY]) == TEXT


@given(st.text(st.characters(codec="utf-8", min_codepoint=32), max_size=40))
def test_any_text_can_be_signed_and_comes_back(line: str) -> None:
    note = sign_note(f"{line}\n", KEY, PRIVATE.sign)
    assert Note.parse(note.encode()).verified([KEY]) == f"{line}\n"


@given(st.text(max_size=60))
def test_whatever_can_be_read_is_written_back_the_same(rubbish: str) -> None:
    for text in (rubbish, f"{rubbish}\n\n— a AAAAAAA=\n", f"a\n\n— {rubbish} AAAAAAA=\n", f"a\n\n— a {rubbish}\n"):
        try:
            note = Note.parse(text)
        except MalformedNote:
            continue
        assert note.encode() == text


def test_the_text_ends_at_the_last_empty_line() -> None:
    inner = NOTE.encode()
    outer = sign_note(inner, OTHER_KEY, OTHER.sign)
    assert Note.parse(outer.encode()).text == inner


def test_each_flipped_bit_of_a_note_makes_it_fail() -> None:
    whole = NOTE.encode().encode()
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            text = changed.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises((MalformedNote, NotSigned, WrongSignature)):
            Note.parse(text).verified([KEY])


def test_each_removed_character_of_a_note_makes_it_fail() -> None:
    whole = NOTE.encode()
    for place in range(len(whole)):
        with pytest.raises((MalformedNote, NotSigned, WrongSignature)):
            Note.parse(whole[:place] + whole[place + 1 :]).verified([KEY])


SIGNATURE = NOTE.lines[0].encode()
NON_CANONICAL = SIGNATURE[:-2] + chr(ord(SIGNATURE[-2]) + 1) + "="


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        ("", "not text, an empty line"),
        (TEXT, "dash, name and signature"),
        ("first\n" + SIGNATURE + "\n", "not text, an empty line"),
        (f"{TEXT}\n", "not text, an empty line"),
        (f"{TEXT}\n{SIGNATURE}", "not text, an empty line"),
        (f"{TEXT}\n{SIGNATURE}\n\n", "not text, an empty line"),
        (f"{TEXT}\n{SIGNATURE}\nmore\n", "dash, name and signature"),
        (f"{TEXT}\n{SIGNATURE.replace('—', '-')}\n", "dash, name and signature"),
        (f"{TEXT}\n{SIGNATURE.replace('— ', '—  ')}\n", "dash, name and signature"),
        (f"{TEXT}\n{SIGNATURE} \n", "dash, name and signature"),
        (f"{TEXT}\n—  AAAAAAA=\n", "dash, name and signature"),
        (f"{TEXT}\n— a+b AAAAAAA=\n", "dash, name and signature"),
        (f"{TEXT}\n— a\N{NO-BREAK SPACE}b AAAAAAA=\n", "dash, name and signature"),
        (f"{TEXT}\n— a\N{LINE SEPARATOR}b AAAAAAA=\n", "dash, name and signature"),
        (f"{TEXT}\n— a\x85b AAAAAAA=\n", "dash, name and signature"),
        (f"{TEXT}\n— a AAAAAA==\n", "holds no signature"),
        (f"{TEXT}\n— a AAAA\n", "holds no signature"),
        (f"{TEXT}\n— a \n", "holds no signature"),
        (f"{TEXT}\n{SIGNATURE.rstrip('=')}\n", "one spelling of base64"),
        (f"{TEXT}\n{SIGNATURE}=\n", "one spelling of base64"),
        (f"{TEXT}\n{NON_CANONICAL}\n", "one spelling of base64"),
        (f"{TEXT}\n— a ЖЖЖЖ\n", "one spelling of base64"),
        (f"{TEXT}\n— a AAAA_AA=\n", "one spelling of base64"),
        (f"a\tb\n\n{SIGNATURE}\n", "control character"),
        (f"a\r\n\n{SIGNATURE}\n", "control character"),
        (f"a\0b\n\n{SIGNATURE}\n", "control character"),
        (f"\ud800\n\n{SIGNATURE}\n", "UTF-8"),
        ("a" * MAX_NOTE + f"\n\n{SIGNATURE}\n", "larger than 1 MB"),
        ("ж" * (MAX_NOTE // 2) + f"\n\n{SIGNATURE}\n", "larger than 1 MB"),
        (f"{TEXT}\n" + f"{SIGNATURE}\n" * (MAX_SIGNATURES + 1), "more than 100"),
    ],
)
def test_a_note_in_another_spelling_is_refused(note: str, reason: str) -> None:
    with pytest.raises(MalformedNote, match=reason):
        Note.parse(note)


def test_a_hundred_signature_lines_are_accepted() -> None:
    lines = tuple(SignatureLine(f"w{number}", b"abcd", b"\1" * 72) for number in range(MAX_SIGNATURES - 1))
    note = Note(TEXT, NOTE.lines + lines)
    assert Note.parse(note.encode()) == note
    assert note.verified([KEY]) == TEXT
    assert note.signatures_by(VerifierKey("w1", KeyType.COSIGNATURE, KEY.public)) == ()


def test_lines_of_a_key_are_found_by_name_and_id_together() -> None:
    assert NOTE.signatures_by(KEY) == (PRIVATE.sign(TEXT.encode()),)
    renamed = Note(TEXT, (SignatureLine("other", KEY.id, NOTE.lines[0].signature),))
    other_id = Note(TEXT, (SignatureLine(KEY.name, b"\0\0\0\0", NOTE.lines[0].signature),))
    for note in (renamed, other_id):
        with pytest.raises(NotSigned):
            note.verified([KEY])
    with pytest.raises(NotSigned):
        NOTE.verified([])


def test_one_wrong_line_of_a_known_key_spoils_the_note_though_another_key_signed_it() -> None:
    wrong = SignatureLine(OTHER_KEY.name, OTHER_KEY.id, b"\0" * 64)
    note = Note(TEXT, (*NOTE.lines, wrong))
    assert note.verified([KEY]) == TEXT
    with pytest.raises(WrongSignature, match=r"uz\.example/log does not verify"):
        note.verified([KEY, OTHER_KEY])
    twice = Note(TEXT, (*NOTE.lines, SignatureLine(KEY.name, KEY.id, b"\0" * 64)))
    with pytest.raises(WrongSignature):
        twice.verified([KEY])


def test_a_signer_that_holds_another_key_is_found_before_the_note_leaves() -> None:
    with pytest.raises(WrongSignature):
        sign_note(TEXT, KEY, OTHER.sign)
    with pytest.raises(MalformedNote):
        sign_note("no newline", KEY, PRIVATE.sign)


def test_a_cosigners_key_does_not_verify_plain_signatures() -> None:
    with pytest.raises(AssertionError):
        NOTE.verified([VerifierKey(KEY.name, KeyType.COSIGNATURE, KEY.public)])


@pytest.mark.parametrize("type", KeyType)
def test_a_verifier_key_is_read_back(type: KeyType) -> None:
    key = VerifierKey("by.example/log", type, (KEY.public * 41)[: type.key_bytes])
    assert VerifierKey.parse(key.encode()) == key


def test_each_changed_or_removed_character_of_a_verifier_key_is_refused() -> None:
    text = KEY.encode()
    for place in range(len(text)):
        for instead in ("", "A", "b", "+", " ", "\n"):
            changed = text[:place] + instead + text[place + 1 :]
            if changed != text:
                with pytest.raises((MalformedVerifierKey, WeakKey)):
                    VerifierKey.parse(changed)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a+b", "joined by plus signs"),
        (f"+{KEY.id.hex()}+AAAA", "joined by plus signs"),
        ("a\x00b+00000000+AAAA", "joined by plus signs"),
        ("a\udc80b+00000000+AAAA", "joined by plus signs"),
        ("a+00000000+", "known type"),
        ("a+00000000+Бы", "known type"),
        ("a+00000000+" + write_base64(b"\x06" + KEY.public), "not 1312 bytes"),
        ("a+00000000+" + write_base64(b"\x02" + KEY.public), "known type"),
        ("a+00000000+" + write_base64(b"\x01" + KEY.public[1:]), "not 32 bytes"),
        ("a+00000000+" + write_base64(b"\x01" + KEY.public), "not that of its name and key"),
        (KEY.encode().replace(KEY.id.hex(), KEY.id.hex().upper()), "not that of its name and key"),
    ],
)
def test_a_verifier_key_in_another_spelling_is_refused(text: str, reason: str) -> None:
    with pytest.raises(MalformedVerifierKey, match=reason):
        VerifierKey.parse(text)


def _double(y: int) -> int:
    """The y of 2P on edwards25519: (y² + x²) / (2 + x² - y²), where x² = (y² - 1) / (dy² + 1) (RFC 8032, 5.1)."""
    d = -121665 * pow(121666, -1, P)
    squared = y * y
    x2 = (squared - 1) * pow(d * squared + 1, -1, P)
    return (squared + x2) * pow(2 + x2 - squared, -1, P) % P


def test_the_refused_points_are_those_that_double_to_the_identity_in_three_steps() -> None:
    eighth = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
    for y in (0, 1, P - 1, eighth, P - eighth):
        assert _double(_double(_double(y))) == 1
        for sign in (0, 1):
            with pytest.raises(WeakKey, match="low order"):
                check_ed25519((y | sign << 255).to_bytes(32, "little"))


def test_every_y_that_has_a_second_spelling_is_refused_in_it() -> None:
    for y in range(P, 2**255):
        for sign in (0, 1):
            with pytest.raises(WeakKey, match="canonical"):
                check_ed25519((y | sign << 255).to_bytes(32, "little"))
    check_ed25519((P - 2).to_bytes(32, "little"))


def test_a_weak_key_is_refused_where_a_verifier_key_is_read() -> None:
    weak = VerifierKey("a", KeyType.ED25519, b"\1" + b"\0" * 31)
    with pytest.raises(WeakKey, match="the Ed25519 key is refused: it is of low order"):
        VerifierKey.parse(weak.encode())
    with pytest.raises(WeakKey, match="not 32 bytes"):
        check_ed25519(b"")


@given(st.binary(max_size=40))
def test_base64_is_read_back(data: bytes) -> None:
    assert read_base64(write_base64(data)) == data


def test_the_refusals_say_what_is_so() -> None:
    assert str(MalformedNote("x")) == "the signed note cannot be read: x"
    assert str(MalformedVerifierKey("x")) == "the verifier key cannot be read: x"
    assert str(NotSigned()) == "no known key signed the note"


def test_the_published_notes_verify_and_fail_under_another_key(vectors: Path) -> None:
    for vector in json.loads((vectors / "known_notes.json").read_text()):
        key = VerifierKey.parse(vector["vkey"])
        assert key.encode() == vector["vkey"]
        note = Note.parse(vector["note"])
        assert note.encode() == vector["note"]
        assert note.verified([key, KEY]) == note.text
        with pytest.raises(NotSigned):
            note.verified([KEY])


def test_the_weak_keys_of_the_published_vectors_are_all_refused(vectors: Path) -> None:
    for vector in json.loads((vectors / "cctv-ed25519.json").read_text()):
        public, flags = bytes.fromhex(vector["key"]), set(vector["flags"] or [])
        if flags & {"low_order_A", "non_canonical_A"}:
            with pytest.raises(WeakKey):
                check_ed25519(public)
        else:
            check_ed25519(public)


def test_the_keys_of_logs_and_witnesses_made_elsewhere_are_read(vectors: Path) -> None:
    keys = json.loads((vectors / "own-logs" / "keys.json").read_text())
    for name, type in (
        ("log_vkey", KeyType.ED25519),
        ("witness_vkey", KeyType.COSIGNATURE),
        ("witness_mldsa44_vkey", KeyType.MLDSA44_COSIGNATURE),
    ):
        key = VerifierKey.parse(keys[name])
        assert key.type is type
        assert key.encode() == keys[name]
