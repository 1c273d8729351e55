"""People at work who do not give up: each request is retried under its key until it is answered."""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from registry.demo import casework
from registry.demo.country import Country

RETRY = 0.1
GIVE_UP = 90.0
"""Seconds without any answer after which a request counts as lost."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A request that was answered with 2xx, and the bytes of the answer."""

    country: str
    who: str
    path: str
    key: str
    request: Any
    answer: bytes


@dataclass
class Traffic:
    """A stream of work at one country; `acknowledged` is what it was promised."""

    country: Country
    acknowledged: list[Acknowledged] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, keys: list[str]) -> None:
        """Let one person work through each kind of application, over and over."""
        for key in keys:
            thread = threading.Thread(target=self._work, args=(key,))
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Let everyone finish the application that they are at."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, key: str) -> None:
        application = casework.applications()[key]
        officer = casework.applications()[key]["issued_in"]
        assert officer == self.country.code
        while not self._stop.is_set():
            try:
                self._one(key, application)
            except AssertionError as error:
                self.unexpected.append(str(error))
                return

    def _one(self, key: str, application: Mapping[str, Any]) -> None:
        issued = self._issue(key, casework.form(application))
        match secrets.randbelow(4):
            case 0:
                self._annul(issued)
            case 1:
                self._clarify(issued)
            case 2:
                related = {"kind": "replaces", "certificate": issued["id"]}
                issued = self._issue(key, casework.form(application) | {"related": related}, replaces=True)
        self.post("officer", "/api/v1/verifications", {"number": issued["number"]})

    def _issue(self, key: str, form: Mapping[str, Any], *, replaces: bool = False) -> Any:
        """Bring an application to its certificate: one that replaces another is proposed and issued by two."""
        path = f"/api/v1/applications/{self.post(key, '/api/v1/applications', form)['id']}"
        self.post(key, f"{path}/submit")
        self.post("examiner", f"{path}/take-up")
        draft = {"draft": self.post("examiner", f"{path}/offer-draft")["draft"]}
        self.post(key, f"{path}/accept", draft)
        if not replaces:
            return self.post("signatory", f"{path}/issue", draft)
        proposed = self.post("signatory", f"{path}/replacement", {"reason": "Проверка"})
        return self.post("second_signatory", f"{path}/issue", draft | {"proposal": proposed["id"]})

    def _annul(self, issued: Mapping[str, Any]) -> None:
        path = f"{issued['href']}/annulment"
        said = self.post("signatory", path, {"reason": "Проверка", "effective_from": issued["issue_date"]})
        self.post("second_signatory", f"{path}/confirm", {"proposal": said["id"]})

    def _clarify(self, issued: Mapping[str, Any]) -> None:
        path, old = f"{issued['href']}/clarification", issued["claims"]["consignor_exporter"]["address"]
        box = {"box": "consignor_exporter.address", "old": old, "new": f"{old}, двор"}
        said = self.post("signatory", path, box | {"reason": "Проверка"})
        self.post("second_signatory", f"{path}/confirm", {"proposal": said["id"]})

    def post(self, who: str, path: str, request: Any = None) -> Any:
        """Post until answered; only 2xx, 503 and no answer at all are what a fault may bring."""
        key = secrets.token_hex(16)
        ends = time.monotonic() + GIVE_UP
        while time.monotonic() < ends:
            response = send(self.country, who, path, key, request)
            if response is None or response.status_code == 503:
                time.sleep(RETRY)
                continue
            assert response.is_success, f"{who} {path}: {response.status_code} {response.text[:300]}"
            kept = Acknowledged(self.country.code, who, path, key, request, response.content)
            self.acknowledged.append(kept)
            return response.json()
        raise AssertionError(f"{who} {path}: no answer in {GIVE_UP:.0f} s")


def send(country: Country, who: str, path: str, key: str, request: Any) -> httpx2.Response | None:
    """Post once; None where nobody answered."""
    headers = {"Authorization": f"Bearer {country.token(who)}", "Idempotency-Key": key}
    body = {} if request is None else {"json": request}
    try:
        return httpx2.post(f"{country.url}{path}", headers=headers, timeout=20, trust_env=False, **body)
    except httpx2.HTTPError:
        return None
