import json
import time
import unicodedata

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from registry.core.canonical import (
    MAX_DEPTH,
    MAX_INTEGER,
    MAX_KEYS,
    MAX_STRING,
    Json,
    MalformedJson,
    NotCanonical,
    digest,
    encode,
    parse,
    read,
)

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
NFC_TEXTS = TEXTS.map(lambda text: unicodedata.normalize("NFC", text))
NUMBERS = st.integers(-MAX_INTEGER, MAX_INTEGER)
KEYS = st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=8)
VALUES: st.SearchStrategy[Json] = st.recursive(
    NFC_TEXTS | NUMBERS | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)


@given(OBJECTS)
def test_what_is_written_is_what_rfc8785_writes_and_reads_back(value: dict[str, Json]) -> None:
    written = encode(value)
    assert written == rfc8785.dumps(value)
    assert parse(written) == value
    assert read(written) == value


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for reader, refusal in ((read, MalformedJson), (parse, NotCanonical)):
        try:
            value = reader(data)
        except refusal:
            continue
        assert reader(encode(value)) == value


@given(OBJECTS)
def test_each_flipped_bit_of_signed_json_is_refused_or_says_something_else(value: dict[str, Json]) -> None:
    data = encode(value)
    for bit in range(min(len(data), 40) * 8):
        flipped = data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]
        try:
            assert parse(flipped) != value
        except NotCanonical:
            continue


NO_JSON = {
    "nothing": b"",
    "spaces": b"  ",
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-16 without mark": '{"a":1}'.encode("utf-16-le"),
    "Latin-1": b'{"a":"\xe9"}',
    "trailing bytes": b'{"a":1}x',
    "two values": b'{"a":1}{"a":1}',
    "a trailing comma": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "a comment": b'{"a":1/**/}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "1e400": b'{"a":1e400}',
    "1e0": b'{"a":1e0}',
    "1.0": b'{"a":1.0}',
    "-0": b'{"a":-0}',
    "2^53": b'{"a":9007199254740992}',
    "-2^53": b'{"a":-9007199254740992}',
    "a very long number": b'{"a":' + b"9" * 10_000 + b"}",
    "leading zero": b'{"a":01}',
    "plus": b'{"a":+1}',
    "half a surrogate pair": b'{"a":"\\ud800"}',
    "the other half": b'{"a":"\\udc00x"}',
    "half a pair in a key": b'{"\\ud800":1}',
    "NUL": b'{"a":"\\u0000"}',
    "NUL in a key": b'{"\\u0000":1}',
    "a raw NUL": b'{"a":"\0"}',
    "a raw line break": b'{"a":"\n"}',
    "a key twice": b'{"a":1,"a":1}',
    "a key twice in two spellings": b'{"a":1,"\\u0061":1}',
    "a key twice, deep": b'{"b":[{"a":1,"a":2}]}',
    "100,000 brackets": b"[" * 100_000,
    "100,000 braces": b'{"a":' * 100_000,
    "one too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "too many members": json.dumps({str(number): 1 for number in range(MAX_KEYS + 1)}).encode(),
    "too long a text": b'"' + b"x" * (MAX_STRING + 1) + b'"',
    "too long a key": b'{"' + b"x" * (MAX_STRING + 1) + b'":1}',
    "an open text": b'{"a":"x',
    "an open text with a backslash": b'{"a":"x\\',
}


@pytest.mark.parametrize("name", NO_JSON)
def test_what_is_no_strict_json_is_refused(name: str) -> None:
    with pytest.raises(MalformedJson) as refused:
        read(NO_JSON[name])
    assert refused.value.code == "malformed-json"
    assert "cannot be read" in str(refused.value)


@pytest.mark.parametrize("name", NO_JSON)
def test_what_is_no_strict_json_is_not_canonical(name: str) -> None:
    if name in {"too many members", "too long a key"}:
        assert parse(encode(orjson.loads(NO_JSON[name])))
        return
    with pytest.raises(NotCanonical):
        parse(NO_JSON[name])


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"7",
        b'"a"',
        b"null",
        b'{"a":null}',
        b'{"a":[null]}',
        b'{ "a":1}',
        b'{"a":1}\n',
        b'{"b":1,"a":1}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\\u000A"}',
        '{"ў":1}'.encode(),
        '{"a":"у\u0306"}'.encode(),
        '{"a":["\u2126"]}'.encode(),
        b'{"a":1.5}',
        b'{"a":18446744073709551616}',
    ],
)
def test_another_spelling_or_kind_of_value_is_not_canonical(data: bytes) -> None:
    with pytest.raises(NotCanonical) as refused:
        parse(data)
    assert refused.value.code == "not-canonical"
    assert "one spelling" in str(refused.value)


def test_strangers_may_write_spaces_nulls_and_other_orders() -> None:
    assert read(b' {"b": null, "a": ["\\u0041", -9007199254740991]}\n') == {
        "b": None,
        "a": ["A", -MAX_INTEGER],
    }


def test_brackets_in_texts_do_not_count_as_depth() -> None:
    text = '"' * 3 + "[{" * 1_000 + "\\"
    assert read(encode(text)) == text
    assert read(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    deepest = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    assert parse(deepest) == read(deepest)
    with pytest.raises(NotCanonical):
        parse(b'{"a":' + deepest + b"}")


def test_a_text_may_be_longer_where_the_reader_says_so() -> None:
    assert read(b'"' + b"x" * 50_000 + b'"', longest=50_000) == "x" * 50_000


def test_a_backslash_before_u0000_is_a_text_like_any_other() -> None:
    value = {"a": "\\u0000", "b": "\n\u0301"}
    assert parse(encode(value)) == value


def test_open_texts_are_refused_in_linear_time() -> None:
    """Each quote tried anew would take minutes."""
    began = time.perf_counter()
    with pytest.raises(MalformedJson):
        read(b'"' + b'\\"' * 500_000)
    assert time.perf_counter() - began < 5


def test_a_digest_is_lower_case_hex() -> None:
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
