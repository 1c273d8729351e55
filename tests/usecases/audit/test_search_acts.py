"""Search over what was done: by each filter, in an order that a page never loses."""

from datetime import timedelta
from typing import Any

import pytest

from registry.core.tlog.entry import Kind
from registry.core.verification.dossier import Place, Selection
from registry.store.acts import Act
from registry.usecases.audit.search_acts import place_of, search
from registry.usecases.party.identify_party import RoleMissing
from tests.kit import AT, Corridor, Country

SECOND = timedelta(seconds=1)


def found(country: Country, *, after: Place | None = None, limit: int = 1000, **wanted: Any) -> list[Act]:
    with country.node.database.read() as tx:
        rows = search(tx, Selection(**wanted), after=after, limit=limit, by=country.people["auditor"])
    assert all(isinstance(row, Act) for row in rows)
    return [row for row in rows if isinstance(row, Act)]


def test_acts_are_found_by_each_filter_and_by_all_together(corridor: Corridor) -> None:
    by, clock = corridor.by, corridor.clock
    clock.forward(SECOND)
    drafted = by.draft()
    clock.forward(SECOND)
    exporter = by.people["exporter"]
    (act,) = by.acts(Kind.APPLICATION_DRAFTED)
    for wanted in (
        {"from_": AT + SECOND},
        {"from_": AT + SECOND, "until": AT + SECOND},
        {"kind": Kind.APPLICATION_DRAFTED},
        {"person": exporter.person, "kind": Kind.APPLICATION_DRAFTED},
        {"organisation": exporter.organisation, "from_": AT},
        {"subject": drafted.id},
        {"from_": AT, "person": exporter.person, "organisation": exporter.organisation, "subject": drafted.id},
    ):
        assert [each.id for each in found(by, **wanted)] == [act.id], wanted
    assert found(by, from_=AT + 2 * SECOND) == []
    assert act.id not in {each.id for each in found(by, until=AT)}
    assert found(by, subject=drafted.id, kind=Kind.BUNDLE_MADE) == []


def test_a_number_finds_the_certificate_and_the_application_that_it_came_from(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    other, row = by.issued(), by.issued()
    by.annulled(row)
    kinds = {act.kind for act in found(by, number=row.number)}
    assert kinds == {
        Kind.APPLICATION_DRAFTED,
        Kind.APPLICATION_SUBMITTED,
        Kind.APPLICATION_TAKEN_UP,
        Kind.APPLICATION_DRAFT_OFFERED,
        Kind.APPLICATION_ACCEPTED,
        Kind.CERTIFICATE_ISSUED,
        Kind.ANNULMENT_PROPOSED,
        Kind.CERTIFICATE_STATUS,
    }
    assert {act.subject for act in found(by, number=row.number)} == {row.id, row.application}
    spaced = f" {row.number[:4].lower()} {row.number[4:]} "
    assert [act.id for act in found(by, number=spaced)] == [act.id for act in found(by, number=row.number)]
    assert other.id not in {act.subject for act in found(by, number=row.number)}
    assert found(by, number="BYUZ6101999999") == []
    assert found(uz, number=row.number) == []


def test_a_certificate_of_the_other_node_is_found_by_number_and_by_id(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    by.deliver(uz)
    asked = uz.asks(row.number)
    for number in (row.number, row.id, f" {row.id}"):
        assert [act.id for act in found(uz, number=number)] == [asked.id]


def test_a_number_that_several_certificates_bear_finds_the_acts_on_each(corridor: Corridor) -> None:
    by = corridor.by
    first, second = by.issued(), by.issued()
    with corridor.forge.breaking(by) as tx:
        kept = tx.get_one(type(second), second.id)
        kept.number, kept.year = first.number, first.year - 10
    subjects = {act.subject for act in found(by, number=first.number)}
    assert subjects == {first.id, first.application, second.id, second.application}
    assert {act.subject for act in found(by, number=second.id)} == {second.id, second.application}


def test_pages_neither_lose_nor_repeat_an_act_of_one_second(corridor: Corridor) -> None:
    by = corridor.by
    by.issued()
    corridor.clock.forward(SECOND)
    by.draft()
    everything = [act.id for act in found(by)]
    assert len(everything) == len(by.acts())
    assert [act.at for act in found(by)] == sorted((act.at for act in by.acts()), reverse=True)
    seen: list[str] = []
    after: Place | None = None
    while page := found(by, after=after, limit=3):
        seen += [act.id for act in page]
        after = Place.parse(place_of(page[-1]).encode())
        by.draft()  # what is done meanwhile is newer than any page that follows
    assert seen == everything


def test_acts_of_one_second_are_told_in_the_order_in_which_they_were_done(corridor: Corridor) -> None:
    row = corridor.by.issued()
    kinds = [act.kind for act in found(corridor.by, number=row.number)]
    assert kinds[0] == Kind.CERTIFICATE_ISSUED
    assert kinds[-1] == Kind.APPLICATION_DRAFTED


def test_only_an_auditor_searches(corridor: Corridor) -> None:
    by = corridor.by
    for who in ("exporter", "examiner", "signatory", "officer", "operator"):
        with by.node.database.read() as tx, pytest.raises(RoleMissing):
            search(tx, Selection(), after=None, limit=1, by=by.people[who])
