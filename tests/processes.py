"""Commands of a node in processes of their own: their environment, and how to wait for one that serves."""

import json
import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from registry.core.record import encode
from registry.store.database import APP
from tests import kit


def environment_of(forge: kit.Forge, country: kit.Country, folder: Path) -> dict[str, str]:
    """Return the environment of a command that works on a country, its clock at the time of the tests."""
    trust = forge.keys(country.code) / "trust"
    trust.mkdir(exist_ok=True)
    for code, pin in country.node.pins.items():
        (trust / f"{code.lower()}.pin.json").write_text(json.dumps({"pin": encode(pin)}))
    clock = folder / "clock"
    clock.write_text(str(int((country.clock() - datetime.now(UTC)).total_seconds())))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    return kept | {
        "REGISTRY_NAME": country.node.settings.name,
        "REGISTRY_COUNTRY": country.code,
        "REGISTRY_ENV": "demo",
        "REGISTRY_KEYS": str(forge.keys(country.code)),
        "REGISTRY_PASSPHRASE": kit.SECRET.decode(),
        "REGISTRY_DATABASE_URL": forge.server.url(APP, country.database),
        "REGISTRY_CLOCK_FILE": str(clock),
        "REGISTRY_GUARD": str(country.node.settings.guard_path),
        "REGISTRY_THREADS": "8",
    }


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        assert process.poll() is None, log.read_text()
        try:
            httpx2.get(f"{url}/health/live", timeout=5, trust_env=False)
        except httpx2.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"it does not answer: {log.read_text()}")
