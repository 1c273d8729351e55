"""One bit that was flipped anywhere in what is signed, derived, committed to or hashed is found, and its row named."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from tests.kit import Forge
from tests.usecases.fsck import lived
from tests.usecases.fsck.lived import Lives, look

pytestmark = pytest.mark.slow
FLIPS = 230
SIGNED = {
    "certificate": ("envelope", "envelope", "proof"),
    "status_change": ("envelope", "envelope"),
    "message_out": ("envelope", "envelope", "receipt"),
    "message_in": ("envelope", "envelope", "receipt"),
    "trust_list": ("text", "text"),
    "agreement": ("text", "text"),
    "log_checkpoint": ("note", "note"),
    "log_published": ("note", "note"),
    "log_cosignature": ("line", "line"),
    "witness_head": ("note", "note"),
    "witness_evidence": ("note", "against"),
    "mirror_head": ("note",),
    "freshness": ("text", "met"),
}
DERIVED = {
    "certificate": (
        *("id", "country", "body", "year", "number", "scheme", "presented_in", "digest", "issued_on", "valid_until"),
        *("status_list", "status_index", "act", "application", "signatory", "recorded_at", "registered_on", "due_on"),
    ),
    "status_change": ("digest", "certificate", "status", "effective_from", "recorded_at", "act"),
    "message_out": (
        *("to", "epoch", "seq", "id", "kind", "digest", "log_index", "act", "pending", "made_at", "outcome"),
    ),
    "message_in": ("from", "epoch", "seq", "id", "kind", "certificate", "digest", "outcome", "received_at"),
    "arrival": ("seq", "at", "came_at", "certificate", "clarification"),
    "trust_list": ("country", "epoch", "version", "digest", "adopted_at", "act"),
    "agreement": ("id", "adopted_at", "act"),
    "act": ("id", "leaf", "private", "salt", "at", "kind", "by", "to", "digest", "subject"),
    "log_entry": ("index", "act"),
    "log_tile": ("level", "index", "hashes", "hashes"),
    "log_checkpoint": ("size", "root"),
    "log_published": ("size",),
    "log_cosignature": ("size", "name", "at"),
    "log_head": ("origin", "size", "root", "at"),
    "witness_head": ("origin", "size", "root", "at"),
    "witness_evidence": ("digest", "origin"),
    "mirror_entry": ("origin", "index", "entry", "entry", "kind", "to", "digest"),
    "mirror_tile": ("origin", "level", "index", "hashes", "hashes"),
    "mirror_head": ("origin", "size", "root", "cosigned_at"),
    "freshness": ("node", "as_of", "epoch", "seq"),
    "month_statement": ("peer", "month", "side", "by", "part", "digest", "body", "body", "stated_at", "act"),
    "reconciliation": ("peer", "month", "issuer", "at", "found", "act"),
}
TARGETS = sorted((table, column) for each in (SIGNED, DERIVED) for table, columns in each.items() for column in columns)
NAMES: Mapping[str, Callable[[Mapping[str, Any]], tuple[str, ...]]] = {
    "act": lambda row: (f"act {row['id']}",),
    "agreement": lambda row: (f"agreement {row['id']}",),
    "arrival": lambda row: (f"arrival {row['seq']}",),
    "certificate": lambda row: (f"certificate {row['id']}", f"registration of {row['id']}"),
    "status_change": lambda row: (f"change of status {row['digest']}",),
    "log_checkpoint": lambda row: (f"checkpoint {row['size']}",),
    "log_published": lambda row: (f"published checkpoint {row['size']}",),
    "log_cosignature": lambda row: (f"cosignature of {row['name']} under checkpoint {row['size']}",),
    "log_entry": lambda row: (f"log entry {row['index']}", f"log tile 0/{row['index'] // 256}"),
    "log_tile": lambda row: (f"log tile {row['level']}/{row['index']}",),
    "freshness": lambda row: (f"freshness of {row['node']}",),
    "log_head": lambda _row: ("log head",),
    "message_in": lambda row: (f"message {row['seq']} from {row['from']}",),
    "message_out": lambda row: (f"message {row['seq']} to {row['to']}",),
    "mirror_entry": lambda row: tuple(
        f"mirror of {row['origin']} {what}" for what in (f"entry {row['index']}", f"tile 0/{row['index'] // 256}")
    ),
    "mirror_tile": lambda row: (f"mirror of {row['origin']} tile {row['level']}/{row['index']}",),
    "mirror_head": lambda row: (f"mirror of {row['origin']}",),
    "month_statement": lambda row: (f"statement of a month {row['digest']}", f"message of {row['digest']}"),
    "reconciliation": lambda row: (f"comparison of {row['month']} of {row['issuer']} with {row['peer']}",),
    "trust_list": lambda row: (f"trust list {row['country']} {row['epoch']}.{row['version']}",),
    "witness_evidence": lambda row: (f"evidence {row['digest']}",),
    "witness_head": lambda row: (f"witnessed head of {row['origin']}",),
}


@pytest.fixture(scope="module")
def lives(forge: Forge) -> Iterator[Lives]:
    with lived.lives(forge) as both:
        yield both


@pytest.mark.parametrize("seed", range(FLIPS))
def test_a_flipped_bit_is_found_and_its_row_named(lives: Lives, seed: int) -> None:
    draw = Random(seed)  # noqa: S311  the same bits in each run
    table, column = TARGETS[seed % len(TARGETS)]
    countries = [lives.by, lives.uz]
    draw.shuffle(countries)
    for country in countries:
        with lives.tampering(country) as tx:
            flipped = _flip(tx, table, column, draw)
            if flipped is None:
                continue  # the table, or the column, is empty here
            before, after = flipped
            names = {*NAMES[table](before), *NAMES[table](after)}
            lines = [str(each) for each in look(tx, country).discrepancies]
        assert any(line.startswith(f"{name}{end}") for line in lines for name in names for end in ": ,"), (
            table,
            column,
            before[column],
            after[column],
            lines,
        )
        return
    pytest.fail(f"{table}.{column} is empty in both countries")


@pytest.mark.parametrize("seed", range(30))
def test_a_flipped_bit_in_a_static_file_is_found_and_the_file_named(lives: Lives, tmp_path: Path, seed: int) -> None:
    draw = Random(seed)  # noqa: S311  as above
    lived.export(lives.by, tmp_path)
    path = draw.choice(sorted(path for path in tmp_path.rglob("*") if path.is_file()))
    path.write_bytes(_flip_bytes(path.read_bytes(), draw))
    (line, *_) = lived.found(lives.by, tmp_path)
    assert line.startswith(f"file {path.relative_to(tmp_path)}: ")


def _flip(tx: Session, table: str, column: str, draw: Random) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Flip one bit of one value; tells the row as it was and as it is."""
    checks = text("SELECT conname FROM pg_constraint WHERE conrelid = CAST(:table AS regclass) AND contype = 'c'")
    for (constraint,) in tx.execute(checks, {"table": table}).all():
        tx.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}"'))
    rows = tx.execute(text(f"SELECT ctid::text AS place, * FROM {table} ORDER BY ctid"))  # noqa: S608  our own names
    found = [dict(row._mapping) for row in rows if row._mapping[column] is not None]
    if not found:
        return None
    before = draw.choice(found)
    kind = tx.scalar(
        text("SELECT udt_name FROM information_schema.columns WHERE table_name = :table AND column_name = :column"),
        {"table": table, "column": column},
    )
    assert kind is not None
    while True:
        change, values = _changed(kind, column, before[column], draw)
        try:
            with tx.begin_nested():
                tx.execute(
                    text(f'UPDATE {table} SET "{column}" = {change} WHERE ctid = CAST(:place AS tid)'),  # noqa: S608
                    {"place": before["place"], **values},
                )
        except (IntegrityError, DataError):
            continue  # another row stands there, or the value is beyond its type: another bit
        break
    shown = {name: value for name, value in before.items() if name != column}
    value = values.get("value", before[column])
    return before, shown | {column: before[column] ^ True if kind == "bool" else value}


