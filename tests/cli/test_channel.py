"""The commands of a new epoch, asking a peer that really answers: four people, and nothing lost."""

import json
from pathlib import Path
from typing import Any

import pytest

from registry.store import channel
from registry.store.guard import of_sent
from tests.cli.log_commands import Registry, command_line, refused
from tests.cli.serving import served
from tests.kit import Corridor, Country, Forge
from tests.processes import environment_of
from tests.usecases.fsck.lived import found
from tests.usecases.recovery.parted import REASON, offer, part_ways, waiting
from tests.usecases.recovery.restored import behind, carry


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: Any, forge: Forge, tmp_path: Path) -> Any:
    """Return what makes the command line of a country, its peer at an address."""

    def of(country: Country, peer: Country, url: str) -> Registry:
        folder = tmp_path / country.code
        folder.mkdir()
        environment = environment_of(forge, country, folder) | {"REGISTRY_PEERS": f"{peer.did}={url}"}
        return command_line(environment, monkeypatch, capfd)

    return of


def test_four_people_begin_an_epoch_by_commands(corridor: Corridor, run: Any) -> None:
    parted = part_ways(corridor)
    by, uz = parted.by, parted.uz
    with served(by) as minsk, served(uz) as tashkent:
        home, abroad = run(by, uz, tashkent), run(uz, by, minsk)
        tokens = [country.tokens[who] for country in (by, uz) for who in ("operator", "second_operator")]
        begin = ("channel", "begin", "propose", uz.did, "--reason", REASON, "--token", tokens[0], "--json")
        proposed = json.loads(home(*begin).out)
        assert (proposed["epoch"], proposed["ended"], proposed["held_only_there"]) == (2, 1, 1)
        refused(home("channel", "begin", "confirm", uz.did, "--token", tokens[0]), "same-operator", "another operator")
        mark = by.node.guard.mark(of_sent(uz.did, 1))
        begun = json.loads(home("channel", "begin", "confirm", uz.did, "--token", tokens[1], "--json").out)
        assert (begun["begun"], begun["certificates"], begun["astray"]) == (2, [parted.lost.id], [])
        assert by.node.guard.mark(of_sent(uz.did, 1)) == mark, "no mark is lowered: beyond the end it has no say"
        assert behind(by) == []
        refused(abroad("channel", "follow", "propose", by.did, "--token", tokens[2]), "epoch-not-offered", by.did)
        offer(by, uz)
        met = abroad("channel", "follow", "propose", by.did, "--token", tokens[2])
        assert REASON in met.out
        followed = abroad("channel", "follow", "confirm", by.did, "--token", tokens[3])
        assert (followed.code, "followed: 2" in followed.out) == (0, True)
        carry(by, uz)
        shown = json.loads(home("channel", "show", "--json").out)
    (row,) = [each for each in shown if each["direction"] == "sent"]
    assert (row["peer"], row["epoch"], row["without_receipt"], row["reason"]) == (uz.did, 2, 0, REASON)
    assert (waiting(by, uz), behind(by), found(by), found(uz)) == ([], [], [], [])


def test_nothing_begins_where_nothing_parted_or_nobody_can_be_asked(corridor: Corridor, run: Any) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    with served(uz) as tashkent:
        home = run(by, uz, tashkent)
        assert home("channel", "show").out == "no message was sent or received yet\n"
        token = by.tokens["operator"]
        words = ("channel", "begin", "propose")
        refused(home(*words, uz.did, "--reason", "?", "--token", token), "epoch-not-needed", "the epoch goes on")
        nobody = "did:web:kz.registry.example"
        refused(home(*words, nobody, "--reason", "?", "--token", token), "not-asked", nobody)
        long = home(*words, uz.did, "--reason", "x" * 1001, "--token", token)
        assert (long.code, "longer than 1000" in long.err) == (2, True)
        refused(home(*words, uz.did, "--reason", "?"), "token-not-shown")
        refused(home("channel", "follow", "confirm", uz.did, "--token", token), "epoch-not-offered")
    assert by.node.guard.mark(of_sent(uz.did, 2)) is None
    with by.node.database.read() as tx:
        assert channel.peers(tx) == []
