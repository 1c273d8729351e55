"""No question about certificates makes the database read all that it holds, however much that is."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from registry.core.certificate.lifecycle import Standing
from registry.store.certificate_search import SCANS, SPAN, Conditions, Found, Position, Scope, page
from tests.kit import Corridor, Country

HELD, EACH_DAY, PAGE = 6 * SPAN, 100, 51
MOST = 4 * (SPAN + 1)
"""To see whether the terms, or the days, name few, to find the page, and to see after which to go on."""
CUSTOMS = Scope(presented_in="UZ")
FIRST_DAY = date(2026, 1, 1)
FILLED = """
    INSERT INTO certificate (id, source, country, body, year, number, scheme, presented_in, digest, issued_on,
        valid_until, status_list, status_index, envelope, terms, recorded_at, organisation)
    SELECT 'urn:' || n, 'delivered', 'BY', 'bcci', 2026, 'N' || n, 'origin-st1', 'UZ', 'd' || n,
        date '2026-01-01' + n / :each_day, '2028-01-01', 'list', n, '',
        ARRAY['all', 'part:' || n / (:held / 2), 'one in ' || CASE WHEN n % 1000 = 0 THEN '1000' ELSE 'others' END],
        timestamptz '2026-01-01 12:00Z' + n * interval '1 minute', CASE WHEN n % 1000 = 0 THEN :organisation END
    FROM generate_series(0, :held - 1) AS n
"""
READ = text(
    "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables"
    " WHERE relname IN ('certificate', 'status_change')"
)


@pytest.fixture
def full(corridor: Corridor) -> Country:
    """A node that holds many certificates; of the exporter's there are few."""
    uz = corridor.uz
    with uz.tx() as tx:
        organisation = uz.people["exporter"].organisation
        tx.execute(text(FILLED), {"held": HELD, "each_day": EACH_DAY, "organisation": organisation})
    return uz


def read(tx: Session) -> int:
    """Count the rows that were read by this connection until now."""
    rows: int = tx.scalar(READ) or 0
    return rows


def looked(
    country: Country, asked: Conditions, after: Position | None = None, *, scope: Scope = CUSTOMS, most: int = MOST
) -> Found:
    """Ask for a page, and see that no more rows were read for it than may be."""
    with country.node.database.read() as tx:
        before = read(tx)
        found = page(tx, scope, asked, after=after, limit=PAGE)
        assert read(tx) - before <= most
    return found


def day(number: int) -> date:
    return FIRST_DAY + timedelta(days=number)


QUESTIONS = {
    "nothing": (Conditions(), PAGE),
    "a term of all": (Conditions(terms=["all"]), PAGE),
    "a term of the older half": (Conditions(terms=["part:0"]), 0),
    "two terms that are never of one": (Conditions(terms=["part:0", "part:1"]), 0),
    "a term of few": (Conditions(terms=["one in 1000"]), HELD // 1000),
    "a term of few, and an old day": (Conditions(terms=["one in 1000"], issued_until=day(9)), 1),
    "a term of all, and an old day": (Conditions(terms=["all"], issued_from=day(3), issued_until=day(3)), PAGE),
    "a day": (Conditions(issued_from=day(3), issued_until=day(3)), PAGE),
    "all days but the newest": (Conditions(issued_until=day(HELD // EACH_DAY - SPAN // EACH_DAY - 2)), 0),
    "a status that none has": (Conditions(status=Standing.ANNULLED), 0),
    "a term of all and a status that none has": (Conditions(terms=["all"], status=Standing.ANNULLED), 0),
    "a number": (Conditions(number="N7"), 1),
    "a number that none has": (Conditions(number="M7"), 0),
}


def test_no_question_reads_more_than_a_bound(full: Country) -> None:
    found = {what: len(looked(full, asked).rows) for what, (asked, _) in QUESTIONS.items()}
    assert found == {what: rows for what, (_, rows) in QUESTIONS.items()}


def test_whoever_goes_on_finds_all_that_meets_the_conditions(full: Country) -> None:
    asked = Conditions(terms=["part:0"], issued_until=day(SPAN // EACH_DAY))
    numbers, after, empty = [], None, 0
    while True:
        found = looked(full, asked, after)
        numbers += [row.number for row in found.rows]
        if len(found.rows) < PAGE and found.rest is None:
            break
        empty += not found.rows
        after = found.rest or (found.rows[-1].recorded_at, found.rows[-1].id)
    assert numbers == [f"N{n}" for n in reversed(range(SPAN + EACH_DAY))]
    assert empty == (HELD - 2 * SPAN) // SPAN, "looks at what is newer, which said where to go on"


def test_an_organisation_reads_its_own_alone(full: Country) -> None:
    own = HELD // 1000
    scope = Scope(organisation=full.people["exporter"].organisation)
    found = looked(full, Conditions(), scope=scope, most=2 * own)
    assert [row.number for row in found.rows] == [f"N{n}" for n in range(HELD - 1000, -1, -1000)]
    assert found.rest is None


def test_what_a_search_forbids_the_planner_is_allowed_again_after_it(full: Country) -> None:
    with full.node.database.read() as tx:
        page(tx, CUSTOMS, Conditions(terms=["all"]), after=None, limit=PAGE)
        assert [tx.scalar(text(f"SHOW {scan}")) for scan in SCANS] == ["on"] * len(SCANS)
