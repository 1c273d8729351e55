"""No look at what is private without its act, and no act without the look."""

from hashlib import sha256

import pytest
from sqlalchemy import text

from registry.core.tlog.entry import Kind, Leaf
from registry.store import acts
from registry.usecases.audit.read_act import ActLost, ActNotFound, ReasonUnfit, differing, look, prove_act
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.tlog.read_log import EntriesDamaged, prove
from tests.kit import Corridor, Forge

WHY = "Запрос ГТК № 17:\nкто подтвердил?"


def test_a_look_gives_what_the_leaf_commits_to_and_is_itself_an_act(corridor: Corridor) -> None:
    by = corridor.by
    row = by.issued()
    assert row.act is not None
    with by.tx() as tx:
        seen = look(tx, row.act, WHY, **by.by("auditor"))
    assert seen.private["number"] == row.number
    assert Leaf.parse(seen.leaf).private == sha256(seen.salt + acts.committed(seen)).hexdigest()
    (act,) = by.acts(Kind.ACTS_READ)
    auditor = by.people["auditor"]
    assert (act.person, act.organisation, act.subject) == (auditor.person, auditor.organisation, row.act)
    assert act.private == {"act": row.act, "reason": WHY}


def test_a_look_at_a_look_is_an_act_too(corridor: Corridor) -> None:
    by = corridor.by
    (act, *_) = by.acts()
    with by.tx() as tx:
        look(tx, act.id, WHY, **by.by("auditor"))
    (first,) = by.acts(Kind.ACTS_READ)
    with by.tx() as tx:
        look(tx, first.id, WHY, **by.by("auditor"))
    assert {each.subject for each in by.acts(Kind.ACTS_READ)} == {act.id, first.id}


def test_a_look_tells_what_of_an_act_is_not_what_was_logged(forge: Forge, corridor: Corridor) -> None:
    by = corridor.by
    row = by.issued()
    assert row.act is not None

    def differs(change: str) -> list[str]:
        with forge.breaking(by) as tx:
            tx.execute(text(f"UPDATE act SET {change} WHERE id = :id"), {"id": row.act})  # noqa: S608  our own words
        with by.tx() as tx:
            return differing(look(tx, str(row.act), WHY, **by.by("auditor")))

    assert differs("id = id") == []
    assert differs("person = NULL") == ["private part, person, organisation, subject or salt"]
    assert differs("digest = NULL") == ["digest", "private part, person, organisation, subject or salt"]
    assert differs("leaf = leaf || ' '")[0].startswith("the leaf")


def test_of_an_act_that_was_removed_the_entry_is_named(forge: Forge, corridor: Corridor) -> None:
    by = corridor.by
    row = by.issued()
    assert row.act is not None
    by.sequence()
    by.witnessed(corridor.uz)
    with forge.breaking(by) as tx:
        tx.execute(text("DELETE FROM act WHERE id = :id"), {"id": row.act})
    with by.refuses(ActLost) as refused:
        look(refused.tx, row.act, WHY, **by.by("auditor"))
    entry = refused.value.entry
    with by.refuses(EntriesDamaged) as damaged:
        prove(damaged.tx, row.act)
    assert (damaged.value.first, damaged.value.last) == (entry, entry)


def test_only_an_auditor_looks(corridor: Corridor) -> None:
    by = corridor.by
    (act, *_) = by.acts()
    for who in ("exporter", "examiner", "signatory", "officer", "operator"):
        with by.refuses(RoleMissing) as refused:
            look(refused.tx, act.id, WHY, **by.by(who))
        with by.node.database.read() as tx, pytest.raises(RoleMissing):
            prove_act(tx, act.id, by=by.people[who])


def test_an_act_that_is_not_there_and_a_reason_that_is_none_are_refused(corridor: Corridor) -> None:
    by = corridor.by
    (act, *_) = by.acts()
    with by.refuses(ActNotFound) as refused:
        look(refused.tx, "0" * 32, WHY, **by.by("auditor"))
    assert str(refused.value) == "there is no such act"
    for reason, said in (
        ("", "is empty"),
        (" so", "begins or ends"),
        ("a\u202eb", "does not show"),
        ("x" * 2001, "longer"),
    ):
        with by.refuses(ReasonUnfit) as unfit:
            look(unfit.tx, act.id, reason, **by.by("auditor"))
        assert said in str(unfit.value)


def test_what_is_public_of_an_act_is_proved_without_a_look(corridor: Corridor) -> None:
    by = corridor.by
    (act, *_) = by.acts()
    with by.node.database.read() as tx:
        assert prove_act(tx, act.id, by=by.people["auditor"]) is None
    by.sequence()
    by.witnessed(corridor.uz)
    with by.node.database.read() as tx:
        proof = prove_act(tx, act.id, by=by.people["auditor"])
        with pytest.raises(ActNotFound):
            prove_act(tx, "0" * 32, by=by.people["auditor"])
    assert proof is not None
    assert proof.extra == act.leaf
    assert by.acts(Kind.ACTS_READ) == []
