"""The guard and the way back, asking a peer that really answers over HTTP."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from registry.cli import recover
from registry.cli.recover import DatabaseOlder, GuardExists, NothingBehind, recover_node
from registry.node import Node
from registry.peer.client import Peer
from registry.peer.refusals import PeerUnavailable
from registry.store import tokens
from registry.store.guard import GuardMissing, Mark, of_forgotten, of_log
from registry.usecases.recovery.recover_log import EntriesLost, UnseenLeft
from registry.usecases.recovery.recover_node import NotAsked
from tests.cli.log_commands import command_line
from tests.cli.serving import served
from tests.kit import Corridor, Country
from tests.processes import environment_of
from tests.usecases.fsck.lived import mirror
from tests.usecases.recovery.restored import Backup, behind, carry, make

ORIGIN = "by.registry.example/log"


def beside(country: Country, peers: dict[str, str]) -> Node:
    """Return a country's node that knows where its peers answer."""
    node = country.node
    told = {"peers": tuple(f"{did}={url}" for did, url in peers.items())}
    return Node(node.settings.model_copy(update=told), node.database, node.pinned, node.now)


@pytest.fixture
def home(corridor: Corridor) -> Iterator[Node]:
    """Minsk, which asks Tashkent over HTTP."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    uz.issued("cotton-yarn")
    carry(uz, by)
    with served(uz) as url:
        yield beside(by, {uz.did: url})


@pytest.fixture
def backup(corridor: Corridor, home: Node) -> Iterator[Backup]:  # noqa: ARG001  the node is first
    made = Backup.take(corridor.forge, corridor.by)
    yield made
    made.drop()


def test_a_restored_node_recovers_from_a_peer_that_answers(corridor: Corridor, home: Node, backup: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    operator = by.people["operator"]
    with pytest.raises(NothingBehind, match="nothing is to recover"):
        recover_node(home, operator)
    by.issued()
    carry(by, uz)
    backup.restore()
    assert behind(by) != []
    done = recover_node(home, operator)
    assert (len(done.said["certificates"]), behind(by)) == (1, [])  # type: ignore[arg-type]  # it is an array
    by.issued()
    carry(by, uz)


def test_what_was_never_cosigned_is_given_up_and_the_guard_goes_back(
    corridor: Corridor, home: Node, backup: Backup
) -> None:
    by = corridor.by
    by.draft()
    by.sequence()
    signed = by.node.guard.mark(of_log(ORIGIN))
    backup.restore()
    with pytest.raises(UnseenLeft):
        recover_node(home, by.people["operator"])
    recover_node(home, by.people["operator"], give_up=1)
    after = by.node.guard.mark(of_log(ORIGIN))
    assert signed is not None
    assert after is not None
    assert after.number == signed.number - 1
    by.sequence()


def test_what_was_cosigned_and_is_nowhere_is_lost(corridor: Corridor, home: Node, backup: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.draft()
    by.sequence()
    by.witnessed(uz)
    backup.restore()
    before = by.everything()
    with pytest.raises(EntriesLost, match="1 entries are lost"):
        recover_node(home, by.people["operator"], give_up=1)
    assert by.everything() == before


def test_another_copy_of_the_log_serves_as_well(corridor: Corridor, home: Node, backup: Backup) -> None:
    """The peer's mirror had stood still; someone else kept what was published."""
    by, uz = corridor.by, corridor.uz
    by.draft()
    by.sequence()
    by.witnessed(uz)
    kept = Backup.take(corridor.forge, by, "kept")
    backup.restore()
    other = corridor.forge.node("BY", kept.name, by.clock)
    try:
        with served(Country(other, by.clock, by.people, by.tokens, kept.name)) as url:
            done = recover_node(home, by.people["operator"], copies=[f"{url}/log"])
    finally:
        other.close()
        kept.drop()
    assert (done.said["private_rows_lost"], behind(by)) == (1, [])
    mirror(by, uz)


