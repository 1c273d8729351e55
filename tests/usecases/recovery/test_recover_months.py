"""What a restored node said of months comes back with its messages: it is said once, and compared again."""

from collections.abc import Iterator

import pytest

from registry.core.tlog.entry import Kind
from registry.store.guard import of_sent
from registry.usecases.channel.deliver_message import ChannelBehind
from registry.usecases.channel.settle_months import Ends, settle
from tests.kit import Corridor, Country
from tests.usecases.channel.months import agreed, body_of, end_month, settles
from tests.usecases.channel.test_settle_months import NOVEMBER
from tests.usecases.fsck.lived import found, mirror
from tests.usecases.recovery.restored import Backup, carry, recovered, send

BOTH = {(NOVEMBER, "BY"), (NOVEMBER, "UZ")}


@pytest.fixture
def settled(corridor: Corridor) -> Iterator[tuple[Corridor, Backup]]:
    """A corridor that settled a month, and a backup of Minsk from before that."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    uz.issued("cotton-yarn")
    carry(by, uz)
    carry(uz, by)
    backup = Backup.take(corridor.forge, by)
    end_month(corridor)
    settle_all(by, uz)
    assert agreed(by) == agreed(uz) == BOTH
    yield corridor, backup
    backup.drop()


def settle_all(by: Country, uz: Country) -> None:
    more = True
    while more:
        for home, abroad in ((by, uz), (uz, by)):
            carry(home, abroad)
        more = bool(settles(by, uz) + settles(uz, by))


def test_a_restored_node_gets_its_statements_back_and_says_nothing_anew(settled: tuple[Corridor, Backup]) -> None:
    corridor, backup = settled
    by, uz = corridor.by, corridor.uz
    said = [body_of(by, NOVEMBER, each) for each in (by, uz)]
    backup.restore()
    mark = by.node.guard.mark(of_sent(uz.did, 1))
    with by.refuses(ChannelBehind) as refused:
        settle(refused.tx, Ends(by.did, uz.did, uz.code), mark=mark, at=by.clock(), draw=by.node.draw)
    recovered(by, uz)
    assert [body_of(by, NOVEMBER, each) for each in (by, uz)] == said
    assert agreed(by) == set()
    settle_all(by, uz)
    assert agreed(by) == agreed(uz) == BOTH
    assert by.acts(Kind.MONTH_STATED) == []
    assert len(by.acts(Kind.MONTH_COMPARED)) == 2
    assert found(by) == found(uz) == []


def test_a_statement_that_was_kept_and_not_sent_before_the_backup_is_kept_once(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    end_month(corridor)
    carry(by, uz)
    assert settles(by, uz) == 1
    said = body_of(by, NOVEMBER, by)
    backup = Backup.take(corridor.forge, by)
    settle_all(by, uz)
    backup.restore()
    recovered(by, uz)
    assert body_of(by, NOVEMBER, by) == said
    settle_all(by, uz)
    assert agreed(by) == agreed(uz) == {(NOVEMBER, "BY")}
    assert found(by) == found(uz) == []
    backup.drop()


def test_a_month_after_a_restore_is_stated_from_where_the_last_one_ended(settled: tuple[Corridor, Backup]) -> None:
    corridor, backup = settled
    by, uz = corridor.by, corridor.uz
    backup.restore()
    recovered(by, uz)
    settle_all(by, uz)
    later = by.issued()
    carry(by, uz)
    assert end_month(corridor).encode() == "2026-12"
    for _ in range(2):
        settles(by, uz)
        carry(by, uz)
        settles(uz, by)
        uz.sequence()
        send(uz, by)  # its log is not cosigned: the witness of a restored node is silent until it has a new key
    settles(by, uz)
    for country in (by, uz):
        assert agreed(country) == BOTH | {("2026-12", "BY"), ("2026-12", "UZ")}
    assert [each["certificate"] for each in body_of(uz, "2026-12", by)["entries"]] == [later.id]


def lose_what_was_not_sent(corridor: Corridor) -> None:
    """Issue once more after a backup, let the log be seen, restore before it is sent, and end the month."""
    by, uz = corridor.by, corridor.uz
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    by.issued()
    by.sequence()
    by.witnessed(uz)
    mirror(by, uz)
    backup.restore()
    backup.drop()
    recovered(by, uz)
    carry(by, uz)
    end_month(corridor)


def test_what_was_lost_before_it_was_sent_keeps_no_month_open(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    kept = by.issued()
    lose_what_was_not_sent(corridor)
    settle_all(by, uz)
    assert agreed(by) == agreed(uz) == {(NOVEMBER, "BY")}
    assert [each["certificate"] for each in body_of(uz, NOVEMBER, by)["entries"]] == [kept.id]


def test_a_month_whose_every_certificate_was_lost_before_it_was_sent_is_not_stated_and_the_next_is(
    corridor: Corridor,
) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.approved()
    lose_what_was_not_sent(corridor)
    assert settles(by, uz) == 0
    later = by.issued()
    carry(by, uz)
    assert end_month(corridor).encode() == "2026-12"
    settle_all(by, uz)
    assert agreed(by) == agreed(uz) == {("2026-12", "BY")}
    assert [each["certificate"] for each in body_of(uz, "2026-12", by)["entries"]] == [later.id]
