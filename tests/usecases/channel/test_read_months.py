"""Of a month that nobody stated it is said why: not over, nothing issued, waiting, or overdue."""

from datetime import UTC, datetime, timedelta

from registry.core.channel.reconciliation import Month
from registry.usecases.channel.read_months import Unstated, why_unstated
from registry.usecases.channel.settle_months import Ends
from tests.kit import Corridor

NOVEMBER, DECEMBER = Month(2026, 11), Month(2026, 12)
OVER = datetime(2026, 12, 1, tzinfo=UTC)


def test_a_month_is_not_over_waits_and_is_overdue_where_something_was_issued(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    ends = Ends(by.did, uz.did, "UZ")

    def why(issuer: str, month: Month, after: timedelta) -> Unstated:
        with by.node.database.read() as tx:
            return why_unstated(tx, month, ends, issuer, at=OVER + after)

    hour, week = timedelta(hours=1), timedelta(days=7)
    assert why(by.did, NOVEMBER, hour - timedelta(seconds=1)) is Unstated.NOT_OVER
    assert why(by.did, NOVEMBER, hour) is Unstated.WAITING
    assert why(by.did, NOVEMBER, week) is Unstated.OVERDUE
    assert why(by.did, DECEMBER, week) is Unstated.NOT_OVER
    assert why(by.did, Month(2026, 10), week) is Unstated.NOTHING
    assert why(uz.did, NOVEMBER, week) is Unstated.NOTHING
