"""Whether a certificate ends when what was agreed says, and a duplicate when its original does (S4 8.2)."""

from datetime import datetime

from registry.core.agreement import Agreement, Form, NotAgreed, Recognition
from registry.core.calendar import LocalDate
from registry.core.certificate.credential import Subject
from registry.core.certificate.relation import DUPLICATES
from registry.core.verification.case import Case


def ends_as_agreed(case: Case, agreement: Agreement, agreed: Recognition) -> bool:
    """Tell whether it ends when its agreement says; a duplicate, when what was agreed for its original says."""
    subject, original = case.certificate.subject, case.certificate.relation(DUPLICATES)
    if original is None:
        return agreement.valid_until(subject.issue_date, agreed) == case.certificate.valid_until
    counted = original.issue_date
    assert counted is not None
    if agreed.form is not Form.PAPER or counted.begins() > subject.issue_date.ends():
        return False
    parties = (agreement.env, set(agreement.countries))
    known = (each for each in case.trusted.agreements.values() if (each.env, set(each.countries)) == parties)
    return any(_ended(each, subject, counted) == case.certificate.valid_until for each in known)


def _ended(agreement: Agreement, subject: Subject, counted: LocalDate) -> datetime | None:
    """Return until when what was issued on a local date is valid by an agreement; None where it is not under it."""
    if agreement.party(subject.issued_in).offset != counted.offset or not agreement.in_force_on(counted.day):
        return None
    try:
        agreed = agreement.recognition(subject.scheme, subject.issued_in, subject.presented_in, counted.day)
    except NotAgreed:
        return None
    return agreement.valid_until(counted, agreed)