def test_a_peer_that_is_away_or_unknown_leaves_everything_as_it_is(corridor: Corridor, backup: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.draft()
    carry(by, uz)
    backup.restore()
    before = by.everything()
    with pytest.raises(NotAsked, match="REGISTRY_PEERS"):
        recover_node(beside(by, {}), by.people["operator"])
    with pytest.raises(PeerUnavailable):
        recover_node(beside(by, {uz.did: "http://127.0.0.1:1"}), by.people["operator"])
    assert by.everything() == before


def test_a_node_that_has_logged_nothing_yet_has_a_guard_when_it_is_asked_what_it_remembers(corridor: Corridor) -> None:
    by = corridor.by
    by.node.guard.path.unlink()
    born = beside(by, {})
    assert [each.behind for each in recover._compare(born)] == [False]
    assert born.guard.exists()


def test_a_guard_that_was_lost_is_begun_anew_once_everyone_was_asked(corridor: Corridor, home: Node) -> None:
    by = corridor.by
    with pytest.raises(GuardExists):
        recover._begin(home)
    before = by.node.guard.marks()
    by.node.guard.path.unlink()
    with pytest.raises(GuardMissing, match="registry log guard --begin"):
        recover._compare(home)
    with pytest.raises(NotAsked):
        recover._begin(beside(by, {}))
    recover._begin(home)
    forgotten = of_forgotten(by.node.keyring.witness.vkey.name)
    kept = {what: mark for what, mark in before.items() if not what.startswith("witness ")}
    assert by.node.guard.marks() == kept | {forgotten: Mark(1, "")}
    assert len(kept) == len(before) - 1
    assert [each.what for each in recover._compare(home) if each.behind] == [forgotten]


def test_a_guard_that_was_begun_anew_says_that_the_witness_is_silent(
    corridor: Corridor, home: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    by, uz = corridor.by, corridor.uz
    address = f"{uz.did}={home.settings.peer_urls[uz.did]}"
    guard = str(by.node.guard.path)
    environment = environment_of(corridor.forge, by, tmp_path) | {"REGISTRY_PEERS": address, "REGISTRY_GUARD": guard}
    registry = command_line(environment, monkeypatch, capfd)
    by.node.guard.path.unlink()
    for words, code in ((("log", "guard", "--begin"), 0), (("log", "guard"), 1)):
        done = registry(*words)
        assert (done.code, done.out.count("silent")) == (code, 1)
        assert "this witness is silent until it has a new key" in done.err


def test_whoever_recovers_is_told_that_every_other_token_ended(
    corridor: Corridor, home: Node, backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    by, uz = corridor.by, corridor.uz
    address = f"{uz.did}={home.settings.peer_urls[uz.did]}"
    guard = str(by.node.guard.path)
    environment = environment_of(corridor.forge, by, tmp_path) | {"REGISTRY_PEERS": address, "REGISTRY_GUARD": guard}
    registry = command_line(environment | {"REGISTRY_TOKEN": by.tokens["operator"]}, monkeypatch, capfd)
    with by.tx() as tx:
        ((token, _, _),) = tokens.living(tx, by.clock(), person=by.people["signatory"].person)
    assert registry("party", "token", "revoke", token.id).code == 0
    carry(by, uz)
    backup.restore()
    done = registry("log", "recover", "--json")
    said = json.loads(done.out)
    assert (done.code, said["revocations_lost"]) == (0, {"token.revoked": 1})
    assert said["tokens_ended"] > 1
    assert "every token ended but those of who recovered" in done.err
    assert "fewer than two operators hold a living token" in registry("status").out
    assert registry("party", "list").code == 0


def test_no_guard_is_made_from_a_database_that_is_behind(corridor: Corridor, home: Node, backup: Backup) -> None:
    by, uz = corridor.by, corridor.uz
    by.draft()
    by.sequence()
    by.witnessed(uz)
    refused_for(by, home, backup, "of the log this database")


def test_no_guard_is_made_while_the_peer_has_messages_that_are_not_here(corridor: Corridor, home: Node) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    by.witnessed(uz)
    mirror(by, uz)
    kept = Backup.take(corridor.forge, by, "kept")
    make(by, uz)
    carry(by, uz)
    refused_for(by, home, kept, f"messages of {by.did}")
    kept.drop()


def test_no_guard_is_made_while_the_peers_log_bears_a_word_of_ours_that_is_forgotten(
    corridor: Corridor, home: Node, backup: Backup
) -> None:
    by, uz = corridor.by, corridor.uz
    uz.draft("cotton-yarn")
    uz.sequence()
    uz.witnessed(by)
    refused_for(by, home, backup, "what this witness cosigned of uz.registry.example/log")


def refused_for(country: Country, node: Node, backup: Backup, reason: str) -> None:
    backup.restore()
    country.node.guard.path.unlink()
    with pytest.raises(DatabaseOlder, match=reason):
        recover._begin(node)
    assert not country.node.guard.exists()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"x", "cannot be read"),
        (200, b"[]", "cannot be read"),
        (200, b'{"messages": [1], "more": true}', "cannot be read"),
        (200, b'{"messages": []}', "cannot be read"),
        (403, b'{"code": "recall-refused"}', "status 403, recall-refused"),
    ],
)
def test_a_page_that_cannot_be_read_means_later(status: int, body: bytes, said: str) -> None:
    with answering(status, body) as peer, pytest.raises(PeerUnavailable, match=said):
        peer.recall("did:web:x", 1, 1, "a.b.c")


def test_an_empty_page_that_promises_more_is_the_last() -> None:
    with answering(200, b'{"messages": [], "more": true}') as peer:
        assert peer.recall("did:web:x", 1, 1, "a.b.c") == ([], False)


@contextmanager
def answering(status: int, body: bytes) -> Iterator[Peer]:
    """Answer every request with the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers["Authorization"] == "Bearer a.b.c"
            assert self.path == "/peer/messages?of=did%3Aweb%3Ax&from=1"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            with closing(Peer.at(f"http://127.0.0.1:{server.server_port}")) as peer:
                yield peer
        finally:
            server.shutdown()
            thread.join()
