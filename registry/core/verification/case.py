"""What the questions of a verification are asked of."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

from registry.core.agreement import Agreement
from registry.core.calendar import LocalDate
from registry.core.certificate.credential import Certificate
from registry.core.envelope.jose import Envelope
from registry.core.identifiers import node_did
from registry.core.trust.believed_list import BelievedList, KnownSigner
from registry.core.trust.document_signer import Chained
from registry.core.trust.freshness import Word
from registry.core.verification.evidence import Evidence, Held, ReadEvidence, Trusted
from registry.core.verification.presentation import Presentation

ADOPTED_WITHIN = timedelta(days=1)
"""So long after one node adopted an agreement the other may still issue under the one before it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A certificate that could be read, who is believed to have signed it, and what is held of it."""

    presentation: Presentation
    envelope: Envelope
    certificate: Certificate
    trusted: Trusted
    evidence: Evidence
    signer: KnownSigner | None
    chained: Chained | None
    believed: BelievedList | None
    day: date | None
    at: datetime

    @classmethod
    def open(
        cls,
        presentation: Presentation,
        envelope: Envelope,
        certificate: Certificate,
        trusted: Trusted,
        read: ReadEvidence,
        day: date | None,
        at: datetime,
    ) -> Self:
        """Find the key that the certificate names, in a list of this environment, and read what is held of it."""
        signer, chained, believed = None, None, None
        for adopted in trusted.same_environment():
            signer = adopted.signers.get(envelope.kid)
            chained = signer.chained if signer else _key_of_another_purpose(adopted, envelope.kid)
            if chained is not None:
                believed = adopted
                break
        evidence = read(certificate, envelope.digest)
        return cls(presentation, envelope, certificate, trusted, evidence, signer, chained, believed, day, at)

    def holds(self, since: LocalDate) -> bool:
        """Tell whether what holds from a local date holds on the day asked, or now where none was.

        Now is an instant: at half past midnight in Tashkent it is still yesterday in Minsk.
        """
        return since.begins() <= self.at if self.day is None else since.day <= self.day

    @property
    def agreement(self) -> Agreement | None:
        """The agreement that the certificate names, where it is one of this environment."""
        named = self.trusted.agreements.get(self.certificate.subject.agreement)
        return named if named is not None and named.env == self.trusted.env else None

    @property
    def is_ahead(self) -> bool:
        """Whether the day asked is yet to come in both countries: what may end the certificate by then is not known."""
        agreed = self.agreement
        clocks = [] if agreed is None else [party.offset for party in agreed.parties]
        return self.day is not None and all(self.day > clock.local_date(self.at).day for clock in clocks)

    def superseded(self, agreement: Agreement) -> bool:
        """Tell whether both states had agreed anew before this was signed, and that held on the day of issue.

        Nodes do not adopt in one moment: for a day the issuing one may not have the newer agreement yet.
        """
        adopted, day = self.trusted.adopted, self.certificate.subject.issue_date.day
        own = adopted.get(agreement.id, self.certificate.valid_from)
        return any(
            (agreement.from_, own) < (other.from_, adopted.get(other.id, own))
            and adopted.get(other.id, own) < self.certificate.valid_from - ADOPTED_WITHIN
            for other in self.trusted.agreements.values()
            if set(other.countries) == set(agreement.countries) and other.in_force_on(day)
        )

    @property
    def held(self) -> Held | None:
        """What is held of this very certificate, and not of another under its number."""
        held = self.evidence.held
        return held if held is not None and held.digest == self.envelope.digest else None

    @property
    def word(self) -> Word:
        """How fresh the word of the issuer's node is."""
        return self.trusted.words.get(node_did(self.certificate.node), Word())

    @property
    def list_as_of(self) -> datetime:
        """When the list that knows the key was last known to be the newest."""
        assert self.believed is not None
        return self.word.list_as_of or self.believed.list.issued_at


def _key_of_another_purpose(adopted: BelievedList, kid: str) -> Chained | None:
    node = adopted.nodes.get(kid)
    return node.chained if node else adopted.list_keys.get(kid)
