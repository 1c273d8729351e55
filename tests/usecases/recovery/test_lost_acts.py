"""Of an act that was lost with a database, and whose leaf came back from a mirror, an auditor is shown what is left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from registry.core.tlog.entry import Kind
from registry.core.verification.dossier import Place, Selection
from registry.core.verification.dossier_check import check
from registry.core.verification.dossier_report import Standing
from registry.store.certificates import CertificateRow
from registry.usecases.audit.export_acts import export
from registry.usecases.audit.read_act import ActLost, look, prove_act
from registry.usecases.audit.search_acts import Found, LostAct, place_of, search
from tests.kit import AT, Corridor, Country, Forge
from tests.usecases.audit.test_export_acts import exported, home_of
from tests.usecases.recovery.restored import Backup, carry, recovered

HOUR = timedelta(hours=1)


@dataclass
class Restored:
    """Minsk after a restore: a certificate that stayed, one whose act is lost, and its annulment, lost too."""

    by: Country
    uz: Country
    kept: CertificateRow
    lost: CertificateRow


@pytest.fixture(scope="module")
def restored(forge: Forge) -> Iterator[Restored]:
    with forge.corridor() as corridor:
        yield restore(corridor)


def restore(corridor: Corridor) -> Restored:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    corridor.clock.forward(HOUR)
    kept = by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    corridor.clock.forward(HOUR)
    lost = by.issued()
    corridor.clock.forward(HOUR)
    by.annulled(lost)
    carry(by, uz)
    backup.restore()
    backup.drop()
    corridor.clock.forward(HOUR)
    recovered(by, uz)
    by.sequence()
    by.witnessed(uz)
    return Restored(by, uz, kept, lost)


def found(country: Country, *, after: Place | None = None, limit: int = 1000, **wanted: Any) -> Sequence[Found]:
    with country.node.database.read() as tx:
        return search(tx, Selection(**wanted), after=after, limit=limit, by=country.people["auditor"])


def lost_of(rows: Sequence[Found]) -> list[tuple[Kind, str | None]]:
    return [(row.leaf.kind, row.leaf.digest) for row in rows if isinstance(row, LostAct)]


def test_a_lost_act_is_found_by_the_number_of_its_certificate(restored: Restored) -> None:
    by, lost = restored.by, restored.lost
    asked: list[dict[str, Any]] = [{"number": lost.number}, {"number": lost.id}, {"subject": lost.id}]
    for wanted in asked:
        kinds = [kind for kind, _ in lost_of(found(by, **wanted))]
        assert kinds == [Kind.CERTIFICATE_STATUS, Kind.CERTIFICATE_ISSUED], wanted
    assert lost_of(found(by, number=restored.kept.number)) == []
    assert lost_of(found(by, subject="of nothing")) == []
    assert lost_of(found(by, number=lost.number, subject=restored.kept.id)) == []
    assert (Kind.CERTIFICATE_ISSUED, lost.digest) in lost_of(found(by))


def test_a_lost_act_is_found_by_its_kind_and_time_and_is_nobodys(restored: Restored) -> None:
    by, issued = restored.by, AT + 2 * HOUR
    assert lost_of(found(by, kind=Kind.CERTIFICATE_ISSUED)) == [(Kind.CERTIFICATE_ISSUED, restored.lost.digest)]
    within = lost_of(found(by, from_=issued, until=issued))
    assert (Kind.CERTIFICATE_ISSUED, restored.lost.digest) in within
    assert Kind.CERTIFICATE_STATUS not in {kind for kind, _ in within}
    signatory = by.people["signatory"]
    asked: list[dict[str, Any]] = [{"person": signatory.person}, {"organisation": signatory.organisation}]
    for mine in asked:
        rows = found(by, **mine)
        assert rows
        assert lost_of(rows) == []


def test_pages_hold_every_act_and_every_leaf_once(restored: Restored) -> None:
    whole, after, seen = found(restored.by), None, list[Found]()
    while page := found(restored.by, after=after, limit=3):
        seen += page
        after = place_of(page[-1])
    assert [place_of(row) for row in seen] == [place_of(row) for row in whole]
    assert len({place_of(row) for row in seen}) == len(seen)
    place = place_of(next(row for row in seen if isinstance(row, LostAct)))
    assert Place.parse(place.encode()) == place


def test_a_dossier_carries_each_leaf_with_its_proof_and_its_check_names_it(restored: Restored) -> None:
    by, lost = restored.by, restored.lost
    dossier = exported(by, selection=Selection(number=lost.number))
    report = check(dossier, by.node.pins)
    assert (report.nothing_wrong, report.altered, report.count(Standing.LOST)) == (True, None, 2)
    assert [each.leaf.kind for each in report.taken_back if each.leaf] == [
        Kind.CERTIFICATE_STATUS,
        Kind.CERTIFICATE_ISSUED,
    ]
    whole = exported(by)
    report = check(whole, by.node.pins)
    assert report.count(Standing.LOST) == len(lost_of(found(by))) == len(whole.contents.taken_back)
    assert report.ranges == [(0, sum(last - first + 1 for first, last in report.ranges) - 1)]
    (act, *_) = sorted(by.acts(Kind.ACTS_EXPORTED), key=lambda act: act.seq, reverse=True)
    assert act.private["taken_back"] == len(whole.contents.taken_back)


def test_a_dossier_of_few_acts_goes_on_after_a_lost_one(restored: Restored) -> None:
    dossier = exported(restored.by, selection=Selection(number=restored.lost.number), most=1)
    assert (len(dossier.contents.acts), len(dossier.contents.taken_back)) == (0, 1)
    rest = exported(restored.by, selection=Selection(number=restored.lost.number), after=dossier.contents.next)
    assert len(rest.contents.taken_back) == 1


def test_a_lost_act_is_proved_by_its_leaf_and_cannot_be_looked_at(restored: Restored) -> None:
    by = restored.by
    (lost,) = [row for row in found(by, kind=Kind.CERTIFICATE_ISSUED) if isinstance(row, LostAct)]
    with by.node.database.read() as tx:
        proof = prove_act(tx, lost.leaf.id, by=by.people["auditor"])
    assert proof is not None
    assert (proof.index, proof.extra) == (lost.index, lost.leaf.encode())
    with by.refuses(ActLost) as refused:
        look(refused.tx, lost.leaf.id, "проверка", **by.by("auditor"))
    assert f"entry {lost.index} of the log is its leaf, and no more of it is here" in str(refused.value)


def test_a_leaf_that_no_published_checkpoint_covers_goes_without_a_proof(forge: Forge, restored: Restored) -> None:
    by = restored.by
    superuser = forge.superuser(by.database)
    with superuser.begin() as tx:
        tx.execute(text("SET LOCAL session_replication_role = replica"))
        kept = tx.begin_nested()
        tx.execute(text("DELETE FROM log_published"))
        selection = Selection(number=restored.lost.number)
        how = by.by("auditor")
        dossier = export(tx, by.node.pins, by.node.keyring.node, home_of(by), selection, "проверка", **how)
        kept.rollback()
    superuser.close()
    assert [each.proof for each in dossier.contents.taken_back] == [None, None]
    assert all(each.leaf is not None for each in dossier.contents.taken_back)
