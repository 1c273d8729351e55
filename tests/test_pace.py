"""How fast one person may ask."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from registry.pace import Pace
from registry.usecases.verification.verify_held import TooManyVerifications

AT = datetime(2026, 11, 21, 9, 30, 59, tzinfo=UTC)


def test_each_person_has_a_minute_of_their_own() -> None:
    pace = Pace(3)
    pace.take("a", 3, AT)
    pace.take("b", 2, AT)
    with pytest.raises(TooManyVerifications) as refused:
        pace.take("b", 2, AT)
    assert (refused.value.retry_after, refused.value.most) == (1, 3)
    pace.take("b", 1, AT)
    pace.take("a", 3, AT + timedelta(seconds=1))


def test_of_many_at_once_no_more_are_let_through_than_may() -> None:
    pace = Pace(50)

    def ask(_: int) -> bool:
        try:
            pace.take("a", 1, AT)
        except TooManyVerifications:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(200))) == 50
