"""Duplicates of what was lost on paper, and goods that left before the certificate."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from registry.api.issuer import issuer_of
from registry.core.agreement import Form as Paper
from registry.core.application.lifecycle import State
from registry.core.certificate.claims import Claims, MalformedClaims, Note, NoteCode, Transport
from registry.core.certificate.duplicate import DuplicateDiffers, DuplicateNotReplaced, DuplicateOfDuplicate
from registry.core.certificate.lifecycle import AlreadyAnnulled
from registry.core.certificate.relation import Relation
from registry.core.rules.finding import Severity
from registry.core.verification.bundle import open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Check, Indication
from registry.core.verification.verify import verify
from registry.store import tasks
from registry.store.applications import Application
from registry.store.certificates import CertificateRow
from registry.store.tasks import TaskKind
from registry.usecases.application import examine_application, submit_application
from registry.usecases.application.check_application import FindingsSevere, check
from registry.usecases.application.place_sheet import Sheet
from registry.usecases.application.relate_certificate import NoDuplicate, Related
from registry.usecases.certificate import register_certificate, replace_certificate
from registry.usecases.certificate.issue_certificate import GoodsHaveLeft, issue
from registry.usecases.certificate.register_certificate import Examiner
from registry.usecases.trust.believe_peers import Beliefs
from registry.usecases.trust.sign_for_body import read
from tests.kit import Corridor, Country, agreed, draft_list, list_signers, sign_list
from tests.outside import EXAMINER, issued_outside
from tests.usecases.trust.test_agreements_over_time import adopt
from tests.usecases.verification.test_export_bundle import export


def duplicate(country: Country, of: CertificateRow, **claims: Any) -> Application:
    """Return the approved application for a duplicate, whose boxes say what the original's say."""
    form = country.form(**{**dict(read(of).subject.claims), **claims})
    return country.approves(replace(form, related=Related("duplicates", of.id)))


def electronic(beliefs: Beliefs) -> Beliefs:
    agreements = {
        id: replace(each, recognitions=tuple(replace(one, form=Paper.ELECTRONIC) for one in each.recognitions))
        for id, each in beliefs.agreements.items()
    }
    return replace(beliefs, agreements=agreements)


