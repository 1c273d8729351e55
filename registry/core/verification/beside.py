"""What a body signs beside a certificate: changes of its status, and clarifications; each believed or left out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.core.certificate.clarification import Clarification, check_mends
from registry.core.certificate.credential import Certificate
from registry.core.certificate.status_change import StatusChange
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Malformed, RegistryError
from registry.core.identifiers import Digest
from registry.core.trust.trust_list import SignerRow, SignerStatus
from registry.core.verification.evidence import Trusted


@dataclass(frozen=True, slots=True)
class Named:
    """Another certificate that is held, and how it stands to this one; of a sheet, which one it is."""

    kind: str
    certificate: str
    number: str
    k: int = 0


@dataclass(frozen=True, slots=True)
class Beside:
    """What is shown beside a verdict, and decides nothing in it (formats 12)."""

    changes: Sequence[StatusChange] = ()
    clarifications: Sequence[Clarification] = ()
    named_by: Sequence[Named] = ()
    sheets: Sequence[Named] = ()


def believe_beside(
    changes: Iterable[str],
    clarifications: Iterable[str],
    certificate: Certificate,
    digest: Digest,
    trusted: Trusted,
    seen: Mapping[str, datetime],
) -> Beside:
    """Return what the body of a certificate said of it, of the texts that are held; what it did not say is left out."""
    changed = (believe_change(text, certificate, digest, trusted, seen) for text in changes)
    mended = (believe_clarification(text, certificate, digest, trusted, seen) for text in clarifications)
    return Beside([each for each in changed if each is not None], [each for each in mended if each is not None])


def believe_change(
    text: str, certificate: Certificate, digest: Digest, trusted: Trusted, seen: Mapping[str, datetime]
) -> StatusChange | None:
    """Return the change of status in `text` if the body of `certificate` signed it for this very certificate.

    `seen` tells by when others than its signer had seen it, by its digest: see `is_dated`.
    """
    try:
        envelope = Envelope.parse(text, Typ.STATUS)
        change = StatusChange.parse(envelope.payload)
    except Malformed:
        return None
    about = change.digest == digest and change.certificate == certificate.id
    return change if about and _changed_by_body(envelope, change, certificate, trusted, seen) else None


def believe_original(
    text: str, original: str, duplicate: Certificate, trusted: Trusted, seen: Mapping[str, datetime]
) -> StatusChange | None:
    """Return the change in `text` if the body of a duplicate signed it for the certificate that is duplicated.

    A duplicate names its original by id alone; whose digest it has, the body says that signed all three.
    """
    try:
        envelope = Envelope.parse(text, Typ.STATUS)
        change = StatusChange.parse(envelope.payload)
    except Malformed:
        return None
    about = change.certificate == original
    return change if about and _changed_by_body(envelope, change, duplicate, trusted, seen) else None


def _changed_by_body(
    envelope: Envelope, change: StatusChange, certificate: Certificate, trusted: Trusted, seen: Mapping[str, datetime]
) -> bool:
    path = certificate.id[: -len(f"{certificate.year}/{certificate.subject.number}")]
    by_same_body = change.replaced_by is None or change.replaced_by.startswith(path)
    if not by_same_body or change.replaced_by == change.certificate:
        return False
    return _said_by_body(envelope, change, certificate, trusted, seen)


def believe_clarification(
    text: str, certificate: Certificate, digest: Digest, trusted: Trusted, seen: Mapping[str, datetime]
) -> Clarification | None:
    """Return the clarification in `text` if the body of `certificate` signed it for this, and it mends a typo."""
    try:
        envelope = Envelope.parse(text, Typ.CLARIFICATION)
        said = Clarification.parse(envelope.payload)
        check_mends(certificate.subject.claims, said.box, said.old, said.new)
    except RegistryError:
        return None
    about = (said.certificate, said.digest) == (certificate.id, digest)
    return said if about and _said_by_body(envelope, said, certificate, trusted, seen) else None


def _said_by_body(
    envelope: Envelope,
    said: StatusChange | Clarification,
    certificate: Certificate,
    trusted: Trusted,
    seen: Mapping[str, datetime],
) -> bool:
    """Tell whether a signer of the body that issued a certificate, in use when this was recorded, said it."""
    signers = (adopted.signers.get(envelope.kid) for adopted in trusted.same_environment())
    signer = next((known for known in signers if known is not None), None)
    if signer is None or not envelope.is_signed_by(signer.chained.key):
        return False
    by_issuer = envelope.signer == said.issuer == certificate.issuer
    by_two = said.proposed_by != said.confirmed_by
    counts = signer.row.in_use(said.recorded_at) and is_dated(signer.row, seen.get(envelope.digest))
    return counts and said.env == trusted.env and by_issuer and by_two


def is_dated(signer: SignerRow, seen: datetime | None) -> bool:
    """Tell whether a signer's word is known to be older than its revocation, where it was revoked.

    Whoever stole the key writes any date into what it signs: then only what others had seen before counts (formats 11).
    """
    if signer.status is not SignerStatus.REVOKED or signer.status_from is None:
        return True
    return seen is not None and seen < signer.status_from
