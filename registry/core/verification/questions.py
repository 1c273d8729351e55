"""The questions of a verification, each by itself, and what its answer rests on (formats 12)."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from registry.core.agreement import Effect, NotAgreed
from registry.core.certificate.relation import DUPLICATES
from registry.core.certificate.status_change import Status, StatusChange
from registry.core.errors import RegistryError
from registry.core.identifiers import log_origin, node_did
from registry.core.tlog.entry import Kind
from registry.core.tlog.policy import QuorumNotMet
from registry.core.tlog.proof import TlogProof, verify_proof
from registry.core.trust.log_policy import log_policy
from registry.core.trust.trust_list import SignerStatus
from registry.core.verification.beside import believe_change, believe_original
from registry.core.verification.case import Case
from registry.core.verification.evidence import Standpoint
from registry.core.verification.term import ends_as_agreed
from registry.core.verification.verdict import Check, Finding, Outcome


def _passed(check: Check, code: str, as_of: datetime | None = None) -> Finding:
    return Finding(check, Outcome.PASSED, code, as_of=as_of)


def _failed(check: Check, code: str, detail: str | None = None) -> Finding:
    return Finding(check, Outcome.FAILED, code, detail)


def _unknown(check: Check, code: str, as_of: datetime | None = None) -> Finding:
    return Finding(check, Outcome.UNKNOWN, code, as_of=as_of)


def _ask_format(_case: Case) -> Finding:
    return _passed(Check.FORMAT, "well-formed")


def _ask_environment(case: Case) -> Finding:
    if case.certificate.subject.env != case.trusted.env:
        return _failed(Check.ENVIRONMENT, "other-environment")
    return _passed(Check.ENVIRONMENT, "same-environment")


def _ask_signature(case: Case) -> Finding:
    if case.chained is None:
        return _unknown(Check.SIGNATURE, "signer-unknown")
    if not case.envelope.is_signed_by(case.chained.key):
        return _failed(Check.SIGNATURE, "signature-wrong")
    return _passed(Check.SIGNATURE, "signature-verifies")


def _ask_signer(case: Case) -> Finding:
    """Judge the key at `validFrom`.

    A thief writes any `validFrom`, so after a revocation the issuer's own dates count for nothing (formats 11,
    `logged_by`): good is what the quorum of the log or the one who asks had seen before, bad what the quorum saw only
    afterwards, and what nobody dates is open.
    """
    assert case.believed is not None
    if case.signer is None:
        return _failed(Check.SIGNER, "wrong-purpose")
    row, chained, when = case.signer.row, case.signer.chained, case.certificate.valid_from
    if case.envelope.signer != case.certificate.issuer:
        return _failed(Check.SIGNER, "issuer-mismatch")
    if f"{case.certificate.issuer}#{case.certificate.subject.scheme}" not in chained.uris:
        return _failed(Check.SIGNER, "scheme-not-certified")
    if when < row.from_:
        return _failed(Check.SIGNER, "before-use")
    if when > row.use_until:
        return _failed(Check.SIGNER, "after-use")
    if row.status_from is not None and when >= row.status_from:
        return _failed(Check.SIGNER, "signer-revoked", row.reason)
    if row.status is SignerStatus.REVOKED and row.status_from is not None:
        existed_by, proved = _existed_by(case)
        if existed_by is None or existed_by >= row.status_from:
            if proved:
                return _failed(Check.SIGNER, "signer-revoked", row.reason)
            return _unknown(Check.SIGNER, "revoked-since", row.status_from)
    if case.believed.expired(case.at):
        return _unknown(Check.SIGNER, "list-expired", case.believed.list.expires_at)
    if case.word.behind:
        return _unknown(Check.SIGNER, "list-behind", case.believed.list.issued_at)
    return _passed(Check.SIGNER, "signer-good", case.list_as_of)


def _existed_by(case: Case) -> tuple[datetime | None, bool]:
    """Return the earliest moment at which others are known to have seen it, and whether its log dates it at all."""
    held = case.held
    seen = [held.recorded_at] if held is not None and held.standpoint is not Standpoint.ISSUER else []
    logged_by = _logged_by(case)
    logged = [] if logged_by is None else [logged_by]
    return min(seen + logged, default=None), logged_by is not None


def _logged_by(case: Case) -> datetime | None:
    """Return when the quorum vouched for the checkpoint of the proof, or for what is held at the issuer's node."""
    if case.presentation.proof is not None and case.agreement is not None:
        with suppress(RegistryError):
            return _check_proof(case, case.presentation.proof)
    return case.held.logged_by if case.held is not None else None


