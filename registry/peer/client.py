"""Post messages to a peer's channel: no redirects, no proxies, an end to time and to size (PROMISES F2)."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import httpx2
import orjson

from registry.core.errors import Unavailable

DEADLINE = 10.0
"""Seconds for a whole exchange."""
LARGEST = 1_000_000
JWT = "application/jwt"
OK, CONFLICT = 200, 409


@dataclass(eq=False)
class PeerUnavailable(Unavailable):
    """The peer did not answer, or not as the channel says."""

    code: ClassVar[str] = "peer-unavailable"
    reason: str

    def __str__(self) -> str:
        return f"the peer does not take messages now: {self.reason}"


@dataclass(eq=False)
class PeerWantsEarlier(Unavailable):
    """The peer has not had an earlier message; it named the number that it wants."""

    code: ClassVar[str] = "peer-wants-earlier"
    next_seq: int

    def __str__(self) -> str:
        return f"the peer wants message number {self.next_seq} first"


class Peer:
    """The other node at its address; one exchange at a time."""

    def __init__(self, url: str, client: httpx2.Client) -> None:
        self.url = url
        self._client = client
        self._socket: socket.socket | None = None

    @classmethod
    def at(cls, url: str) -> Self:
        """Open a connection pool for one peer."""
        limits = httpx2.Limits(max_connections=1)
        return cls(url, httpx2.Client(timeout=DEADLINE, follow_redirects=False, trust_env=False, limits=limits))

    def deliver(self, message: str) -> str:
        """Post a message and return the receipt's text. Raises `PeerUnavailable` or `PeerWantsEarlier`."""
        body = bytearray()
        try:
            with (
                self._hanging_up() as late,
                self._client.stream(
                    "POST",
                    f"{self.url}/peer/messages",
                    content=message,
                    headers={"Content-Type": JWT},
                    extensions={"trace": self._note},
                ) as response,
            ):
                for part in response.iter_raw():
                    body += part
                    if len(body) > LARGEST:
                        raise PeerUnavailable("its answer has no end")
        except httpx2.HTTPError as error:
            raise PeerUnavailable("it is too slow" if late.is_set() else type(error).__name__) from error
        if late.is_set():
            raise PeerUnavailable("it is too slow")
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if response.status_code == OK and media_type == JWT:
            return body.decode("ascii", errors="replace")
        raise _refusal(response.status_code, bytes(body))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def _hanging_up(self) -> Iterator[threading.Event]:
        """Hang up when the time for a whole exchange is over: a byte now and then never meets a time-out of its own."""
        late = threading.Event()

        def hang_up() -> None:
            late.set()
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(DEADLINE, hang_up)
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()

    def _note(self, event: str, told: Mapping[str, Any]) -> None:
        """Remember the socket of the newest connection."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._socket = told["return_value"].get_extra_info("socket")


def _refusal(status: int, body: bytes) -> PeerUnavailable | PeerWantsEarlier:
    try:
        problem = orjson.loads(body)
    except orjson.JSONDecodeError:
        return PeerUnavailable(f"status {status}")
    if not isinstance(problem, dict):
        return PeerUnavailable(f"status {status}")
    next_seq, code = problem.get("next_seq"), problem.get("code")
    if status == CONFLICT and isinstance(next_seq, int) and not isinstance(next_seq, bool):
        return PeerWantsEarlier(next_seq)
    return PeerUnavailable(f"status {status}, {str(code)[:60]}")
