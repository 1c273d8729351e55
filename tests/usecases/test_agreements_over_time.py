"""What two states agreed acts from its date on, and what they agreed before then no longer does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from registry.cli import duties
from registry.core.agreement import Agreement
from registry.core.calendar import Offset
from registry.core.envelope.jose import Typ, join, seal
from registry.core.verification.verdict import Indication
from registry.usecases import adopt_trust_list
from tests.kit import Corridor, agreed, list_signers

TOMORROW: dict[str, Any] = {"from": "2026-11-22", "title": "Второе соглашение"}
MIDNIGHT = datetime(2026, 11, 21, 21, tzinfo=UTC)
"""In Minsk it is tomorrow from now on."""


def adopt(corridor: Corridor, **changes: Any) -> Agreement:
    """Let both countries sign and adopt another agreement."""
    agreement = agreed(**changes)
    signers = [signer for code in ("BY", "UZ") for signer in list_signers(corridor.forge, code)]
    text = join([seal(agreement.encode(), Typ.AGREEMENT, signer) for signer in signers])
    for country in (corridor.by, corridor.uz):
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
