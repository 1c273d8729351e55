"""Talk to a peer's channel, witness and log: no redirects, no proxies, an end to time and to size (PROMISES F2)."""

import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import quote

import httpx2
import orjson

from registry.core.channel.message import FIRST_EPOCH
from registry.core.tlog.entry import MAX_LEAF
from registry.core.tlog.merkle import MAX_SIZE
from registry.core.tlog.tile import WIDTH, Tile, read_entries
from registry.peer.refusals import (
    PeerAnswersOtherwise,
    PeerHasNone,
    PeerRedirects,
    PeerTooSlow,
    PeerUnavailable,
    PeerWantsEarlier,
    PeerWithoutEnd,
    WitnessKnowsOther,
    WitnessSaysSplit,
)

DEADLINE = 10.0
"""Seconds for a whole exchange."""
LARGEST = 1_000_000
LARGEST_PAGE = 3 * LARGEST
"""One message of the largest, and its receipt, may be more than a page is meant to hold."""
LARGEST_TILE = WIDTH * (MAX_LEAF + 2)
"""A bundle of the largest leaves: what a log says beyond that is not taken, and its mirror falls behind."""
JWT = "application/jwt"
OK, NOT_FOUND, CONFLICT, UNPROCESSABLE = 200, 404, 409, 422
REDIRECTS = range(300, 400)
_SIZE = re.compile(rb"(?:0|[1-9]\d{0,18})\n")


