"""The chain of one key to the pinned root (formats 1, "Keys"; transparency 3).

X.509 carries the chain; the purpose of a key is its extended key usage under one arc of this project, and a key of one
purpose fails in another. Revocation is the trust list's row, never a CRL or OCSP.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import ClassVar, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID

from registry.core.errors import Unprocessable
from registry.core.identifiers import Did, Kid
from registry.core.signature import thumbprint

ARC = "2.25.69053756985993785495494992030302982162"
"""The arc of this project under ITU-T X.667: one UUID, made once."""


_OTHER_PURPOSE = "the key is for another purpose"
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


class Purpose(Enum):
    """What a key may sign, as the object identifier in its extended key usage."""

    DOCUMENT = f"{ARC}.1"
    LIST = f"{ARC}.2"
    NODE = f"{ARC}.3"


@dataclass(eq=False)
class ChainBroken(Unprocessable):
    """A certificate does not lead to the pinned root for the purpose at hand."""

    code: ClassVar[str] = "chain-broken"
    clause: ClassVar[str | None] = "RFC 5280, 6.1"
    reason: str

    def __str__(self) -> str:
        return f"the key's certificate does not lead to the pinned root: {self.reason}"


@dataclass(eq=False)
class KeyOfAnotherPurpose(ChainBroken):
    """The certificate is for another purpose than the one that its key is used for."""

    code: ClassVar[str] = "key-of-another-purpose"


@dataclass(eq=False)
class RootNotLinked(ChainBroken):
    """The root that was pinned before does not vouch for the one that is to follow it."""

    code: ClassVar[str] = "root-not-linked"

    def __str__(self) -> str:
        return f"the new root does not follow from the pinned one: {self.reason}"


@dataclass(frozen=True, slots=True)
class Root:
    """A country's root as it was pinned: self-signed P-384, the country, environment and name in its subject."""

    certificate: x509.Certificate

    @classmethod
    def parse(cls, der: bytes) -> Self:
        """Read a root certificate; raises `ChainBroken` where it is none."""
        certificate = _certificate(der)
        key = certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
            raise ChainBroken("a root's key is on P-384")
        try:
            certificate.verify_directly_issued_by(certificate)
        except (*_UNREADABLE, InvalidSignature) as error:
            raise ChainBroken("a root is signed by itself") from error
        root = cls(certificate)
        if not (root.country and root.env and root.name):
            raise ChainBroken("a root names its country, environment and authority")
        return root

    @property
    def country(self) -> str:
        """ISO 3166-1 code in the subject (C)."""
        return _attribute(self.certificate, NameOID.COUNTRY_NAME)

    @property
    def env(self) -> str:
        """Environment in the subject (OU)."""
        return _attribute(self.certificate, NameOID.ORGANIZATIONAL_UNIT_NAME)

    @property
    def name(self) -> str:
        """Name of the authority in the subject (CN), as `by.registry.example`."""
        return _attribute(self.certificate, NameOID.COMMON_NAME)


def check_link(former: Root, link: bytes, following: Root) -> None:
    """Check that `former` certified the key of `following` as that of the same authority; raises `RootNotLinked`."""
    certificate = _certificate(link)
    try:
        certificate.verify_directly_issued_by(former.certificate)
    except (*_UNREADABLE, InvalidSignature) as error:
        raise RootNotLinked("the link certificate is not signed by the former root") from error
    same_name = (former.country, former.env, former.name) == (following.country, following.env, following.name)
    if not same_name or certificate.subject != following.certificate.subject:
        raise RootNotLinked("it is of another country, environment or authority")
    if certificate.public_key() != following.certificate.public_key():
        raise RootNotLinked("the link certificate is of another key")


@dataclass(frozen=True, slots=True)
class Chained:
    """A key whose certificate leads to the pinned root for one purpose."""

    key: ec.EllipticCurvePublicKey
    uris: frozenset[str]
    from_: datetime
    until: datetime

    def kid(self, did: str) -> Kid:
        """Return the name of the key under `did`."""
        return Kid(f"{did}#{thumbprint(self.key)}")

    def valid_at(self, at: datetime) -> bool:
        """Tell whether the certificate is within its dates."""
        return self.from_ <= at <= self.until


def chain(der: bytes, root: Root, purpose: Purpose, did: Did) -> Chained:
    """Follow a certificate to the pinned root and return its key; raises `ChainBroken`.

    The dates are the caller's to judge (`Chained.valid_at`): whether a signature was good on its day is another
    question than whether its key is one of ours.
    """
    leaf = _certificate(der)
    try:
        _verifier(root, purpose, leaf.not_valid_before_utc).verify(leaf, [])
    except verification.VerificationError as error:
        kind = KeyOfAnotherPurpose if _OTHER_PURPOSE in str(error) else ChainBroken
        raise kind(_first_clause(error)) from error
    key = leaf.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ChainBroken("the key is not on P-256")
    uris = frozenset(_uris(leaf))
    if did not in uris:
        raise ChainBroken(f"the certificate does not name {did}")
    return Chained(key, uris, leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def chain_to_any(der: bytes, roots: Sequence[Root], purpose: Purpose, did: Did) -> Chained:
    """Follow a certificate to the first of `roots` that vouches for it; raises what the last of them says."""
    *others, last = roots
    for root in others:
        try:
            return chain(der, root, purpose, did)
        except ChainBroken:
            continue
    return chain(der, last, purpose, did)


def _verifier(root: Root, purpose: Purpose, at: datetime) -> verification.ClientVerifier:
    def is_for_purpose(
        _policy: verification.Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage
    ) -> None:
        if [oid.dotted_string for oid in usage] != [purpose.value]:
            raise ValueError(_OTHER_PURPOSE)

    anything = verification.ExtensionPolicy.permit_all()
    criticality = verification.Criticality.CRITICAL
    ca = anything.require_present(x509.BasicConstraints, criticality, None)
    leaf = (
        anything.require_present(x509.ExtendedKeyUsage, criticality, is_for_purpose)
        .require_present(x509.KeyUsage, criticality, None)
        .require_present(x509.SubjectAlternativeName, verification.Criticality.AGNOSTIC, None)
    )
    return (
        verification.PolicyBuilder()
        .store(verification.Store([root.certificate]))
        .time(at)
        .max_chain_depth(1)
        .extension_policies(ca_policy=ca, ee_policy=leaf)
        .build_client_verifier()
    )


def _certificate(der: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.extensions, certificate.subject, certificate.public_key()
    except _UNREADABLE as error:
        raise ChainBroken("the certificate cannot be read") from error
    return certificate


def _attribute(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    values = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid)]
    return values[0] if len(values) == 1 else ""


def _uris(certificate: x509.Certificate) -> Sequence[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _first_clause(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