def _ask_body(case: Case) -> Finding:
    """Judge body and signatory at the day of issue; that the body has the scheme follows from the signer's row."""
    assert case.signer is not None
    assert case.believed is not None
    body, subject = case.signer.body, case.certificate.subject
    if case.certificate.body_name not in body.issues_as(subject.issue_date.day):
        return _failed(Check.BODY, "body-not-notified")
    if body.signatory(subject.signatory.id, subject.signatory.name, subject.issue_date.day) is None:
        return _failed(Check.BODY, "signatory-not-notified")
    return _passed(Check.BODY, "notified", case.list_as_of)


def _ask_agreement(case: Case) -> Finding:
    """Judge scheme, direction and dates; a duplicate is of paper, and has the dates of its original (S4 8.2; S7)."""
    subject, agreement = case.certificate.subject, case.agreement
    if agreement is None:
        return _failed(Check.AGREEMENT, "agreement-unknown")
    assert case.believed is not None
    if subject.issued_in != case.believed.list.country:
        return _failed(Check.AGREEMENT, "issued-elsewhere")
    day = subject.issue_date.day
    try:
        agreed = agreement.recognition(subject.scheme, subject.issued_in, subject.presented_in, day)
    except NotAgreed as refusal:
        return _failed(Check.AGREEMENT, "not-agreed", str(refusal))
    as_agreed = (
        agreement.in_force_on(day)
        and agreed.rules_set == subject.rules_set
        and agreement.party(subject.issued_in).offset == subject.issue_date.offset
        and ends_as_agreed(case, agreement, agreed)
    )
    if not as_agreed:
        return _failed(Check.AGREEMENT, "not-agreed")
    if case.superseded(agreement):
        return _failed(Check.AGREEMENT, "agreement-superseded")
    return _passed(Check.AGREEMENT, "agreed" if agreed.effect is Effect.RECOGNISED else "information-only")


def _ask_destination(case: Case) -> Finding:
    if case.trusted.country not in {None, case.certificate.subject.presented_in}:
        return _failed(Check.DESTINATION, "destination-elsewhere")
    return _passed(Check.DESTINATION, "for-here")


def _ask_status(case: Case) -> Finding:
    """Answer for the day asked: an annulment from a later day leaves an earlier declaration as it was.

    What ends an original ends its duplicate, which stands for the same paper (S4 8.2).
    """
    changes = [
        believe_change(text, case.certificate, case.envelope.digest, case.trusted, case.evidence.seen)
        for text in case.evidence.changes
    ]
    ending = _out_of_force([change for change in changes if change and case.holds(change.effective_from)])
    if ending is not None:
        later = ending.status is Status.ANNULLED and not ending.from_start(case.certificate.subject.issue_date)
        return _failed(Check.STATUS, "annulled-from-date" if later else ending.status.value, ending.reason)
    of_original = _changes_of_original(case)
    ended = _out_of_force([change for change in of_original if change and case.holds(change.effective_from)])
    if ended is not None:
        return _failed(Check.STATUS, "original-out-of-force", ended.reason)
    if case.evidence.waits or None in (*changes, *of_original):
        return _unknown(Check.STATUS, "change-not-believed")
    held, as_of = case.held, case.word.as_of
    if case.is_ahead:
        return _unknown(Check.STATUS, "day-ahead", as_of)
    if held is None:
        return _unknown(Check.STATUS, "status-unknown", as_of)
    if case.evidence.original is None:
        return _unknown(Check.STATUS, "original-not-delivered", as_of)
    if held.standpoint is Standpoint.ISSUER:
        return _passed(Check.STATUS, "in-force", case.at)
    if case.trusted.stale_after is not None and case.at > case.trusted.stale_after:
        return _unknown(Check.STATUS, "bundle-stale", as_of)
    if not case.word.fresh(case.trusted.read_at or case.at):
        return _unknown(Check.STATUS, "status-stale", as_of)
    return _passed(Check.STATUS, "by-channel-only" if held.standpoint is Standpoint.NODE else "by-bundle", as_of)


def _changes_of_original(case: Case) -> Sequence[StatusChange | None]:
    named = case.certificate.relation(DUPLICATES)
    if named is None:
        return []
    held, original = case.evidence, str(named.certificate)
    return [believe_original(text, original, case.certificate, case.trusted, held.seen) for text in held.original or ()]


