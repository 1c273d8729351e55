"""Our own list of naughty values: what people paste, programs mangle, thieves try; what does not show is escaped."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TEXTS: tuple[str, ...] = (
    "",
    " ",
    "\t",
    "\n",
    "a\r\nSet-Cookie: a=b",
    "\x00",
    "a\x00b",
    "\x07\x1b[31m",
    "\x7f",
    "\x85",
    "\u00a0",
    "\u2028\u2029",
    "\u200b\u200c\u200d\u2060",
    "a\u200db",
    "\ufeff",
    "\ufffe\uffff",
    "\ufffd",
    "\ue000",
    "\u202e\u0441\u0435\u0440\u0442",  # right to left override
    "\u2066\u05e9\u05dc\u05d5\u05dd\u2069",
    "\u061c\u0645\u0631\u062d\u0628\u0627",
    "\u05e9\u05c1\u05dc\u05d5\u05dd",
    "e\u0301",  # not in NFC
    "\u0418\u0306",  # Й of two parts
    "Z" + "\u0351\u036f" * 60,
    "\ufdfa" * 20,
    "\u1e9e\u0130\u0131\u01c5",  # letters that change their length with their case
    "\U0001f600",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\U0001f1fa\U0001f1ff",
    "1\ufe0f\u20e3",
    "\U0010ffff",
    "\u041e\u0410\u041e O\u0410O \u0410O\u041e",  # Cyrillic and Latin look-alikes
    "BY\u0423Z6101000001",
    "\u0430dmin",
    "O\u02bbzbekiston Respublikasi, Farg\u02bbona, Qoraqalpog\u02bbiston",
    "O'zbekiston G\u2018ijduvon Toshkent\u02bc",
    "\u040e\u049a\u0492\u04b2 \u045e\u049b\u0493\u04b3",
    "\u0460\u0404\u0406\u0407",
    "\uff11\uff12\uff13",  # digits that are not ASCII
    "\u0661\u0662\u0663",
    "\u00bd\u2460\u2167",
    "0",
    "-0",
    "-1",
    "007",
    "1e309",
    "1.0",
    "0,5",
    "0x10",
    "1_000",
    "9223372036854775808",
    "9" * 400,
    "NaN",
    "Infinity",
    "null",
    "undefined",
    "true",
    "None",
    "[]",
    "{}",
    "' OR '1'='1",
    "'; DROP TABLE certificate; --",
    "1) UNION SELECT sha256 FROM token --",
    "%",
    "_",
    "\\",
    "$1 %s %(a)s {0} {a.__class__} ${7*7} {{7*7}}",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "C:\\Windows\\system32",
    "file:///etc/passwd",
    "http://127.0.0.1:5432/",
    "//evil.example/..",
    "/",
    ".",
    "..",
    "%00",
    "%ff%fe",
    "%u0410",
    "+",
    "a&b=c#d?e;f",
    "<script>alert(1)</script>",
    '<!--#exec cmd="ls"-->',
    "=cmd|'/c calc'!A1",
    "() { :; }; echo",
    "$(id) `id`",
    "CON",
    "2026-02-29",
    "2026-02-29+03:00",
    "0000-00-00",
    "9999-12-31",
    "9999-12-31+14:00",
    "0001-01-01-14:00",
    "2026-11-21T24:00:00Z",
    "2026-11-21T09:30:60Z",
    "did:web:by.registry.example#",
    "a" * 201,
    "\u0451" * 2_001,
    "a" * 10_001,
    "a" * 200_000,
)
"""Texts; each goes wherever a text does."""

RAW: tuple[bytes, ...] = (
    b"null",
    b"true",
    b"false",
    b"0",
    b"-0",
    b"-1",
    b"1.5",
    b"1e5",
    b"1E400",
    b"9007199254740993",
    b"9223372036854775808",
    b"1" * 5_000,
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"01",
    b"+1",
    b".5",
    b"[]",
    b"{}",
    b"[[]]",
    b'[""]',
    b"[null]",
    b'{"":""}',
    b'{"__proto__":{}}',
    b'{"a":1,"a":2}',
    b'{"a":1,"\\u0061":2}',
    b"[" * 31 + b"]" * 31,
    b"[" * 200 + b"]" * 200,
    b"[" * 100_000,
    b'{"a":' * 200 + b"1" + b"}" * 200,
    b"[" + b"0," * 2_000 + b"0]",
    b"{" + b",".join(b'"k%d":0' % number for number in range(1_001)) + b"}",
    b'"\\ud800"',
    b'"\\udfff"',
    b'"a\\udc00\\ud800b"',
    b'"\\ud83d\\ude00"',
    b'"\\u0000"',
    b'"\\x41"',
    b'"\x01"',
    b'"\xff\xfe"',
    b'"\xed\xa0\x80"',
    b'"\xc0\xaf"',
    b'"',
    b"'a'",
    b"undefined",
    b"",
    b"/* */ 1",
    b"1 2",
)
"""Values that are no text, or no JSON at all."""
HERE = "@@here@@"
"""Stands where a value is to be put."""


def values() -> Iterator[bytes]:
    """Return every value as it is written in JSON: every other text escaped, since both ways read the same."""
    yield from RAW
    for number, text in enumerate(TEXTS):
        yield json.dumps(text, ensure_ascii=number % 2 == 0).encode()


def bodies(body: Any) -> Iterator[bytes]:
    """Return a body with one place of it left open: each member in turn, and one member more in each object."""
    yield f'"{HERE}"'.encode()
    for path in _places(body):
        yield json.dumps(_with(body, path), ensure_ascii=False).encode()


def put(body: bytes, value: bytes) -> bytes:
    """Return the body with the value in the place that was left open."""
    return body.replace(f'"{HERE}"'.encode(), value)


def _places(body: Any) -> Iterator[Sequence[str | int]]:
    if isinstance(body, Mapping):
        for name, member in body.items():
            yield (name,)
            yield from ((name, *rest) for rest in _places(member))
        yield ("more",)
    elif isinstance(body, list):
        for index, member in enumerate(body):
            yield (index,)
            yield from ((index, *rest) for rest in _places(member))


def _with(body: Any, path: Sequence[Any]) -> Any:
    if not path:
        return HERE
    first, *rest = path
    if isinstance(body, Mapping):
        return {**body, first: _with(body.get(first), rest)}
    return [_with(member, rest) if index == first else member for index, member in enumerate(body)]
