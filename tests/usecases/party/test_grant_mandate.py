"""Who may act for whom, and until when."""

from datetime import date
from typing import Any

from registry.core.tlog.entry import Kind
from registry.usecases.party import grant_mandate
from registry.usecases.party.register_party import PartyNotFound, PartyWrong
from tests.kit import AT, Corridor
from tests.usecases.party.test_register_party import by_operator


def test_a_mandate_is_from_one_known_organisation_to_another_for_known_schemes(corridor: Corridor) -> None:
    by = corridor.by
    principal, agent = by.people["exporter"].organisation, by.people["stranger"].organisation
    exist = "a mandate is for schemes that exist"
    refusals: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"agent": "nobody"}, PartyNotFound, "nobody"),
        ({"principal": "nobody"}, PartyNotFound, "nobody"),
        ({"schemes": []}, PartyWrong, f"{exist}: no scheme is named; there are origin-st1"),
        ({"schemes": ["origin-st9"]}, PartyWrong, f"{exist}: there is no scheme 'origin-st9'; there are origin-st1"),
        ({"agent": principal}, PartyWrong, "a mandate is from one organisation to another, and this names one twice"),
    ]
    for stated, refusal, told in refusals:
        asked = {"principal": principal, "agent": agent, "schemes": ["origin-st1"]} | stated
        with by.refuses(refusal) as refused:
            grant_mandate.grant(refused.tx, **asked, until=date(2027, 1, 1), today=AT.date(), **by_operator(by))
        assert told in str(refused.value)


def test_a_mandate_does_not_end_before_it_begins(corridor: Corridor) -> None:
    by = corridor.by
    asked: dict[str, Any] = {
        "principal": by.people["exporter"].organisation,
        "agent": by.people["stranger"].organisation,
        "schemes": ["origin-st1"],
        "until": date(2026, 11, 21),
    }
    with by.refuses(PartyWrong) as refused:
        grant_mandate.grant(refused.tx, **asked, today=date(2026, 11, 22), **by_operator(by))
    assert str(refused.value) == "a mandate until 2026-11-21 has ended: today is 2026-11-22"
    with by.tx() as tx:
        grant_mandate.grant(tx, **asked, today=date(2026, 11, 21), **by_operator(by))


def test_a_revoked_mandate_is_not_revoked_twice(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        row = grant_mandate.grant(
            tx,
            principal=by.people["exporter"].organisation,
            agent=by.people["stranger"].organisation,
            schemes=["origin-st1"],
            until=date(2027, 1, 1),
            today=AT.date(),
            **by_operator(by),
        )
        grant_mandate.revoke(tx, row.id, **by_operator(by))
    with by.refuses(PartyNotFound) as refused:
        grant_mandate.revoke(refused.tx, row.id, **by_operator(by))
    assert [act.kind for act in by.acts(Kind.MANDATE_GRANTED, Kind.MANDATE_REVOKED)].count("mandate.revoked") == 1