class Peer:
    """The other node at its address; one exchange at a time."""

    def __init__(self, url: str, client: httpx2.Client) -> None:
        self.url = url
        self._client = client
        self._late = threading.Event()
        self._socket: socket.socket | None = None
        self._handle: socket.socket | None = None
        """A second handle of a connection that is being made: TLS takes the socket over for as long as it is agreed."""

    @classmethod
    def at(cls, url: str) -> Self:
        """Open a connection pool for one peer."""
        limits = httpx2.Limits(max_connections=1)
        identity = {"Accept-Encoding": "identity"}  # what is limited is what arrives
        client = httpx2.Client(
            timeout=DEADLINE,
            follow_redirects=False,
            trust_env=False,
            limits=limits,
            headers=identity,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # nothing of the peer's is kept
        )
        return cls(url, client)

    def deliver(self, message: str) -> str:
        """Post a message and return the receipt's text. Raises `PeerUnavailable` or `PeerWantsEarlier`."""
        status, media_type, body = self._exchange("POST", "/peer/messages", message, JWT)
        if status != OK:
            raise _refusal(status, body)
        if media_type != JWT:
            raise PeerAnswersOtherwise(f"its receipt comes as {media_type[:60] or 'nothing that it names'}")
        return body.decode("ascii", errors="replace")

    def recall(self, of: str, epoch: int, first: int, signed: str) -> tuple[list[tuple[str, str | None]], bool]:
        """Return messages of a sender from a number of an epoch on, each with its receipt, and whether there are more.

        `signed` is the request as our node key signed it. Raises `PeerUnavailable`.
        """
        path = f"/peer/messages?of={quote(of, safe='')}&from={first}"
        if epoch > FIRST_EPOCH:
            path += f"&epoch={epoch}"
        status, _, body = self._exchange("GET", path, None, None, LARGEST_PAGE, {"Authorization": f"Bearer {signed}"})
        if status != OK:
            raise _refusal(status, body)
        try:
            page = orjson.loads(body)
            messages = [(str(each["message"]), each.get("receipt")) for each in page["messages"]]
            more = bool(page["more"])
        except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError):
            raise PeerAnswersOtherwise("its page of messages cannot be read") from None
        return messages, more and bool(messages)

    def add_checkpoint(self, growth: str) -> str:
        """Ask the witness at this address for its cosignature and return its lines (c2sp.org/tlog-witness).

        Raises `PeerUnavailable`, `WitnessKnowsOther`, and `WitnessSaysSplit` for 422 and for a 409 without a size.
        """
        status, media_type, body = self._exchange("POST", "/add-checkpoint", growth, "text/plain")
        if status == OK:
            return body.decode("utf-8", errors="replace")
        if status == CONFLICT and media_type == "text/x.tlog.size" and _SIZE.fullmatch(body):
            raise WitnessKnowsOther(int(body))
        if status in {CONFLICT, UNPROCESSABLE}:
            raise WitnessSaysSplit(status)
        raise _refusal(status, body)

    def read_tile(self, tile: Tile) -> bytes:
        """Return a tile or bundle at this width, or in full where the partial one is gone (c2sp.org/tlog-tiles)."""
        try:
            return self.read(f"/{tile.path}", LARGEST_TILE)
        except PeerHasNone:
            if tile == tile.full():
                raise
            return self.read(f"/{tile.full().path}", LARGEST_TILE)

    def read_entries(self, first: int, end: int, size: int) -> list[bytes]:
        """Return the entries of a log of `size` from `first` to `end`, a whole bundle at a time.

        Raises `PeerUnavailable`, `PeerHasNone`, `MalformedTile`.
        """
        entries: list[bytes] = []
        for index in range(first // WIDTH, -(-end // WIDTH)):
            bundle = Tile(None, index, min(WIDTH, size - index * WIDTH))
            taken = read_entries(self.read_tile(bundle), bundle.width)
            entries += taken[max(0, first - bundle.start) : end - bundle.start]
        return entries

    def read(self, path: str, largest: int = LARGEST) -> bytes:
        """Return what is at a path. Raises `PeerUnavailable`, and `PeerHasNone` where nothing is."""
        status, _, body = self._exchange("GET", path, None, None, largest)
        if status == NOT_FOUND:
            raise PeerHasNone(path)
        if status != OK:
            raise _refusal(status, body)
        return body

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _exchange(
        self,
        method: str,
        path: str,
        content: str | None,
        media_type: str | None,
        largest: int = LARGEST,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, str, bytes]:
        """Return status, media type and body of an answer. Raises `PeerUnavailable`."""
        body = bytearray()
        try:
            with (
                self._hanging_up() as late,
                self._client.stream(
                    method,
                    f"{self.url}{path}",
                    content=content,
                    headers={**headers, **({} if media_type is None else {"Content-Type": media_type})},
                    extensions={"trace": self._note},
                ) as response,
            ):
                for part in response.iter_raw():
                    body += part
                    if len(body) > largest:
                        raise PeerWithoutEnd
        except httpx2.HTTPError as error:
            if late.is_set() or isinstance(error, httpx2.TimeoutException):
                raise PeerTooSlow from error
            raise PeerUnavailable(type(error).__name__) from error
        if late.is_set():
            raise PeerTooSlow
        return response.status_code, response.headers.get("content-type", "").partition(";")[0], bytes(body)

    @contextmanager
    def _hanging_up(self) -> Iterator[threading.Event]:
        """Hang up when the time for a whole exchange is over: a byte now and then never meets a time-out of its own."""
        late = self._late = threading.Event()
        timer = threading.Timer(DEADLINE, self._hang_up)
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    def _hang_up(self) -> None:
        self._late.set()
        for each in (self._handle, self._socket):
            if each is not None:
                with suppress(OSError):
                    socket.socket.shutdown(each, socket.SHUT_RDWR)  # that of TLS would take its state from the reader

    def _note(self, event: str, told: Mapping[str, Any]) -> None:
        """Remember the socket of the newest connection, and hang up on one that comes when the time is over."""
        if event == "connection.connect_tcp.complete":
            self._socket = told["return_value"].get_extra_info("socket")
            self._handle = self._socket.dup()
        elif event == "connection.start_tls.complete":
            self._socket = told["return_value"].get_extra_info("socket")
        else:
            return
        if self._late.is_set():
            self._hang_up()


def _refusal(status: int, body: bytes) -> PeerUnavailable | PeerWantsEarlier:
    if status in REDIRECTS:
        return PeerRedirects(f"status {status}")
    try:
        problem = orjson.loads(body)
    except orjson.JSONDecodeError:
        return PeerUnavailable(f"status {status}")
    if not isinstance(problem, dict):
        return PeerUnavailable(f"status {status}")
    next_seq, code = problem.get("next_seq"), problem.get("code")
    if status == CONFLICT and type(next_seq) is int and 0 < next_seq <= MAX_SIZE:
        return PeerWantsEarlier(next_seq)
    return PeerUnavailable(f"status {status}, {str(code)[:60]}")
