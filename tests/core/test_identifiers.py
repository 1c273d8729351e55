import pytest

from registry.core.identifiers import (
    CODE,
    HEX_128,
    HEX_256,
    NAME,
    authority_did,
    body_did,
    certificate_id,
    node_did,
)


def test_every_name_is_derived_from_the_name_of_the_node() -> None:
    name = "by.registry.example"
    assert node_did(name) == "did:web:by.registry.example"
    assert body_did(name, "bcci") == "did:web:by.registry.example:bodies:bcci"
    assert authority_did(name) == "did:web:by.registry.example:authority"
    assert certificate_id(name, "bcci", 2026, "BY1") == "https://by.registry.example/certificates/bcci/2026/BY1"


@pytest.mark.parametrize("text", ["", "g" * 64, "A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n"])
def test_a_digest_is_64_lower_case_hex_digits(text: str) -> None:
    assert HEX_256.fullmatch("0123456789abcdef" * 4)
    assert not HEX_256.fullmatch(text)


@pytest.mark.parametrize("text", ["", "g" * 32, "A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n"])
def test_a_random_id_is_32_lower_case_hex_digits(text: str) -> None:
    assert HEX_128.fullmatch("0123456789abcdef" * 2)
    assert not HEX_128.fullmatch(text)


@pytest.mark.parametrize(
    "text", ["", "by", ".by", "by.", "BY.example", "a_b.example", "-a.example", "a..b", "a." * 127 + "a"]
)
def test_a_name_has_two_labels_of_lower_case(text: str) -> None:
    assert NAME.fullmatch("by.registry.example")
    assert not NAME.fullmatch(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a_b", "a" * 33])
def test_a_code_is_short_and_of_lower_case(text: str) -> None:
    assert CODE.fullmatch("bcci")
    assert not CODE.fullmatch(text)
