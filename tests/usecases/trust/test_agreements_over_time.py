"""What two states agreed acts from its date on, and what they agreed before then no longer does."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from registry.cli import duties
from registry.core.agreement import Agreement
from registry.core.calendar import Offset
from registry.core.certificate.credential import Certificate
from registry.core.envelope.jose import Envelope, Typ, join, seal
from registry.core.verification.bundle import open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication
from registry.core.verification.verify import verify
from registry.usecases.certificate.issue_certificate import NotIssuable
from registry.usecases.trust import adopt_trust_list
from tests.kit import Corridor, Country, agreed, list_signers
from tests.outside import issued_outside, registered
from tests.usecases.certificate.test_register_certificate import refused
from tests.usecases.verification.test_export_bundle import export

TOMORROW: dict[str, Any] = {"from": "2026-11-22", "title": "Второе соглашение"}
MIDNIGHT = datetime(2026, 11, 21, 21, tzinfo=UTC)
"""In Minsk it is tomorrow from now on."""


def adopt(corridor: Corridor, who: Sequence[Country] = (), **changes: Any) -> Agreement:
    """Let both countries sign another agreement, and both or one adopt it."""
    agreement = agreed(**changes)
    signers = [signer for code in ("BY", "UZ") for signer in list_signers(corridor.forge, code)]
    text = join([seal(agreement.encode(), Typ.AGREEMENT, signer) for signer in signers])
    for country in who or (corridor.by, corridor.uz):
        beliefs = country.beliefs()
        with country.tx() as tx:
            by = country.people["operator"].actor
            adopt_trust_list.adopt_agreement(
                tx,
                text,
                beliefs,
                own_country=country.code,
                env="demo",
                by=by,
                at=country.clock(),
                draw=country.node.draw,
            )
    return agreement


def shorter() -> dict[str, Any]:
    recognitions = agreed().encode()["recognitions"]
    assert isinstance(recognitions, list)
    return {"recognitions": [{**each, "validity_months": 3} for each in recognitions if isinstance(each, dict)]}


def test_a_certificate_is_registered_under_what_was_agreed_when_it_was_signed(corridor: Corridor) -> None:
    by = corridor.by
    signed_before = issued_outside(by, 900)
    old = Certificate.parse(signed_before.payload)
    corridor.clock.forward(timedelta(hours=1))
    adopt(corridor, title="Второе соглашение", **shorter())
    corridor.clock.forward(timedelta(hours=1))
    by_old_terms = issued_outside(by, 901, subject={"agreement": old.subject.agreement}, valid_until=old.valid_until)
    assert "the states had agreed anew" in refused(by, NotIssuable, by_old_terms)
    registered(by, signed_before)
    new = registered(by, issued_outside(by, 902)).certificate
    assert new.valid_until < old.valid_until


def test_customs_let_a_day_pass_until_the_agreement_before_recognises_nothing_more(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    adopt(corridor, (uz,), title="Второе соглашение", **shorter())
    corridor.clock.forward(timedelta(days=1))
    still = by.issued()
    by.deliver(uz)
    uz.hears(by.states(), by)
    assert uz.asks(still.number).verdict.indication is Indication.TOTAL_PASSED
    corridor.clock.forward(timedelta(seconds=1))
    late = by.issued()
    device = open_bundle(export(uz).text, uz.node.pins)
    offline = verify(Presentation(late.envelope), device.trusted, device.read, at=uz.clock())
    for verdict in (uz.shown(Presentation(late.envelope)).verdict, offline):
        assert verdict.decisive is not None
        assert (verdict.indication, verdict.decisive.code) == (Indication.TOTAL_FAILED, "agreement-superseded")


def test_two_agreements_follow_by_their_dates_in_whatever_order_a_node_adopts_them(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    second: dict[str, Any] = {"title": "Второе соглашение", "from": "2026-02-01"}
    third: dict[str, Any] = {"title": "Третье соглашение", "from": "2026-03-01", **shorter()}
    for country, order in ((by, (second, third)), (uz, (third, second))):
        for each in order:
            corridor.clock.forward(timedelta(hours=1))
            adopt(corridor, (country,), **each)
    corridor.clock.forward(timedelta(days=2))
    issued = by.issued()
    by.deliver(uz)
    uz.hears(by.states(), by)
    named = Certificate.parse(Envelope.parse(issued.envelope, Typ.CERTIFICATE).payload).subject.agreement
    assert named == agreed(**third).id
    assert uz.asks(issued.number).verdict.indication is Indication.TOTAL_PASSED
    assert list(by.beliefs().agreements) == list(uz.beliefs().agreements)


def quorum(by: int) -> dict[str, Any]:
    return {"witnesses": [{"country": "BY", "witnesses": by}, {"country": "UZ", "witnesses": 1}]}


def test_another_clock_holds_from_the_date_of_its_agreement(corridor: Corridor) -> None:
    by = corridor.by
    parties = agreed().encode()["parties"]
    assert isinstance(parties, list)
    adopt(
        corridor,
        parties=[{**each, "offset": "+02:00"} if each["country"] == "BY" else each for each in parties],
        **TOMORROW,
    )
    assert by.issued().issued_on == corridor.clock().date()
    beliefs = by.beliefs()
    assert [beliefs.offset("BY", MIDNIGHT + timedelta(hours=hours)) for hours in (0, 1)] == [Offset(180), Offset(120)]


def test_more_witnesses_are_asked_for_from_the_date_of_their_agreement(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    adopt(corridor, **quorum(2), **TOMORROW)
    issued = by.issued()
    by.deliver(uz)
    assert uz.asks(issued.number).verdict.indication is Indication.TOTAL_PASSED


def test_what_is_issued_before_witnesses_are_given_up_still_gets_its_proof(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    adopt(corridor, **quorum(0), **TOMORROW)
    issued = [by.issued()]
    corridor.clock.at = MIDNIGHT - timedelta(seconds=1)
    issued.append(by.issued())
    by.sequence()
    for moment in (corridor.clock(), MIDNIGHT):
        corridor.clock.at = moment
        assert not duties.publish_newest(by.node)
    by.deliver(uz)
    for row in issued:
        assert uz.asks(row.number).verdict.indication is Indication.TOTAL_PASSED
    corridor.clock.forward(timedelta(days=1))
    by.issued()
    by.sequence()
    assert duties.publish_newest(by.node)


def test_the_last_agreement_still_counts_for_the_log_when_it_has_ended(corridor: Corridor) -> None:
    by = corridor.by
    last = adopt(corridor, until="2026-12-31")
    agreements: dict[str, Agreement] = {last.id: last}
    ended = datetime(2027, 2, 1, tzinfo=UTC)
    beliefs = replace(by.beliefs(), agreements=agreements)
    assert len(beliefs.log_policies(by.did, ended)) == 1
    assert beliefs.log_policies(by.did, datetime(2025, 1, 1, tzinfo=UTC)) == []
    assert beliefs.log_policies("did:web:kz.registry.example", ended) == []
