"""A month ends while both nodes run: the workers settle it by themselves, and being killed changes nothing."""

import signal
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

from registry.core.channel.reconciliation import Month
from registry.demo import casework
from registry.demo.country import Country
from registry.demo.desk import Desk, answers, wait_for
from registry.usecases.channel.settle_months import SETTLED
from tests.two_nodes.test_witnesses import Clocked
from tests.two_nodes.world import count, database, discrepancies, settle

KILLS = 3


def test_a_month_that_ends_is_settled_by_two_workers_that_are_killed_meanwhile(renewed: Mapping[str, Country]) -> None:
    clock = renewed["BY"].folder / "clock"
    clock.write_text("0")
    countries = {code: _clocked(country, renewed, clock) for code, country in renewed.items()}
    for code, country in renewed.items():
        country.stop()
        countries[code].start()
    try:
        for country in countries.values():
            wait_for(lambda node=country: answers(node), f"{country.code} ready")  # type: ignore[misc]
        home, certificate = countries["BY"], _issue(countries["BY"])
        month = Month.of(datetime.now(UTC))
        clock.write_text(str(int((month.end + SETTLED - datetime.now(UTC)).total_seconds()) + 1))
        for _ in range(KILLS):
            for country in countries.values():
                country.stop("worker", signal_=signal.SIGKILL)
                country.start("worker")
        for country in countries.values():
            wait_for(lambda node=country: _agreed(node, month), f"{country.code} agrees", 180)  # type: ignore[misc]
        settle(countries)
        for country in countries.values():
            (row,) = Desk(country, "auditor").get("/api/v1/reconciliations").body["items"]
            shown = Desk(country, "auditor").get(f"/api/v1/reconciliations/{row['statement']}").body
            assert (shown["issuer"], shown["issued"]["certificates"]) == (f"did:web:{home.name}", 1)
            assert shown["issued"] == shown["delivered"]
            with database(country) as pool, pool.read() as tx:
                assert count(tx, "SELECT count(*) FROM act WHERE kind = 'month.stated'") == 1
                assert count(tx, "SELECT count(*) FROM task WHERE kind LIKE 'reconciliation.%'") == 0
            assert discrepancies(country) == []
        assert certificate["number"]
    finally:
        for country in countries.values():
            country.stop()


def _clocked(country: Country, both: Mapping[str, Country], clock: Path) -> Clocked:
    (peer,) = [each for each in both.values() if each.code != country.code]
    known = {field.name: getattr(country, field.name) for field in fields(Country)}
    return Clocked(**known, clock=clock, peer_url=peer.url)


def _issue(home: Country) -> Mapping[str, str]:
    key = "medicines"
    certificate = casework.issue(home, casework.approve(home, key, casework.applications()[key]))
    casework.delivered(home, certificate)
    return certificate


def _agreed(country: Country, month: Month) -> bool | None:
    items = Desk(country, "auditor").get(f"/api/v1/reconciliations?month={month.encode()}").body["items"]
    return [item["state"] for item in items] == ["agreed"] or None
