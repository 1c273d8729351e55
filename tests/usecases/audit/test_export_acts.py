"""The dossier of a node: all that is selected, provable by the pins alone, and an act of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from registry.core import canonical
from registry.core.agreement import Environment
from registry.core.identifiers import authority_did
from registry.core.tlog.entry import Kind
from registry.core.trust.document_signer import Purpose
from registry.core.trust.trust_list import ListKey
from registry.core.verification.dossier import Dossier, ExportedAct, Selection
from registry.core.verification.dossier_check import check
from registry.core.verification.dossier_report import Standing
from registry.signing.ceremony import Authority, make_key
from registry.signing.key_file import FileSigner
from registry.store.acts import Act, committed
from registry.usecases.audit.export_acts import Home, SelectionUnfit, export
from registry.usecases.audit.read_act import ReasonUnfit
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.trust.adopt_trust_list import adopt
from registry.usecases.trust.believe_peers import CountryNotTrusted
from tests.kit import AT, SECRET, Corridor, Country, sign_list

WHY = "Проверка за ноябрь"


def row_of(act: ExportedAct) -> Any:
    """Return the private row of an act as it was committed to."""
    return canonical.parse(act.private)


def home_of(country: Country) -> Home:
    return Home(country.did, Environment.DEMO, country.code)


def exported(country: Country, who: str = "auditor", *, reason: str = WHY, **how: Any) -> Dossier:
    selection = how.pop("selection", Selection())
    with country.tx() as tx:
        return export(
            tx,
            country.node.pins,
            country.node.keyring.node,
            home_of(country),
            selection,
            reason,
            **country.by(who),
            **how,
        )


def test_a_dossier_proves_what_is_published_and_names_what_is_pending(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    by.deliver(uz)
    late = by.issued()
    dossier = exported(by)
    assert Dossier.parse(dossier.encode()) == dossier
    report = check(dossier, by.node.pins)
    assert report.altered is None
    assert report.nothing_wrong
    standings = {finding.id: finding.standing for finding in report.findings}
    assert row.act is not None
    assert late.act is not None
    assert (standings[row.act], standings[late.act]) == (Standing.PROVED, Standing.PENDING)
    assert report.count(Standing.PENDING) == 6
    assert len(dossier.contents.acts) == len(by.acts()) - 1
    assert report.ranges == [(0, report.count(Standing.PROVED) - 1)]
    assert {finding.logged_by for finding in report.findings if finding.standing is Standing.PROVED} == {AT}
    act = next(act for act in dossier.contents.acts if act.id == row.act)
    assert row_of(act)["what"]["number"] == row.number
    assert (act.to, act.digest, row_of(act)["person"]) == ("UZ", row.digest, by.people["signatory"].person)


def test_the_export_is_an_act_with_what_was_selected_how_many_and_why(corridor: Corridor) -> None:
    by = corridor.by
    row = by.issued()
    selection = Selection(from_=AT, until=AT, number=row.number)
    dossier = exported(by, selection=selection)
    assert dossier.contents.selection == selection
    assert {row_of(act)["subject"] for act in dossier.contents.acts} == {row.id, row.application}
    (act,) = by.acts(Kind.ACTS_EXPORTED)
    instant = "2026-11-21T09:30:00Z"
    assert act.private == {
        "selection": {"from": instant, "until": instant, "number": row.number},
        "acts": 6,
        "reason": WHY,
        "digest": dossier.contents.statement["digest"],
    }
    assert act.person == by.people["auditor"].person


def test_what_one_file_does_not_hold_goes_on_in_the_next(corridor: Corridor) -> None:
    by = corridor.by
    by.issued()
    wanted = [act.id for act in exported(by).contents.acts]
    seen: list[str] = []
    after = None
    files = 0
    while True:
        contents = exported(by, selection=Selection(until=AT), most=4, after=after).contents
        assert contents.after == after
        seen += [act.id for act in contents.acts if act.kind is not Kind.ACTS_EXPORTED]
        files += 1
        if contents.next is None:
            break
        assert len(contents.acts) == 4
        after = contents.next
    assert seen == wanted
    assert files > 3
    assert sum("after" in act.private for act in by.acts(Kind.ACTS_EXPORTED)) == files - 1


def test_a_file_ends_before_its_private_parts_are_too_large_and_holds_one_act_at_least(corridor: Corridor) -> None:
    by = corridor.by
    people = Selection(kind=Kind.PERSON_REGISTERED)
    sizes = [len(committed(act)) for act in by.acts(Kind.PERSON_REGISTERED)]
    assert len(exported(by, selection=people, largest=1).contents.acts) == 1
    contents = exported(by, selection=people, largest=2 * max(sizes)).contents
    assert contents.next is not None
    assert sum(len(act.private) for act in contents.acts) <= 2 * max(sizes)
    assert 2 <= len(contents.acts) < len(sizes)


def test_whoever_waits_is_told_how_far_it_is(corridor: Corridor) -> None:
    told: list[str] = []

    def track(rows: Sequence[Act]) -> Iterable[Act]:
        for row in rows:
            told.append(row.id)
            yield row

    dossier = exported(corridor.by, track=track)
    assert told == [act.id for act in dossier.contents.acts]


def test_an_act_that_was_altered_in_the_database_is_wrong_by_name(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    by.deliver(uz)
    with corridor.forge.breaking(by) as tx:
        tx.execute(
            text('UPDATE act SET private = private || \'{"number": "BYUZ6101000009"}\' WHERE id = :id'),
            {"id": row.act},
        )
        other = tx.execute(text("SELECT id FROM act WHERE kind = 'application.accepted'")).scalar_one()
        tx.execute(text("UPDATE act SET at = at - interval '1 day' WHERE id = :id"), {"id": other})
    report = check(exported(by), by.node.pins)
    wrong = {finding.id: finding.code for finding in report.findings if finding.standing is Standing.WRONG}
    assert wrong == {row.act: "commitment-differs", other: "leaf-differs"}


def test_an_agreement_from_before_new_list_keys_comes_with_the_list_that_it_was_adopted_under(
    corridor: Corridor,
) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.deliver(uz)
    believed = by.beliefs().list_of("BY")
    authority = Authority(corridor.forge.keys("BY"), SECRET)
    folder = corridor.forge.folder / corridor.mark
    keys = []
    for name in ("list-1", "list-2"):
        make_key(
            authority, folder, name, SECRET, purpose=Purpose.LIST, uris=[authority_did("by.registry.example")], at=AT
        )
        keys.append(FileSigner.open(folder, name, SECRET))
    newer = replace(
        believed.list,
        epoch=2,
        version=1,
        previous=believed.digest,
        issued_at=AT,
        expires_at=believed.list.expires_at.replace(day=20, month=12),
        list_keys=tuple(ListKey(key.kid, key.certificate) for key in keys),
    )
    with by.tx() as tx:
        operator = by.by("operator") | {"by": by.people["operator"].actor, "own_country": "BY"}
        adopt(tx, sign_list(newer, tuple(keys)), by.node.pins, **operator)
    dossier = exported(by)
    assert len(dossier.contents.lists) == 3
    report = check(dossier, by.node.pins)
    assert report.nothing_wrong
    assert report.count(Standing.PROVED)


def test_only_an_auditor_exports_and_only_with_a_reason(corridor: Corridor) -> None:
    by = corridor.by
    before = by.everything()
    for who in ("exporter", "examiner", "signatory", "officer", "operator"):
        with pytest.raises(RoleMissing):
            exported(by, who)
    with pytest.raises(ReasonUnfit):
        exported(by, reason="")
    assert by.everything() == before


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (Selection(person=""), "person is empty"),
        (Selection(subject="и\u0306"), "subject is not in Unicode"),
        (Selection(organisation="a\nb"), "organisation holds what does not show"),
    ],
)
def test_what_could_not_stand_in_the_file_is_not_asked_for(corridor: Corridor, selection: Selection, said: str) -> None:
    with pytest.raises(SelectionUnfit, match=said):
        exported(corridor.by, selection=selection)


def test_a_node_that_no_list_vouches_for_makes_no_dossier(corridor: Corridor) -> None:
    by = corridor.by
    elsewhere = replace(home_of(by), country="KZ")
    with by.refuses(CountryNotTrusted) as refused:
        export(refused.tx, by.node.pins, by.node.keyring.node, elsewhere, Selection(), WHY, **by.by("auditor"))
