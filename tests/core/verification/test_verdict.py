from datetime import UTC, datetime

import pytest

from registry.core.verification.verdict import Check, Finding, Indication, Outcome, Verdict

AT = datetime(2026, 11, 21, tzinfo=UTC)
PASSED = Finding(Check.FORMAT, Outcome.PASSED, "well-formed")
UNKNOWN = Finding(Check.STATUS, Outcome.UNKNOWN, "status-unknown", as_of=AT)
FAILED = Finding(Check.LOG, Outcome.FAILED, "proof-wrong", "why")


@pytest.mark.parametrize(
    ("findings", "indication", "decisive"),
    [
        ([PASSED], Indication.TOTAL_PASSED, None),
        ([PASSED, UNKNOWN], Indication.INDETERMINATE, UNKNOWN),
        ([PASSED, UNKNOWN, FAILED], Indication.TOTAL_FAILED, FAILED),
        ([], Indication.INDETERMINATE, None),
    ],
)
def test_one_failed_fails_else_one_unknown_leaves_it_open_and_nothing_asked_is_never_passed(
    findings: list[Finding], indication: Indication, decisive: Finding | None
) -> None:
    verdict = Verdict.of(iter(findings), AT)
    assert verdict.indication is indication
    assert verdict.decisive is decisive
    assert Verdict.parse(verdict.encode()) == verdict


def test_a_question_that_was_not_asked_has_no_answer() -> None:
    verdict = Verdict.of([PASSED], AT)
    assert verdict.finding(Check.FORMAT) is PASSED
    assert verdict.finding(Check.LOG) is None


def test_the_sentence_of_a_refusal_is_what_it_found() -> None:
    assert Finding(Check.FORMAT, Outcome.FAILED, "malformed-record", "a is missing").sentence == "a is missing"
    assert Finding(Check.FORMAT, Outcome.FAILED, "malformed-record").sentence == "malformed-record"
    assert FAILED.sentence == "the proof of the log does not hold for this certificate"
