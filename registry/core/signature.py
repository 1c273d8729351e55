"""Signer and verifier: a closed list of algorithms, chosen by the key and by nothing that a message says."""

import base64
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from registry.core.identifiers import Kid

ES256_BYTES = 64
_HALF = ES256_BYTES // 2


class Signer(Protocol):
    """A private key that stays where it is: in a file, or in hardware."""

    @property
    def kid(self) -> Kid:
        """The name under which the trust list knows the public key."""

    def sign(self, message: bytes) -> bytes:
        """Return the raw ES256 signature `r || s`, 64 bytes (RFC 7518, 3.4)."""


def verify_es256(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    """Tell whether `signature`, raw `r || s`, is by `key` over `message` (RFC 7518, 3.4)."""
    if len(signature) != ES256_BYTES or not isinstance(key.curve, ec.SECP256R1):
        return False
    r, s = int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:])
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def raw_es256(der: bytes) -> bytes:
    """Return `r || s` for a DER signature, as `cryptography` and most hardware write it."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(_HALF) + s.to_bytes(_HALF)


def verify_ed25519(key: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether `signature` is by the Ed25519 public key `key` (32 bytes) over `message` (RFC 8032)."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_mldsa44(key: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether `signature` is by the ML-DSA-44 public key `key` (1,312 bytes), empty context (FIPS 204)."""
    try:
        mldsa.MLDSA44PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """Return the RFC 7638 thumbprint of a P-256 public key, base64url without padding."""
    point = key.public_numbers()
    x, y = _b64(point.x.to_bytes(_HALF)), _b64(point.y.to_bytes(_HALF))
    return _b64(sha256(f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode()).digest())


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
