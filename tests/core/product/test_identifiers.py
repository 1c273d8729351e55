from collections.abc import Callable

import pytest

from registry.core.product.identifiers import (
    InvalidIdentifier,
    check_gtin,
    check_hs,
    check_jshshir,
    check_stir,
    check_tax_id,
    check_unp,
    is_natural_person,
)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (check_unp, "100321003"),
        (check_unp, "MA1953684"),
        (check_stir, "301234567"),
        (check_jshshir, "31507901234564"),
        (check_gtin, "40170725"),
        (check_gtin, "614141000036"),
        (check_gtin, "4810268012341"),
        (check_gtin, "10614141000415"),
        (check_hs, "870193"),
        (check_hs, "87019310"),
        (check_hs, "8701931000"),
    ],
)
def test_a_good_identifier_passes(check: Callable[[str], None], text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    ("check", "text"),
    [(check_unp, "100321003"), (check_unp, "MA1953684"), (check_jshshir, "31507901234564"), (check_gtin, "40170725")],
)
def test_a_changed_digit_is_found(check: Callable[[str], None], text: str) -> None:
    for place, digit in enumerate(text):
        if digit.isdigit():
            for other in set("0123456789") - {digit}:
                with pytest.raises(InvalidIdentifier):
                    check(text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (check_unp, "МА1953684"),
        (check_unp, "MА1953684"),
        (check_unp, "ma1953684"),
        (check_unp, "УНП100321003"),
        (check_unp, "100 321 003"),
        (check_unp, "100321003\n"),
        (check_unp, "10032100"),
        (check_unp, "١٠٠٣٢١٠٠٣"),
        (check_unp, ""),
        (check_stir, "30123456"),
        (check_stir, "3012345678"),
        (check_stir, "30123456A"),
        (check_stir, "301234567\n"),
        (check_jshshir, "3150790123456"),
        (check_jshshir, "3150790123456A"),
        (check_gtin, "4017072"),
        (check_gtin, "00000000000"),
        (check_gtin, "4017072A"),
        (check_hs, "87019"),
        (check_hs, "8701931"),
        (check_hs, "870193100"),
        (check_hs, "87019310001"),
        (check_hs, "8701 93"),
        (check_hs, "٨٧٠١٩٣"),
    ],
)
def test_another_spelling_is_refused(check: Callable[[str], None], text: str) -> None:
    with pytest.raises(InvalidIdentifier):
        check(text)


@pytest.mark.parametrize(
    ("country", "text", "known"),
    [
        ("BY", "100321003", True),
        ("UZ", "301234567", True),
        ("UZ", "31507901234564", True),
        ("KZ", "201140009876", False),
        ("KZ", "1", False),
        ("KZ", "x" * 20, False),
    ],
)
def test_a_tax_id_is_checked_as_its_country_writes_it(country: str, text: str, known: bool) -> None:  # noqa: FBT001  a table's column
    assert check_tax_id(country, text) is known


@pytest.mark.parametrize(
    ("country", "text"),
    [
        ("BY", "100321008"),
        ("UZ", "31507901234565"),
        ("UZ", "315079"),
        ("KZ", ""),
        ("KZ", " "),
        ("KZ", "x" * 21),
        ("KZ", "1\n"),
    ],
)
def test_a_tax_id_that_its_country_cannot_have_given_is_refused(country: str, text: str) -> None:
    with pytest.raises(InvalidIdentifier):
        check_tax_id(country, text)


def test_a_refusal_says_what_is_wrong_without_repeating_the_number() -> None:
    with pytest.raises(InvalidIdentifier) as caught:
        check_unp("100321008")
    assert str(caught.value) == "the unp does not agree with its control digit"
    assert (caught.value.code, caught.value.kind) == ("invalid-identifier", "unp")


@pytest.mark.parametrize(
    ("country", "tax_id", "natural"),
    [
        ("BY", "MA1953684", True),
        ("BY", "100321003", False),
        ("BY", None, False),
        ("UZ", "31507901234564", True),
        ("UZ", "301234567", False),
        ("KZ", "31507901234564", False),
    ],
)
def test_the_tax_id_tells_natural_persons_from_organisations(country: str, tax_id: str | None, natural: object) -> None:
    assert is_natural_person(country, tax_id) is natural
