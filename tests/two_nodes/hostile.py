"""A witness as nobody wishes for one: it listens on loopback, and answers as it was told, or worse."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
from cryptography.hazmat.primitives.asymmetric import ed25519

from registry.core.tlog.note import KeyType, Note, SignatureLine, VerifierKey
from registry.signing.key_file import NoteSigner
from registry.store.tasks import TaskKind

Answer = Callable[[socket.socket, str], None]
"""Given the connection and the body of a request, answer it in one way or another."""
LARGER = 1_000_000
LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def new_key(name: str) -> NoteSigner:
    """Make a witness's key that lives for one test."""
    key = ed25519.Ed25519PrivateKey.generate()
    return NoteSigner(VerifierKey(name, KeyType.COSIGNATURE, key.public_key().public_bytes_raw()), key)


@dataclass
class Hostile:
    """A witness that answers each request by `answer`, which may be changed while it runs."""

    answer: Answer
    asked: list[str] = field(default_factory=list)
    url: str = ""

    @contextmanager
    def listening(self) -> Iterator["Hostile"]:
        stop = threading.Event()
        threads: list[threading.Thread] = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(0.1)
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

            def accept() -> None:
                while not stop.is_set():
                    try:
                        connection, _ = listener.accept()
                    except TimeoutError:
                        continue
                    thread = threading.Thread(target=self._serve, args=(connection,))
                    thread.start()
                    threads.append(thread)

            accepting = threading.Thread(target=accept)
            accepting.start()
            try:
                yield self
            finally:
                stop.set()
                accepting.join(60)
                for thread in threads:
                    thread.join(20)

    def _serve(self, connection: socket.socket) -> None:
        """Answer one request and hang up."""
        with connection, suppress(OSError):
            connection.settimeout(20)
            body = read_request(connection)
            if body:
                self.asked.append(body)
                self.answer(connection, body)
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65_536):
                        pass


def read_request(connection: socket.socket) -> str:
    """Return the body of a request of a stated length; nothing where none comes."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return ""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    stated = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(stated[0].partition(b":")[2]) if stated else 0
    while len(body) < length:
        body += connection.recv(65_536)
    return body.decode()


def note_of(body: str) -> Note:
    """Return the checkpoint of a request."""
    return Note.parse(body.partition("\n\n")[2])


def saying(status: str, body: bytes = b"", media_type: str = "text/plain", *headers: str) -> Answer:
    """Answer always the same."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", f"Content-Type: {media_type}", *headers]
    raw = "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body
    return lambda connection, _body: connection.sendall(raw)


def cosigning(key: NoteSigner, at: Callable[[], datetime]) -> Answer:
    """Cosign whatever is shown, as of any time."""

    def answer(connection: socket.socket, body: str) -> None:
        line = key.cosign(note_of(body).text, at()).encode()
        saying("200 OK", f"{line}\n".encode())(connection, body)

    return answer


def forging(key: NoteSigner) -> Answer:
    """Answer with a line that names the key, over nothing."""
    line = SignatureLine(key.vkey.name, key.vkey.id, bytes([0] * 7 + [1]) + bytes(64)).encode()
    return saying("200 OK", f"{line}\n".encode())


def never_ending(connection: socket.socket, _body: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        connection.sendall(b"a" * 65_536)


def dripping(connection: socket.socket, _body: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    for _ in range(40):
        connection.sendall(b"a")
        time.sleep(0.5)


def hanging_up(connection: socket.socket, _body: str) -> None:
    connection.close()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a witness answers, by which code it is named, what else is said, and which task it opens."""

    code: str
    said: str
    answer: Callable[[NoteSigner, NoteSigner], Answer]
    """Made of its own key, and of one that is not its own."""
    task: TaskKind | None = None


def _always(answer: Answer) -> Callable[[NoteSigner, NoteSigner], Answer]:
    return lambda _own, _other: answer


SIZE = "text/x.tlog.size"
BEHAVIOURS = {
    "smaller": Behaviour("witness-knows-other", "3 entries", _always(saying("409 Conflict", b"3\n", SIZE))),
    "larger": Behaviour(
        "witness-knows-other",
        f"{LARGER} entries",
        _always(saying("409 Conflict", b"%d\n" % LARGER, SIZE)),
        TaskKind.WITNESS_AHEAD,
    ),
    "nameless-conflict": Behaviour("witness-says-split", "409", _always(saying("409 Conflict")), TaskKind.LOG_SPLIT),
    "conflict-of-another-type": Behaviour(
        "witness-says-split", "409", _always(saying("409 Conflict", b"3\n", "text/html")), TaskKind.LOG_SPLIT
    ),
    "no-size": Behaviour(
        "witness-says-split", "409", _always(saying("409 Conflict", b"03\n", SIZE)), TaskKind.LOG_SPLIT
    ),
    "split": Behaviour(
        "witness-says-split", "422", _always(saying("422 Unprocessable Content", b"no")), TaskKind.LOG_SPLIT
    ),
    "broken": Behaviour("peer-unavailable", "status 500", _always(saying("500 Oops", b"<html>", "text/html"))),
    "no-log": Behaviour("peer-unavailable", "status 404", _always(saying("404 Not Found"))),
    "forbids": Behaviour("peer-unavailable", "status 403", _always(saying("403 Forbidden"))),
    "garbage": Behaviour("malformed-note", "signature line", _always(saying("200 OK", bytes(range(256)) * 9))),
    "page": Behaviour("malformed-note", "signature line", _always(saying("200 OK", b"<html></html>\n", "text/html"))),
    "empty": Behaviour("note-not-signed", "no known key", _always(saying("200 OK"))),
    "other-key": Behaviour(
        "note-not-signed",
        "no known key",
        lambda _own, other: cosigning(other, lambda: datetime.now(UTC).replace(microsecond=0)),
    ),
    "forged": Behaviour("wrong-signature", "does not verify", lambda own, _other: forging(own)),
    "endless": Behaviour("peer-without-end", "no end", _always(never_ending)),
    "slow": Behaviour("peer-too-slow", "too slow", _always(dripping)),
    "redirects": Behaviour(
        "peer-redirects",
        "status 307",
        _always(saying("307 Again", b"", "text/plain", "Location: /add-checkpoint")),
    ),
    "hangs-up": Behaviour("peer-unavailable", "RemoteProtocolError", _always(hanging_up)),
}


@dataclass
class Gate:
    """Stands before a node and passes requests on; while `shut` is set its witness cannot be reached, all else can."""

    node: str
    shut: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @contextmanager
    def listening(self) -> Iterator["Gate"]:
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._pass_on("GET", None)

            def do_POST(self) -> None:
                self._pass_on("POST", self.rfile.read(int(self.headers["Content-Length"])))

            def _pass_on(self, method: str, body: bytes | None) -> None:
                if gate.shut.is_set() and self.path.startswith("/witness/"):
                    self.send_error(503)
                    return
                wanted = ("Content-Type", "Authorization")
                headers = {name: self.headers[name] for name in wanted if name in self.headers}
                try:
                    answer = http.request(method, f"{gate.node}{self.path}", content=body, headers=headers)
                except httpx2.HTTPError:
                    self.send_error(502)
                    return
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers["content-type"])
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: object) -> None:
                pass

        with (
            httpx2.Client(timeout=20, trust_env=False) as http,
            ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server,
        ):
            self.url = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join(20)
