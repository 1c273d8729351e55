"""One server and one born corridor for all tests; a copy of it for each test that asks."""

from collections.abc import Iterator

import pytest

from tests import kit


@pytest.fixture(scope="session")
def forge() -> Iterator[kit.Forge]:
    made = kit.make_forge()
    yield made
    kit.clear_away()


@pytest.fixture
def corridor(forge: kit.Forge) -> Iterator[kit.Corridor]:
    with forge.corridor() as made:
        yield made
