"""One server and one born corridor for all tests; a copy of it for each test that asks."""

from collections.abc import Iterator

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import kit

TOGETHER = ("two_nodes", "independent", "api")
"""Folders whose tests share what is costly to make, or an account of what was seen: one process runs them all."""

CASES = 100
"""Requests that each role is asked at least, in each run of all tests; the seed is fixed."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives a process the tests of a file together, or of a whole folder."""

    def _split_scope(self, nodeid: str) -> str:
        _, folder, *_ = (path := nodeid.partition("::")[0]).split("/")
        return folder if folder in TOGETHER else path


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever has the time ask more of the fuzzing tests: `make fuzz`."""
    parser.addoption("--cases", type=int, default=CASES, help="how many requests each role is asked at least")


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """Share the tests out by file where several processes run them."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: else one process would still be at it when the others are done."""
    items.sort(key=lambda item: TOGETHER[0] not in item.path.parts)


@pytest.fixture(scope="session")
def forge() -> Iterator[kit.Forge]:
    made = kit.make_forge()
    yield made
    kit.clear_away()


@pytest.fixture
def corridor(forge: kit.Forge) -> Iterator[kit.Corridor]:
    with forge.corridor() as made:
        yield made
