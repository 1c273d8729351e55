import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from registry.core.signature import raw_es256, thumbprint, verify_ed25519, verify_es256

KEY = ec.derive_private_key(7, ec.SECP256R1())


def test_a_raw_signature_verifies_and_each_changed_byte_does_not() -> None:
    signature = raw_es256(KEY.sign(b"message", ec.ECDSA(hashes.SHA256())))
    assert len(signature) == 64
    assert verify_es256(KEY.public_key(), signature, b"message")
    assert not verify_es256(KEY.public_key(), signature, b"massage")
    for index in range(64):
        changed = signature[:index] + bytes([signature[index] ^ 1]) + signature[index + 1 :]
        assert not verify_es256(KEY.public_key(), changed, b"message")


@pytest.mark.parametrize("length", [0, 63, 65, 72])
def test_a_signature_of_another_length_is_none(length: int) -> None:
    assert not verify_es256(KEY.public_key(), b"\x01" * length, b"message")


def test_a_der_signature_is_none() -> None:
    assert not verify_es256(KEY.public_key(), KEY.sign(b"message", ec.ECDSA(hashes.SHA256())), b"message")


def test_a_key_on_another_curve_signs_nothing() -> None:
    assert not verify_es256(ec.derive_private_key(7, ec.SECP256K1()).public_key(), b"\x01" * 64, b"message")


def test_ed25519_verifies_by_the_key_and_by_nothing_else() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"message")
    assert verify_ed25519(public, signature, b"message")
    assert not verify_ed25519(public, signature, b"massage")
    assert not verify_ed25519(public, signature[:-1], b"message")
    assert not verify_ed25519(public[:-1], signature, b"message")


def test_a_thumbprint_is_that_of_rfc_7638() -> None:
    """The key of RFC 7515, A.3; the thumbprint was computed by joserfc."""
    from joserfc.jwk import ECKey  # noqa: PLC0415  only here a second opinion is asked

    jwk: dict[str, str | list[str]] = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    key = ECKey.import_key(jwk)
    public = key.public_key
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert thumbprint(public) == key.thumbprint()
