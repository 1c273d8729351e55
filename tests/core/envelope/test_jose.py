import base64
import itertools
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from registry.core import canonical
from registry.core.canonical import JsonObject, NotCanonical
from registry.core.envelope.jose import (
    MAX_CERTIFICATE,
    MAX_ENVELOPE,
    MAX_SIGNATURES,
    Envelope,
    EnvelopeTooLarge,
    MalformedEnvelope,
    Typ,
    join,
    parse_joint,
    seal,
)
from registry.core.errors import Malformed
from registry.core.identifiers import Kid
from registry.signing.key_file import FileSigner
from tests.core.world import World

PAYLOAD: JsonObject = {"env": "demo", "text": "Ў Қ Ғ Ҳ Oʻzbekiston", "n": 7}


def public(signer: FileSigner) -> ec.EllipticCurvePublicKey:
    key = x509.load_der_x509_certificate(signer.certificate).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def signer(world: World) -> FileSigner:
    return world.by.document


@pytest.fixture
def key(signer: FileSigner) -> ec.EllipticCurvePublicKey:
    return public(signer)


def signed(signer: FileSigner, header: bytes, payload: bytes) -> str:
    """Sign whatever header and payload by the true key."""
    signing_input = f"{b64(header)}.{b64(payload)}"
    return f"{signing_input}.{b64(signer.sign(signing_input.encode()))}"


@pytest.mark.parametrize("typ", Typ)
def test_an_envelope_reads_back_as_what_it_is_and_as_nothing_else(
    signer: FileSigner, key: ec.EllipticCurvePublicKey, typ: Typ
) -> None:
    sealed = seal(PAYLOAD, typ, signer)
    assert Envelope.parse(sealed.text, typ) == sealed
    assert sealed.is_signed_by(key)
    assert (sealed.kid, sealed.signer, sealed.payload) == (signer.kid, signer.kid.partition("#")[0], PAYLOAD)
    for other in Typ:
        if other is not typ:
            with pytest.raises(MalformedEnvelope, match="header"):
                Envelope.parse(sealed.text, other)


@pytest.mark.parametrize("typ", Typ)
def test_joserfc_verifies_what_is_sealed_here(signer: FileSigner, key: ec.EllipticCurvePublicKey, typ: Typ) -> None:
    """A second opinion: another library reads the same header, the same payload and the same signature."""
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    read = jws.deserialize_compact(seal(PAYLOAD, typ, signer).text, ECKey.import_key(pem), algorithms=["ES256"])
    expected = {"alg": "ES256", "kid": signer.kid, "typ": typ.value}
    assert read.headers() == (expected | {"cty": "vc"} if typ is Typ.CERTIFICATE else expected)
    assert json.loads(read.payload) == PAYLOAD
    assert ECKey.import_key(pem).thumbprint() == signer.kid.partition("#")[2]


def test_an_envelope_of_joserfc_verifies_here(world: World) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    header = {"alg": "ES256", "kid": world.by.node.kid, "typ": "message+jwt"}
    text = jws.serialize_compact(header, canonical.encode(PAYLOAD), ECKey.import_key(pem))
    assert Envelope.parse(text, Typ.MESSAGE).is_signed_by(private.public_key())


def test_another_key_did_not_sign(world: World, signer: FileSigner) -> None:
    sealed = seal(PAYLOAD, Typ.MESSAGE, signer)
    assert not sealed.is_signed_by(public(world.uz.document))
    assert not sealed.is_signed_by(ec.generate_private_key(ec.SECP384R1()).public_key())


def test_the_digest_leaves_the_signature_out(signer: FileSigner) -> None:
    first, second = seal(PAYLOAD, Typ.MESSAGE, signer), seal(PAYLOAD, Typ.MESSAGE, signer)
    assert first.text != second.text
    assert first.digest == second.digest
    assert first.payload_digest == canonical.digest(canonical.encode(PAYLOAD))
    assert first.digest != first.payload_digest


@pytest.mark.parametrize("flip", [*(1 << bit for bit in range(7)), 0x80])
def test_each_changed_character_is_refused_or_does_not_verify(
    signer: FileSigner, key: ec.EllipticCurvePublicKey, flip: int
) -> None:
    text = seal(PAYLOAD, Typ.CERTIFICATE, signer).text
    for index, character in enumerate(text):
        changed = f"{text[:index]}{chr(ord(character) ^ flip)}{text[index + 1 :]}"
        try:
            assert not Envelope.parse(changed, Typ.CERTIFICATE).is_signed_by(key), index
        except Malformed:
            continue


def test_each_removed_or_doubled_character_is_refused_or_does_not_verify(
    signer: FileSigner, key: ec.EllipticCurvePublicKey
) -> None:
    text = seal(PAYLOAD, Typ.CERTIFICATE, signer).text
    for index in range(len(text)):
        for changed in (text[:index] + text[index + 1 :], text[: index + 1] + text[index:]):
            try:
                assert not Envelope.parse(changed, Typ.CERTIFICATE).is_signed_by(key), index
            except Malformed:
                continue


