"""The courier's connection to a peer that answers everything that it should not."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from registry.core.tlog.entry import MAX_LEAF
from registry.core.tlog.tile import WIDTH, Tile, write_entries
from registry.peer import client
from registry.peer.client import LARGEST, Peer
from registry.peer.refusals import PeerRedirects, PeerTooSlow, PeerUnavailable, PeerWantsEarlier, PeerWithoutEnd
from tests.kit import AT

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
                        part = connection.recv(65_536)
                        if not part:
                            break
                        request += part
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


@contextmanager
def tls_peer_that(act: Callable[[socket.socket], None]) -> Iterator[Peer]:
    """Listen as a peer behind TLS would, and do `act` with the one connection; the peer waits long for each byte."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.settimeout(20)
                act(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        peer = Peer(url, httpx2.Client(timeout=20, trust_env=False, verify=trusting))
        try:
            yield peer
        finally:
            peer.close()
            thread.join(30)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """The peer's side of TLS, under a key that lives for one test."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, AT, AT + timedelta(days=1)).sign(key, SHA256())
    file = tmp_path / "tls.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


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
    ("raw", "code", "said"),
    [
        (answer("500 Oops", b'{"code": "internal-error"}'), "peer-unavailable", "status 500, internal-error"),
        (answer("500 Oops", b"<html>"), "peer-unavailable", "status 500"),
        (answer("422 No", b'{"code": "' + b"x" * 500 + b'"}'), "peer-unavailable", "status 422, " + "x" * 60),
        (
            answer("409 No", b'{"code": "message-fork", "next_seq": "7"}'),
            "peer-unavailable",
            "status 409, message-fork",
        ),
        (answer("409 No", b'{"next_seq": true}'), "peer-unavailable", "status 409"),
        (answer("409 No", b"[]"), "peer-unavailable", "status 409"),
        (answer("204 Nothing"), "peer-unavailable", "status 204"),
        (answer("200 OK", RECEIPT, "Content-Type: text/html"), "peer-answers-otherwise", "text/html"),
        (answer("200 OK", RECEIPT, "Content-Type: application/json"), "peer-answers-otherwise", "application/json"),
        (answer("200 OK", RECEIPT), "peer-answers-otherwise", "nothing that it names"),
        (answer("302 Found", b"", "Location: http://127.0.0.1:1/"), "peer-redirects", "status 302"),
        (answer("307 Again", b"", "Location: /peer/messages"), "peer-redirects", "status 307"),
        (answer("301 Moved"), "peer-redirects", "status 301"),
        (answer("308 Moved", b"", "Location: file:///etc/passwd"), "peer-redirects", "status 308"),
        (answer("302 Found", b"", "Location: http://[::1"), "peer-redirects", "status 302"),
        (answer("101 Switching"), "peer-unavailable", ""),
        (b"garbage\r\n\r\n", "peer-unavailable", "RemoteProtocolError"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/jwt\r\nContent-Length: 100\r\n\r\naaa",
            "peer-unavailable",
            "RemoteProtocolError",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/jwt\r\nTransfer-Encoding: chunked\r\n\r\n3\r\naaa\r\n",
            "peer-unavailable",
            "RemoteProtocolError",
        ),
        (b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 50_000 + b"\r\n", "peer-unavailable", "RemoteProtocolError"),
        (b"", "peer-unavailable", "RemoteProtocolError"),
    ],
)
def test_any_other_answer_means_later_and_is_named(raw: bytes, code: str, said: str) -> None:
    with peer_that(saying(raw)) as (peer, asked), pytest.raises(PeerUnavailable) as refusal:
        peer.deliver("a.message")
    assert refusal.value.code == code
    assert said in str(refusal.value)
    assert len(asked) == 1


def test_a_peer_that_points_in_a_circle_is_asked_once() -> None:
    again = answer("302 Found", b"", "Location: /freshness", "Connection: close")
    with peer_that(saying(again)) as (peer, asked), pytest.raises(PeerRedirects):
        peer.read("/freshness")
    assert len(asked) == 1


def test_nothing_that_a_peer_would_have_kept_is_sent_back() -> None:
    """Else each answer could leave more with us, and learn who asks again."""
    raw = answer("200 OK", RECEIPT, "Content-Type: application/jwt", "Set-Cookie: a=b; Path=/", "Connection: close")
    with peer_that(saying(raw)) as (peer, asked):
        for _ in range(2):
            peer.deliver("a.message")
    assert len(asked) == 2
    assert b"cookie" not in asked[1].lower()


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
    with peer_that(saying(larger)) as (peer, _), pytest.raises(PeerWithoutEnd, match="no end"):
        peer.read_tile(bundle)


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b"", b"a" * 65_536),
        (b"Content-Length: 5000000000\r\n", b"a" * 65_536),
        (b"Transfer-Encoding: chunked\r\n", b"10000\r\n" + b"a" * 65_536 + b"\r\n"),
    ],
    ids=["no length", "5 GB announced", "chunked"],
)
def test_an_answer_without_an_end_is_given_up_by_its_size(head: bytes, part: bytes) -> None:
    sent = 0

    def act(connection: socket.socket, _request: bytes) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/jwt\r\n" + head + b"\r\n")
        while True:
            connection.sendall(part)
            sent += len(part)

    with peer_that(act) as (peer, _), pytest.raises(PeerWithoutEnd, match="no end"):
        peer.deliver("a.message")
    assert sent < 10 * LARGEST


def test_a_compressed_answer_is_not_inflated() -> None:
    body = b"\x1f\x8b" + bytes(100)
    raw = answer("200 OK", body, "Content-Type: application/jwt", "Content-Encoding: gzip")
    with peer_that(saying(raw)) as (peer, _):
        assert len(peer.deliver("a.message")) == len(body)


OPENED = b"HTTP/1.1 200 OK\r\nContent-Type: application/jwt\r\n"


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"", b"a"),
        (OPENED + b"X: ", b"a"),
        (OPENED + b"\r\n", b"a"),
        (OPENED + b"Content-Length: 900000\r\n\r\n", b"a"),
        (OPENED + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "headers", "body", "body of a stated length", "chunks", "not yet"],
)
def test_a_slow_answer_is_given_up_by_the_clock(monkeypatch: pytest.MonkeyPatch, first: bytes, drop: bytes) -> None:
    """A peer that sends a byte at a time never runs into a time-out between two bytes."""
    monkeypatch.setattr(client, "DEADLINE", 1.0)

    def act(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(first)
        _drip(connection, drop)

    with peer_that(act) as (peer, _):
        began = time.monotonic()
        with pytest.raises(PeerTooSlow, match="too slow"):
            peer.deliver("a.message")
        assert time.monotonic() - began < 3


def _drip(connection: socket.socket, drop: bytes) -> None:
    for _ in range(100):
        connection.sendall(drop)
        time.sleep(0.1)


def test_a_peer_that_reads_slowly_is_given_up_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "DEADLINE", 1.0)
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def sip() -> None:
            connection, _ = listener.accept()
            with connection:
                while not done.wait(0.05) and connection.recv(1):
                    pass

        thread = threading.Thread(target=sip)
        thread.start()
        peer = Peer.at(f"http://127.0.0.1:{listener.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(PeerTooSlow):
            peer.deliver("a" * 50_000_000)
        assert time.monotonic() - began < 3
        done.set()
        thread.join(20)
        peer.close()


def test_a_peer_that_agrees_on_tls_for_ever_is_given_up_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """While TLS is agreed the socket is in nobody's hands but those of TLS, and there, too, the time ends."""
    monkeypatch.setattr(client, "DEADLINE", 1.0)

    def act(connection: socket.socket) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16,384 bytes that never ends
        _drip(connection, b"a")

    with tls_peer_that(act) as peer:
        began = time.monotonic()
        with pytest.raises(PeerTooSlow):
            peer.read("/freshness")
        assert time.monotonic() - began < 3


def test_a_peer_that_drips_under_tls_is_given_up_by_the_clock(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    monkeypatch.setattr(client, "DEADLINE", 1.0)

    def act(connection: socket.socket) -> None:
        with tls.wrap_socket(connection, server_side=True) as agreed:
            agreed.recv(65_536)
            agreed.sendall(OPENED + b"\r\n")
            _drip(agreed, b"a")

    with tls_peer_that(act) as peer:
        began = time.monotonic()
        with pytest.raises(PeerTooSlow):
            peer.read("/freshness")
        assert time.monotonic() - began < 3


def test_a_connection_that_comes_when_the_time_is_over_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with several addresses is tried one after another, each for as long as a whole exchange may take."""
    monkeypatch.setattr(client, "DEADLINE", 0.3)
    connect = socket.create_connection

    def late(*words: Any, **more: Any) -> socket.socket:
        time.sleep(0.6)  # as an address before this one that does not answer
        return connect(*words, **more)

    monkeypatch.setattr(socket, "create_connection", late)

    with peer_that(lambda connection, _request: _drip(connection, b"a")) as (peer, _):
        began = time.monotonic()
        with pytest.raises(PeerTooSlow):
            peer.deliver("a.message")
        assert time.monotonic() - began < 3


def test_a_connection_is_kept_for_the_next_exchange_and_no_handle_of_it_is_left() -> None:
    served: list[socket.socket] = []

    def act(connection: socket.socket, _request: bytes) -> None:
        served.append(connection)
        connection.sendall(answer("200 OK", RECEIPT, "Content-Type: application/jwt"))
        request = b""
        while not request.endswith(b"b.message"):
            request += connection.recv(65_536)
        connection.sendall(answer("200 OK", RECEIPT, "Content-Type: application/jwt"))
        assert connection.recv(65_536) == b""  # closed for good: a second handle would hold it open
        closed.set()

    closed = threading.Event()
    with peer_that(act) as (peer, _):
        assert [peer.deliver("a.message"), peer.deliver("b.message")] == ["aaa.bbb.ccc"] * 2
        peer.close()
        assert closed.wait(10)
    assert len(served) == 1


def test_a_peer_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "DEADLINE", 1.0)
    with peer_that(lambda _connection, _request: time.sleep(3)) as (peer, _):
        began = time.monotonic()
        with pytest.raises(PeerTooSlow, match="too slow"):
            peer.deliver("a.message")
        assert time.monotonic() - began < 3


def test_a_peer_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    peer = Peer.at("http://127.0.0.1:1")
    with pytest.raises(PeerUnavailable, match="ConnectError"):
        peer.deliver("a.message")
    peer.close()
