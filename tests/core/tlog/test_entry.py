from datetime import UTC, datetime, timedelta, timezone
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.core import canonical
from registry.core.canonical import Json
from registry.core.identifiers import ActId, Country, Did, Digest
from registry.core.tlog.entry import MAX_ENTRY, Kind, Leaf, MalformedLeaf, commitment, private_row

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
BODY = Did("did:web:by.registry.example:bodies:bcci")
ID = ActId("0123456789abcdef" * 2)
PRIVATE = Digest("ab" * 32)
DIGEST = Digest("cd" * 32)
UZ = Country("UZ")


class Members(TypedDict, total=False):
    to: Country
    digest: Digest


def members(kind: Kind) -> Members:
    """What a leaf of `kind` holds beside what every leaf holds."""
    some = Members()
    if kind.has_destination:
        some["to"] = UZ
    if kind.has_digest:
        some["digest"] = DIGEST
    return some


ISSUED = Leaf(ID, Kind.CERTIFICATE_ISSUED, AT, BODY, PRIVATE, UZ, DIGEST)
PLAIN = Leaf(ID, Kind.PRODUCT_KEPT, AT, Did("did:web:by.registry.example"), PRIVATE)


def test_the_leaf_of_an_issue_is_these_bytes() -> None:
    assert ISSUED.encode() == (
        b'{"at":"2026-11-21T09:30:00Z","by":"did:web:by.registry.example:bodies:bcci","digest":"' + b"cd" * 32 + b'",'
        b'"id":"0123456789abcdef0123456789abcdef","kind":"certificate.issued","private":"' + b"ab" * 32 + b'",'
        b'"to":"UZ","v":1}'
    )


@pytest.mark.parametrize("kind", Kind)
def test_a_leaf_of_every_kind_is_read_back(kind: Kind) -> None:
    leaf = Leaf(ID, kind, AT, BODY, PRIVATE, **members(kind))
    assert Leaf.parse(leaf.encode()) == leaf


def test_only_what_goes_to_a_peer_has_a_destination_and_only_signed_things_a_digest() -> None:
    certified = {
        *(Kind.CERTIFICATE_ISSUED, Kind.CERTIFICATE_STATUS, Kind.CERTIFICATE_CLARIFIED),
        *(Kind.MONTH_STATED, Kind.EPOCH_BEGUN),
    }
    assert {kind for kind in Kind if kind.has_destination} == certified
    assert {kind for kind in Kind if kind.has_digest} == certified | {
        Kind.TRUST_PIN_PROPOSED,
        Kind.TRUST_PIN_CONFIRMED,
        Kind.TRUST_PUBLISHED,
        Kind.TRUST_ADOPTED,
        Kind.AGREEMENT_ADOPTED,
    }


FIRST, LAST = datetime.fromisoformat("1000-01-01T00:00:00"), datetime.fromisoformat("2999-12-31T23:59:59")


@given(st.datetimes(FIRST, LAST, timezones=st.just(UTC)), st.binary(min_size=16, max_size=16), st.sampled_from(Kind))
def test_any_second_and_any_id_are_read_back(at: datetime, id: bytes, kind: Kind) -> None:
    leaf = Leaf(ActId(id.hex()), kind, at.replace(microsecond=0), BODY, PRIVATE, **members(kind))
    assert Leaf.parse(leaf.encode()) == leaf


@pytest.mark.parametrize("leaf", [ISSUED, PLAIN], ids=lambda leaf: leaf.kind)
def test_each_flipped_bit_is_refused_or_says_something_else(leaf: Leaf) -> None:
    entry = leaf.encode()
    for bit in range(len(entry) * 8):
        changed = bytearray(entry)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            read = Leaf.parse(bytes(changed))
        except MalformedLeaf:
            continue
        assert read != leaf
        assert read.encode() == changed


@pytest.mark.parametrize("leaf", [ISSUED, PLAIN], ids=lambda leaf: leaf.kind)
def test_each_removed_byte_is_refused_or_says_something_else(leaf: Leaf) -> None:
    entry = leaf.encode()
    for place in range(len(entry)):
        changed = entry[:place] + entry[place + 1 :]
        try:
            read = Leaf.parse(changed)
        except MalformedLeaf:
            continue
        assert read.encode() == changed


