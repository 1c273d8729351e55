"""Both countries as processes of their own, over real HTTP, with the ceremony done by commands: as the demo does it."""

import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from registry.cli.demo import NAMES
from registry.demo import casework
from registry.demo.birth import give_birth
from registry.demo.country import Country
from registry.demo.desk import answers, wait_for
from registry.store.postgres import Server
from tests import kit

FOLDER = kit.FOLDER / str(os.getpid()) / "two_nodes"


@pytest.fixture(scope="session")
def running() -> Iterator[Mapping[str, Country]]:
    """Two running nodes; whoever stops one starts it again."""
    with living(FOLDER) as countries:
        yield countries


@pytest.fixture
def renewed() -> Iterator[Mapping[str, Country]]:
    """Two running nodes for one test alone, which leaves them with other keys than they were born with."""
    with living(FOLDER.with_name("renewed")) as countries:
        yield countries


@contextmanager
def living(folder: Path) -> Iterator[Mapping[str, Country]]:
    """Let a corridor be born and run its two nodes."""
    folder.mkdir(parents=True)
    ports = dict(zip(NAMES, _free_ports(len(NAMES)), strict=True))
    other = {"BY": "UZ", "UZ": "BY"}
    var = folder / "var"
    server = Server.start(var / "postgres")
    countries = {
        code: Country(code, name, folder / code.lower(), ports[code], NAMES[other[code]], ports[other[code]], var)
        for code, name in NAMES.items()
    }
    try:
        give_birth(countries, {code: casework.exporters_of(code) for code in countries}, lambda _what: None)
        for country in countries.values():
            country.start()
        for country in countries.values():
            wait_for(lambda node=country: answers(node), f"{country.code} ready")  # type: ignore[misc]
        yield countries
    finally:
        for country in countries.values():
            country.stop()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    """Return free ports, all held at once so that they differ."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports: list[int] = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
