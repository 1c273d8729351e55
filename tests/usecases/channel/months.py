"""Months that two countries settle: what is asked of both in a test."""

from typing import Any

from sqlalchemy import select

from registry.core.channel.reconciliation import Month
from registry.store import reconciliations
from registry.store.reconciliations import MonthStatement, Settled
from registry.usecases.channel.read_months import MonthState, state_of
from registry.usecases.channel.settle_months import SETTLED, Ends, settle
from tests.kit import Corridor, Country
from tests.usecases.fsck.lived import mirror


def settles(country: Country, peer: Country) -> int:
    """Let a country do what it can about months that are over."""
    with country.tx() as tx:
        ends = Ends(country.did, peer.did, peer.code)
        return settle(tx, ends, mark=None, at=country.clock(), draw=country.node.draw)


def end_month(corridor: Corridor) -> Month:
    """Go on to where the month that it is can be stated."""
    month = Month.of(corridor.clock())
    corridor.clock.forward(month.end + SETTLED - corridor.clock())
    return month


def pass_on(home: Country, abroad: Country) -> None:
    """Take everything into the log, have it published, deliver it, and let the other country mirror it."""
    home.deliver(abroad)
    mirror(home, abroad)


def settle_both(corridor: Corridor) -> None:
    """Let both countries state, deliver and compare until nothing is left to do."""
    by, uz = corridor.by, corridor.uz
    more = True
    while more:
        for home, abroad in ((by, uz), (uz, by)):
            pass_on(home, abroad)
        more = bool(settles(by, uz) + settles(uz, by))


def seen(country: Country, month: str | None = None) -> dict[tuple[str, str], Settled]:
    """Return the directions of months as they stand in a country, by month and issuing country."""
    with country.node.database.read() as tx:
        rows = reconciliations.page(tx, after=None, limit=1000, month=month)
    return {(row.issued.month, row.issued.by.removeprefix("did:web:")[:2].upper()): row for row in rows}


def differences(country: Country, month: str, issuer: str) -> list[tuple[str, str | None]]:
    """Return code and certificate of each difference."""
    row = seen(country)[month, issuer]
    assert row.compared is not None
    return [(each["code"], each.get("certificate")) for each in row.compared.found["differences"]]


def agreed(country: Country) -> set[tuple[str, str]]:
    """Return the directions of months on which both agree, as a country sees it."""
    return {key for key, row in seen(country).items() if state_of(row) is MonthState.AGREED}


def body_of(country: Country, month: str, by: Country) -> dict[str, Any]:
    """Return the first part of what a country says of a month, as it stands in another, or in itself."""
    with country.node.database.read() as tx:
        query = select(MonthStatement).where(MonthStatement.month == month, MonthStatement.by == by.did)
        return dict(tx.scalars(query.order_by(MonthStatement.side.desc(), MonthStatement.part)).all()[0].body)
