"""The answer of a verification: one finding for each question, in the words of ETSI EN 319 102-1 (formats 12)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from registry.core.canonical import JsonObject
from registry.core.record import decode, encode
from registry.core.rules.finding import Severity


class Check(StrEnum):
    """The questions, in the order in which they are asked."""

    FORMAT = "format"
    ENVIRONMENT = "environment"
    SIGNATURE = "signature"
    SIGNER = "signer"
    BODY = "body"
    AGREEMENT = "agreement"
    DESTINATION = "destination"
    STATUS = "status"
    VALIDITY = "validity"
    LOG = "log"
    DELIVERED = "delivered"


class Outcome(StrEnum):
    """How one question was answered. Not being able to check is never invalid and never valid."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Indication(StrEnum):
    """The whole answer (ETSI EN 319 102-1, 5.1.3)."""

    TOTAL_PASSED = "TOTAL-PASSED"
    TOTAL_FAILED = "TOTAL-FAILED"
    INDETERMINATE = "INDETERMINATE"


SENTENCES = {
    "well-formed": "the certificate is in its one spelling",
    "same-environment": "the certificate is of this environment",
    "other-environment": "the certificate is of another environment",
    "signature-verifies": "the signature is by the key that it names",
    "signature-wrong": "the signature does not verify: the content was altered, or another key signed",
    "signer-unknown": "no adopted trust list knows the key",
    "signer-good": "the key was the body's and in use when it signed",
    "wrong-purpose": "the key is not one that signs certificates",
    "issuer-mismatch": "the key belongs to another body than the issuer that the certificate names",
    "scheme-not-certified": "the key's certificate does not name the scheme",
    "before-use": "it was signed before the key came into use",
    "after-use": "it was signed after the use of the key had ended",
    "signer-revoked": "the key was revoked before the certificate is known to have existed",
    "revoked-since": "the key was revoked later, and nothing shows that the certificate existed before that",
    "list-expired": "the trust list that knows the key has expired",
    "list-behind": "the issuer's country has a newer trust list than the one that is adopted here",
    "notified": "the body and the signatory were notified on the day of issue",
    "body-not-notified": "the body was not notified as one that issues, or not under this name",
    "signatory-not-notified": "the signatory was not notified on the day of issue",
    "agreed": "the agreement recognises the certificate",
    "information-only": "the agreement takes the certificate for information only",
    "agreement-unknown": "the agreement that the certificate names is not in force here",
    "agreement-superseded": "the states had agreed anew before it was issued, and it names the agreement before that",
    "issued-elsewhere": "the key is not of the country that the certificate names as issuing",
    "not-agreed": "by the agreement scheme, direction, rules, day of issue or end of validity would be others",
    "for-here": "the certificate is for this country",
    "destination-elsewhere": "the certificate is for another country",
    "in-force": "nothing that is held takes the certificate out of force",
    "by-channel-only": "by all that came by the channel it is in force on the day asked for",
    "by-bundle": "by what the bundle holds it is in force on the day asked for",
    "annulled": "the certificate is annulled from the start: it was never in force",
    "annulled-from-date": "the certificate is annulled from a day after its issue; before that day it was in force",
    "replaced": "the certificate is replaced by another",
    "original-out-of-force": "the certificate that it duplicates is annulled or replaced, and that ends its duplicate",
    "original-not-delivered": "the certificate that it duplicates has never been delivered here, nor its changes",
    "suspended": "the certificate is suspended",
    "day-ahead": "the day asked for is yet to come, and what may end the certificate by then is not known",
    "status-unknown": "changes of status of this certificate have never been delivered here",
    "change-not-believed": "a change of status is held that the body's key does not vouch for",
    "bundle-stale": "the bundle is older than it may be",
    "status-stale": "for longer than a day nothing has shown that every change of status has come",
    "within-validity": "the day asked for is within the validity",
    "before-validity": "the day asked for is before the day of issue",
    "after-validity": "the validity had ended on the day asked for",
    "witnessed": "it is in the issuer's log, and the witnesses that the agreement asks for have cosigned that",
    "unwitnessed": "it is in the issuer's log, which by the agreement needs no witness",
    "quorum-not-met": "too few witnesses have cosigned a checkpoint that covers it",
    "proof-wrong": "the proof of the log does not hold for this certificate",
    "not-logged": "it has no place in the log, though the time for that is over",
    "not-yet-logged": "it has no place in the log yet",
    "no-proof-shown": "no proof of the log was shown, and none is held",
    "delivered": "the issuer delivered this very certificate",
    "own": "it was issued by this node, whose own record stands for delivery",
    "issued-outside": "the body's own system issued it, and this node, which registered it, holds it",
    "other-digest": "another certificate was delivered under this number",
    "not-delivered": "the issuer has not delivered it here",
    "number-not-latin": "nothing bears it: letters of the number are not Latin, though they may look so",
    "not-in-bundle": "the bundle does not hold it; it may be newer than the bundle",
    "not-reached": "an earlier answer left this question without ground",
}
"""What each code says. Codes are public; translations key on them."""

