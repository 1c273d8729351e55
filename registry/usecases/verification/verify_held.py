"""The importer's answer: the full verdict on a certificate that they hold, before they declare (DESIGN 1).

What is another's is not there, and nobody learns by asking which numbers exist: whoever has the file holds it, and a
number is answered only with its id and to its own consignee (PROMISES 32).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from registry.core.certificate.claims import Claims
from registry.core.certificate.credential import Certificate
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Refused
from registry.store import certificates, parties
from registry.store.acts import Draw
from registry.store.certificates import CertificateRow
from registry.store.parties import Organisation, Role
from registry.usecases.party.identify_party import Party
from registry.usecases.trust.believe_peers import Beliefs
from registry.usecases.trust.sign_for_body import CertificateNotFound
from registry.usecases.verification.read_number import latin_number
from registry.usecases.verification.verify_certificate import Question, Verification, ask

PER_MINUTE = 30


@dataclass(eq=False)
class TooManyVerifications(Refused):
    """The person asked more often in this minute than anyone does who works with certificates."""

    code: ClassVar[str] = "too-many-verifications"
    clause: ClassVar[str | None] = "ASVS 2.4.1"
    retry_after: int
    most: int = PER_MINUTE

    def __str__(self) -> str:
        return f"a person asks at most {self.most} times a minute"


def count(tx: Session, *, by: Party, at: datetime) -> None:
    """Count one more question, answered or refused, in a transaction of its own. Raises `TooManyVerifications`."""
    by.require(Role.IMPORTER)
    if parties.count_verification(tx, by.person, at.replace(second=0, microsecond=0)) > PER_MINUTE:
        raise TooManyVerifications(60 - at.second)


def verify_held(
    tx: Session,
    question: Question,
    beliefs: Beliefs,
    *,
    principal: str | None,
    env: str,
    country: str,
    by: Party,
    at: datetime,
    draw: Draw,
) -> Verification:
    """Judge a certificate for its holder, or for the one whose mandate they have; the verdict is kept.

    Raises `CertificateNotFound`, in the same words for one that is not here, that is another's, and where there is no
    mandate; `NumberNotLatin`, `NotAgreed`; and what reading the question raises.
    """
    by.require(Role.IMPORTER)
    holder = principal or by.organisation
    if question.shown is None:
        _check_theirs(tx, question, beliefs, holder, country=country, by=by, at=at)
    return ask(tx, question, beliefs, env=env, country=country, by=by, at=at, draw=draw, holder=holder)


def _check_theirs(
    tx: Session, question: Question, beliefs: Beliefs, holder: str, *, country: str, by: Party, at: datetime
) -> None:
    named = question.id or ""
    owner = parties.organisation(tx, holder)
    for row in certificates.by_number(tx, latin_number(question.number), named):
        if row.presented_in == country and owner is not None and _is_consignee(row, owner):
            today = beliefs.offset(country, at).local_date(at).day
            agent = by.organisation
            if holder == agent or parties.mandate_for(tx, principal=holder, agent=agent, scheme=row.scheme, day=today):
                return
    raise CertificateNotFound(named, question.number)


def _is_consignee(row: CertificateRow, owner: Organisation) -> bool:
    claims = Claims.parse(Certificate.parse(Envelope.parse(row.envelope, Typ.CERTIFICATE).payload).subject.claims)
    return any(
        party.tax_id is not None and (party.country, party.tax_id) == (owner.country, owner.tax_id)
        for party in claims.importers
    )
