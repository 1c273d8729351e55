"""Making keys and certifying them: the root is offline, and each key is for one purpose (formats 1, "Keys")."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from registry.core.tlog.note import VerifierKey
from registry.core.trust.document_signer import Purpose
from registry.signing.key_file import (
    CERTIFICATE,
    PRIVATE,
    VERIFIER,
    KeyMissing,
    NoteSigner,
    read_certificate,
    read_p256,
    write_new,
    write_private,
)

ROOT, LINK = "root", "link"
ROOT_LIFE = timedelta(days=3652)
USE = timedelta(days=182)
"""A document signer is in use for six months at most."""
LIFE = {
    Purpose.LIST: timedelta(days=3 * 365),
    Purpose.NODE: timedelta(days=2 * 365),
    Purpose.DOCUMENT: USE + timedelta(days=400),
}
"""A document signer's certificate outlives what it signed: its use, then twelve months (shell model)."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Where a country's root is kept, and what opens it."""

    folder: Path
    secret: bytes


def make_root(authority: Authority, *, country: str, env: str, name: str, at: datetime) -> x509.Certificate:
    """Make the self-signed P-384 root of a country; raises `KeyExists`."""
    key = ec.generate_private_key(ec.SECP384R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, country),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, env),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _builder(subject, subject, key.public_key(), at, at + ROOT_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA384())
    )
    write_private(authority.folder, ROOT, key, authority.secret)
    _write_certificate(authority.folder, ROOT, certificate)
    return certificate


def make_link(former: Authority, folder: Path, at: datetime) -> x509.Certificate:
    """Certify the root in `folder` by the former root, beside it: whoever pinned the former one can follow.

    Raises `KeyExists`, `KeyMissing`, `KeyLocked`.
    """
    key = read_p256(former.folder, ROOT, former.secret)
    issuer, root = read_certificate(former.folder, ROOT), read_certificate(folder, ROOT)
    public = root.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    link = (
        _builder(root.subject, issuer.subject, public, at, root.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(_authority_identifier(issuer), critical=False)
        .sign(key, hashes.SHA384())
    )
    _write_certificate(folder, LINK, link)
    return link


def make_key(
    authority: Authority,
    folder: Path,
    name: str,
    secret: bytes,
    *,
    purpose: Purpose,
    uris: Sequence[str],
    at: datetime,
) -> x509.Certificate:
    """Make a P-256 key for one purpose and certify it by the root; the first of `uris` is the DID it signs for."""
    root_key = read_p256(authority.folder, ROOT, authority.secret)
    root = read_certificate(authority.folder, ROOT)
    key = ec.generate_private_key(ec.SECP256R1())
    country = root.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)[0]
    subject = x509.Name([country, x509.NameAttribute(NameOID.COMMON_NAME, uris[0][:64])])
    certificate = (
        _builder(subject, root.subject, key.public_key(), at, at + LIFE[purpose])
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(purpose.value)]), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_authority_identifier(root), critical=False)
        .sign(root_key, hashes.SHA384())
    )
    write_private(folder, name, key, secret)
    _write_certificate(folder, name, certificate)
    return certificate


def renew_witness(folder: Path, label: str, name: str, secret: bytes) -> NoteSigner:
    """Make the next key of a node's witness, under the next name, and keep the one before aside; nothing is lost.

    A key whose memory is behind must never sign again (c2sp.org/tlog-witness, persistence). Broken off at any step,
    it is taken up by the next run. Raises `KeyMissing`, `KeyLocked`, `KeyExists`.
    """
    path = folder / f"{label}{VERIFIER}"
    if not path.exists():
        raise KeyMissing(str(path))
    present = VerifierKey.parse(path.read_text().strip())
    number = int(present.name.removeprefix(f"{name}/witness").removeprefix("-") or 1)
    following = f"{label}-{number + 1}"
    if not (folder / f"{following}{VERIFIER}").exists():
        NoteSigner.make(folder, following, f"{name}/witness-{number + 1}", present.type, secret)
    for suffix in (PRIVATE, VERIFIER):
        aside = folder / f"{label}-{number}{suffix}"
        if not aside.exists():
            os.link(folder / f"{label}{suffix}", aside)
    for suffix in (PRIVATE, VERIFIER):
        beside = folder / f".{label}{suffix}.{os.getpid()}"
        os.link(folder / f"{following}{suffix}", beside)
        beside.replace(folder / f"{label}{suffix}")
    return NoteSigner.open(folder, label, secret)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, from_: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(from_)
        .not_valid_after(until)
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_identifier(root: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _write_certificate(folder: Path, name: str, certificate: x509.Certificate) -> None:
    write_new(folder / f"{name}{CERTIFICATE}", certificate.public_bytes(serialization.Encoding.PEM))
