"""Post messages to a peer's channel: no redirects, no proxies, an end to time and to size (PROMISES F2)."""

import time
from dataclasses import dataclass
from typing import ClassVar, Self

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
    """The other node at its address."""

    def __init__(self, url: str, client: httpx2.Client) -> None:
        self.url = url
        self._client = client

    @classmethod
    def at(cls, url: str) -> Self:
        """Open a connection pool for one peer."""
        limits = httpx2.Limits(max_connections=2)
        return cls(url, httpx2.Client(timeout=DEADLINE, follow_redirects=False, trust_env=False, limits=limits))

    def deliver(self, message: str) -> str:
        """Post a message and return the receipt's text. Raises `PeerUnavailable` or `PeerWantsEarlier`."""
        ends = time.monotonic() + DEADLINE
        try:
            with self._client.stream(
                "POST", f"{self.url}/peer/messages", content=message, headers={"Content-Type": JWT}
            ) as response:
                body = bytearray()
                for part in response.iter_raw(65_536):
                    body += part
                    if len(body) > LARGEST or time.monotonic() > ends:
                        raise PeerUnavailable("its answer has no end")
        except httpx2.HTTPError as error:
            raise PeerUnavailable(type(error).__name__) from error
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if response.status_code == OK and media_type == JWT:
            return body.decode("ascii", errors="replace")
        raise _refusal(response.status_code, bytes(body))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _refusal(status: int, body: bytes) -> PeerUnavailable | PeerWantsEarlier:
    try:
        problem = orjson.loads(body)
    except orjson.JSONDecodeError:
        return PeerUnavailable(f"status {status}")
    if status == CONFLICT and isinstance(problem, dict) and isinstance(problem.get("next_seq"), int):
        return PeerWantsEarlier(problem["next_seq"])
    code = problem.get("code") if isinstance(problem, dict) else None
    return PeerUnavailable(f"status {status}, {str(code)[:60]}")
