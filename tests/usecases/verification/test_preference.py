"""The second answer: what is found for the preference stands beside the verdict, and decides nothing in it."""

from datetime import UTC, datetime, timedelta

import pytest

from registry.core.verification.bundle import open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Check, Indication, Verdict
from registry.core.verification.verify import verify
from registry.store.certificates import CertificateRow
from tests.kit import Corridor, Country
from tests.outside import issued_outside, registered
from tests.usecases.certificate.test_sheets import issued as issued_sheet
from tests.usecases.certificate.test_sheets import sheet
from tests.usecases.verification.test_export_bundle import export

FRIDAY = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def codes(verdict: Verdict) -> list[str]:
    return [found.code for found in verdict.preference]


def offline(country: Country, issued: CertificateRow) -> Verdict:
    """Judge what is held on a device that has the newest bundle."""
    with country.node.database.read() as tx:
        row = tx.get_one(CertificateRow, issued.id)
    opened = open_bundle(export(country).text, country.node.pins)
    return verify(Presentation(row.envelope, row.proof), opened.trusted, opened.read, at=country.clock())


@pytest.mark.parametrize(
    ("logged", "found"),
    [
        (datetime(2026, 11, 21, 9, 30, tzinfo=UTC), []),
        (datetime(2026, 11, 22, 20, 59, 59, tzinfo=UTC), []),
        (datetime(2026, 11, 22, 21, 0, tzinfo=UTC), ["logged-late"]),
    ],
    ids=["at once", "the last second of the next day in Minsk", "midnight after it"],
)
def test_a_date_of_issue_more_than_a_day_before_the_log_had_it_is_found(
    corridor: Corridor, logged: datetime, found: list[str]
) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    corridor.clock.at = logged
    by.witnessed(uz)
    by.deliver(uz)
    uz.hears(by.states(), by)
    for verdict in (uz.asks(issued.number).verdict, offline(uz, issued)):
        assert verdict.indication is Indication.TOTAL_PASSED
        assert codes(verdict) == found
        log = verdict.finding(Check.LOG)
        assert log is not None
        assert log.since == logged
    assert codes(by.asks(issued.number, issued.id).verdict) == []  # at home it is for elsewhere, and no log is asked


def test_what_is_found_says_the_two_days_the_clause_and_a_sentence(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    corridor.clock.forward(timedelta(days=2))
    by.witnessed(uz)
    by.deliver(uz)
    (late,) = uz.asks(issued.number).verdict.preference
    assert late.detail == "issued on 2026-11-21+03:00, logged by 2026-11-23+03:00"
    assert (late.severity, late.clause) == ("warning", "S4 App. 4")
    assert late.sentence.startswith("by its proof it was logged more than one day after")


def test_the_country_of_import_sees_what_was_issued_outside_online_and_offline(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row, other = registered(by).certificate, by.issued()
    by.deliver(uz)
    answer = uz.asks(row.number)
    assert answer.certificate is not None
    assert answer.certificate.outside == row.outside
    for verdict in (answer.verdict, offline(uz, row)):
        assert verdict.indication is Indication.TOTAL_PASSED
        assert codes(verdict) == ["issued-outside"]
    assert codes(uz.asks(other.number).verdict) == codes(offline(uz, other)) == []


def test_the_country_of_import_sees_that_it_was_registered_late(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    corridor.clock.at = FRIDAY
    envelope = issued_outside(by)
    corridor.clock.forward(timedelta(days=4))
    row = registered(by, envelope).certificate
    by.deliver(uz)
    for verdict in (uz.asks(row.number).verdict, offline(uz, row)):
        assert codes(verdict) == ["logged-late", "issued-outside", "registered-late"]


def test_a_verdict_that_is_kept_keeps_what_was_found_for_the_preference(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = registered(by).certificate
    by.deliver(uz)
    verdict = uz.asks(row.number).verdict
    assert Verdict.parse(verdict.encode()) == verdict


def test_nothing_is_told_of_what_is_presented_elsewhere(corridor: Corridor) -> None:
    by = corridor.by
    row, one = registered(by).certificate, issued_sheet(by, sheet(by, 1, 1))
    for number in (row.number, one.number):
        verdict = by.asks(number).verdict
        assert verdict.indication is Indication.TOTAL_FAILED
        assert codes(verdict) == []


def test_of_a_certificate_whose_signature_does_not_verify_nothing_is_found(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = registered(by).certificate
    by.deliver(uz)
    opened = open_bundle(export(uz).text, uz.node.pins)
    forged = Presentation(row.envelope[:-4] + "AAAA")
    assert codes(verify(forged, opened.trusted, opened.read, at=uz.clock())) == []


def test_a_device_says_that_it_is_a_sheet_and_knows_no_other(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = issued_sheet(by, sheet(by, 1, 1))
    by.deliver(uz)
    assert [each.code for each in offline(uz, row).preference] == ["sheet-of-set"]
