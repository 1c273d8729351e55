"""A private key in a file, always encrypted, and the certificate or verifier key beside it."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from registry.core.errors import Conflict, NotFound, Refused
from registry.core.identifiers import Kid
from registry.core.signature import raw_es256, thumbprint
from registry.core.tlog.cosignature import cosign
from registry.core.tlog.note import KeyType, Note, SignatureLine, VerifierKey, sign_note
from registry.lines import tell

PRIVATE, CERTIFICATE, VERIFIER = ".key.pem", ".cert.pem", ".vkey"
_LOG = logging.getLogger("registry.key")


@dataclass(eq=False)
class KeyExists(Conflict):
    """A key of this name exists: a ceremony never overwrites one."""

    code: ClassVar[str] = "key-exists"
    path: str

    def __str__(self) -> str:
        return f"{self.path} exists, and a key is never overwritten"


@dataclass(eq=False)
class KeyMissing(NotFound):
    """There is no such key file."""

    code: ClassVar[str] = "key-missing"
    path: str

    def __str__(self) -> str:
        return f"there is no key at {self.path}"


@dataclass(eq=False)
class KeyLocked(Refused):
    """The key file does not open with the passphrase."""

    code: ClassVar[str] = "key-locked"
    path: str

    def __str__(self) -> str:
        return f"{self.path} does not open with this passphrase, or holds no key of its kind"


def write_private(
    folder: Path, name: str, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, secret: bytes
) -> Path:
    """Write an encrypted PKCS #8 file that only its owner may read; raises `KeyExists`."""
    assert secret
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(secret)
    )
    return write_new(folder / f"{name}{PRIVATE}", pem, mode=0o600)


def write_new(path: Path, data: bytes, *, mode: int = 0o644) -> Path:
    """Write a file that must not exist, and make it durable; raises `KeyExists`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise KeyExists(str(path)) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return path


def read_p256(folder: Path, name: str, secret: bytes) -> ec.EllipticCurvePrivateKey:
    """Open an elliptic curve key, a root's on P-384, any other on P-256; raises `KeyMissing` or `KeyLocked`."""
    key = _read_private(folder, name, secret)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyLocked(str(folder / f"{name}{PRIVATE}"))
    return key


def read_certificate(folder: Path, name: str) -> x509.Certificate:
    """Read the certificate beside a key; raises `KeyMissing`."""
    path = folder / f"{name}{CERTIFICATE}"
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        raise KeyMissing(str(path)) from None


def read_verifier(folder: Path, name: str) -> VerifierKey:
    """Read the verifier key beside a key for notes; raises `KeyMissing` or `MalformedVerifierKey`."""
    path = folder / f"{name}{VERIFIER}"
    if not path.exists():
        raise KeyMissing(str(path))
    return VerifierKey.parse(path.read_text("utf-8", "replace").strip())


def _read_private(folder: Path, name: str, secret: bytes) -> object:
    path = folder / f"{name}{PRIVATE}"
    try:
        return serialization.load_pem_private_key(path.read_bytes(), secret)
    except FileNotFoundError:
        raise KeyMissing(str(path)) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyLocked(str(path)) from None


def _uris(certificate: x509.Certificate) -> Sequence[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return names.get_values_for_type(x509.UniformResourceIdentifier)


@dataclass(frozen=True, slots=True)
class FileSigner:
    """An ES256 signer whose key is in memory; never printed."""

    kid: Kid
    certificate: bytes
    _key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def open(cls, folder: Path, name: str, secret: bytes) -> Self:
        """Open a key and its certificate, whose first URI is its DID; raises `KeyMissing` or `KeyLocked`."""
        key = read_p256(folder, name, secret)
        certificate = read_certificate(folder, name)
        public = key.public_key()
        uris = _uris(certificate)
        if certificate.public_key() != public or not isinstance(public.curve, ec.SECP256R1) or not uris:
            raise KeyLocked(str(folder / f"{name}{CERTIFICATE}"))
        der = certificate.public_bytes(serialization.Encoding.DER)
        return cls(Kid(f"{uris[0]}#{thumbprint(public)}"), der, key)

    def sign(self, message: bytes) -> bytes:
        """Return the raw ES256 signature."""
        tell(_LOG, "key.used", key=self.kid)
        return raw_es256(self._key.sign(message, ec.ECDSA(hashes.SHA256())))


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """An Ed25519 key that signs notes: the log's, or the witness's."""

    vkey: VerifierKey
    _key: ed25519.Ed25519PrivateKey = field(repr=False)

    @classmethod
    def make(cls, folder: Path, name: str, key_name: str, kind: KeyType, secret: bytes) -> Self:
        """Make a key for notes under `key_name`; raises `KeyExists`."""
        key = ed25519.Ed25519PrivateKey.generate()
        vkey = VerifierKey(key_name, kind, key.public_key().public_bytes_raw())
        write_private(folder, name, key, secret)
        write_new(folder / f"{name}{VERIFIER}", f"{vkey.encode()}\n".encode())
        return cls(vkey, key)

    @classmethod
    def open(cls, folder: Path, name: str, secret: bytes) -> Self:
        """Open a key and its verifier key; raises `KeyMissing`, `KeyLocked` or `MalformedVerifierKey`."""
        key = _read_private(folder, name, secret)
        vkey = read_verifier(folder, name)
        if not isinstance(key, ed25519.Ed25519PrivateKey) or key.public_key().public_bytes_raw() != vkey.public:
            raise KeyLocked(str(folder / f"{name}{VERIFIER}"))
        return cls(vkey, key)

    def sign(self, text: str) -> Note:
        """Sign the text of a note (c2sp.org/signed-note)."""
        tell(_LOG, "key.used", key=self.vkey.name)
        return sign_note(text, self.vkey, self._key.sign)

    def cosign(self, text: str, at: datetime) -> SignatureLine:
        """Cosign the text of a checkpoint as of `at` (c2sp.org/tlog-cosignature)."""
        tell(_LOG, "key.used", key=self.vkey.name)
        return cosign(text, self.vkey, self._key.sign, at)
