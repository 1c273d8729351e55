"""What was sent and lost with a backup comes back with an epoch: a month that was stated in it is said once."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from registry.core.channel.message import Message
from registry.core.channel.reconciliation import StatementPart
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.tlog.entry import Kind
from registry.store.certificates import CertificateRow
from registry.store.epochs import ChannelEpoch
from registry.store.messages import MessageOut
from registry.store.tasks import TaskKind
from tests.kit import Corridor
from tests.usecases.channel.months import agreed, body_of, differences, end_month, settles
from tests.usecases.channel.test_settle_months import NOVEMBER
from tests.usecases.fsck.lived import found
from tests.usecases.recovery.parted import agree_to, begin, lose, offer, waiting
from tests.usecases.recovery.restored import Backup, carry, make, send
from tests.usecases.recovery.test_epochs import open_kinds

DECEMBER = "2026-12"
AGREED = {(NOVEMBER, "BY")}


def said(corridor: Corridor, month: str) -> list[str]:
    """Return the certificates of which Minsk says in Tashkent that they are of a month."""
    return [each["certificate"] for each in body_of(corridor.uz, month, corridor.by)["entries"]]


def settle_all(corridor: Corridor) -> None:
    """Let both state and compare; the log of Tashkent, whose witness is silent after a restore, is not asked for."""
    by, uz = corridor.by, corridor.uz
    more = True
    while more:
        carry(by, uz)
        uz.sequence()
        send(uz, by)
        more = bool(settles(by, uz) + settles(uz, by))


def lose_all_after_the_first(corridor: Corridor, more: int, *, stated: bool = True) -> list[CertificateRow]:
    """Issue, take a backup, issue more and let November be stated, and lose all that was sent since the backup."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    issued = [by.issued()]
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    issued += [by.issued() for _ in range(more)]
    carry(by, uz)
    if stated:
        end_month(corridor)
        settle_all(corridor)
        assert said(corridor, NOVEMBER) == [each.id for each in issued]
        assert agreed(by) == agreed(uz) == AGREED
    lose(corridor, backup, most=more + stated)
    backup.drop()
    return issued


def begin_anew(corridor: Corridor) -> list[str]:
    """Send what the peer takes for a fork, and begin an epoch; return what has no place in it."""
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.witnessed(uz)
    make(by, uz)
    uz.take(waiting(by, uz)[0])
    assert open_kinds(uz) == [TaskKind.CHANNEL_FORK]
    _, astray = begin(by, uz)
    offer(by, uz)
    agree_to(uz, by)
    carry(by, uz)
    return [*astray]


@pytest.mark.parametrize("more", [0, 1])
def test_a_month_that_was_stated_and_lost_is_not_stated_again_and_the_next_follows_on_it(
    corridor: Corridor, more: int
) -> None:
    by, uz = corridor.by, corridor.uz
    issued = lose_all_after_the_first(corridor, more)
    before = body_of(uz, NOVEMBER, by)
    later = by.issued()
    assert begin_anew(corridor) == []
    assert body_of(by, NOVEMBER, by) == before
    settle_all(corridor)
    assert agreed(by) == agreed(uz) == AGREED
    assert by.acts(Kind.MONTH_STATED) == []
    end_month(corridor)
    settle_all(corridor)
    assert said(corridor, DECEMBER) == [later.id], "what November says is not said of December, too"
    assert later.id not in {each.id for each in issued}
    assert agreed(by) == agreed(uz) == AGREED | {(DECEMBER, "BY")}
    assert found(by) == found(uz) == []


def test_a_month_that_ends_with_what_was_lost_ends_at_the_message_that_the_peer_holds(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = lose_all_after_the_first(corridor, 1, stated=False)
    end_month(corridor)
    later = by.issued()
    assert begin_anew(corridor) == []
    settle_all(corridor)
    assert said(corridor, NOVEMBER) == [each.id for each in issued]
    assert agreed(by) == agreed(uz) == AGREED
    end_month(corridor)
    settle_all(corridor)
    assert said(corridor, DECEMBER) == [later.id]
    assert agreed(by) == agreed(uz) == AGREED | {(DECEMBER, "BY")}
    assert found(by) == found(uz) == []


def test_a_month_that_was_stated_anew_before_anyone_knew_of_the_first_statement_is_for_people(
    corridor: Corridor,
) -> None:
    """The peer stands by the first, which is kept with the epoch; what differs is shown to a person."""
    by, uz = corridor.by, corridor.uz
    lose_all_after_the_first(corridor, 1)
    first = StatementPart.parse(body_of(uz, NOVEMBER, by))
    assert settles(by, uz) > 0
    (astray,) = begin_anew(corridor)
    assert astray
    settle_all(corridor)
    assert StatementPart.parse(body_of(uz, NOVEMBER, by)) == first != StatementPart.parse(body_of(by, NOVEMBER, by))
    with by.node.database.read() as tx:
        answered = [row.outcome for row in tx.query(MessageOut).filter_by(epoch=2, kind="reconciliation")]
    assert answered == ["refused"]
    assert "other-log" in {code for code, _ in differences(by, NOVEMBER, "BY")}
    assert {TaskKind.RECONCILIATION_DIFFERS, TaskKind.RECEIPT_REFUSED} <= set(open_kinds(by))
    assert (agreed(by), agreed(uz)) == (set(), AGREED)
    assert found(by) == found(uz) == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE month_statement SET stated_at = now() WHERE side = 'issued'", "no message carries it so"),
        ("UPDATE month_statement SET body = body || '{\"entries\": []}' WHERE side = 'issued'", "statement of a month"),
        ("UPDATE channel_epoch SET branch = '{x}'", "no message carries it so"),
        ("UPDATE channel_epoch SET branch = '{x}'", "epoch 2 sent"),
        ("DELETE FROM channel_epoch", "no message carries it so"),
    ],
)
def test_a_statement_that_came_back_so_and_was_altered_is_named(corridor: Corridor, statement: str, named: str) -> None:
    by = corridor.by
    lose_all_after_the_first(corridor, 0)
    by.issued()
    begin_anew(corridor)
    assert found(by) == []
    with corridor.forge.breaking(by) as tx:
        tx.execute(text(statement))
    lines = found(by)
    assert any(named in line for line in lines), lines


def test_a_branch_that_says_nothing_of_a_month_any_more_is_named(corridor: Corridor) -> None:
    by = corridor.by
    lose_all_after_the_first(corridor, 0)
    by.issued()
    begin_anew(corridor)
    with by.node.database.read() as tx:
        (row,) = tx.query(ChannelEpoch)
    message = Message.parse(Envelope.parse(row.branch[0], Typ.MESSAGE).payload)
    other = seal(replace(message, body={}).encode(), Typ.MESSAGE, by.node.keyring.node).text
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE channel_epoch SET branch = ARRAY[:other]"), {"other": other})
    lines = found(by)
    assert any(line.startswith("epoch 2 sent") for line in lines), lines
    assert any("no message carries it so" in line for line in lines), lines


def test_a_month_of_which_no_message_is_known_any_more_is_not_stated(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    backup = Backup.take(corridor.forge, by)
    by.issued()
    carry(by, uz)
    lose(corridor, backup)
    backup.drop()
    end_month(corridor)
    by.issued()
    assert begin_anew(corridor) == []
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE channel_epoch SET branch = '{}'"))
    assert settles(by, uz) == 0
