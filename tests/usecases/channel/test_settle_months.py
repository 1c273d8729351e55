"""A month that is over is stated by both, each from its own data, compared, and settled or shown to a person."""

from datetime import timedelta

import pytest
from sqlalchemy import Executable, delete, text, update

from registry.core.channel.reconciliation import Month
from registry.core.tlog.entry import Kind
from registry.store import channel, reconciliations, tasks
from registry.store.certificates import CertificateRow, StatusChangeRow
from registry.store.clarifications import ClarificationRow
from registry.store.guard import Mark
from registry.store.tasks import TaskKind
from registry.usecases.channel import deliver_message, settle_months
from registry.usecases.channel.deliver_message import GRACE, ChannelBehind
from registry.usecases.channel.read_months import MonthState, ReconciliationNotFound, find_month, list_months, state_of
from registry.usecases.channel.settle_months import PATIENCE, SETTLED, Ends
from registry.usecases.node import close_task
from tests.kit import Corridor, Country
from tests.usecases.channel.months import agreed, body_of, differences, end_month, pass_on, seen, settle_both, settles
from tests.usecases.fsck.lived import found, mirror

NOVEMBER, DECEMBER = "2026-11", "2026-12"


def midnight(corridor: Corridor, *, seconds: int) -> None:
    """Go to so many seconds after the end of the month that it is."""
    corridor.clock.forward(Month.of(corridor.clock()).end + timedelta(seconds=seconds) - corridor.clock())


