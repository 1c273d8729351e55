"""How a node stands is measured and not judged."""

from datetime import timedelta

from sqlalchemy import text

from registry.core.trust.trust_list import BodyRole
from registry.store.tasks import TaskKind
from registry.usecases.node.measure_node import Measures, WitnessMeasure, measure
from registry.usecases.party import register_party, rename_body
from registry.usecases.tlog.publish_log import HEARTBEAT
from registry.usecases.trust.find_unlisted import Unlisted
from tests.kit import Corridor, Country, draft_list, list_signers, sign_list
from tests.usecases.party.test_register_party import BODY, by_operator, organisation


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
    assert [held.stated for held in measured(by).lists] == [None, 1.0]
    by.sequence()
    by.states()
    corridor.clock.forward(timedelta(seconds=8))
    assert [(held.country, held.stated) for held in measured(by).lists] == [("BY", 8.0), ("UZ", 9.0)]


def test_a_list_tells_its_age_and_its_end_and_an_agreement_whether_it_is_in_force(corridor: Corridor) -> None:
    before = measured(corridor.by)
    corridor.clock.forward(timedelta(days=1))
    after = measured(corridor.by)
    for one, other in zip(before.lists, after.lists, strict=True):
        assert (other.country, other.version) == (one.country, one.version)
        assert (other.age - one.age, one.left - other.left) == (86_400, 86_400)
    ((agreement,), (later,)) = (before.agreements, after.agreements)
    assert (sorted(agreement.countries), agreement.in_force, later.in_force) == (["BY", "UZ"], True, True)


def test_what_a_body_is_here_and_the_list_does_not_say_yet_waits_for_the_next_one(corridor: Corridor) -> None:
    by = corridor.by
    (row,) = by.beliefs().list_of("BY").list.bodies
    assert measured(by).unlisted == []
    corridor.clock.at = corridor.clock.at.replace(hour=22)
    with by.tx() as tx:
        wish = {"name": "Палата", "role": BodyRole.CENTRAL}
        rename_body.rename(tx, row.code, **wish, **by_operator(by))  # type: ignore[arg-type]
        register_party.register_organisation(tx, **organisation(**BODY), **by_operator(by))
    tomorrow = corridor.clock.at.date() + timedelta(days=1)  # in Minsk it is that day already
    assert {each.what: each for each in measured(by).unlisted if each.code == row.code} == {
        "name": Unlisted(row.code, "name", "Палата", row.name, tomorrow),
        "role": Unlisted(row.code, "role", "central", "authorised", tomorrow),
    }
    assert Unlisted("bobruisk", "name", "ОАО «Новое»", None, tomorrow) in measured(by).unlisted
    by.adopts(sign_list(draft_list(by.node), list_signers(corridor.forge, "BY")))
    assert measured(by).unlisted == []


def test_before_the_first_list_nothing_waits_for_the_next_one(corridor: Corridor) -> None:
    by = corridor.by
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("DELETE FROM agreement"))
        tx.execute(text("DELETE FROM trust_list WHERE country = 'BY'"))
    assert measured(by).unlisted == []
