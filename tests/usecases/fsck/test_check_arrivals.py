"""A delivered certificate stands at the time of our receipt, or of the adoption that took what could not be judged."""

from datetime import timedelta

from registry.core.tlog.entry import Kind
from registry.store import acts
from registry.store.acts import Actor
from tests.kit import Corridor, Country
from tests.usecases.channel.test_accept_message import judge, take_ignorant
from tests.usecases.fsck.lived import found

LATER = timedelta(hours=1)


def about_times(country: Country) -> list[str]:
    return [line for line in found(country) if "at another time" in line]


def adopts(country: Country) -> None:
    with country.tx() as tx:
        acts.record(
            tx,
            Kind.TRUST_ADOPTED,
            {},
            by=Actor(country.did),
            at=country.clock(),
            draw=country.node.draw,
            digest="0" * 64,
        )


def test_what_was_taken_when_it_came_stands_at_the_time_of_its_receipt(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    corridor.clock.forward(LATER)
    by.deliver(uz)
    assert about_times(uz) == []


def test_what_was_judged_later_stands_at_the_time_of_an_adoption(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    (message,) = by.messages(uz)
    adopts(uz)
    corridor.clock.forward(LATER)
    take_ignorant(uz, message)
    assert about_times(uz) == []
    corridor.clock.forward(LATER)
    assert judge(uz, uz.beliefs()) == 1
    certificate, arrival = about_times(uz)
    assert certificate.startswith(f"certificate {issued.id}: it was recorded at another time")
    assert arrival.startswith("arrival 1: it was numbered at another time")
    adopts(uz)
    assert about_times(uz) == []


def test_an_adoption_before_the_message_came_explains_nothing(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    (message,) = by.messages(uz)
    adopts(uz)
    assert judge(uz, uz.beliefs()) == 0
    moment = uz.clock()
    corridor.clock.forward(LATER)
    take_ignorant(uz, message)
    judge(uz, uz.beliefs())
    assert about_times(uz) == []
    superuser = corridor.forge.superuser(uz.database)
    with superuser.begin() as tx:
        tx.connection().exec_driver_sql("SET session_replication_role = replica")
        tx.connection().exec_driver_sql("UPDATE certificate SET recorded_at = %s", (moment,))
    superuser.close()
    assert len(about_times(uz)) == 1
