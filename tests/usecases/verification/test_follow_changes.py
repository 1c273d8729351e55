"""What comes here is numbered in the order in which it is committed, and whoever goes on from a number misses none."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from registry.store import arrivals
from registry.store.arrivals import Arrival, Arrived, News
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.verification.follow_changes import ChangesRenumbered, follow
from tests.kit import Corridor, Country


def followed(country: Country, after: Arrival | None = None, limit: int = 100) -> list[Arrived]:
    place = None if after is None else (after.at, after.seq)
    with country.node.database.read() as tx:
        return list(follow(tx, place, country=country.code, limit=limit, by=country.people["officer"]))


def test_each_delivery_and_each_change_comes_once_in_order(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    assert followed(uz) == []
    first = by.issued()
    by.deliver(uz)
    by.deliver(uz)
    second = by.issued()
    change = by.annulled(first)
    by.deliver(uz)
    came = followed(uz)
    assert [(each[1].id, each[2].digest if each[2] else None) for each in came] == [
        (first.id, None),
        (second.id, None),
        (first.id, change.digest),
    ]
    assert [each[0].seq for each in came] == [1, 2, 3]
    assert [each[0].seq for each in followed(uz, came[0][0])] == [2, 3]
    assert [each[0].seq for each in followed(uz, came[0][0], limit=1)] == [2]
    assert followed(uz, came[2][0]) == []
    assert followed(by) == []


def test_how_a_certificate_is_to_be_read_comes_as_news_once(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    mended = by.clarified(issued)
    by.deliver(uz)
    by.deliver(uz)
    _, (arrival, certificate, change, clarification) = followed(uz)
    assert clarification is not None
    assert (arrival.seq, certificate.id, change, clarification.digest) == (2, issued.id, None, mended.digest)


def test_only_customs_follow_and_only_what_is_presented_in_their_country(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.deliver(uz)
    with uz.node.database.read() as tx:
        assert follow(tx, None, country="BY", limit=9, by=uz.people["officer"]) == []
        for who in ("importer", "exporter", "auditor", "operator"):
            with pytest.raises(RoleMissing):
                follow(tx, None, country="UZ", limit=9, by=uz.people[who])


def test_a_place_of_an_order_that_is_no_more_is_refused(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.deliver(uz)
    (only,) = followed(uz)
    for at, seq in ((only[0].at + timedelta(seconds=1), 1), (only[0].at, 2), (only[0].at, 0)):
        with uz.node.database.read() as tx, pytest.raises(ChangesRenumbered):
            follow(tx, (at, seq), country="UZ", limit=9, by=uz.people["officer"])


def test_what_commits_late_is_numbered_late(corridor: Corridor) -> None:
    """The second waits for the first to commit: nobody sees a number before a smaller one."""
    by, uz = corridor.by, corridor.uz
    first, second = by.issued(), by.issued()
    by.deliver(uz)
    with corridor.forge.breaking(uz) as tx:
        tx.execute(text("DELETE FROM arrival"))
    began, done = threading.Event(), threading.Event()

    def number_second() -> None:
        with uz.tx() as tx:
            began.set()
            arrivals.number(tx, [(News(second.id), uz.clock())], uz.clock())
        done.set()

    other = threading.Thread(target=number_second)
    with uz.tx() as tx:
        arrivals.number(tx, [(News(first.id), uz.clock())], uz.clock())
        other.start()
        assert began.wait(60)
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not tx.scalar(text(waiting)):
            assert not done.is_set()
        assert followed(uz) == []
    other.join(60)
    assert [each[1].id for each in followed(uz)] == [first.id, second.id]
    with uz.node.database.read() as tx:
        assert tx.scalars(select(Arrival.seq).order_by(Arrival.seq)).all() == [1, 2]