def _out_of_force(changes: Sequence[StatusChange]) -> StatusChange | None:
    """Return the change that holds: annulled and replaced are for ever, of the other two the last recorded counts."""
    for change in changes:
        if change.status in {Status.ANNULLED, Status.REPLACED}:
            return change
    last = max(changes, key=lambda change: change.recorded_at, default=None)
    return last if last is not None and last.status is Status.SUSPENDED else None


def _ask_validity(case: Case) -> Finding:
    issued = case.certificate.subject.issue_date
    if not case.holds(issued):
        return _failed(Check.VALIDITY, "before-validity")
    ended = case.at > case.certificate.valid_until if case.day is None else case.day > case.certificate.last_day
    if ended:
        return _failed(Check.VALIDITY, "after-validity")
    return _passed(Check.VALIDITY, "within-validity")


def _ask_log(case: Case) -> Finding:
    """Judge the proof that is shown, or what is held; `as_of` is when the quorum last vouched for that log.

    A proof that waits for its witnesses is none yet; past the agreement's time, one that has none is as good as wrong.
    """
    assert case.agreement is not None
    witnessed = case.agreement.quorum(case.certificate.subject.issued_in) > 0
    logged_by: datetime | None = None
    if case.presentation.proof is not None:
        try:
            logged_by = _check_proof(case, case.presentation.proof)
        except QuorumNotMet:
            return _pending(case, "quorum-not-met")
        except RegistryError as refusal:
            return _failed(Check.LOG, "proof-wrong", str(refusal))
    elif case.held is None:
        return _unknown(Check.LOG, "no-proof-shown")
    elif not case.held.logged:
        return _pending(case, "not-yet-logged")
    newest = case.trusted.heads.get(log_origin(case.certificate.node)) if witnessed else None
    as_of = max((time for time in (newest, logged_by) if time is not None), default=None)
    known_by = None if as_of is None else min(as_of, case.at)  # whatever the clock of a witness says
    since = logged_by or (None if case.held is None else case.held.logged_by)
    return replace(_passed(Check.LOG, "witnessed" if witnessed else "unwitnessed", known_by), since=since)


def _pending(case: Case, code: str) -> Finding:
    assert case.agreement is not None
    due = case.certificate.valid_from + timedelta(hours=case.agreement.log_required_after_hours)
    return _failed(Check.LOG, "not-logged") if case.at > due else _unknown(Check.LOG, code)


def _check_proof(case: Case, proof: str) -> datetime | None:
    """Return when the quorum vouched for the proof's checkpoint. Raises what `log_policy` and `verify_proof` raise."""
    assert case.believed is not None
    assert case.agreement is not None
    node = case.believed.node(node_did(case.certificate.node))
    if node is None:
        raise NotAgreed("the trust list does not know the node whose log this would be")
    policy = log_policy(case.agreement, case.trusted.lists, node)
    proved = verify_proof(TlogProof.parse(proof), policy, kind=Kind.CERTIFICATE_ISSUED, digest=case.envelope.digest)
    if proved.leaf.to != case.certificate.subject.presented_in:
        raise NotAgreed("the leaf names another destination: the country that it is for could not miss it")
    return proved.by


def _ask_delivered(case: Case) -> Finding:
    held = case.evidence.held
    if held is None:
        offline = case.trusted.stale_after is not None
        return _unknown(Check.DELIVERED, "not-in-bundle" if offline else "not-delivered", case.trusted.as_of)
    if held.digest != case.envelope.digest:
        return _failed(Check.DELIVERED, "other-digest")
    here = "issued-outside" if held.outside else "own"
    return _passed(Check.DELIVERED, here if held.standpoint is Standpoint.ISSUER else "delivered", held.recorded_at)


GROUND = frozenset({Check.FORMAT, Check.ENVIRONMENT, Check.SIGNATURE})
"""Where these are not passed, nothing that the certificate says can be believed, and no later question has ground."""


ASK: Mapping[Check, Callable[[Case], Finding]] = {
    Check.FORMAT: _ask_format,
    Check.ENVIRONMENT: _ask_environment,
    Check.SIGNATURE: _ask_signature,
    Check.SIGNER: _ask_signer,
    Check.BODY: _ask_body,
    Check.AGREEMENT: _ask_agreement,
    Check.DESTINATION: _ask_destination,
    Check.STATUS: _ask_status,
    Check.VALIDITY: _ask_validity,
    Check.LOG: _ask_log,
    Check.DELIVERED: _ask_delivered,
}
