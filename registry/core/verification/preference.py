"""Findings for the preference: the second answer, beside whether a certificate is genuine and in force (formats 12).

None of them fails a certificate: what they weigh is for customs to say.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from registry.core.certificate.credential import Certificate
from registry.core.certificate.relation import SHEET_OF
from registry.core.rules.finding import Severity
from registry.core.verification.evidence import Held
from registry.core.verification.verdict import Check, Finding, Outcome, PreferenceFinding

LOGGED_WITHIN = timedelta(days=1)
"""Into the electronic system no later than the next day after certification (S4 App. 4)."""
LOGGED_LATE = PreferenceFinding("logged-late", Severity.WARNING, "S4 App. 4")
ISSUED_OUTSIDE = PreferenceFinding("issued-outside", Severity.INFO, "S4 App. 4")
REGISTERED_LATE = PreferenceFinding("registered-late", Severity.WARNING, "S4 App. 4; S5 4.15")
SHEET_OF_SET = PreferenceFinding("sheet-of-set", Severity.INFO, "S5 7.1.1")
SHEETS_MISSING = PreferenceFinding("sheets-missing", Severity.WARNING, "S5 7.1.1")


def for_preference(
    certificate: Certificate, findings: Sequence[Finding], held: Held | None
) -> tuple[PreferenceFinding, ...]:
    """Return what is found of a certificate that is for here.

    What any other says has no ground, for only where the signature verifies the destination is asked; and nothing is
    told of what is presented elsewhere.
    """
    for_here = any(each.check is Check.DESTINATION and each.outcome is Outcome.PASSED for each in findings)
    return tuple(_found(certificate, findings, held)) if for_here else ()


def _found(certificate: Certificate, findings: Sequence[Finding], held: Held | None) -> Iterator[PreferenceFinding]:
    logged_by = next((each.since for each in findings if each.check is Check.LOG), None)
    if logged_by is not None and _is_late(certificate, logged_by):
        issued = certificate.subject.issue_date
        yield LOGGED_LATE.of(f"issued on {issued.encode()}, logged by {issued.offset.local_date(logged_by).encode()}")
    if held is not None and held.outside:
        yield ISSUED_OUTSIDE
        if held.late:
            yield REGISTERED_LATE
    sheet = certificate.relation(SHEET_OF)
    if sheet is not None:
        yield SHEET_OF_SET.of(f"sheet {sheet.k} of {sheet.n}")


def _is_late(certificate: Certificate, logged_by: datetime) -> bool:
    """Tell whether the day of issue is more than one day before the quorum had seen it logged (formats 11)."""
    issued = certificate.subject.issue_date
    return issued.offset.local_date(logged_by).day - issued.day > LOGGED_WITHIN