HEADERS: dict[str, dict[str, Any]] = {
    "none": {"alg": "none"},
    "None": {"alg": "None"},
    "HS256": {"alg": "HS256"},
    "RS256": {"alg": "RS256"},
    "ES384": {"alg": "ES384"},
    "EdDSA": {"alg": "EdDSA"},
    "lower case": {"alg": "es256"},
    "two algorithms": {"alg": ["ES256"]},
    "crit": {"crit": ["exp"], "exp": 1},
    "empty crit": {"crit": []},
    "jwk": {"jwk": {"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}},
    "jku": {"jku": "https://evil.example/keys"},
    "x5u": {"x5u": "https://evil.example/cert"},
    "x5c": {"x5c": ["MII"]},
    "x5t": {"x5t": "abc"},
    "zip": {"zip": "DEF"},
    "b64": {"b64": False},
    "another type": {"typ": "JWT"},
    "type with a prefix": {"typ": "application/message+jwt"},
    "a content type": {"cty": "vc"},
    "an unknown member": {"x": 1},
    "no kid": {"kid": None},
    "a kid that is no text": {"kid": 7},
    "a kid that is no DID": {"kid": "key-1"},
    "a kid without thumbprint": {"kid": "did:web:by.registry.example#"},
    "a kid with a newline": {"kid": f"did:web:by.registry.example#{'a' * 43}\n"},
    "a kid elsewhere": {"kid": f"https://evil.example#{'a' * 43}"},
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_chooses_anything_is_refused_though_the_signature_is_good(signer: FileSigner, name: str) -> None:
    members = {"alg": "ES256", "kid": signer.kid, "typ": "message+jwt"} | HEADERS[name]
    header = canonical.encode({key: value for key, value in members.items() if value is not None})
    with pytest.raises(MalformedEnvelope):
        Envelope.parse(signed(signer, header, canonical.encode(PAYLOAD)), Typ.MESSAGE)


def test_a_public_key_used_as_a_secret_opens_nothing(signer: FileSigner, key: ec.EllipticCurvePublicKey) -> None:
    """The confusion of RS256 or ES256 with HS256 (RFC 8725, 2.1)."""
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = jws.serialize_compact(
        {"alg": "HS256", "kid": signer.kid, "typ": "message+jwt"},
        canonical.encode(PAYLOAD),
        OctKey.import_key(base64.b64encode(pem)),
        algorithms=["HS256"],
    )
    with pytest.raises(MalformedEnvelope):
        Envelope.parse(text, Typ.MESSAGE)


@pytest.mark.parametrize(
    "spelling",
    [
        '{"typ":"message+jwt","kid":"%s","alg":"ES256"}',
        '{"alg": "ES256","kid":"%s","typ":"message+jwt"}',
        '{"alg":"ES256","kid":"%s","typ":"message\\u002bjwt"}',
        '{"alg":"none","alg":"ES256","kid":"%s","typ":"message+jwt"}',
        '["ES256","%s"]',
    ],
)
def test_another_spelling_of_the_header_is_refused(signer: FileSigner, spelling: str) -> None:
    with pytest.raises(Malformed):
        Envelope.parse(signed(signer, (spelling % signer.kid).encode(), canonical.encode(PAYLOAD)), Typ.MESSAGE)


@pytest.mark.parametrize("payload", [b"", b"x", b"[]", b'{"a":1.5}', b'{"a":null}', b'{"b":1,"a":2}', b'{"a":1}\n'])
def test_a_payload_that_is_not_canonical_is_refused(signer: FileSigner, payload: bytes) -> None:
    header = canonical.encode({"alg": "ES256", "kid": signer.kid, "typ": "message+jwt"})
    with pytest.raises(NotCanonical):
        Envelope.parse(signed(signer, header, payload), Typ.MESSAGE)


def test_whatever_cannot_be_read_back_is_never_sealed(signer: FileSigner) -> None:
    for payload in ({"a": None}, {"a": "\0"}, {"ў": 1}, {"a": "у\u0306"}):
        with pytest.raises(NotCanonical):
            seal(payload, Typ.MESSAGE, signer)


def test_another_spelling_of_the_text_is_refused(signer: FileSigner) -> None:
    text = seal(PAYLOAD, Typ.MESSAGE, signer).text
    head, body, signature = text.split(".")
    last = signature[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    second = alphabet[alphabet.index(last) ^ 1]
    assert base64.urlsafe_b64decode(signature + "==") == base64.urlsafe_b64decode(signature[:-1] + second + "==")
    for changed in (
        "",
        ".",
        "..",
        f"{text}.",
        f".{text}",
        f"{text}.{signature}",
        f"{head}.{body}",
        f"{head}.{body}.",
        f"{head}..{signature}",
        f"{head}.{body}.{signature}==",
        f"{head}=.{body}.{signature}",
        f"{head}.{body}.{signature}\n",
        f"\n{text}",
        f" {text}",
        f"{head}.{body}\n.{signature}",
        f"{head}.{body}.{signature[:-1]}{second}",
        f"{head}.{body}.{signature[:-2]}",
        f"{head}.{body}.{signature}AA",
        f"{head}.{body}.{'A' * 86}B",
        f"{head}.{body}.ў{signature[1:]}",
        f"{head}.{body}.\ud800{signature[1:]}",
        f"{head}.{body}.+/{signature[2:]}",
    ):
        with pytest.raises(Malformed):
            Envelope.parse(changed, Typ.MESSAGE)


def test_no_place_holds_a_character_of_another_alphabet_padding_or_space(signer: FileSigner) -> None:
    text = seal(PAYLOAD, Typ.MESSAGE, signer).text
    for place, character in itertools.product(range(len(text)), "+/=\n\r \t!*\0я"):
        with pytest.raises(Malformed):
            Envelope.parse(text[:place] + character + text[place + 1 :], Typ.MESSAGE)


def test_the_zero_signature_is_by_nobody(signer: FileSigner, key: ec.EllipticCurvePublicKey) -> None:
    """r = s = 0 once verified everywhere in Java (CVE-2022-21449)."""
    head, body, _ = seal(PAYLOAD, Typ.MESSAGE, signer).text.split(".")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for raw in (bytes(64), order.to_bytes(32) * 2, b"\xff" * 64, bytes(63) + b"\x01"):
        assert not Envelope.parse(f"{head}.{body}.{b64(raw)}", Typ.MESSAGE).is_signed_by(key)


def test_only_a_bundle_may_be_large(signer: FileSigner) -> None:
    large: JsonObject = {"a": "x" * MAX_ENVELOPE}
    assert Envelope.parse(seal(large, Typ.BUNDLE, signer).text, Typ.BUNDLE).payload == large
    with pytest.raises(EnvelopeTooLarge, match="1000000 are the most"):
        seal(large, Typ.MESSAGE, signer)
    with pytest.raises(MalformedEnvelope, match="larger"):
        Envelope.parse("x" * (MAX_ENVELOPE + 1), Typ.MESSAGE)


def test_the_largest_certificate_fits_into_a_message(signer: FileSigner) -> None:
    fits: JsonObject = {"a": "x" * (MAX_CERTIFICATE * 3 // 4 - 300)}
    text = seal(fits, Typ.CERTIFICATE, signer).text
    assert len(text) <= MAX_CERTIFICATE
    assert seal({"certificate": text, "proof": "x" * 10_000}, Typ.MESSAGE, signer).text


def test_a_joint_file_is_sorted_by_kid_each_once(world: World) -> None:
    first, second, third = (seal(PAYLOAD, Typ.AGREEMENT, key) for key in world.by.list_keys)
    text = join([third, first, second])
    assert text == join([second, third, first])
    lines = text.splitlines(keepends=True)
    assert [envelope.text + "\n" for envelope in parse_joint(text, Typ.AGREEMENT)] == lines
    assert parse_joint(lines[0], Typ.AGREEMENT)
    for changed in (
        "",
        "\n",
        text.removesuffix("\n"),
        f"{text}\n",
        f"\n{text}",
        "".join(reversed(lines)),
        "".join([*lines, lines[-1]]),
        text.replace("\n", "\r\n"),
        f"{text}{'x' * 10}",
    ):
        with pytest.raises(Malformed):
            parse_joint(changed, Typ.AGREEMENT)
    with pytest.raises(MalformedEnvelope, match="more than 64 lines"):
        parse_joint("x\n" * (MAX_SIGNATURES + 1), Typ.AGREEMENT)
    with pytest.raises(MalformedEnvelope, match="three parts"):
        parse_joint("x\n" * MAX_SIGNATURES, Typ.AGREEMENT)


def test_a_joint_file_says_one_thing(world: World) -> None:
    first, second = world.by.list_keys[:2]
    text = join([seal(PAYLOAD, Typ.AGREEMENT, first), seal({**PAYLOAD, "n": 8}, Typ.AGREEMENT, second)])
    with pytest.raises(MalformedEnvelope, match="are signatures of different texts"):
        parse_joint(text, Typ.AGREEMENT)


def test_the_refusal_says_what_is_so() -> None:
    with pytest.raises(MalformedEnvelope) as refused:
        Envelope.parse("a.b", Typ.MESSAGE)
    assert str(refused.value) == "the signed envelope cannot be read: it is not three parts joined by dots"
    assert refused.value.code == "malformed-envelope"
    assert Kid("x") == "x"
