"""How certificates are shown: one in full, or by name."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, Field

from registry.api.beside_views import ClarificationView, RelationView, StatusView
from registry.api.proposal_views import AnnulmentView, ClarificationProposalView
from registry.api.spelled import BodyCode
from registry.core.calendar import write_instant
from registry.core.certificate.outside import Outside
from registry.store.certificates import CertificateRow
from registry.store.messages import MessageOut
from registry.store.registrations import Registration
from registry.usecases.trust.sign_for_body import read

NodePath = Annotated[str, Path(max_length=253, description="Name of the issuing node, as `by.registry.example`.")]
BodyPath = Annotated[BodyCode, Path(description="Code of the body.")]
YearPath = Annotated[int, Path(ge=2000, le=9999)]
NumberPath = Annotated[str, Path(max_length=60)]


class DeliveryView(BaseModel):
    """Where the certificate is on its way to the other country; `proof`: whether the log's proof has come there."""

    to: str
    seq: int
    outcome: str | None
    receipted_at: str | None
    proof: Literal["delivered", "pending"]

    @classmethod
    def of(cls, sent: Sequence[MessageOut]) -> "DeliveryView | None":
        """Render the messages that carried an act."""
        if not sent:
            return None
        first, last = sent[0], sent[-1]
        at = None if first.receipted_at is None else write_instant(first.receipted_at)
        proof = "pending" if last.pending or last.receipt is None else "delivered"
        return cls(to=first.to, seq=first.seq, outcome=first.outcome, receipted_at=at, proof=proof)


class RegistrationView(BaseModel):
    """It was issued by the body's own system: who examined there, and whether it was registered in time."""

    examiner: Annotated[str | None, Field(description="Told at the node that registered it alone.")] = None
    registered_on: str
    due_on: Annotated[
        str | None, Field(description="The working day after the day of issue; absent where no calendar says.")
    ]
    late: bool | None

    @classmethod
    def of(cls, outside: Outside, registration: Registration | None = None) -> "RegistrationView":
        """Render it; every date is a local one of the issuing country."""
        return cls(
            examiner=None if registration is None else registration.examiner_name,
            registered_on=outside.registered_on.isoformat(),
            due_on=None if outside.due_on is None else outside.due_on.isoformat(),
            late=outside.late,
        )


class IssuerView(BaseModel):
    """The certification body, by its DID and the name that it signed under."""

    id: str
    name: str


class CertificateView(BaseModel):
    """A certificate; the signed text is the truth, this is a reading of it."""

    id: str
    href: str
    number: str
    digest: str
    issuer: IssuerView
    source: str
    scheme: str
    rules_set: str
    issued_in: str
    presented_in: str
    issue_date: str
    valid_until: str
    signatory: str
    claims: dict[str, Any]
    relations: list[RelationView] | None = None
    clarifications: list[ClarificationView] | None = None
    changes: list[StatusView] | None = None
    logged: bool | None = None
    delivery: DeliveryView | None = None
    annulment: AnnulmentView | None = None
    clarification: ClarificationProposalView | None = None
    registration: RegistrationView | None = None

    @classmethod
    def of(cls, row: CertificateRow, **more: Any) -> "CertificateView":
        """Render a row by reading what was signed."""
        certificate = read(row)
        subject = certificate.subject
        return cls(
            id=row.id,
            href=href_of(row.id),
            number=subject.number,
            digest=row.digest,
            issuer=IssuerView(id=certificate.issuer, name=certificate.body_name),
            source=row.source,
            scheme=subject.scheme,
            rules_set=subject.rules_set,
            issued_in=subject.issued_in,
            presented_in=subject.presented_in,
            issue_date=subject.issue_date.encode(),
            valid_until=write_instant(certificate.valid_until),
            signatory=subject.signatory.name,
            claims=dict(subject.claims),
            relations=[RelationView.of(each) for each in subject.relations] or None,
            **{"registration": None if row.outside is None else RegistrationView.of(row.outside), **more},
        )


class NamedCertificate(BaseModel):
    """Which certificate an answer is about; `href` gives all of it."""

    id: str
    href: str
    number: str
    digest: str

    @classmethod
    def of(cls, row: CertificateRow) -> "NamedCertificate":
        """Render a row."""
        return cls(id=row.id, href=href_of(row.id), number=row.number, digest=row.digest)


def href_of(id: str) -> str:
    """Return where this node shows a certificate."""
    return f"/api/v1/certificates/{id.removeprefix('https://').replace('/certificates/', '/', 1)}"
