"""The courier's connection to a peer that answers everything that it should not."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from registry.core.tlog.entry import MAX_LEAF
from registry.core.tlog.tile import WIDTH, Tile, write_entries
from registry.peer import client
from registry.peer.client import LARGEST, Peer, PeerUnavailable, PeerWantsEarlier

RECEIPT = b"aaa.bbb.ccc"


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return f"{head}\r\n\r\n".encode() + body


@contextmanager
def peer_that(act: Callable[[socket.socket, bytes], None]) -> Iterator[tuple[Peer, list[bytes]]]:
    """Listen as a peer would, and do `act` with each connection once its request is read."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(20)
                    request = b""
                    while not request.endswith(b"a.message") and not request.startswith(b"GET "):
                        request += connection.recv(65_536)
                    asked.append(request)
                    try:
                        act(connection, request)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        peer = Peer.at(f"http://127.0.0.1:{listener.getsockname()[1]}")
        try:
            yield peer, asked
        finally:
            peer.close()
            stop.set()
            thread.join(30)


def saying(raw: bytes) -> Callable[[socket.socket, bytes], None]:
    return lambda connection, _request: connection.sendall(raw)


def test_a_receipt_is_returned_as_text() -> None:
    with peer_that(saying(answer("200 OK", RECEIPT, "Content-Type: application/jwt; charset=x"))) as (peer, asked):
        assert peer.deliver("a.message") == "aaa.bbb.ccc"
    assert asked[0].startswith(b"POST /peer/messages HTTP/1.1\r\n")
    assert b"content-type: application/jwt" in asked[0].lower()


def test_a_peer_that_wants_an_earlier_message_names_it() -> None:
    body = b'{"code": "message-gap", "next_seq": 7}'
    with (
        peer_that(saying(answer("409 Conflict", body, "Content-Type: application/problem+json"))) as (peer, _),
        pytest.raises(PeerWantsEarlier) as refusal,
    ):
        peer.deliver("a.message")
    assert refusal.value.next_seq == 7
    assert "7" in str(refusal.value)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (answer("500 Oops", b'{"code": "internal-error"}'), "status 500, internal-error"),
        (answer("500 Oops", b"<html>"), "status 500"),
        (answer("422 No", b'{"code": "' + b"x" * 500 + b'"}'), "status 422, " + "x" * 60),
        (answer("409 Conflict", b'{"code": "message-fork", "next_seq": "7"}'), "status 409, message-fork"),
        (answer("409 Conflict", b'{"next_seq": true}'), "status 409"),
        (answer("409 Conflict", b"[]"), "status 409"),
        (answer("200 OK", RECEIPT, "Content-Type: text/html"), "status 200"),
        (answer("200 OK", RECEIPT), "status 200"),
        (answer("302 Found", b"", "Location: http://127.0.0.1:1/"), "status 302"),
        (answer("307 Again", b"", "Location: /peer/messages"), "status 307"),
        (answer("101 Switching"), ""),
        (b"garbage\r\n\r\n", "RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/jwt\r\nContent-Length: 100\r\n\r\naaa", "RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 50_000 + b"\r\n", "RemoteProtocolError"),
        (b"", "RemoteProtocolError"),
    ],
)
def test_any_other_answer_means_later(raw: bytes, said: str) -> None:
    with peer_that(saying(raw)) as (peer, asked), pytest.raises(PeerUnavailable) as refusal:
        peer.deliver("a.message")
    assert said in str(refusal.value)
    assert len(asked) == 1


def test_bytes_that_are_no_text_come_back_as_no_receipt() -> None:
    with peer_that(saying(answer("200 OK", b"\xff\xfe", "Content-Type: application/jwt"))) as (peer, _):
        assert peer.deliver("a.message") == "\ufffd\ufffd"


def test_a_bundle_holds_leaves_and_nothing_larger() -> None:
    """A peer could else fill our disk through its log: whatever its witnesses vouch for, a mirror takes leaves."""
    bundle = Tile(None, 0, WIDTH)
    largest = answer("200 OK", write_entries([b"a" * MAX_LEAF] * WIDTH), "Content-Type: application/octet-stream")
    with peer_that(saying(largest)) as (peer, _):
        assert len(peer.read_entries(0, WIDTH, WIDTH)) == WIDTH
    larger = answer("200 OK", write_entries([b"a" * (MAX_LEAF + 1)] * WIDTH), "Content-Type: application/octet-stream")
    with peer_that(saying(larger)) as (peer, _), pytest.raises(PeerUnavailable, match="no end"):
        peer.read_tile(bundle)


def test_an_answer_without_an_end_is_given_up_by_its_size() -> None:
    sent = 0

    def act(connection: socket.socket, _request: bytes) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/jwt\r\n\r\n")
        while True:
            connection.sendall(b"a" * 65_536)
            sent += 65_536

    with peer_that(act) as (peer, _), pytest.raises(PeerUnavailable, match="no end"):
        peer.deliver("a.message")
    assert sent < 10 * LARGEST


def test_a_compressed_answer_is_not_inflated() -> None:
    body = b"\x1f\x8b" + bytes(100)
    raw = answer("200 OK", body, "Content-Type: application/jwt", "Content-Encoding: gzip")
    with peer_that(saying(raw)) as (peer, _):
        assert len(peer.deliver("a.message")) == len(body)


@pytest.mark.parametrize("drops", [b"a", b"HTTP/1.1 200 OK\r\nContent-Type: application/jwt\r\n\r\na"])
def test_a_slow_answer_is_given_up_by_the_clock(monkeypatch: pytest.MonkeyPatch, drops: bytes) -> None:
    """A peer that sends a byte at a time never runs into a time-out between two bytes."""
    monkeypatch.setattr(client, "DEADLINE", 1.0)

    def act(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(drops[:-1])
        for _ in range(100):
            connection.sendall(drops[-1:])
            time.sleep(0.1)

    with peer_that(act) as (peer, _):
        began = time.monotonic()
        with pytest.raises(PeerUnavailable, match="too slow"):
            peer.deliver("a.message")
        assert time.monotonic() - began < 3


def test_a_peer_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "DEADLINE", 1.0)
    with peer_that(lambda _connection, _request: time.sleep(3)) as (peer, _):
        began = time.monotonic()
        with pytest.raises(PeerUnavailable, match=r"ReadTimeout|too slow"):
            peer.deliver("a.message")
        assert time.monotonic() - began < 3


def test_a_peer_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    peer = Peer.at("http://127.0.0.1:1")
    with pytest.raises(PeerUnavailable, match="ConnectError"):
        peer.deliver("a.message")
    peer.close()
