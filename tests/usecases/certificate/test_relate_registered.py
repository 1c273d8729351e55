"""What a certificate that was issued outside says it replaces, duplicates or is a sheet of, is looked at as ours is."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from registry.api.issuer import issuer_of
from registry.core.agreement import Agreement
from registry.core.certificate.credential import Certificate
from registry.core.certificate.duplicate import DuplicateDiffers, DuplicateNotReplaced, DuplicateOfDuplicate
from registry.core.certificate.lifecycle import AlreadyAnnulled
from registry.core.certificate.relation import Relation
from registry.core.envelope.jose import Envelope, Typ
from registry.core.verification.verdict import Indication
from registry.store.certificates import CertificateRow
from registry.usecases.application import submit_application
from registry.usecases.application.check_application import FindingsSevere
from registry.usecases.application.place_sheet import SetNotFound, SheetTaken
from registry.usecases.application.relate_certificate import InLieuIssued, Related, RelatedElsewhere
from registry.usecases.certificate.register_certificate import Examiner, Registered, register
from registry.usecases.certificate.relate_registered import RelationWrong, StillInForce
from registry.usecases.trust.sign_for_body import read
from tests.kit import Corridor, Country
from tests.outside import EXAMINER, issued_outside, registered
from tests.usecases.application.test_relate_certificate import months
from tests.usecases.certificate import test_sheets as sheets
from tests.usecases.certificate.test_register_certificate import refused
from tests.usecases.fsck.lived import found
from tests.usecases.trust.test_agreements_over_time import adopt

SET = "5" * 32


def in_lieu(country: Country, old: CertificateRow, serial: int, **changes: Any) -> Envelope:
    """Return what a body's system issues in lieu of a certificate, with the note of box 5."""
    note = {"code": "ISSUED_IN_LIEU", "number": old.number, "date": old.issued_on.isoformat()}
    relation = Relation("replaces", old.id)
    stated: dict[str, Any] = {"subject": {"relations": (relation,)}, "claims": {"official_notes": [note]}}
    return issued_outside(country, serial, **{**stated, **changes})


def boxes_of(lost: CertificateRow) -> dict[str, Any]:
    """Return the boxes of a certificate, with the note that this is its duplicate."""
    note = {"code": "DUPLICATE", "number": lost.number, "date": lost.issued_on.isoformat()}
    return {**read(lost).subject.claims, "official_notes": [note]}


def duplicate(country: Country, lost: CertificateRow, serial: int, **changes: Any) -> Envelope:
    original = read(lost)
    stated: dict[str, Any] = {
        "subject": {"relations": (Relation("duplicates", lost.id, issue_date=original.subject.issue_date),)},
        "claims": boxes_of(lost),
        "valid_until": original.valid_until,
    }
    return issued_outside(country, serial, **{**stated, **changes})


def sheet(country: Country, serial: int, k: int, first: int, n: int = 3, **changes: Any) -> Envelope:
    items = country.boxes()["items"]
    for number, item in enumerate(items, first):
        item["seq"] = number
        if k > 1:
            item["quantity"] = {name: item["quantity"][name] for name in ("value", "unit")}
    subject: Mapping[str, Any] = {"relations": (Relation("sheet_of", set=SET, k=k, n=n),)}
    return issued_outside(country, serial, **{"subject": subject, "claims": {"items": items}, **changes})


