"""What leaves of our log is marked before it leaves: a peer that hides what it saw does not make it unseen."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from registry.cli.duties import Witnessing, publish_newest
from registry.peer.client import Peer
from registry.peer.refusals import PeerUnavailable
from registry.store import checkpoints
from registry.store.guard import Guard, GuardBroken, Mark, of_log, of_published, of_shown
from tests.kit import Corridor
from tests.usecases.fsck import lived

ORIGIN = "by.registry.example/log"


@contextmanager
def silent_witness(guard: Guard, seen: list[Mark | None]) -> Iterator[Peer]:
    """Answer no request, and note what the guard had on disk when each came."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(Guard(guard.path).mark(of_shown(ORIGIN)))
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

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


def test_what_a_witness_is_asked_is_marked_before_the_request_leaves(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    assert by.node.guard.marks() == {of_shown(ORIGIN): Mark(0, "")}
    by.sequence()
    seen: list[Mark | None] = []
    with silent_witness(by.node.guard, seen) as peer, pytest.raises(PeerUnavailable):
        Witnessing(by.node, uz.did, peer).run()
    assert seen == [by.node.guard.mark(of_log(ORIGIN))]
    assert by.node.guard.mark(of_published(ORIGIN)) is None


def test_nobody_is_asked_what_cannot_be_marked(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    by.node.guard.path.with_name(f"{by.node.guard.path.name}.new").mkdir()
    seen: list[Mark | None] = []
    with silent_witness(by.node.guard, seen) as peer, pytest.raises(GuardBroken):
        Witnessing(by.node, uz.did, peer).run()
    assert seen == []


def test_what_is_published_is_marked_before_anyone_can_see_it(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    lived.witness(by, uz)
    by.draft()
    by.sequence()
    lived.witness(by, uz, publish=False)
    beside = by.node.guard.path.with_name(f"{by.node.guard.path.name}.new")
    beside.mkdir()
    with by.node.database.read() as tx:
        before = checkpoints.published_size(tx)
    with pytest.raises(GuardBroken):
        publish_newest(by.node)
    with by.node.database.read() as tx:
        assert checkpoints.published_size(tx) == before
    beside.rmdir()
    publish_newest(by.node)
    marks = by.node.guard.marks()
    assert marks[of_shown(ORIGIN)] == marks[of_published(ORIGIN)] == marks[of_log(ORIGIN)]
