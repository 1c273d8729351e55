"""A body that is renamed, or that issues no more: what it issued before stays good, online and on a device."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from registry.core.calendar import Offset
from registry.core.certificate.credential import Certificate
from registry.core.tlog.entry import Kind
from registry.core.trust.adoption import ListBodyForgotten
from registry.core.trust.trust_list import BodyRole, BodyRow, FormerBody
from registry.core.verification.bundle import open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication
from registry.core.verification.verify import verify
from registry.store.certificates import CertificateRow
from registry.usecases.certificate.issue_certificate import NotIssuable
from registry.usecases.party import register_party, rename_body
from registry.usecases.party.register_party import NameTaken, PartyNotFound, PartyWrong
from registry.usecases.trust import publish_trust_list
from registry.usecases.trust.adopt_trust_list import IssuedSinceRename, adopt
from registry.usecases.trust.draft_body import BodyNotAsListed
from registry.usecases.trust.publish_trust_list import RenameDayOver
from registry.usecases.trust.sign_for_body import read
from tests.core.world import with_body
from tests.kit import Corridor, Country, draft_list, list_signers, sign_list
from tests.usecases.fsck.lived import carry, found
from tests.usecases.party.test_register_party import BODY, by_operator, organisation
from tests.usecases.recovery.restored import Backup, recovered
from tests.usecases.recovery.restored import carry as send_all
from tests.usecases.verification.test_export_bundle import export

NEW = "Белорусская палата"
DAY = timedelta(days=1)
MINSK = Offset(180)


def renames(country: Country, name: str | None = None, role: BodyRole | None = None) -> None:
    code = str(country.people["signatory"].code)
    with country.tx() as tx:
        rename_body.rename(tx, code, name=name, role=role, **by_operator(country))


def drafted(corridor: Corridor) -> str:
    return sign_list(draft_list(corridor.by.node), list_signers(corridor.forge, "BY"))


def publish(corridor: Corridor) -> BodyRow:
    """Publish the next list, which the other country adopts, and return what it says of the body."""
    signed = drafted(corridor)
    corridor.by.adopts(signed)
    (row,) = corridor.uz.adopts(signed).list.bodies
    return row


def named(row: CertificateRow) -> str:
    certificate: Certificate = read(row)
    return certificate.body_name


def passes(corridor: Corridor, row: CertificateRow) -> bool:
    """Tell whether customs of the other country find it good by word that is fresh: online, and on a device."""
    by, uz = corridor.by, corridor.uz
    carry(by, uz)
    device = open_bundle(export(uz).text, uz.node.pins)
    offline = verify(Presentation(row.envelope), device.trusted, device.read, at=uz.clock())
    verdicts = [uz.asks(row.number).verdict, offline]
    return all(verdict.indication is Indication.TOTAL_PASSED for verdict in verdicts)


def test_what_a_body_issued_before_it_was_renamed_stays_good_in_the_other_country(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    (before,) = by.beliefs().list_of("BY").list.bodies
    early = by.issued()
    by.deliver(uz)
    assert passes(corridor, early)
    corridor.clock.forward(3 * DAY)
    renames(by, NEW)
    row = publish(corridor)
    today = MINSK.local_date(corridor.clock()).day
    assert (row.name, row.former) == (NEW, (FormerBody(before.name, BodyRole.AUTHORISED, today),))
    assert passes(corridor, early)
    same_day = by.issued()
    by.deliver(uz)
    corridor.clock.forward(DAY)
    late = by.issued()
    by.deliver(uz)
    assert [named(each) for each in (early, same_day, late)] == [before.name, before.name, NEW]
    assert all(passes(corridor, each) for each in (early, same_day, late))
    assert publish(corridor).former == row.former
    assert all(passes(corridor, each) for each in (early, same_day, late))
    assert found(by) == found(uz) == []


def test_a_body_that_issues_no_more_leaves_what_it_issued_good_and_issues_nothing_from_the_next_day_on(
    corridor: Corridor,
) -> None:
    by, uz = corridor.by, corridor.uz
    early = by.issued()
    by.deliver(uz)
    corridor.clock.forward(DAY)
    renames(by, role=BodyRole.VERIFYING)
    row = publish(corridor)
    assert (row.role, [former.role for former in row.former]) == (BodyRole.VERIFYING, [BodyRole.AUTHORISED])
    assert passes(corridor, early)
    corridor.clock.forward(DAY)
    approved = by.approved()
    with pytest.raises(NotIssuable) as refused:
        by.issue(approved)
    assert refused.value.finding == "body-not-notified"
    renames(by, role=BodyRole.AUTHORISED)
    assert len(publish(corridor).former) == 2
    by.issue(approved)
    assert passes(corridor, early)


def test_two_renames_on_one_day_are_both_kept(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    early = by.issued()
    by.deliver(uz)
    for name in (NEW, "Палата"):
        renames(by, name)
        row = publish(corridor)
    today = MINSK.local_date(corridor.clock()).day
    assert [(former.name, former.until) for former in row.former] == [(named(early), today), (NEW, today)]
    assert passes(corridor, early)


def test_the_other_country_may_miss_the_list_of_a_rename(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    early = by.issued()
    by.deliver(uz)
    renames(by, NEW)
    by.adopts(drafted(corridor))
    corridor.clock.forward(DAY)
    renames(by, "Палата")
    assert [former.name for former in publish(corridor).former] == [named(early), NEW]
    assert passes(corridor, early)


def test_a_list_of_a_release_that_forgets_names_is_not_adopted(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    renames(by, NEW)
    drafted = draft_list(by.node)
    (row,) = drafted.bodies
    assert row.former
    forgetting = sign_list(with_body(drafted, former=()), list_signers(corridor.forge, "BY"))
    for country in (by, uz):
        with pytest.raises(ListBodyForgotten):
            country.adopts(forgetting)


def test_the_day_of_a_rename_is_that_of_the_country(corridor: Corridor) -> None:
    by = corridor.by
    corridor.clock.at = corridor.clock.at.replace(hour=22)
    renames(by, NEW)
    (former,) = publish(corridor).former
    assert former.until == corridor.clock.at.date() + DAY, "in Minsk it is the next day already"


def test_before_the_first_agreement_the_day_of_a_rename_is_that_of_utc(corridor: Corridor) -> None:
    by = corridor.by
    corridor.clock.at = corridor.clock.at.replace(hour=22)
    renames(by, NEW)
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("DELETE FROM agreement"))
    (row,) = draft_list(by.node).bodies
    assert [former.until for former in row.former] == [corridor.clock.at.date()]


def test_a_list_that_was_signed_for_days_while_the_body_went_on_issuing_is_drafted_anew(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    renames(by, NEW)
    signed = drafted(corridor)
    same_day = by.issued()
    corridor.clock.forward(DAY)
    assert by.beliefs().list_of("BY").list.version == 1
    between = by.issued()
    assert named(between) != NEW
    with by.refuses(IssuedSinceRename) as refused:
        adopt(refused.tx, signed, by.node.pins, own_country="BY", **by_operator(by))
    assert refused.value.certificate == between.id
    until = MINSK.local_date(corridor.clock() - DAY).day
    assert str(refused.value) == (
        f"the list says what {between.body} was called until {until.isoformat()}, and it has issued since: "
        "draft it anew"
    )
    publish(corridor)
    by.deliver(uz)
    assert passes(corridor, same_day)
    assert passes(corridor, between)


def published(country: Country, signed: str) -> BodyRow:
    with country.tx() as tx:
        believed = publish_trust_list.publish(
            tx, signed, country.node.pins, own_country=country.code, **by_operator(country)
        )
    return believed.list.bodies[0]


def test_a_list_of_a_rename_is_published_on_its_day_so_that_peers_know_the_new_name_before_it_is_used(
    corridor: Corridor,
) -> None:
    by, uz = corridor.by, corridor.uz
    (row,) = by.beliefs().list_of("BY").list.bodies
    renames(by, NEW)
    signed = drafted(corridor)
    corridor.clock.forward(DAY)
    with by.refuses(RenameDayOver) as refused:
        publish_trust_list.publish(refused.tx, signed, by.node.pins, own_country="BY", **by_operator(by))
    until = MINSK.local_date(corridor.clock() - DAY).day.isoformat()
    said = f"the list says what {row.id} was called until {until}, which is over: draft it anew"
    assert str(refused.value) == said
    assert named(by.issued()) == row.name, "nothing was adopted"
    anew = drafted(corridor)
    assert published(by, anew).name == NEW
    today = by.issued()
    assert named(today) == row.name, "a peer that has not taken the list over yet knows this name"
    by.deliver(uz)
    uz.adopts(anew)
    assert passes(corridor, today)
    corridor.clock.forward(3 * DAY)
    assert published(by, drafted(corridor)).name == NEW, "a former name of an earlier list is no rename"


def test_a_list_of_a_rename_that_a_restored_node_has_lost_is_adopted_on_any_day(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    renames(by, NEW)
    signed = drafted(corridor)
    uz.adopts(signed)
    corridor.clock.forward(2 * DAY)
    assert by.adopts(signed).list.bodies[0].name == NEW


def test_the_first_list_and_that_of_another_country_are_of_no_day(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    renames(uz, NEW)
    signed = sign_list(draft_list(uz.node), list_signers(corridor.forge, "UZ"))
    corridor.clock.forward(DAY)
    assert published(by, signed).name == NEW
    with corridor.forge.breaking(uz) as tx:
        tx.execute(text("DELETE FROM agreement"))
        tx.execute(text("DELETE FROM trust_list WHERE country = 'UZ'"))
    assert published(uz, corridor.forge.lists["UZ"]).former == ()


def test_a_rename_is_an_act_and_changes_nothing_before_a_list_says_so(corridor: Corridor) -> None:
    by = corridor.by
    (before,) = by.beliefs().list_of("BY").list.bodies
    renames(by, NEW, BodyRole.CENTRAL)
    (act,) = by.acts(Kind.ORGANISATION_CHANGED)
    assert act.person == by.people["operator"].person
    assert act.private == {
        "organisation": by.people["signatory"].organisation,
        "before": {"name": before.name, "body_role": "authorised"},
        "name": NEW,
        "body_role": "central",
    }
    assert named(by.issued()) == before.name
    assert found(by) == []


@pytest.mark.parametrize("column", ["name", "look", "body_role"])
def test_a_name_or_role_that_no_act_gave_is_found(corridor: Corridor, column: str) -> None:
    by = corridor.by
    renames(by, NEW, BodyRole.CENTRAL)
    body = by.people["signatory"].organisation
    with corridor.forge.breaking(by) as tx:
        tx.execute(text(f"UPDATE organisation SET {column} = 'verifying' WHERE id = :id"), {"id": body})  # noqa: S608  our own names
    assert found(by) == [f"organisation {body}: its columns are not what its act says: {column}"]


def test_a_rename_that_cannot_be_is_refused(corridor: Corridor) -> None:
    by = corridor.by
    code = str(by.people["signatory"].code)
    (row,) = by.beliefs().list_of("BY").list.bodies
    with by.tx() as tx:
        register_party.register_organisation(tx, **organisation(**BODY), **by_operator(by))
    refusals: list[tuple[str, dict[str, Any], type[Exception], str]] = [
        ("nobody", {"name": NEW}, PartyNotFound, f"no body 'nobody' is registered here; known: {code}, bobruisk"),
        (code, {}, PartyWrong, "the body has this name and this role already"),
        (code, {"name": row.name, "role": row.role}, PartyWrong, "the body has this name and this role already"),
        (code, {"name": ""}, PartyWrong, "the name has 1 to 300 characters"),
        (code, {"name": "OAO «Новое»"}, NameTaken, "'OAO «Новое»' looks like 'ОАО «Новое»', which is registered"),
    ]
    for named_, wish, refusal, said in refusals:
        with by.refuses(refusal) as refused:
            rename_body.rename(refused.tx, named_, **{"name": None, "role": None} | wish, **by_operator(by))
        assert str(refused.value) == said


def test_a_body_may_change_how_its_name_is_spelled(corridor: Corridor) -> None:
    by = corridor.by
    (row,) = by.beliefs().list_of("BY").list.bodies
    renames(by, row.name.upper())
    assert [former.name for former in publish(corridor).former] == [row.name]


@pytest.mark.parametrize(("name", "role"), [(NEW, None), (None, BodyRole.CUSTOMS)])
def test_a_restored_row_of_before_a_change_undoes_nothing_in_the_next_list(
    corridor: Corridor, name: str | None, role: BodyRole | None
) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    send_all(by, uz)
    corridor.clock.forward(DAY)
    backup = Backup.take(corridor.forge, by)
    renames(by, name, role)
    signed = drafted(corridor)
    for country in (by, uz):
        country.adopts(signed)
    send_all(by, uz)
    backup.restore()
    backup.drop()
    by.adopts(signed)
    recovered(by, uz)
    corridor.clock.forward(DAY)
    (listed,) = by.beliefs().list_of("BY").list.bodies
    with pytest.raises(BodyNotAsListed) as refused:
        drafted(corridor)
    assert (refused.value.name, refused.value.role) == (listed.name, listed.role)
    assert f"registry party body {listed.code}" in str(refused.value)
    renames(by, name, role)
    row = publish(corridor)
    assert (row.name, row.role, row.former) == (listed.name, listed.role, listed.former)
