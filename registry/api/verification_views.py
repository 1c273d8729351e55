"""How verdicts are shown: one in full, or many by name."""

from typing import Annotated

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from registry.api.beside_views import BesideView
from registry.api.certificate_views import CertificateView, NamedCertificate
from registry.api.problems import Problem, write_refusal
from registry.core.calendar import write_instant
from registry.core.errors import RegistryError
from registry.core.verification.verdict import Finding, Verdict
from registry.store import clarifications
from registry.store.acts import Act
from registry.usecases.certificate.read_beside import read_beside
from registry.usecases.trust.believe_peers import Beliefs
from registry.usecases.verification.verify_certificate import Verification


class VerdictFindingView(BaseModel):
    """One question and its answer; `as_of` is how old what it rests on is."""

    check: str
    outcome: str
    code: str
    sentence: str
    as_of: str | None = None
    since: Annotated[str | None, Field(description="Of the log: when its witnesses had seen the certificate.")] = None

    @classmethod
    def of(cls, finding: Finding) -> "VerdictFindingView":
        """Render a finding."""
        return cls(
            check=finding.check,
            outcome=finding.outcome,
            code=finding.code,
            sentence=finding.sentence,
            as_of=None if finding.as_of is None else write_instant(finding.as_of),
            since=None if finding.since is None else write_instant(finding.since),
        )


class PreferenceFindingView(BaseModel):
    """What is found for the preference, with its clause: it decides nothing in the verdict."""

    code: str
    severity: str
    clause: str
    sentence: str
    detail: str | None = None

    @classmethod
    def all_of(cls, verdict: Verdict) -> "list[PreferenceFindingView] | None":
        """Render what was found; None where that is nothing."""
        return [
            cls(code=each.code, severity=each.severity, clause=each.clause, sentence=each.sentence, detail=each.detail)
            for each in verdict.preference
        ] or None


class VerificationView(BaseModel):
    """The verdict: TOTAL-PASSED, TOTAL-FAILED or INDETERMINATE, with one finding for each question asked."""

    id: str
    indication: str
    at: str
    findings: list[VerdictFindingView]
    preference: list[PreferenceFindingView] | None = None
    certificate: CertificateView | None = None
    beside: BesideView | None = None
    number: str | None = None
    day: str | None = None

    @classmethod
    def of(cls, tx: Session, verification: Verification, beliefs: Beliefs, env: str) -> "VerificationView":
        """Render what was just found, and what stands beside it."""
        row = verification.certificate
        if row is None:
            return cls._of(verification.id, verification.verdict)
        beside = BesideView.of(read_beside(tx, row, beliefs, env), row)
        return cls._of(verification.id, verification.verdict, certificate=CertificateView.of(row), beside=beside)

    @classmethod
    def kept(cls, act: Act) -> "VerificationView":
        """Render what was kept."""
        verdict = Verdict.parse(act.private["verdict"])
        return cls._of(act.id, verdict, number=act.private.get("number"), day=act.private.get("day"))

    @classmethod
    def _of(
        cls,
        id: str,
        verdict: Verdict,
        *,
        certificate: CertificateView | None = None,
        beside: BesideView | None = None,
        number: str | None = None,
        day: str | None = None,
    ) -> "VerificationView":
        findings = [VerdictFindingView.of(finding) for finding in verdict.findings]
        at = write_instant(verdict.at)
        return cls(
            id=id,
            indication=verdict.indication,
            at=at,
            findings=findings,
            preference=PreferenceFindingView.all_of(verdict),
            certificate=certificate,
            beside=beside,
            number=number,
            day=day,
        )


class VerdictView(BaseModel):
    """A verdict among many: the certificate is named, not shown, since a thousand of them have no bound."""

    id: str
    indication: str
    at: str
    findings: list[VerdictFindingView]
    preference: list[PreferenceFindingView] | None = None
    certificate: NamedCertificate | None = None
    clarified: Annotated[
        bool | None, Field(description="A box of it is to be read otherwise than it was signed: `href` says how.")
    ] = None


class BulkAnswer(BaseModel):
    """The answer to one question: a verdict, or the problem that stands in its place."""

    verdict: VerdictView | None = None
    problem: Problem | None = None

    @classmethod
    def of(cls, answer: Verification | RegistryError) -> "BulkAnswer":
        """Render an answer."""
        if isinstance(answer, RegistryError):
            return cls(problem=Problem(**write_refusal(answer)))
        row = answer.certificate
        verdict = VerdictView(
            id=answer.id,
            indication=answer.verdict.indication,
            at=write_instant(answer.verdict.at),
            findings=[VerdictFindingView.of(finding) for finding in answer.verdict.findings],
            preference=PreferenceFindingView.all_of(answer.verdict),
            certificate=None if row is None else NamedCertificate.of(row),
        )
        return cls(verdict=verdict)


class BulkView(BaseModel):
    """An answer for each question, in the order asked."""

    answers: list[BulkAnswer]

    @classmethod
    def of(cls, tx: Session, answers: list[BulkAnswer]) -> "BulkView":
        """Mark which of the certificates are clarified."""
        named = [(said.certificate.id, said) for each in answers if (said := each.verdict) and said.certificate]
        mended = clarifications.clarified(tx, [certificate for certificate, _ in named])
        for certificate, verdict in named:
            verdict.clarified = certificate in mended or None
        return cls(answers=answers)