def test_a_duplicate_has_its_own_number_and_the_dates_of_the_original(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    original = by.issued()
    corridor.clock.forward(timedelta(days=10))
    lost = by.issue(duplicate(by, original))
    first, second = read(original), read(lost)
    assert (original.number, lost.number) == ("BYUZ6101000001", "BYUZ6101000002")
    assert second.valid_until == first.valid_until
    assert second.subject.relations == (Relation("duplicates", original.id, issue_date=first.subject.issue_date),)
    assert Claims.parse(second.subject.claims).official_notes == (
        Note(NoteCode.DUPLICATE, number=original.number, date=original.issued_on),
    )
    by.deliver(uz)
    uz.hears(by.states(), by)
    assert uz.asks(lost.number).verdict.indication is Indication.TOTAL_PASSED


def months(figure: int) -> dict[str, Any]:
    """Return what two states agree of another validity."""
    recognitions = agreed().encode()["recognitions"]
    assert isinstance(recognitions, list)
    return {"recognitions": [{**each, "validity_months": figure} for each in recognitions if isinstance(each, dict)]}


@pytest.mark.parametrize("figure", [24, 1])
def test_a_duplicate_ends_with_its_original_whatever_was_agreed_since(corridor: Corridor, figure: int) -> None:
    by, uz = corridor.by, corridor.uz
    original = by.issued()
    corridor.clock.forward(timedelta(days=40))
    for country in (by, uz):
        signed = sign_list(draft_list(country.node), list_signers(corridor.forge, country.code))
        for each in (by, uz):
            each.adopts(signed)
    adopt(corridor, title="Второе соглашение", **months(figure))
    lost = by.issue(duplicate(by, original))
    assert lost.valid_until == original.valid_until
    by.deliver(uz)
    uz.hears(by.states(), by)
    assert uz.asks(lost.number).verdict.indication is Indication.TOTAL_PASSED
    device = open_bundle(export(uz).text, uz.node.pins)
    offline = verify(Presentation(lost.envelope), device.trusted, device.read, at=corridor.clock())
    assert offline.finding(Check.AGREEMENT) == uz.asks(lost.number).verdict.finding(Check.AGREEMENT)


def test_what_has_expired_is_not_duplicated(corridor: Corridor) -> None:
    by = corridor.by
    approved = duplicate(by, by.issued())
    for last, found in (
        (datetime(2027, 11, 21, 20, tzinfo=UTC), False),
        (datetime(2027, 11, 21, 21, tzinfo=UTC), True),
    ):
        with by.node.database.read() as tx:
            rules = {each.rule for each in check(tx, approved, by.beliefs(), at=last)}
        assert ("duplicate-too-late" in rules) is found


def test_a_duplicate_ends_by_the_clock_that_its_original_was_dated_by(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    original = by.issued()
    corridor.clock.forward(timedelta(hours=1))
    parties = agreed().encode()["parties"]
    assert isinstance(parties, list)
    moved = [{**each, "offset": "+05:00"} for each in parties if isinstance(each, dict)]
    adopt(corridor, title="Второе соглашение", parties=moved)
    corridor.clock.forward(timedelta(hours=1))
    lost = by.issue(duplicate(by, original))
    assert lost.valid_until == original.valid_until
    by.deliver(uz)
    uz.hears(by.states(), by)
    for each in (original, lost):
        found = [uz.asks(each.number, day=date(2027, 11, day)).verdict.finding(Check.VALIDITY) for day in (21, 22)]
        assert [one and one.code for one in found] == ["within-validity", "after-validity"]


def test_what_ends_an_original_ends_its_duplicate_and_customs_that_passed_that_are_told(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    annulled, replaced = by.issued(), by.issued()
    lost = [by.issue(duplicate(by, each)) for each in (annulled, replaced)]
    by.deliver(uz)
    assert {uz.asks(each.number).verdict.indication for each in lost} == {Indication.TOTAL_PASSED}
    by.annulled(annulled)
    in_lieu = by.replaced(replaced)
    by.deliver(uz)
    device = open_bundle(export(uz).text, uz.node.pins)
    for each in lost:
        shown = Presentation(each.envelope)
        offline = verify(shown, device.trusted, device.read, at=corridor.clock())
        for verdict in (uz.asks(each.number).verdict, offline):
            assert verdict.decisive is not None
            assert (verdict.decisive.check, verdict.decisive.code) == (Check.STATUS, "original-out-of-force")
    assert uz.asks(in_lieu.number).verdict.indication is Indication.TOTAL_PASSED
    with uz.node.database.read() as tx:
        told = tasks.open_tasks(tx, TaskKind.ANNULLED_AFTER_USE)
    assert {task.detail["certificate"] for task in told} == {each.id for each in lost}


def test_a_bundle_carries_what_ended_an_original_that_its_duplicate_outlives(corridor: Corridor) -> None:
    """The agreement may have grown longer since: then the original has expired, and its duplicate has not."""
    by, uz = corridor.by, corridor.uz
    original = by.issued()
    lost = by.issue(duplicate(by, original))
    by.annulled(original)
    by.deliver(uz)
    with corridor.forge.breaking(uz) as tx:
        tx.execute(
            update(CertificateRow)
            .where(CertificateRow.id == original.id)
            .values(valid_until=corridor.clock() - timedelta(days=1))
        )
    device = open_bundle(export(uz).text, uz.node.pins)
    verdict = verify(Presentation(lost.envelope), device.trusted, device.read, at=corridor.clock())
    assert verdict.decisive is not None
    assert verdict.decisive.code == "original-out-of-force"


def test_a_duplicate_whose_original_was_lost_is_open(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    original = by.issued()
    lost = by.issue(duplicate(by, original))
    by.deliver(uz)
    with corridor.forge.breaking(uz) as tx:
        tx.execute(delete(CertificateRow).where(CertificateRow.id == original.id))
    device = open_bundle(export(uz).text, uz.node.pins)
    offline = verify(Presentation(lost.envelope), device.trusted, device.read, at=corridor.clock())
    for verdict in (uz.asks(lost.number).verdict, offline):
        found = verdict.finding(Check.STATUS)
        assert found is not None
        assert (verdict.indication, found.code) == (Indication.INDETERMINATE, "original-not-delivered")


def test_what_is_electronic_has_no_duplicate(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = uz.issued("cotton-yarn")
    form = replace(uz.form("cotton-yarn"), related=Related("duplicates", issued.id))
    with uz.tx() as tx:
        drafted = submit_application.draft(tx, form, country="UZ", **uz.by("exporter"))
    with uz.refuses(FindingsSevere) as severe:
        submit_application.submit(severe.tx, drafted.id, uz.beliefs(), **uz.by("exporter"))
    assert ("duplicate-of-electronic", "S7") in {(each.rule, each.source) for each in severe.value.findings}
    approved = duplicate(by, by.issued())
    with by.refuses(NoDuplicate) as refused:
        beliefs = electronic(by.beliefs())
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), beliefs, **by.by("signatory"))
    assert str(refused.value) == "certificates of this direction are electronic, and have no duplicates"


def test_what_is_annulled_is_not_duplicated(corridor: Corridor) -> None:
    by = corridor.by
    original = by.issued()
    approved = duplicate(by, original)
    by.annulled(original)
    with by.refuses(AlreadyAnnulled) as refused:
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("signatory"))


def test_a_duplicate_says_in_its_boxes_what_the_original_says(corridor: Corridor) -> None:
    by = corridor.by
    original = by.issued()
    milk = by.boxes("milk-powder")
    for member in ("items", "consignee_importer"):
        form = replace(by.form(**{member: milk[member]}), related=Related("duplicates", original.id))
        with by.tx() as tx:
            drafted = submit_application.draft(tx, form, country="BY", **by.by("exporter"))
        with by.refuses(DuplicateDiffers) as refused:
            submit_application.submit(refused.tx, drafted.id, by.beliefs(), **by.by("exporter"))
        assert str(refused.value) == f"the {member} of the duplicate are not those of the original"
    approved = duplicate(by, original)
    other = Claims.parse(approved.claims)
    transport = replace(other.transport or Transport(), route="Ташкент - Самарканд")
    claims = replace(other, transport=transport)
    with corridor.forge.breaking(by) as tx:
        tx.execute(
            update(Application)
            .where(Application.id == approved.id)
            .values(claims=dict(claims.encode()), draft=claims.digest)
        )
    with by.refuses(DuplicateDiffers) as unlike:
        issue(unlike.tx, approved.id, claims.digest, issuer_of(by.node), by.beliefs(), **by.by("signatory"))
    assert unlike.value.member == "transport"


def test_whoever_applies_for_a_duplicate_declares_it_on_a_day_of_their_own(corridor: Corridor) -> None:
    by = corridor.by
    original = by.issued()
    declared = dict(by.boxes()["declaration"], signatory="Второй заявитель")
    corridor.clock.forward(timedelta(days=2))
    lost = by.issue(duplicate(by, original, declaration=declared))
    assert read(lost).subject.claims["items"] == read(original).subject.claims["items"]


def test_a_duplicate_of_what_was_issued_before_the_goods_left_says_no_more_than_that(corridor: Corridor) -> None:
    by = corridor.by
    left: dict[str, Any] = {"export": {"date": "2026-11-22"}}
    original = by.issue(by.approves(by.form(**left)))
    corridor.clock.forward(timedelta(days=3))
    lost = by.issue(duplicate(by, original))
    codes = [note.code for note in Claims.parse(read(lost).subject.claims).official_notes]
    assert codes == [NoteCode.DUPLICATE]


@pytest.mark.parametrize("code", ["DUPLICATE", "ISSUED_IN_LIEU"])
def test_box_5_says_that_it_stands_for_another_only_where_it_is_related_to_that(corridor: Corridor, code: str) -> None:
    by = corridor.by
    original = by.issued()
    note = {"code": code, "number": original.number, "date": original.issued_on.isoformat()}
    drafted = by.draft(official_notes=[note])
    with by.refuses(FindingsSevere) as refused:
        submit_application.submit(refused.tx, drafted.id, by.beliefs(), **by.by("exporter"))
    (severe,) = [each for each in refused.value.findings if each.severity is Severity.SEVERE]
    assert (severe.rule, severe.path) == ("note-without-relation", "official_notes[0].code")
    outside = issued_outside(by, claims={"official_notes": [note]})
    with by.refuses(FindingsSevere) as unrelated:
        register_certificate.register(
            unrelated.tx,
            outside.text,
            Examiner(**EXAMINER),
            issuer_of(by.node),
            by.beliefs(),
            **by.by("registrar"),
        )
    assert "note-without-relation" in {each.rule for each in unrelated.value.findings}


def test_a_duplicate_has_no_duplicate(corridor: Corridor) -> None:
    by = corridor.by
    first = by.issue(duplicate(by, by.issued()))
    form = replace(by.form(), related=Related("duplicates", first.id))
    with by.refuses(DuplicateOfDuplicate) as refused:
        submit_application.draft(refused.tx, form, country="BY", **by.by("exporter"))
    assert str(refused.value) == "the certificate that it names is itself a duplicate"


def test_a_duplicate_is_not_replaced_but_its_original_is_which_ends_both(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    original = by.issued()
    lost = by.issue(duplicate(by, original))
    form = replace(by.form(), related=Related("replaces", lost.id))
    for _ in ("in force", "annulled"):
        with by.refuses(DuplicateNotReplaced) as refused:
            submit_application.draft(refused.tx, form, country="BY", **by.by("exporter"))
        assert (
            str(refused.value) == "the certificate that it names is a duplicate: its original is what is to be replaced"
        )
        assert refused.value.original == original.id
        lost = by.issue(duplicate(by, original))
        by.annulled(lost)
        form = replace(by.form(), related=Related("replaces", lost.id))
    in_lieu = by.replaced(original)
    by.deliver(uz)
    found = {each.id: uz.asks(each.number).verdict.indication for each in (original, lost, in_lieu)}
    assert [id for id, indication in found.items() if indication is Indication.TOTAL_PASSED] == [in_lieu.id]


def test_what_was_approved_in_lieu_of_a_duplicate_before_that_was_refused_is_not_issued(corridor: Corridor) -> None:
    by = corridor.by
    original = by.issued()
    lost = by.issue(duplicate(by, original))
    approved = by.replaces(original)
    with corridor.forge.breaking(by) as tx:
        tx.execute(
            update(Application)
            .where(Application.id == approved.id)
            .values(relations={"replaces": {"kind": "replaces", "certificate": lost.id}})
        )
    with by.refuses(DuplicateNotReplaced) as proposing:
        replace_certificate.propose(proposing.tx, approved.id, "Опечатка.", **by.by("signatory"))
    with by.refuses(DuplicateNotReplaced) as refused:
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("signatory"))
    assert (proposing.value.original, refused.value.original) == (original.id, original.id)


def exported(day: str) -> dict[str, Any]:
    return {"export": {"date": day, "declaration": "BY-1"}}


def test_goods_that_have_left_are_said_to_have_and_proof_is_demanded(corridor: Corridor) -> None:
    by = corridor.by
    approved = by.approves(by.form(**exported("2026-11-20")))
    assert Claims.parse(approved.claims).notes(NoteCode.ISSUED_RETROSPECTIVELY)
    by.issue(approved)
    unproved = by.draft(export={"date": "2026-11-20"})
    with by.refuses(FindingsSevere) as severe:
        submit_application.submit(severe.tx, unproved.id, by.beliefs(), **by.by("exporter"))
    assert "retrospective-proof-missing" in {each.rule for each in severe.value.findings}
    same_day = by.approves(by.form(**exported("2026-11-21")))
    assert Claims.parse(same_day.claims).official_notes == ()
    stated = by.form(official_notes=[{"code": "ISSUED_RETROSPECTIVELY"}], **exported("2026-11-20"))
    assert len(Claims.parse(by.approves(stated).claims).official_notes) == 1


def test_goods_that_left_after_the_approval_send_the_draft_back(corridor: Corridor) -> None:
    by = corridor.by
    approved = by.approves(by.form(**exported("2026-11-21")))
    corridor.clock.forward(timedelta(days=1))
    with by.refuses(GoodsHaveLeft) as refused:
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("signatory"))
    assert "no note that it is issued retrospectively" in str(refused.value)
    with by.tx() as tx:
        row = examine_application.send_back(tx, approved.id, "Товар вывезен.", **by.by("examiner"))
    assert (row.state, row.draft, row.clock) == (State.DRAFT, None, None)
    with by.tx() as tx:
        again, _ = submit_application.submit(tx, approved.id, by.beliefs(), **by.by("exporter"))
    assert Claims.parse(again.claims).notes(NoteCode.ISSUED_RETROSPECTIVELY)


@pytest.mark.parametrize("sheet", [Sheet(0, 2), Sheet(3, 2), Sheet(1, 1001)])
def test_a_sheet_is_k_of_n(corridor: Corridor, sheet: Sheet) -> None:
    by = corridor.by
    with by.refuses(MalformedClaims) as refused:
        submit_application.draft(refused.tx, replace(by.form(), sheet=sheet), country="BY", **by.by("exporter"))
    assert refused.value.path == "sheet"
