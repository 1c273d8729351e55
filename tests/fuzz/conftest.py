"""One world for all fuzzing, and how much of it there is."""

import sys
from collections.abc import Iterator

import pytest

from tests.api.desk import Documented, open_office
from tests.api.matrix import World
from tests.fuzz.sending import Fuzzed, open_fuzzed
from tests.kit import Forge


@pytest.fixture(scope="session")
def cases(request: pytest.FixtureRequest) -> int:
    """How many cases each role is asked at least."""
    return int(request.config.getoption("--cases"))


@pytest.fixture(scope="module")
def fuzzed(forge: Forge) -> Iterator[Fuzzed]:
    documented = Documented()
    with forge.corridor() as corridor, open_office(corridor.by, documented) as minsk:
        ours, theirs = corridor.by.issued(), corridor.uz.issued("cotton-yarn")
        corridor.by.deliver(corridor.uz)
        corridor.uz.deliver(corridor.by)
        opened = open_fuzzed(corridor, World(minsk, ours, theirs), documented)
        yield opened
        sys.stdout.write(f"\n{opened.told()}\n")
