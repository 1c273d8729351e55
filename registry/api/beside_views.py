"""How what stands beside a certificate is shown: changes of status, clarifications, relations, sheets."""

from pydantic import BaseModel

from registry.core.calendar import write_instant
from registry.core.certificate.clarification import Clarification
from registry.core.certificate.credential import Certificate
from registry.core.certificate.relation import SHEET_OF, Relation
from registry.core.certificate.status_change import StatusChange
from registry.core.envelope.jose import Envelope, Typ
from registry.core.verification.beside import Beside, Named
from registry.store.certificates import CertificateRow, StatusChangeRow
from registry.store.clarifications import ClarificationRow
from registry.usecases.trust.sign_for_body import read


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
