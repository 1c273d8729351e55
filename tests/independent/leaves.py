"""What a stranger learns from the entries of a log: kinds, times, bodies, countries, and nothing else."""

import json
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from registry.core import canonical
from registry.core.certificate.credential import Certificate
from registry.core.envelope.jose import Envelope, Typ
from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.certificates import CertificateRow
from registry.store.parties import Organisation, Person

MEMBERS = {"v", "id", "kind", "at", "by", "to", "digest", "private"}
SIGNED = {
    *(Kind.CERTIFICATE_ISSUED, Kind.CERTIFICATE_STATUS, Kind.CERTIFICATE_CLARIFIED),
    *(Kind.TRUST_PUBLISHED, Kind.TRUST_ADOPTED, Kind.AGREEMENT_ADOPTED),
}
"""Acts whose digest is that of a signed text."""
RANDOM = re.compile(r"[0-9a-f]{32}")
DIGEST = re.compile(r"[0-9a-f]{64}")
AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
DID = re.compile(r"did:web:[a-z0-9.]+(:bodies:[a-z0-9-]+)?")


def secrets_of(tx: Session) -> set[str]:
    """Return all that no leaf may tell: numbers, people, organisations, tax ids, and what every certificate claims."""
    told: set[str] = set()
    for envelope, number in tx.execute(select(CertificateRow.envelope, CertificateRow.number)):
        claims = Certificate.parse(Envelope.parse(envelope, Typ.CERTIFICATE).payload).encode()["credentialSubject"]
        told |= {number, *values(claims)}
    told |= set(tx.scalars(select(Person.name)))
    for name, tax_id in tx.execute(select(Organisation.name, Organisation.tax_id)):
        told |= {name, tax_id or ""}
    return told - {""}


def values(value: Any) -> Iterator[str]:
    """Return every text and figure in a JSON value."""
    if isinstance(value, dict):
        for member in value.values():
            yield from values(member)
    elif isinstance(value, list):
        for member in value:
            yield from values(member)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def check_leaves(tx: Session, entries: Iterable[bytes], countries: set[str]) -> int:
    """Check every entry against all that the node's database knows; return how many there are.

    Each member is random, a digest, a time, or of a closed and public list. A digest is of a signed text, or salted:
    none is of something that can be guessed.
    """
    agreements = set(tx.scalars(text("SELECT id FROM agreement")))
    told = secrets_of(tx) - agreements
    guessed = {sha256(secret.encode()).hexdigest() for secret in told}
    guessed |= {sha256(canonical.encode(act.private)).hexdigest() for act in tx.scalars(select(Act))}
    public = countries | {kind.value for kind in Kind}
    signed = {
        digest
        for table, column in (
            ("certificate", "digest"),
            ("status_change", "digest"),
            ("clarification", "digest"),
            ("month_statement", "digest"),
            ("trust_list", "digest"),
        )
        for digest in tx.scalars(text(f"SELECT {column} FROM {table}"))  # noqa: S608  names of ours
    }
    count = 0
    for count, entry in enumerate(entries, 1):  # noqa: B007  it is returned
        leaf = json.loads(entry)
        assert leaf.keys() <= MEMBERS
        assert RANDOM.fullmatch(leaf["id"])
        assert AT.fullmatch(leaf["at"])
        assert DID.fullmatch(leaf["by"])
        assert DIGEST.fullmatch(leaf["private"])
        assert leaf["kind"] in public
        assert leaf.get("to") in {*countries, None}
        assert leaf["v"] == 1
        digest = leaf.get("digest")
        assert digest is None or DIGEST.fullmatch(digest)
        assert digest in {*signed, *agreements, None} or leaf["kind"] not in SIGNED
        assert not {digest, leaf["private"], leaf["id"]} & (guessed | told)
        shown = " ".join(str(leaf[member]) for member in ("kind", "by", "to") if member in leaf)
        words = [secret for secret in told if len(secret) > 4 and not DID.fullmatch(secret) and secret in shown]
        assert not words, (words, shown)
        assert not {str(leaf[member]) for member in ("by", "kind", "at")} & (told - public - {leaf["by"]})
    return count
