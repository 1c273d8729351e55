from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def vectors() -> Path:
    """Data that this project did not write; without it these tests are skipped, and the others still stand."""
    folder = Path(__file__).parents[4] / "shared" / "vectors"
    if not folder.is_dir():
        pytest.skip("the published vectors are not beside this repository")
    return folder
