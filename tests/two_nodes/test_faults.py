"""kill -9 at random moments of traffic: nothing acknowledged is lost, nothing exists twice, everything agrees."""

import random
import secrets
import signal
import time
from collections.abc import Mapping

from registry.demo.country import Country
from registry.demo.desk import answers, wait_for
from registry.store.postgres import Server
from tests.two_nodes.traffic import Traffic, send
from tests.two_nodes.world import count, database, discrepancies, settle

KILLS = 20
VICTIMS = ("serve", "worker", "postgres")


def test_twenty_kills_lose_nothing_and_double_nothing(running: Mapping[str, Country]) -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)  # noqa: S311  a seed that a failure names
    traffic = [Traffic(running["BY"]), Traffic(running["UZ"])]
    traffic[0].start(["tractors", "milk-powder"])
    traffic[1].start(["grapes"])
    for number in range(KILLS):
        until = time.monotonic() + chance.uniform(0.3, 1.5)
        wait_for(lambda until=until: time.monotonic() > until or None, "the moment")  # type: ignore[misc]
        victim, country = VICTIMS[number % len(VICTIMS)], running[chance.choice(["BY", "UZ"])]
        if victim == "postgres":
            server = Server.running(country.var / "postgres")
            assert server is not None
            server.kill()
            Server.start(country.var / "postgres")
        else:
            country.stop(victim, signal_=signal.SIGKILL)
            country.start(victim)
        _wait_until_answering(running)
    for stream in traffic:
        stream.stop()
    assert [stream.unexpected for stream in traffic] == [[], []], f"seed {seed}"
    settle(running, seconds=120)
    assert [discrepancies(country) for country in running.values()] == [[], []], f"seed {seed}"
    for stream in traffic:
        assert len(stream.acknowledged) > KILLS
        _nothing_is_lost(stream)
        _nothing_exists_twice(stream.country)


def _wait_until_answering(running: Mapping[str, Country]) -> None:
    for country in running.values():
        wait_for(lambda node=country: _alive(node), f"{country.code} alive")  # type: ignore[misc]


def _alive(country: Country) -> bool | None:
    """Start again what a fault has ended while it started, as a supervisor would, and ask whether it answers."""
    for name, process in list(country.processes.items()):
        if process.poll() is not None:
            country.stop(name)
            country.start(name)
    return answers(country, "/health/live")


def _nothing_is_lost(stream: Traffic) -> None:
    for kept in stream.acknowledged:
        again = send(stream.country, kept.who, kept.path, kept.key, kept.request)
        assert again is not None
        assert again.content == kept.answer, f"{kept.path} under {kept.key}"


def _nothing_exists_twice(country: Country) -> None:
    with database(country) as pool, pool.read() as tx:
        doubled = (
            "SELECT count(*) FROM (SELECT digest FROM act WHERE kind IN ('certificate.issued', 'certificate.status') "
            "GROUP BY digest HAVING count(*) > 1) AS twice"
        )
        assert count(tx, doubled) == 0
        unsent = "SELECT count(*) FROM act WHERE kind LIKE 'certificate.%' AND id NOT IN (SELECT act FROM message_out)"
        assert count(tx, unsent) == 0
