"""fsck says which statement of a month, or which comparison, is not what was signed."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.kit import Forge
from tests.usecases.channel.months import differences, end_month, pass_on, settle_both
from tests.usecases.channel.test_settle_months import NOVEMBER
from tests.usecases.fsck.lived import Lives, found


@pytest.fixture(scope="module")
def lives(forge: Forge) -> Iterator[Lives]:
    """A corridor that settled a month on which both do not agree."""
    with forge.corridor() as corridor:
        by, uz = corridor.by, corridor.uz
        gone = by.issued()
        by.issued()
        pass_on(by, uz)
        with forge.breaking(uz) as tx:
            tx.execute(text("DELETE FROM arrival WHERE certificate = :id"), {"id": gone.id})
            tx.execute(text("DELETE FROM certificate WHERE id = :id"), {"id": gone.id})
        end_month(corridor)
        settle_both(corridor)
        superusers = {country.code: forge.superuser(country.database) for country in (by, uz)}
        yield Lives(by, uz, superusers)
        for pool in superusers.values():
            pool.close()


ALTERED = [
    ("UPDATE month_statement SET body = '[]'", "unreadable is not a member of it"),
    ("UPDATE month_statement SET body = body || '{\"part\": 0}'", "is not one of its parts"),
    ("UPDATE month_statement SET month = '2026-10'", "its columns are not what it says: month"),
    ("UPDATE month_statement SET act = NULL WHERE side = 'issued'", "it stated a month, and the statement is not here"),
    ("UPDATE month_statement SET by = 'did:web:kz.registry.example'", "it is not what its act says"),
    ("UPDATE month_statement SET stated_at = now() WHERE side = 'issued'", "it is not what its act says"),
    ("UPDATE month_statement SET stated_at = now() WHERE side = 'delivered'", "no message carries it so"),
    ("DELETE FROM month_statement", "the statements that were compared are not here"),
    ("DELETE FROM month_statement WHERE side = 'delivered'", "it was accepted, and what it carried is not here"),
    ("UPDATE reconciliation SET found = '{\"differences\": []}'", "its columns are not what the statements say: found"),
    ("UPDATE reconciliation SET at = now()", "comparison of 2026-11 of did:web:by.registry.example with"),
    ("DELETE FROM reconciliation", "it compared a month, and the comparison is not here"),
    ("DELETE FROM task", "it found differences, and nobody was asked to look"),
    ("DELETE FROM message_in", "no message carries it so"),
]


def test_a_difference_that_is_known_to_a_person_is_nothing_to_find(lives: Lives) -> None:
    assert [code for code, _ in differences(lives.by, NOVEMBER, "BY")] == ["not-delivered"]
    assert found(lives.by) == []


@pytest.mark.parametrize(("statement", "named"), ALTERED, ids=[each for each, _ in ALTERED])
def test_what_was_altered_is_named(lives: Lives, statement: str, named: str) -> None:
    lines = lives.found_after(lives.by, statement)
    assert any(named in line for line in lines), lines


def test_a_message_that_cannot_be_read_carries_no_statement(lives: Lives) -> None:
    lines = lives.found_after(lives.by, "UPDATE message_in SET envelope = 'x'")
    assert any("no message carries it so" in line for line in lines), lines


def test_a_statement_that_no_message_brought_is_named_where_it_was_delivered(lives: Lives) -> None:
    statement = "UPDATE message_in SET envelope = 'x' WHERE kind = 'reconciliation'"
    lines = lives.found_after(lives.uz, statement)
    assert any(line.startswith("statement of a month") for line in lines), lines
