from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from registry.core import canonical
from registry.core.agreement import MAX_FIGURE, Agreement, NeutralWitness, NotAgreed, Quorum
from registry.core.calendar import Calendar, LocalDate, read_instant
from registry.core.number_pattern import MalformedNumberPattern, NumberPattern, NumbersExhausted
from registry.core.record import MalformedRecord
from registry.core.tlog.note import KeyType, VerifierKey
from tests.core.world import SCHEME, TODAY, World

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def agreement(world: World) -> Agreement:
    return world.agreement


def test_an_agreement_reads_back_and_is_known_by_its_bytes(agreement: Agreement) -> None:
    full = replace(
        agreement,
        until=date(2030, 1, 1),
        working_days_to_issue=5,
        days_to_object=3,
        calendars=(Calendar("BY", 2026, "Resolution", (date(2026, 1, 1),)),),
    )
    for value in (agreement, full):
        assert Agreement.parse(value.encode()) == value
        assert value.id == canonical.digest(canonical.encode(value.encode()))
    assert agreement.id != full.id


def test_its_parties_are_two_different_countries(agreement: Agreement) -> None:
    by, uz = agreement.parties
    assert agreement.countries == ("BY", "UZ")
    assert agreement.party("BY") == by
    assert agreement.peer_of("BY") == uz
    assert agreement.peer_of("UZ") == by
    with pytest.raises(NotAgreed, match="KZ is not a party"):
        agreement.peer_of("KZ")
    for parties in ((by,), (by, by), (by, uz, replace(uz, country="KZ"))):
        with pytest.raises(NotAgreed, match="two different countries"):
            Agreement.parse(replace(agreement, parties=parties).encode())


@pytest.mark.parametrize(("issued_in", "presented_in"), [("BY", "BY"), ("KZ", "BY"), ("BY", "KZ")])
def test_a_recognition_is_from_one_party_to_the_other(agreement: Agreement, issued_in: str, presented_in: str) -> None:
    odd = replace(agreement.recognitions[0], issued_in=issued_in, presented_in=presented_in)
    with pytest.raises(NotAgreed, match="from one party to the other"):
        Agreement.parse(replace(agreement, recognitions=(odd,)).encode())


def test_the_witnesses_of_each_log_are_stated_once(agreement: Agreement) -> None:
    stated = replace(agreement, witnesses=(Quorum("UZ", 2), Quorum("BY", 0)))
    assert (stated.quorum("BY"), stated.quorum("UZ")) == (0, 2)
    assert Agreement.parse(stated.encode()) == stated
    for quorums in ((), (Quorum("BY", 1),), (Quorum("BY", 1),) * 2, (*agreement.witnesses, Quorum("BY", 1))):
        with pytest.raises(NotAgreed, match="witnesses"):
            Agreement.parse(replace(agreement, witnesses=quorums).encode())


def test_a_neutral_witness_stands_once_under_a_key_that_cosigns(world: World, agreement: Agreement) -> None:
    neutral = NeutralWitness("eec.example/witness", world.by.make_witness("eec.example/witness").vkey)
    second = NeutralWitness("other.example/w", world.by.make_witness("other.example/w").vkey)
    agreed = replace(agreement, neutral_witnesses=(neutral, second))
    assert Agreement.parse(agreed.encode()) == agreed
    post_quantum = VerifierKey("pq.example/w", KeyType.MLDSA44_COSIGNATURE, bytes(1312))
    agreed = replace(agreement, neutral_witnesses=(NeutralWitness("pq.example/w", post_quantum),))
    assert Agreement.parse(agreed.encode()) == agreed
    log = VerifierKey("eec.example/log", KeyType.ED25519, neutral.vkey.public)
    for wrong in ((neutral, neutral), (neutral, replace(second, name=neutral.name)), (replace(neutral, vkey=log),)):
        with pytest.raises(NotAgreed, match="a neutral witness stands twice, or its key is not one that cosigns"):
            Agreement.parse(replace(agreement, neutral_witnesses=wrong).encode())
    with pytest.raises(MalformedRecord):
        Agreement.parse(replace(agreement, neutral_witnesses=(replace(neutral, name="a b"),)).encode())