FOR_PREFERENCE = {
    "logged-late": "by its proof it was logged more than one day after the day of issue that it states",
    "issued-outside": "the body's own system issued it, and the issuing node registered it",
    "registered-late": "the issuing node registered it after the working day that follows the day of issue",
    "sheet-of-set": "it is one sheet of a set: the others are certificates of their own",
    "sheets-missing": "sheets of its set are not here, or not in force",
}
"""What each code of the second answer says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One question, its answer, why, and how old what it rests on is."""

    check: Check
    outcome: Outcome
    code: str
    detail: str | None = None
    as_of: datetime | None = None
    since: datetime | None = None
    """From when on others vouch for it: of the log, `logged_by` (formats 11)."""

    @property
    def sentence(self) -> str:
        """What the code says, and what was found where the code is that of a refusal."""
        return SENTENCES.get(self.code) or self.detail or self.code


@dataclass(frozen=True, slots=True)
class PreferenceFinding:
    """One finding for the preference, with its clause: it is never a reason to call a certificate invalid."""

    code: str
    severity: Severity
    clause: str
    detail: str | None = None

    def of(self, detail: str) -> Self:
        """Return it with what was found."""
        return replace(self, detail=detail)

    @property
    def sentence(self) -> str:
        """What the code says."""
        return FOR_PREFERENCE[self.code]


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings, what they come to, and beside that what is found for the preference."""

    indication: Indication
    at: datetime
    findings: tuple[Finding, ...]
    preference: tuple[PreferenceFinding, ...] = ()

    @classmethod
    def of(cls, findings: Iterable[Finding], at: datetime, preference: Sequence[PreferenceFinding] = ()) -> Self:
        """Return the verdict: one failed is TOTAL-FAILED, else one unknown INDETERMINATE, else TOTAL-PASSED."""
        answers = tuple(findings)
        outcomes = {finding.outcome for finding in answers}
        if Outcome.FAILED in outcomes:
            return cls(Indication.TOTAL_FAILED, at, answers, tuple(preference))
        if Outcome.UNKNOWN in outcomes or not answers:
            return cls(Indication.INDETERMINATE, at, answers, tuple(preference))
        return cls(Indication.TOTAL_PASSED, at, answers, tuple(preference))

    @classmethod
    def parse(cls, value: JsonObject) -> Self:
        """Read a verdict that was kept; raises `MalformedRecord`."""
        return decode(cls, value)

    def encode(self) -> JsonObject:
        """Write the verdict as an object."""
        return encode(self)

    def finding(self, check: Check) -> Finding | None:
        """Return the answer to one question, if it was asked."""
        return next((finding for finding in self.findings if finding.check is check), None)

    @property
    def decisive(self) -> Finding | None:
        """The finding that decided: the first failed, else the first unknown, else none."""
        for outcome in (Outcome.FAILED, Outcome.UNKNOWN):
            for finding in self.findings:
                if finding.outcome is outcome:
                    return finding
        return None