def _changed(kind: str, column: str, value: Any, draw: Random) -> tuple[str, dict[str, Any]]:
    match kind:
        case "text":
            return ":value", {"value": _flip_text(value, draw)}
        case "bytea":
            return ":value", {"value": _flip_bytes(value, draw)}
        case "bool":
            return f'NOT "{column}"', {}
        case "int2" | "int4" | "int8":
            width = {"int2": 15, "int4": 31, "int8": 63}[kind]
            return ":value", {"value": value ^ (1 << draw.randrange(width))}
        case "jsonb":
            return "CAST(:value AS jsonb)", {"value": _flip_json(value, draw)}
        case "date":
            return f'"{column}" + CAST(:days AS int)', {"days": draw.choice([-1, 1]) << draw.randrange(20)}
        case "timestamptz":
            moved = draw.choice([-1, 1]) << draw.randrange(62)
            return f"\"{column}\" + CAST(:moved AS bigint) * interval '1 microsecond'", {"moved": moved}
        case _:
            raise AssertionError(kind)


def _flip_bytes(data: bytes, draw: Random) -> bytes:
    place = draw.randrange(len(data) * 8)
    changed = bytearray(data)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def _flip_text(value: str, draw: Random) -> str:
    while True:
        changed = _flip_bytes(value.encode(), draw)
        try:
            flipped = changed.decode()
        except UnicodeDecodeError:
            continue
        if "\0" not in flipped:
            return flipped


def _flip_json(value: Any, draw: Random) -> str:
    while True:
        flipped = _flip_text(json.dumps(value, ensure_ascii=False), draw)
        try:
            changed = json.loads(flipped)
        except ValueError:
            continue
        if changed != value:
            return flipped
