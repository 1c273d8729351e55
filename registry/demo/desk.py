"""A person of the demo at their desk: HTTP calls with their token, as their program would make them."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2

from registry.demo.country import Country

FoundT = TypeVar("FoundT")
LOOK_AGAIN = 0.1


class NotAsTold(Exception):
    """The system did something else than the story says: the demo stops and shows it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered."""

    status: int
    body: Any
    text: str
    etag: str | None


@dataclass(frozen=True, slots=True)
class Desk:
    """One person, one node."""

    country: Country
    who: str

    def post(self, path: str, body: Any = None, *, key: str | None = None, expect: int | None = None) -> Answer:
        """Post under a fresh key; what is not answered as expected stops the demo."""
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        sent = self._send("POST", path, headers=headers, json=body)
        if expect is None and sent.status >= 400 or expect not in {None, sent.status}:  # noqa: PLR2004, RUF021  HTTP
            raise NotAsTold(f"{self.who} POST {path}: {sent.status} {sent.text[:600]}")
        return sent

    def upload(self, path: str, name: str, content: bytes) -> Answer:
        """Post a PDF file."""
        headers = {
            "Idempotency-Key": secrets.token_hex(16),
            "X-File-Name": name,
            "Content-Type": "application/pdf",
        }
        sent = self._send("POST", path, headers=headers, content=content)
        if sent.status != 201:  # noqa: PLR2004  HTTP
            raise NotAsTold(f"{self.who} POST {path}: {sent.status} {sent.text[:600]}")
        return sent

    def get(self, path: str, accept: str = "application/json") -> Answer:
        """Read a path."""
        found = self._send("GET", path, headers={"Accept": accept})
        if found.status != 200:  # noqa: PLR2004  HTTP
            raise NotAsTold(f"{self.who} GET {path}: {found.status} {found.text[:600]}")
        return found

    def _send(self, method: str, path: str, **how: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.country.token(self.who)}", **how.pop("headers")}
        if how.get("json") is None:
            how.pop("json", None)
        response = httpx2.request(
            method, f"{self.country.url}{path}", headers=headers, timeout=30, trust_env=False, **how
        )
        is_json = "json" in response.headers.get("content-type", "")
        body = response.json() if is_json and response.content else None
        return Answer(response.status_code, body, response.text, response.headers.get("etag"))


def wait_for(look: Callable[[], FoundT | None], what: str, seconds: float = 60) -> FoundT:
    """Look until something is found; a deadline, so that a story that hangs says on what."""
    ends = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > ends:
            raise NotAsTold(f"in {seconds:.0f} s not seen: {what}")
        time.sleep(LOOK_AGAIN)


def answers(country: Country, path: str = "/health/ready") -> bool | None:
    """Tell whether a node answers that it is ready; None while it does not."""
    if any(process.poll() is not None for process in country.processes.values()):
        dead = [name for name, process in country.processes.items() if process.poll() is not None]
        raise NotAsTold(f"{country.code}: {dead[0]} ended: {country.log_tail(dead[0])}")
    try:
        return httpx2.get(f"{country.url}{path}", timeout=5, trust_env=False).status_code == 200 or None  # noqa: PLR2004
    except httpx2.HTTPError:
        return None
