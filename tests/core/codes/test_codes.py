import re
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

from registry.core.codes.countries import COUNTRIES, COUNTRY_NAMES
from registry.core.codes.packages import BULK, PACKAGE_NAMES, PACKAGES
from registry.core.codes.trilingual import Trilingual
from registry.core.codes.units import UNIT_NAMES, UNITS

SHARED = Path(__file__).parents[4] / "shared" / "data" / "codes"


@pytest.mark.parametrize(
    ("codes", "count", "spelling"),
    [(COUNTRIES, 249, r"[A-Z]{2}"), (UNITS, 1756, r"[A-Z0-9]{2,3}"), (PACKAGES, 406, r"[A-Z0-9]{2}")],
)
def test_a_list_has_all_its_codes_in_their_spelling(codes: AbstractSet[str], count: int, spelling: str) -> None:
    assert len(codes) == count
    assert [code for code in codes if not re.fullmatch(spelling, code)] == []


@pytest.mark.parametrize(
    ("names", "codes"), [(COUNTRY_NAMES, COUNTRIES), (UNIT_NAMES, UNITS), (PACKAGE_NAMES, PACKAGES)]
)
def test_each_name_is_of_a_code_and_no_two_codes_share_one(
    names: dict[str, Trilingual], codes: AbstractSet[str]
) -> None:
    assert names.keys() <= codes
    for language in ("ru", "en", "uz"):
        assert len({getattr(name, language) for name in names.values()}) == len(names)


def test_bulk_is_made_of_package_codes() -> None:
    assert BULK < PACKAGES


@pytest.mark.parametrize(("codes", "file"), [(UNITS, "rec20-units.txt"), (PACKAGES, "rec21-packages.txt")])
def test_a_list_is_the_one_it_was_made_from(codes: AbstractSet[str], file: str) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here")
    assert codes == set((SHARED / file).read_text().split())
