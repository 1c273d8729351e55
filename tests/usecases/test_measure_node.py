"""How a node stands is measured and not judged."""

from datetime import timedelta

from registry.store.tasks import TaskKind
from registry.usecases.measure_node import Measures, WitnessMeasure, measure
from registry.usecases.publish_log import HEARTBEAT
from tests.kit import Corridor, Country


def measured(country: Country) -> Measures:
    with country.node.database.read() as tx:
        return measure(tx, country.node.pins, country=country.code, at=country.clock())


def test_a_node_that_has_done_nothing_yet_waits_for_nobody(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    found = measured(by)
    assert (found.log.size, found.log.published, found.log.lag) == (len(by.acts()), 0, 0.0)
    (peer,) = found.peers
    assert (peer.did, peer.country, peer.queue, peer.waiting, peer.silence, peer.mirrored) == (
        uz.did,
        "UZ",
        0,
        0.0,
        None,
        0,
    )
    assert dict(found.tasks) == dict.fromkeys(map(str, TaskKind), 0)


def test_what_waits_grows_older_until_it_is_done(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.issued()
    corridor.clock.forward(timedelta(seconds=40))
    assert (measured(by).log.lag, measured(by).log.unpublished) == (40.0, 40.0)
    by.deliver(uz)
    uz.issued("cotton-yarn")
    uz.deliver(by)
    corridor.clock.forward(timedelta(seconds=5))
    found = measured(by)
    assert (found.log.lag, found.log.unpublished, found.log.published) == (0.0, 0.0, found.log.size)
    (peer,) = found.peers
    assert (peer.queue, peer.waiting, peer.silence) == (0, 0.0, 5.0)


def test_a_witness_owes_a_line_from_the_first_checkpoint_that_it_has_not_cosigned(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    name = uz.node.keyring.witness.vkey.name

    def witness() -> WitnessMeasure:
        (found,) = measured(by).witnesses
        return found

    assert witness() == WitnessMeasure(name, None, None)
    by.sequence()
    corridor.clock.forward(timedelta(seconds=5))
    assert witness() == WitnessMeasure(name, None, 5.0)
    by.witnessed(uz)
    corridor.clock.forward(timedelta(seconds=4))
    assert witness() == WitnessMeasure(name, 4.0, None)
    by.draft()
    by.sequence()
    corridor.clock.forward(timedelta(seconds=3))
    by.draft()
    by.sequence()
    assert witness() == WitnessMeasure(name, 7.0, 3.0)
    by.witnessed(uz)
    corridor.clock.forward(HEARTBEAT + timedelta(seconds=2))
    assert witness() == WitnessMeasure(name, 302.0, 2.0)


def test_each_country_has_the_age_of_its_newest_freshness_statement(corridor: Corridor) -> None:
    by = corridor.by
    assert [held.stated for held in measured(by).lists] == [None, None]
    by.sequence()
    by.states()
    corridor.clock.forward(timedelta(seconds=8))
    assert [(held.country, held.stated) for held in measured(by).lists] == [("BY", 8.0), ("UZ", None)]


def test_a_list_tells_its_age_and_its_end_and_an_agreement_whether_it_is_in_force(corridor: Corridor) -> None:
    before = measured(corridor.by)
    corridor.clock.forward(timedelta(days=1))
    after = measured(corridor.by)
    for one, other in zip(before.lists, after.lists, strict=True):
        assert (other.country, other.version) == (one.country, one.version)
        assert (other.age - one.age, one.left - other.left) == (86_400, 86_400)
    ((agreement,), (later,)) = (before.agreements, after.agreements)
    assert (sorted(agreement.countries), agreement.in_force, later.in_force) == (["BY", "UZ"], True, True)
