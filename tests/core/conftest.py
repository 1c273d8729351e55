import pytest

from tests.core.world import Scene, World, build


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The two countries; making their keys takes a moment, so they are made once."""
    return build(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def scene(world: World) -> Scene:
    """A good certificate of Belarus before the customs of Uzbekistan."""
    return world.scene("BY")