@pytest.mark.parametrize("figure", [-1, MAX_FIGURE + 1, 2**53 - 1])
def test_a_figure_beyond_what_a_date_can_hold_is_refused(agreement: Agreement, figure: int) -> None:
    first, second = agreement.recognitions
    changes: list[dict[str, Any]] = [
        {"log_required_after_hours": figure},
        {"working_days_to_issue": figure},
        {"days_to_object": figure},
        {"witnesses": (Quorum("BY", figure), Quorum("UZ", 0))},
        {"recognitions": (first, replace(second, validity_months=figure))},
    ]
    for change in changes:
        with pytest.raises(NotAgreed, match="below 0 or beyond"):
            Agreement.parse(replace(agreement, **change).encode())
    longest = replace(agreement, log_required_after_hours=MAX_FIGURE)
    assert Agreement.parse(longest.encode()) == longest


@pytest.mark.parametrize("percent", ["5%", "05", "5.", "-5", "100", "5.123", ""])
def test_a_tolerance_has_one_spelling(agreement: Agreement, percent: str) -> None:
    odd = replace(agreement.recognitions[0], tolerance_percent=percent)
    with pytest.raises(MalformedRecord):
        Agreement.parse(replace(agreement, recognitions=(odd,)).encode())


def test_it_is_in_force_from_its_first_to_its_last_local_day(agreement: Agreement) -> None:
    dated = replace(agreement, from_=TODAY, until=TODAY + DAY)
    assert [dated.in_force_on(TODAY + days * DAY) for days in (-1, 0, 1, 2)] == [False, True, True, False]
    assert replace(dated, until=None).in_force_on(date(2999, 1, 1))
    begins = read_instant("2026-11-20T19:00:00Z")
    assert dated.in_force(begins, "UZ")
    assert not dated.in_force(begins, "BY")


def test_a_scheme_is_recognised_in_a_direction_for_days(agreement: Agreement) -> None:
    first = agreement.recognitions[0]
    dated = replace(agreement, recognitions=(replace(first, from_=TODAY, until=TODAY),))
    assert dated.recognition(SCHEME, "BY", "UZ", TODAY).scheme == SCHEME
    for scheme, issued_in, presented_in, day in (
        ("other", "BY", "UZ", TODAY),
        (SCHEME, "UZ", "BY", TODAY),
        (SCHEME, "BY", "UZ", TODAY - DAY),
        (SCHEME, "BY", "UZ", TODAY + DAY),
    ):
        with pytest.raises(NotAgreed) as refused:
            dated.recognition(scheme, issued_in, presented_in, day)
        assert refused.value.code == "not-agreed"


def test_a_certificate_is_valid_to_the_end_of_a_local_day(agreement: Agreement) -> None:
    issued = LocalDate(TODAY, agreement.party("UZ").offset)
    ends = agreement.valid_until(issued, agreement.recognitions[0])
    assert ends == read_instant("2027-11-21T18:59:59Z")


def test_a_body_writes_numbers_by_its_pattern(world: World, agreement: Agreement) -> None:
    pattern = agreement.pattern(world.by.body)
    assert pattern.number(issued_in="BY", presented_in="UZ", year=2026, serial=42) == "BYUZ6101000042"
    with pytest.raises(NotAgreed, match="no number pattern"):
        agreement.pattern("did:web:nobody")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("{serial:4}", "0042"),
        ("A-{year:4}/{serial:2}", "A-2026/42"),
        ("{year:2}{serial:9}", "26000000042"),
        ("{presented_in}{serial:3}{issued_in}", "UZ042BY"),
    ],
)
def test_a_pattern_reads_back_and_fills(text: str, number: str) -> None:
    pattern = NumberPattern.parse(text)
    assert pattern.encode() == text
    assert pattern.number(issued_in="BY", presented_in="UZ", year=2026, serial=42) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "{serial:0}",
        "{serial:6}{serial:6}",
        "{serial}",
        "{year:3}{serial:4}",
        "{x}{serial:4}",
        "a{serial:4}",
        "{serial:4}}",
    ],
)
def test_a_pattern_without_one_serial_is_refused(text: str) -> None:
    with pytest.raises(MalformedNumberPattern, match="not a number pattern"):
        NumberPattern.parse(text)


def test_numbers_run_out_and_are_never_cut() -> None:
    pattern = NumberPattern.parse("{serial:2}")
    assert pattern.number(issued_in="BY", presented_in="UZ", year=2026, serial=99) == "99"
    with pytest.raises(NumbersExhausted, match="serial 100 does not fit"):
        pattern.number(issued_in="BY", presented_in="UZ", year=2026, serial=100)
