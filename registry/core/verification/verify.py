"""Is this certificate genuine and in force? The ordered questions, each answered or said to be open (formats 12).

The same function answers at a node, at issue, on the channel and on a device with no network; they differ in what they
believe (`Trusted`) and hold (`Evidence`).
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime

from registry.core.certificate.credential import Certificate
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Malformed
from registry.core.verification.case import Case
from registry.core.verification.evidence import ReadEvidence, Trusted
from registry.core.verification.preference import for_preference
from registry.core.verification.presentation import Presentation
from registry.core.verification.questions import ASK, GROUND
from registry.core.verification.verdict import Check, Finding, Outcome, Verdict

EVERY_CHECK = frozenset(Check)
AT_ISSUE = EVERY_CHECK - {Check.LOG, Check.DELIVERED}
"""At issue the log has not taken the certificate in, and nothing was delivered."""
ON_ARRIVAL = EVERY_CHECK - {Check.STATUS, Check.DELIVERED}
"""What arrives by the channel is being delivered, and nothing was said of it before: both would answer themselves."""


def verify(
    presentation: Presentation,
    trusted: Trusted,
    read: ReadEvidence,
    *,
    at: datetime,
    day: date | None = None,
    asked: AbstractSet[Check] = EVERY_CHECK,
) -> Verdict:
    """Ask every question of `asked` in order, for the local day `day` (None: now); nothing that comes in raises."""
    try:
        envelope = Envelope.parse(presentation.certificate, Typ.CERTIFICATE)
        certificate = Certificate.parse(envelope.payload)
    except Malformed as refusal:
        broken = Finding(Check.FORMAT, Outcome.FAILED, refusal.code, str(refusal))
        return Verdict.of([broken, *_not_reached(Check.FORMAT, asked)], at)
    case = Case.open(presentation, envelope, certificate, trusted, read, day, at)
    findings: list[Finding] = []
    for check in Check:
        if check not in asked:
            continue
        findings.append(ASK[check](case))
        stops = check in GROUND and findings[-1].outcome is not Outcome.PASSED
        if stops or findings[-1].outcome is Outcome.FAILED:
            findings.extend(_not_reached(check, asked))
            break
    return Verdict.of(findings, at, for_preference(certificate, findings, case.held))


def _not_reached(after: Check, asked: AbstractSet[Check]) -> Sequence[Finding]:
    checks = list(Check)
    rest = checks[checks.index(after) + 1 :]
    return [Finding(check, Outcome.UNKNOWN, "not-reached") for check in rest if check in asked]