def test_what_was_annulled_is_replaced_by_what_is_registered_once(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    old = registered(by).certificate
    refusal = refused(by, StillInForce, in_lieu(by, old, 901))
    assert refusal == "the certificate that it would replace is in force: annul that one first"
    by.annulled(old)
    envelope = in_lieu(by, old, 901)
    new = registered(by, envelope)
    assert registered(by, envelope).certificate.id == new.certificate.id
    refused(by, InLieuIssued, in_lieu(by, old, 902))
    by.deliver(uz)
    assert uz.asks(new.certificate.number).verdict.indication is Indication.TOTAL_PASSED
    assert found(by) == []


def test_what_the_node_issued_may_be_named_and_what_it_replaced_may_not(corridor: Corridor) -> None:
    by = corridor.by
    first, second = by.issued(), by.issued()
    by.annulled(first)
    registered(by, in_lieu(by, first, 901))
    by.replaced(second)
    refused(by, AlreadyAnnulled, in_lieu(by, second, 902))


def test_what_is_not_here_or_another_bodys_is_not_found(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    old = by.issued()
    foreign = uz.issued("cotton-yarn")
    uz.deliver(by)
    unknown = (Relation("replaces", old.id + "9"),)
    for envelope in (in_lieu(by, old, 901, subject={"relations": unknown}), in_lieu(by, foreign, 901)):
        assert refused(by, RelationWrong, envelope) == "relations: the body has no such certificate here"


def test_what_it_names_is_of_the_same_exporter_and_box_5_says_which(corridor: Corridor) -> None:
    by = corridor.by
    old = by.issued()
    by.annulled(old)
    party = dict(by.boxes()["consignor_exporter"])
    party.pop("tax_id")
    note = {"code": "ISSUED_IN_LIEU", "number": old.number, "date": "2026-11-20"}
    good = [{**note, "date": "2026-11-21"}]
    other = in_lieu(by, old, 901, claims={"consignor_exporter": party, "official_notes": good})
    assert refused(by, RelatedElsewhere, other) == "the certificate that it names is of another exporter"
    for notes in ([], [note]):
        refusal = refused(by, RelationWrong, in_lieu(by, old, 901, claims={"official_notes": notes}))
        assert refusal == "official_notes: no note names the other certificate by its number and day of issue"


def test_a_duplicate_is_of_what_is_in_force_and_counts_from_its_day(corridor: Corridor) -> None:
    by = corridor.by
    lost = by.issued()
    same_day = registered(by, duplicate(by, lost, 900)).certificate
    refused(by, DuplicateOfDuplicate, duplicate(by, same_day, 901))
    refused(by, DuplicateNotReplaced, in_lieu(by, same_day, 901))
    corridor.clock.forward(timedelta(days=3))
    duplicated: Registered = registered(by, duplicate(by, lost, 901))
    assert read(duplicated.certificate).valid_until == read(lost).valid_until
    other_goods = {**boxes_of(lost), "items": by.boxes("milk-powder")["items"]}
    refused(by, DuplicateDiffers, duplicate(by, lost, 902, claims=other_goods))
    today = Relation("duplicates", lost.id, issue_date=by.beliefs().offset("BY", by.clock()).local_date(by.clock()))
    wrong = duplicate(by, lost, 902, subject={"relations": (today,)}, valid_until=_valid_from_today(by))
    assert refused(by, RelationWrong, wrong) == "relations: the original was issued on another day"
    by.annulled(lost)
    refused(by, AlreadyAnnulled, duplicate(by, lost, 902))


def test_a_duplicate_ends_when_its_original_does_whatever_was_agreed_since(corridor: Corridor) -> None:
    by = corridor.by
    lost = by.issued()
    corridor.clock.forward(timedelta(hours=1))
    adopt(corridor, title="Второе соглашение", **months(24))
    corridor.clock.forward(timedelta(hours=1))
    longer = read(lost).subject.issue_date.plus_months(24).ends()
    why = refused(by, RelationWrong, duplicate(by, lost, 901, valid_until=longer))
    assert why == "validUntil: a duplicate ends when its original does"
    registered(by, duplicate(by, lost, 901))


def _valid_from_today(country: Country) -> Any:
    beliefs = country.beliefs()
    today = beliefs.offset("BY", country.clock()).local_date(country.clock())
    agreement, recognition = beliefs.agreed("origin-st1", "BY", "UZ", today.day)
    assert isinstance(agreement, Agreement)
    return agreement.valid_until(today, recognition)


def test_a_set_is_applied_for_here_or_issued_there_and_never_both(corridor: Corridor) -> None:
    by = corridor.by
    first = sheets.issued(by, sheets.sheet(by, 1, 1))
    relation = read(first).relation("sheet_of")
    assert relation is not None
    count = len(by.boxes()["items"])
    second = sheet(by, 901, 2, count + 1, subject={"relations": (Relation("sheet_of", set=relation.set, k=2, n=3),)})
    assert refused(by, RelationWrong, second) == "relations: the set is one that was applied for here"
    registered(by, sheet(by, 901, 1, 1))
    with by.refuses(SetNotFound) as missing:
        form = sheets.sheet(by, 2, count + 1, SET)
        submit_application.draft(missing.tx, form, country="BY", **by.by("exporter"))


def test_sheets_find_their_places_free_and_are_numbered_through(corridor: Corridor) -> None:
    by = corridor.by
    count = len(by.boxes()["items"])
    registered(by, sheet(by, 901, 1, 1))
    refused(by, FindingsSevere, sheet(by, 902, 2, 1))
    second = registered(by, sheet(by, 902, 2, count + 1)).certificate
    assert refused(by, SheetTaken, sheet(by, 903, 2, count + 1)) == "the set has a sheet 2 of 3"
    refused(by, SheetTaken, sheet(by, 903, 3, 2 * count + 1, n=4))
    third = registered(by, sheet(by, 904, 3, 2 * count + 1)).certificate
    for serial in (905, 906):
        by.annulled(second)
        refused(by, SheetTaken, sheet(by, serial, 2, count + 1))
        second = registered(by, sheet_in_lieu(by, serial, second, count + 1)).certificate
    by.annulled(third)
    refused(by, SheetTaken, sheet_in_lieu(by, 907, third, count + 1))
    assert found(by) == []


def test_a_duplicate_of_a_sheet_is_that_sheet_wherever_the_sheet_was_issued(corridor: Corridor) -> None:
    by = corridor.by
    count = len(by.boxes()["items"])
    here = sheets.issued(by, sheets.sheet(by, 1, 1))
    registered(by, duplicate(by, here, 901, subject=relations(here)))
    outside = registered(by, sheet(by, 902, 1, 1)).certificate
    registered(by, duplicate(by, outside, 903, subject=relations(outside)))
    registered(by, sheet(by, 904, 2, count + 1))
    torn = duplicate(by, outside, 905)
    with by.refuses(FindingsSevere) as severe:
        register(severe.tx, torn.text, Examiner(**EXAMINER), issuer_of(by.node), by.beliefs(), **by.by("registrar"))
    assert "sheet-place-left" in {each.rule for each in severe.value.findings}
    assert found(by) == []


def relations(lost: CertificateRow) -> dict[str, Any]:
    """Return what a duplicate of a sheet is related to: its original, and the set of that."""
    known = read(lost)
    relation = Relation("duplicates", lost.id, issue_date=known.subject.issue_date)
    return {"relations": (relation, *known.subject.relations)}


def sheet_in_lieu(country: Country, serial: int, old: CertificateRow, first: int) -> Envelope:
    """Return sheet 2 of the set, issued in lieu of one that was annulled."""
    note = {"code": "ISSUED_IN_LIEU", "number": old.number, "date": old.issued_on.isoformat()}
    again = sheet(country, serial, 2, first)
    subject = Certificate.parse(Envelope.parse(again.text, Typ.CERTIFICATE).payload).subject
    relations = (Relation("replaces", old.id), *subject.relations)
    claims = {"items": subject.claims["items"], "official_notes": [note]}
    return issued_outside(country, serial, subject={"relations": relations}, claims=claims)


def test_a_sheet_that_was_issued_here_is_replaced_by_one_from_outside_and_that_here_again(corridor: Corridor) -> None:
    by = corridor.by
    first = sheets.issued(by, sheets.sheet(by, 1, 1))
    set_ = str(sheets.relation_of(first).set)
    by.annulled(first)
    of_set = {"relations": (Relation("replaces", first.id), Relation("sheet_of", set=set_, k=1, n=3))}
    outside = registered(by, in_lieu(by, first, 901, subject=of_set)).certificate
    by.annulled(outside)
    again = sheets.issued(by, replace(sheets.sheet(by, 1, 1, set_), related=Related("replaces", outside.id)))
    assert sheets.relation_of(again) == Relation("sheet_of", set=set_, k=1, n=3)
    assert found(by) == []
