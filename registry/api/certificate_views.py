"""How certificates, and what stands beside them, are shown."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, Field

from registry.core.calendar import write_instant
from registry.core.certificate.clarification import Clarification
from registry.core.certificate.credential import Certificate
from registry.core.certificate.outside import Outside
from registry.core.certificate.relation import SHEET_OF, Relation
from registry.core.certificate.status_change import StatusChange
from registry.core.envelope.jose import Envelope, Typ
from registry.core.verification.beside import Beside, Named
from registry.store.annulments import Annulment
from registry.store.certificates import CertificateRow, StatusChangeRow
from registry.store.channel import MessageOut
from registry.store.clarifications import ClarificationProposal, ClarificationRow
from registry.store.registrations import Registration
from registry.usecases.sign_for_body import read

NodePath = Annotated[str, Path(max_length=253, description="Name of the issuing node, as `by.registry.example`.")]
BodyPath = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,32}$", description="Code of the body.")]
YearPath = Annotated[int, Path(ge=2000, le=9999)]
NumberPath = Annotated[str, Path(max_length=60)]


class StatusView(BaseModel):
    """A change of status, with its two times; `from_start`: it holds from the day of issue on."""

    status: str
    reason: str
    effective_from: str
    recorded_at: str
    from_start: bool
    replaced_by: str | None = None

    @classmethod
    def of(cls, row: StatusChangeRow, certificate: CertificateRow) -> "StatusView":
        """Render a row by reading what was signed."""
        change = StatusChange.parse(Envelope.parse(row.envelope, Typ.STATUS).payload)
        return cls.said(change, read(certificate))

    @classmethod
    def said(cls, change: StatusChange, certificate: Certificate) -> "StatusView":
        """Render what was signed."""
        return cls(
            status=change.status,
            reason=change.reason,
            effective_from=change.effective_from.encode(),
            recorded_at=write_instant(change.recorded_at),
            from_start=change.from_start(certificate.subject.issue_date),
            replaced_by=change.replaced_by,
        )


class ClarificationView(BaseModel):
    """How a box is to be read: `old` was signed, `new` was meant; the certificate stays as it is (R09 9-2.2)."""

    box: str
    old: str
    new: str
    reason: str
    recorded_at: str

    @classmethod
    def of(cls, row: ClarificationRow) -> "ClarificationView":
        """Render a row by reading what was signed."""
        return cls.said(Clarification.parse(Envelope.parse(row.envelope, Typ.CLARIFICATION).payload))

    @classmethod
    def said(cls, said: Clarification) -> "ClarificationView":
        """Render what was signed."""
        at = write_instant(said.recorded_at)
        return cls(box=said.box, old=said.old, new=said.new, reason=said.reason, recorded_at=at)


class ClarificationProposalView(BaseModel):
    """A proposal to clarify that waits for another person."""

    id: str
    certificate: str
    box: str
    old: str
    new: str
    reason: str
    proposed_by: str
    proposed_at: str

    @classmethod
    def of(cls, row: ClarificationProposal) -> "ClarificationProposalView":
        """Render a row."""
        at = write_instant(row.proposed_at)
        return cls(
            id=row.id,
            certificate=row.certificate,
            box=row.box,
            old=row.old,
            new=row.new,
            reason=row.reason,
            proposed_by=row.proposed_by,
            proposed_at=at,
        )


class RelationView(BaseModel):
    """How a certificate stands to another, or which sheet of which set it is."""

    kind: str
    certificate: str | None = None
    issue_date: str | None = None
    set: str | None = None
    k: int | None = None
    n: int | None = None

    @classmethod
    def of(cls, relation: Relation) -> "RelationView":
        """Render a relation."""
        issued = None if relation.issue_date is None else relation.issue_date.encode()
        return cls(
            kind=relation.kind,
            certificate=relation.certificate,
            issue_date=issued,
            set=relation.set,
            k=relation.k,
            n=relation.n,
        )


class NamedView(BaseModel):
    """Another certificate that this node holds, and how it stands to this one."""

    kind: str
    certificate: str
    number: str
    k: int | None = None

    @classmethod
    def of(cls, named: Named) -> "NamedView":
        """Render it."""
        return cls(kind=named.kind, certificate=named.certificate, number=named.number, k=named.k or None)


class BesideView(BaseModel):
    """What stands beside a verdict and decides nothing in it; `sheets` are those of the set that this node holds."""

    changes: list[StatusView]
    clarifications: list[ClarificationView]
    named_by: list[NamedView]
    sheet: str | None = None
    sheets: list[NamedView] | None = None

    @classmethod
    def of(cls, beside: Beside, row: CertificateRow) -> "BesideView":
        """Render it."""
        certificate = read(row)
        sheet = certificate.relation(SHEET_OF)
        return cls(
            changes=[StatusView.said(change, certificate) for change in beside.changes],
            clarifications=[ClarificationView.said(each) for each in beside.clarifications],
            named_by=[NamedView.of(each) for each in beside.named_by],
            sheet=None if sheet is None else f"sheet {sheet.k} of {sheet.n}",
            sheets=None if sheet is None else [NamedView.of(each) for each in beside.sheets],
        )


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


class AnnulmentView(BaseModel):
    """A proposal to annul, or to replace by what a draft of an application says, that waits for another person."""

    id: str
    certificate: str
    reason: str
    effective_from: str
    proposed_by: str
    proposed_at: str
    application: str | None = None
    draft: str | None = None

    @classmethod
    def of(cls, row: Annulment) -> "AnnulmentView":
        """Render a row."""
        return cls(
            id=row.id,
            certificate=row.certificate,
            reason=row.reason,
            effective_from=row.effective_from.isoformat(),
            proposed_by=row.proposed_by,
            proposed_at=write_instant(row.proposed_at),
            application=row.application,
            draft=row.draft,
        )


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


class CertificateView(BaseModel):
    """A certificate; the signed text is the truth, this is a reading of it."""

    id: str
    href: str
    number: str
    digest: str
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