def test_a_month_in_which_both_agree_is_settled_at_both_ends_with_nothing_to_look_at(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    plain, annulled = by.issued(), by.issued()
    by.clarified(annulled)
    by.annulled(annulled)
    pass_on(by, uz)
    uz.issued("cotton-yarn")
    pass_on(uz, by)
    assert end_month(corridor).encode() == NOVEMBER
    settle_both(corridor)
    for country in (by, uz):
        assert agreed(country) == {(NOVEMBER, "BY"), (NOVEMBER, "UZ")}
        assert found(country) == []
    assert settles(by, uz) == settles(uz, by) == 0
    issued = body_of(by, NOVEMBER, by)
    assert [(each["certificate"], each["standing"], each["new"]) for each in issued["entries"]] == sorted(
        [(plain.id, "in-force", True), (annulled.id, "annulled", True)]
    )


def test_each_statement_is_an_act_whose_leaf_tells_nothing_but_a_digest(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    pass_on(by, uz)
    end_month(corridor)
    settle_both(corridor)
    for country, side in ((by, "issued"), (uz, "delivered")):
        (stated,) = country.acts(Kind.MONTH_STATED)
        (compared,) = country.acts(Kind.MONTH_COMPARED)
        assert (stated.private["month"], stated.private["side"], stated.private["entries"]) == (NOVEMBER, side, 1)
        assert stated.digest is not None
        assert stated.digest in compared.private[side]
        assert compared.private["differences"] == 0
        for act in (stated, compared):
            assert row.number not in act.leaf.decode()
            assert row.digest not in act.leaf.decode()


def test_a_message_on_its_way_at_midnight_belongs_to_the_month_it_was_issued_in(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    midnight(corridor, seconds=-1)
    late = by.issued()
    midnight(corridor, seconds=0)
    corridor.clock.forward(timedelta(seconds=2))
    early = by.issued()
    corridor.clock.forward(GRACE)
    pass_on(by, uz)
    corridor.clock.forward(SETTLED)
    settle_both(corridor)
    assert agreed(by) == agreed(uz) == {(NOVEMBER, "BY")}
    assert [each["certificate"] for each in body_of(uz, NOVEMBER, uz)["entries"]] == [late.id]
    assert early.id != late.id


def test_an_annulment_after_midnight_is_of_the_next_month(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    pass_on(by, uz)
    end_month(corridor)
    by.annulled(row)
    pass_on(by, uz)
    settle_both(corridor)
    for country in (by, uz):
        assert differences(country, NOVEMBER, "BY") == []
        (entry,) = body_of(country, NOVEMBER, country)["entries"]
        assert (entry["standing"], "changes" in entry) == ("in-force", False)


def test_a_change_that_the_log_is_yet_to_number_is_of_the_next_month(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    pass_on(by, uz)
    end_month(corridor)
    by.annulled(row)
    assert settles(by, uz) == 1, "the sequencer has not come to the annulment yet"
    settle_both(corridor)
    for country in (by, uz):
        assert differences(country, NOVEMBER, "BY") == []
        (entry,) = body_of(country, NOVEMBER, country)["entries"]
        assert entry["standing"] == "in-force"


def test_nothing_is_stated_before_the_month_is_settled_sent_and_published(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    assert settles(by, uz) == 0
    by.issued()
    midnight(corridor, seconds=-60)
    assert settles(by, uz) == 0
    corridor.clock.forward(SETTLED)
    assert settles(by, uz) == 0
    corridor.clock.forward(timedelta(seconds=60))
    assert settles(by, uz) == 0, "the log has not numbered it"
    by.sequence()
    assert settles(by, uz) == 0, "no message carries it"
    corridor.clock.forward(GRACE)
    with by.tx() as tx:
        deliver_message.make_messages(tx, by.sender, uz.did, uz.code, mark=None, at=by.clock(), draw=by.node.draw)
    assert settles(by, uz) == 0, "its log is not published"
    pass_on(by, uz)
    assert settles(by, uz) == 1


def test_the_receiver_states_once_all_is_here_and_its_mirror_has_reached_the_log(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    pass_on(by, uz)
    end_month(corridor)
    by.issued()
    by.deliver(uz)
    assert settles(by, uz) == 1
    assert settles(uz, by) == 0, "the statement has not come"
    by.deliver(uz)
    assert settles(uz, by) == 0, "the mirror has not reached what the statement names"
    mirror(by, uz)
    assert settles(uz, by) == 2


def test_a_log_that_cannot_be_mirrored_for_a_day_is_named(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.deliver(uz)
    end_month(corridor)
    assert settles(by, uz) == 1
    by.deliver(uz)
    corridor.clock.forward(PATIENCE - timedelta(seconds=1))
    assert settles(uz, by) == 0
    corridor.clock.forward(timedelta(seconds=1))
    assert settles(uz, by) == 2
    assert differences(uz, NOVEMBER, "BY") == [("log-not-seen", None)]


def test_a_mirror_that_holds_another_log_is_named_at_both_ends(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    pass_on(by, uz)
    end_month(corridor)
    with corridor.forge.breaking(uz) as tx:
        tx.execute(text("UPDATE mirror_tile SET hashes = sha256(hashes) || substr(hashes, 33) WHERE level = 0"))
    settles(by, uz)
    by.deliver(uz)
    settles(uz, by)
    pass_on(uz, by)
    settles(by, uz)
    assert differences(by, NOVEMBER, "BY") == differences(uz, NOVEMBER, "BY") == [("other-log", None)]


def lost(country: Country, corridor: Corridor, *statements: Executable) -> None:
    """Lose rows as no application can."""
    with corridor.forge.breaking(country) as tx:
        for statement in statements:
            tx.execute(statement)


def test_a_certificate_that_the_receiver_lost_is_named_at_both_ends_and_closed_by_a_person(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    gone, kept = by.issued(), by.issued()
    pass_on(by, uz)
    lost(uz, corridor, delete(CertificateRow).where(CertificateRow.id == gone.id))
    end_month(corridor)
    settle_both(corridor)
    subject = f"{NOVEMBER} {by.did}"
    for country, peer in ((by, uz), (uz, by)):
        assert differences(country, NOVEMBER, "BY") == [("not-delivered", gone.id)]
        row = seen(country)[NOVEMBER, "BY"]
        assert state_of(row) is MonthState.DIFFERS
        assert row.task is not None
        assert (row.task.subject, row.task.role) == (f"{subject} {peer.did}", "operator")
        assert row.task.detail == {"month": NOVEMBER, "issuer": by.did, "peer": peer.did, "differences": 1}
        with country.tx() as tx:
            close_task.close(tx, row.task.id, "Найдено в копии от 30.11.", **country.by("operator"))
        after = seen(country)[NOVEMBER, "BY"]
        assert state_of(after) is MonthState.CLOSED
        (act,) = country.acts(Kind.TASK_CLOSED)
        assert act.private["reason"] == "Найдено в копии от 30.11."
    assert kept.id not in str(differences(by, NOVEMBER, "BY"))


def test_a_certificate_that_the_issuer_lost_is_named(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    gone = by.issued()
    pass_on(by, uz)
    lost(by, corridor, delete(CertificateRow).where(CertificateRow.id == gone.id))
    end_month(corridor)
    settle_both(corridor)
    assert differences(by, NOVEMBER, "BY") == differences(uz, NOVEMBER, "BY") == [("not-issued", gone.id)]


def test_another_certificate_under_the_same_id_is_named(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    pass_on(by, uz)
    by.annulled(row)
    pass_on(by, uz)
    lost(uz, corridor, update(CertificateRow).values(digest="0" * 64))
    end_month(corridor)
    settle_both(corridor)
    assert differences(uz, NOVEMBER, "BY") == [("other-digest", row.id)]


def test_a_change_that_the_receiver_lost_is_named_with_how_the_certificate_stands(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    by.clarified(row)
    by.annulled(row)
    pass_on(by, uz)
    lost(uz, corridor, delete(StatusChangeRow), delete(ClarificationRow))
    end_month(corridor)
    settle_both(corridor)
    assert [code for code, _ in differences(by, NOVEMBER, "BY")] == [
        "change-not-delivered",
        "clarification-not-delivered",
        "other-standing",
    ]


def test_months_that_were_missed_are_stated_in_order_and_an_empty_one_too(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    pass_on(by, uz)
    corridor.clock.forward(Month.parse(DECEMBER).end + SETTLED - corridor.clock())
    settle_both(corridor)
    assert agreed(by) == agreed(uz) == {(NOVEMBER, "BY"), (DECEMBER, "BY")}
    assert "entries" not in body_of(by, DECEMBER, by)
    assert body_of(by, DECEMBER, by)["through"] == body_of(by, NOVEMBER, by)["through"]


def test_a_month_is_stated_to_one_node_and_another_of_its_country_goes_on_without(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    first = by.issued()
    pass_on(by, uz)
    end_month(corridor)
    assert settles(by, uz) == 1
    second = by.issued()
    by.sequence()
    pass_on(by, uz)
    with by.tx() as tx:
        other, at, draw = "did:web:customs.uz.example", by.clock(), by.node.draw
        for _ in range(3):
            deliver_message.make_messages(tx, by.sender, other, uz.code, mark=None, at=at, draw=draw, batch=1)
        carried = [each.act for each in channel.sent_from(tx, other, 1, 1, 9)]
    assert carried == [first.act, second.act]


def test_a_database_that_was_restored_states_nothing(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    pass_on(by, uz)
    end_month(corridor)
    with by.refuses(ChannelBehind) as refused:
        ends = Ends(by.did, uz.did, uz.code)
        settle_months.settle(refused.tx, ends, mark=Mark(9, "00"), at=by.clock(), draw=by.node.draw)


def test_auditor_and_operator_see_each_direction_and_nobody_else(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    pass_on(by, uz)
    end_month(corridor)
    assert settles(by, uz) == 1
    with by.node.database.read() as tx:
        (row,) = list_months(tx, month=None, after=None, limit=9, by=by.people["auditor"])
        assert state_of(row) is MonthState.STATED
        shown = find_month(tx, row.issued.digest, by.did, by=by.people["operator"])
        assert (shown.receiver, shown.delivered) == (uz.did, None)
        assert shown.issued is not None
        assert list_months(tx, month=DECEMBER, after=None, limit=9, by=by.people["auditor"]) == []
        with pytest.raises(ReconciliationNotFound):
            find_month(tx, "0" * 64, by.did, by=by.people["operator"])
    settle_both(corridor)
    with uz.node.database.read() as tx:
        (row,) = list_months(tx, month=NOVEMBER, after=None, limit=9, by=uz.people["auditor"])
        shown = find_month(tx, row.issued.digest, uz.did, by=uz.people["operator"])
    assert (shown.receiver, shown.delivered is not None) == (uz.did, True)
    assert state_of(row) is MonthState.AGREED
    with uz.node.database.read() as tx:
        assert tasks.open_tasks(tx, TaskKind.RECONCILIATION_DIFFERS) == []
        assert reconciliations.page(tx, after=(NOVEMBER, "0"), limit=9) == []
