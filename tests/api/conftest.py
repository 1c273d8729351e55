"""The face of a node for tests, with and without a server, and the account of what was seen."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests import kit
from tests.api.desk import Documented, Office, open_office
from tests.processes import environment_of, wait_until_it_answers

LAST = "test_each_documented_response_was_seen"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the account of what was seen last; where only some of these tests run there is no account to give."""
    here = Path(__file__).parent
    ours = [item for item in items if item.path.parent == here]
    account = [item for item in ours if item.name == LAST]
    for item in account:
        items.remove(item)
    chosen = any("::" in argument for argument in config.args) or config.option.keyword or config.option.markexpr
    if chosen or {item.path for item in ours} != set(here.glob("test_*.py")):
        config.hook.pytest_deselected(items=account)
    else:
        items.extend(account)


@pytest.fixture(scope="session")
def documented() -> Documented:
    return Documented()


@pytest.fixture
def minsk(corridor: kit.Corridor, documented: Documented) -> Iterator[Office]:
    with open_office(corridor.by, documented) as office:
        yield office


@pytest.fixture(scope="session")
def lasting_corridor(forge: kit.Forge) -> Iterator[kit.Corridor]:
    with forge.corridor() as corridor:
        yield corridor


@pytest.fixture(scope="session")
def lasting(lasting_corridor: kit.Corridor, documented: Documented) -> Iterator[Office]:
    """Minsk for tests that neither mind what others left nor leave what others would mind."""
    with open_office(lasting_corridor.by, documented) as office:
        yield office


@pytest.fixture
def tashkent(corridor: kit.Corridor, documented: Documented) -> Iterator[Office]:
    with open_office(corridor.uz, documented) as office:
        yield office


@dataclass
class Served:
    """A node that a process of its own serves."""

    office: Office
    process: subprocess.Popen[bytes]
    port: int

    def memory(self) -> dict[str, int]:
        """Return resident memory of the process now and at its highest, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        lines = dict(line.split(":", 1) for line in status.splitlines())
        return {name: int(lines[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM")}

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        """Open a connection of bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            yield connection


@pytest.fixture(scope="session")
def served(forge: kit.Forge, documented: Documented, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve Minsk from a process of its own, with the clock of the tests."""
    folder = tmp_path_factory.mktemp("served")
    with forge.corridor() as corridor, socket.socket() as probe:
        country = corridor.by
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        probe.close()
        environment = environment_of(forge, country, folder) | {"REGISTRY_PORT": str(port)}
        command = [sys.executable, "-m", "registry.cli.main", "serve"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
        url = f"http://127.0.0.1:{port}"
        hooks = {"response": [documented.hold]}
        limits = httpx2.Limits(max_connections=50, max_keepalive_connections=50)
        try:
            wait_until_it_answers(url, process, folder / "log")
            with httpx2.Client(base_url=url, timeout=60, trust_env=False, limits=limits, event_hooks=hooks) as http:
                yield Served(Office(country, http), process, port)
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="module")
def searched(forge: kit.Forge, documented: Documented) -> Iterator[tuple[Office, Office]]:
    """Minsk and Tashkent with two certificates delivered, the first of them annulled since."""
    with (
        forge.corridor() as corridor,
        open_office(corridor.by, documented) as minsk,
        open_office(corridor.uz, documented) as tashkent,
    ):
        first = corridor.by.issued()
        corridor.by.issued()
        corridor.by.annulled(first)
        corridor.by.deliver(corridor.uz)
        yield minsk, tashkent
