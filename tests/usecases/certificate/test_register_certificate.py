"""Certificates that a body's own system issued: registered once, judged as any, never two under one number."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from registry.api.issuer import issuer_of
from registry.core.application.working_year import write_calendar
from registry.core.calendar import Calendar
from registry.core.certificate.credential import Signatory
from registry.core.envelope.jose import Envelope, Typ, join, seal
from registry.core.errors import RegistryError
from registry.core.number_pattern import NumberUnfit
from registry.core.rules.finding import Severity
from registry.core.tlog.entry import Kind
from registry.core.verification.verdict import Check, Indication, Outcome
from registry.store.certificates import Source
from registry.store.registrations import Registration
from registry.usecases.application.check_application import FindingsSevere
from registry.usecases.application.check_expert import ExaminerIsExpert, SignatoryIsExpert
from registry.usecases.certificate.issue_certificate import NotIssuable
from registry.usecases.certificate.register_certificate import (
    ApproversAlike,
    Examiner,
    IssuedByAnother,
    NumberTaken,
    SignedOtherwise,
    StatusIndexTaken,
    register,
)
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.trust.adopt_trust_list import adopt_agreement
from registry.usecases.verification.verify_certificate import by_number
from tests.kit import Corridor, Country, Forge, agreed, list_signers
from tests.outside import EXAMINER, issued_outside, registered
from tests.usecases.fsck.lived import found

FRIDAY = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def refused(
    country: Country,
    refusal: type[RegistryError],
    envelope: Envelope,
    examiner: Mapping[str, str] = EXAMINER,
    who: str = "registrar",
) -> str:
    """Check that a registration is refused and changes nothing; return why."""
    beliefs = country.beliefs()
    with country.refuses(refusal) as expected:
        register(expected.tx, envelope.text, Examiner(**examiner), issuer_of(country.node), beliefs, **country.by(who))
    return str(expected.value)


def test_what_was_issued_outside_is_kept_logged_and_delivered_as_any(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    envelope = issued_outside(by)
    row = registered(by, envelope).certificate
    assert (row.source, row.envelope, row.digest) == (Source.OUTSIDE, envelope.text, envelope.digest)
    assert row.organisation == by.people["exporter"].organisation
    (act,) = by.acts(Kind.CERTIFICATE_ISSUED)
    assert (act.id, act.digest, act.to, act.person) == (row.act, row.digest, "UZ", by.people["registrar"].person)
    assert act.private["issued_outside"]["examiner_name"] == EXAMINER["name"]
    by.deliver(uz)
    verdict = uz.asks(row.number).verdict
    assert verdict.indication is Indication.TOTAL_PASSED


def test_the_verdict_at_the_issuers_node_says_that_it_was_issued_outside(corridor: Corridor) -> None:
    by = corridor.by
    row = registered(by).certificate
    with by.tx() as tx:  # for the very country that it is for: at home it is for elsewhere, and nothing more is asked
        verdict = by_number(
            tx, row.number, by.beliefs(), id=None, env="demo", country="UZ", day=None, **by.by("officer")
        ).verdict
    finding = verdict.finding(Check.DELIVERED)
    assert finding is not None
    assert (finding.outcome, finding.code) == (Outcome.PASSED, "issued-outside")


def test_the_same_certificate_again_is_the_same_answer_and_nothing_more(corridor: Corridor) -> None:
    by = corridor.by
    envelope = issued_outside(by)
    corridor.clock.forward(timedelta(days=5))
    first = registered(by, envelope)
    before = by.everything()
    corridor.clock.forward(timedelta(days=30))  # the list that knows the key has expired since
    again = registered(by, envelope)
    assert by.everything() == before
    assert (again.certificate.id, again.outside.registered_on, again.findings) == (
        first.certificate.id,
        first.outside.registered_on,
        first.findings,
    )


def test_the_same_content_with_another_signature_is_not_what_was_registered(corridor: Corridor) -> None:
    by = corridor.by
    envelope = issued_outside(by)
    registered(by, envelope)
    for other in (envelope.text[:-6] + "AAAAAA", issued_again(by, envelope)):
        assert other != envelope.text
        assert Envelope.parse(other, Typ.CERTIFICATE).digest == envelope.digest
        why = refused(by, SignedOtherwise, Envelope.parse(other, Typ.CERTIFICATE))
        assert why == "this certificate is registered with another signature than the one that is shown"


def issued_again(country: Country, envelope: Envelope) -> str:
    """Sign the same content anew: a signature of ECDSA is another each time."""
    return seal(envelope.payload, Typ.CERTIFICATE, country.signer).text


def test_one_number_is_never_two_certificates(corridor: Corridor) -> None:
    by = corridor.by
    registered(by, issued_outside(by, 2))
    why = refused(by, NumberTaken, issued_outside(by, 2))
    assert why == "the number is taken: another certificate bears it, or this node allotted it"
    assert [by.issued().number, by.issued().number] == ["BYUZ6101000001", "BYUZ6101000003"]
    refused(by, NumberTaken, issued_outside(by, 1))
    with by.tx() as tx:
        tx.execute(text("UPDATE number_counter SET last = 5"))
    refused(by, NumberTaken, issued_outside(by, 4))


def test_registering_and_issuing_at_once_never_meet_in_a_number(corridor: Corridor) -> None:
    by = corridor.by
    approved = [by.approved() for _ in range(4)]
    outside = [issued_outside(by, serial) for serial in range(1, 9)]

    def try_to_register(envelope: Envelope) -> str | None:
        try:
            return registered(by, envelope).certificate.number
        except NumberTaken:
            return None

    with ThreadPoolExecutor(8) as pool:
        theirs = pool.map(try_to_register, outside)
        ours = pool.map(lambda application: by.issue(application).number, approved)
        numbers = [*filter(None, theirs), *ours]
    assert len(numbers) == len(set(numbers)) >= 8


@pytest.mark.parametrize(
    ("days", "findings"),
    [(0, []), (3, []), (4, ["registered-late"]), (8, ["registered-late"])],
    ids=["at once", "Monday", "Tuesday", "a week"],
)
def test_late_is_after_the_working_day_that_follows_and_is_found_not_refused(
    corridor: Corridor, days: int, findings: list[str]
) -> None:
    by = corridor.by
    corridor.clock.at = FRIDAY
    envelope = issued_outside(by)
    corridor.clock.forward(timedelta(days=days))
    outside = registered(by, envelope)
    assert outside.outside.late is bool(findings)
    assert [finding.rule for finding in outside.findings if finding.rule == "registered-late"] == findings
    (act,) = by.acts(Kind.CERTIFICATE_ISSUED)
    assert [rule for rule in act.private["findings"] if rule == "registered-late"] == findings


def test_the_agreements_calendar_says_first_which_day_is_late(corridor: Corridor) -> None:
    by = corridor.by
    corridor.clock.at = FRIDAY
    calendar = Calendar("BY", 2026, "приложение к соглашению", rest=(date(2026, 11, 23),))
    agreement = agreed(calendars=[write_calendar(calendar)])
    signers = [signer for code in ("BY", "UZ") for signer in list_signers(corridor.forge, code)]
    text_ = join([seal(agreement.encode(), Typ.AGREEMENT, signer) for signer in signers])
    operator = by.by("operator") | {"by": by.people["operator"].actor}
    with by.tx() as tx:
        adopt_agreement(tx, text_, by.beliefs(), own_country="BY", env="demo", **operator)
    envelope = issued_outside(by)
    corridor.clock.forward(timedelta(days=4))
    outside = registered(by, envelope).outside
    assert (outside.due_on, outside.late) == (date(2026, 11, 24), False)


def test_without_a_calendar_nothing_is_said_of_late(corridor: Corridor, forge: Forge) -> None:
    by = corridor.by
    with forge.breaking(by) as tx:
        tx.execute(text("DELETE FROM calendar"))
    envelope = issued_outside(by)
    corridor.clock.forward(timedelta(days=8))
    assert registered(by, envelope).outside.late is None


def test_a_body_registers_what_is_its_own_under_the_name_of_this_node(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    refused(by, IssuedByAnother, issued_outside(uz))
    refused(by, RoleMissing, issued_outside(by), who="signatory")


def test_two_people_approve_and_both_are_named(corridor: Corridor) -> None:
    by = corridor.by
    signatory = by.people["signatory"]
    refused(by, ApproversAlike, issued_outside(by), {"id": signatory.person, "name": "Н. В. Крук"})
    assert refused(by, ApproversAlike, issued_outside(by), {"id": "x", "name": signatory.name}) == (
        "who examined and who signed are two people, each by their own name and id"
    )


def test_the_expert_of_the_act_neither_examined_nor_signed_what_is_registered(corridor: Corridor) -> None:
    by = corridor.by
    act = {"number": "7", "until": "2026-12-31", "goods": "тракторы", "rules_set": "CIS-1993"}
    examined = issued_outside(by, claims={"expert_act": act | {"expert": "Крук Николай Васильевич"}})
    assert "does not examine" in refused(by, ExaminerIsExpert, examined)
    signed = issued_outside(by, claims={"expert_act": act | {"expert": by.people["signatory"].name}})
    assert "does not certify" in refused(by, SignatoryIsExpert, signed)
    registered(by, issued_outside(by, claims={"expert_act": act | {"expert": "Э. Эксперт"}}))


def test_what_would_not_verify_is_not_registered(corridor: Corridor) -> None:
    by = corridor.by
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("signer", {"signer": corridor.uz.signer}),
        ("signer", {"signer": by.node.keyring.node}),
        ("body", {"subject": {"signatory": Signatory("nobody", "Никто")}}),
        ("body", {"body_name": "Другой орган"}),
        ("environment", {"subject": {"env": "training"}}),
        ("agreement", {"valid_until": by.clock() + timedelta(days=1)}),
        ("agreement", {"subject": {"agreement": "0" * 64}}),
        ("validity", {"at": by.clock() + timedelta(minutes=6)}),
    ]
    for check, changes in wrong:
        assert f"would not verify: {check}: " in refused(by, NotIssuable, issued_outside(by, **changes))
    registered(by, issued_outside(by, at=by.clock() + timedelta(minutes=5)))


def test_a_number_that_the_bodys_pattern_does_not_write_is_refused(corridor: Corridor) -> None:
    by = corridor.by
    for number in ("BYUZ6101000000", "BYUZ610100001", "BYUZ5101000001", "UZBY6101000001", "BYUZ610100000A"):
        assert refused(by, NumberUnfit, issued_outside(by, number=number)).startswith("the number is not one of")


def test_a_place_in_the_status_list_is_one_certificates_alone(corridor: Corridor) -> None:
    by = corridor.by
    registered(by, issued_outside(by, 900, status_index=7))
    assert "7 is not a free place" in refused(by, StatusIndexTaken, issued_outside(by, 901, status_index=7))
    refused(by, StatusIndexTaken, issued_outside(by, 901, status_index=131_072))
    refused(by, StatusIndexTaken, issued_outside(by, 901, status_list="another"))


def test_the_rules_are_asked_as_on_the_day_of_issue(corridor: Corridor) -> None:
    by = corridor.by
    early = issued_outside(by, at=FRIDAY - timedelta(days=7))
    with by.refuses(FindingsSevere) as severe:
        register(
            severe.tx,
            early.text,
            Examiner(**EXAMINER),
            issuer_of(by.node),
            by.beliefs(),
            **by.by("registrar"),
        )
    assert any(finding.severity is Severity.SEVERE for finding in severe.value.findings)


def test_an_exporter_that_is_not_registered_here_is_no_ones_to_read(corridor: Corridor) -> None:
    by = corridor.by
    party = dict(by.boxes()["consignor_exporter"])
    party.pop("tax_id")
    assert registered(by, issued_outside(by, claims={"consignor_exporter": party})).certificate.organisation is None


def test_the_body_annuls_what_it_issued_outside(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = registered(by).certificate
    by.deliver(uz)
    by.annulled(row)
    by.deliver(uz)
    assert uz.asks(row.number).verdict.indication is Indication.TOTAL_FAILED


def test_fsck_reads_registrations_and_the_numbers_that_were_stepped_over(corridor: Corridor, forge: Forge) -> None:
    by = corridor.by
    for serial in (1, 900):
        registered(by, issued_outside(by, serial))
    by.issued()

    assert found(by) == []
    with forge.breaking(by) as tx:
        one, other = tx.query(Registration).order_by(Registration.serial).all()
        one.examiner_name = "Другой"
        tx.delete(other)
    assert sorted(line.partition(": ")[2] for line in found(by)) == [
        "a number was allotted and not used, or the reverse",
        "it is not what its act says",
        "it was issued outside, and its registration is not here",
    ]
    with forge.breaking(by) as tx:
        tx.execute(text("UPDATE certificate SET due_on = NULL WHERE source = 'issued-outside'"))
    assert len([line for line in found(by) if "it is not what its act says" in line]) == 1
    with forge.breaking(by) as tx:
        tx.execute(text("UPDATE certificate SET act = NULL WHERE source = 'issued-outside'"))
    assert any("it is of no certificate that was registered, with its act" in line for line in found(by))