@pytest.mark.parametrize("leaf", [ISSUED, PLAIN], ids=lambda leaf: leaf.kind)
def test_each_removed_or_added_member_is_refused(leaf: Leaf) -> None:
    whole = dict(canonical.parse(leaf.encode()))
    for name in whole:
        with pytest.raises(MalformedLeaf):
            Leaf.parse(canonical.encode({key: value for key, value in whole.items() if key != name}))
    for name in {"to", "digest", "number"} - whole.keys():
        with pytest.raises(MalformedLeaf, match="its members are not those of"):
            Leaf.parse(canonical.encode({**whole, name: "UZ"}))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("v", 2, "version"),
        ("v", True, "version"),
        ("v", "1", "version"),
        ("id", "0123456789ABCDEF" * 2, "id"),
        ("id", ID + "\n", "id"),
        ("id", 1, "id"),
        ("kind", "certificate.printed", "kind"),
        ("kind", ["certificate.issued"], "kind"),
        ("at", "2026-11-21T09:30:00+00:00", "at"),
        ("at", "2026-11-21T09:30:00.000Z", "at"),
        ("at", "2026-02-30T09:30:00Z", "at"),
        ("at", 1_700_000_000, "at"),
        ("by", "did:key:z6Mk", "by"),
        ("by", "did:web:", "by"),
        ("by", "did:web:by.example:authority", "by"),
        ("by", ["did:web:by.example"], "by"),
        ("to", "uz", "to"),
        ("to", "UZB", "to"),
        ("to", "ЎЗ", "to"),
        ("digest", "CD" * 32, "digest"),
        ("digest", "cd" * 31, "digest"),
        ("private", "ab" * 33, "private"),
        ("private", False, "private"),
    ],
)
def test_a_member_in_another_spelling_is_refused(name: str, value: Json, reason: str) -> None:
    with pytest.raises(MalformedLeaf, match=f"the leaf cannot be read: its {reason} "):
        Leaf.parse(canonical.encode({**canonical.parse(ISSUED.encode()), name: value}))


@pytest.mark.parametrize(
    "entry", [b"", b"[]", b"{}", b"\xff", ISSUED.encode() + b" ", b'{"v":1,' + ISSUED.encode()[1:]]
)
def test_what_is_not_canonical_json_of_a_leaf_is_refused(entry: bytes) -> None:
    with pytest.raises(MalformedLeaf):
        Leaf.parse(entry)


def test_an_entry_larger_than_a_tile_can_carry_is_refused() -> None:
    with pytest.raises(MalformedLeaf, match="larger than 65535"):
        Leaf.parse(b" " * (MAX_ENTRY + 1))
    with pytest.raises(MalformedLeaf, match="not JSON"):
        Leaf.parse(b"[" * MAX_ENTRY)


@pytest.mark.parametrize("kind", Kind)
def test_a_leaf_with_the_members_of_another_kind_cannot_be_made(kind: Kind) -> None:
    right = members(kind)
    for to in (None, UZ):
        for digest in (None, DIGEST):
            if (to, digest) != (right.get("to"), right.get("digest")):
                with pytest.raises(AssertionError):
                    Leaf(ID, kind, AT, BODY, PRIVATE, to, digest)


@pytest.mark.parametrize(
    ("id", "at", "by", "private", "to", "digest"),
    [
        ("0", AT, BODY, PRIVATE, "UZ", DIGEST),
        (ID, AT.replace(tzinfo=None), BODY, PRIVATE, "UZ", DIGEST),
        (ID, AT.replace(tzinfo=timezone(timedelta(hours=3))), BODY, PRIVATE, "UZ", DIGEST),
        (ID, AT.replace(microsecond=1), BODY, PRIVATE, "UZ", DIGEST),
        (ID, AT, "bcci", PRIVATE, "UZ", DIGEST),
        (ID, AT, BODY, "", "UZ", DIGEST),
        (ID, AT, BODY, PRIVATE, "Uzbekistan", DIGEST),
        (ID, AT, BODY, PRIVATE, "UZ", "cd"),
    ],
)
def test_a_leaf_that_could_not_be_read_back_cannot_be_made(
    id: str, at: datetime, by: str, private: str, to: str, digest: str
) -> None:
    with pytest.raises(AssertionError):
        Leaf(ActId(id), Kind.CERTIFICATE_ISSUED, at, Did(by), Digest(private), Country(to), Digest(digest))


def test_a_commitment_is_sha_256_over_salt_and_canonical_json() -> None:
    assert (
        commitment(b"\0" * 16, {"b": "ў", "a": 1}) == "bdf7d81b82a3d6ff6a6ace9ad7448b0801a84bcbedfbf9ba86df2327fa6881b1"
    )
    assert commitment(b"\1" * 16, {"a": 1}) != commitment(b"\0" * 16, {"a": 1})
    with pytest.raises(AssertionError):
        commitment(b"", {"a": 1})


def test_a_leaf_commits_to_who_acted_for_whom_and_on_what() -> None:
    nobody = private_row({"a": 1}, person=None, organisation=None, subject=None)
    assert nobody == {"what": {"a": 1}}
    everyone = private_row({"a": 1}, person="p", organisation="o", subject="s")
    assert everyone == {"what": {"a": 1}, "person": "p", "organisation": "o", "subject": "s"}
