"""The log: entries a second against the same rows and one commit a batch, and proofs from a thousand to ten million."""

import random
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from alembic import command
from sqlalchemy import text
from sqlalchemy.orm import Session

from registry.cli.database import migrations
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.merkle import node_hash
from registry.core.tlog.note import KeyType
from registry.core.tlog.tile import HEIGHT, MAX_LEVEL, WIDTH, Tile, growth, hash_in
from registry.signing.key_file import NoteSigner
from registry.store import log
from registry.store.database import APP, OWNER, Database
from registry.store.guard import Guard, of_log
from registry.store.postgres import SUPERUSER, Server
from registry.usecases.tlog.extend_log import extend, mark_of
from registry.usecases.tlog.read_log import prove, read_tile
from tests import kit

FOLDER = Path(__file__).resolve().parents[2] / "var" / "bench"
ORIGIN = "by.registry.example/log"
BATCHES = {1: 300, 16: 3_200, 256: 25_600, 1024: 51_200}
"""Entries of a round, by the size of its batches."""
ROUNDS = 3
SIZES = (1_000, 1_000_000, 10_000_000)
READS = 300
AS_LOADER = (
    "SET enable_nestloop = off",
    "SET session_replication_role = replica",
    "SET synchronous_commit = off",
    "SET work_mem = '256MB'",
)
ACTS = """INSERT INTO act (id, at, kind, by, private, salt, leaf)
    SELECT md5(i::text), '2026-11-21T09:30:00Z', 'product.kept', 'did:web:by.registry.example', '{}', '\\x00',
    convert_to('{"at":"2026-11-21T09:30:00Z","by":"did:web:by.registry.example","id":"' || md5(i::text)
    || '","kind":"product.kept","private":"' || encode(sha256(int8send(i)), 'hex') || '","v"\\:1}', 'UTF8')
    FROM generate_series(CAST(:first AS bigint), :last) AS i"""
ENTRIES = 'INSERT INTO log_entry ("index", act) SELECT i, md5(i::text) FROM generate_series(0, :last) AS i'
LEAVES = """INSERT INTO log_tile (level, "index", hashes)
    SELECT 0, i / 256, string_agg(sha256('\\x00'::bytea || leaf), ''::bytea ORDER BY i)
    FROM generate_series(0, :last) AS i JOIN act ON act.id = md5(i::text) GROUP BY i / 256"""
FULL = 'SELECT "index", hashes FROM log_tile WHERE level = :level AND octet_length(hashes) = 8192 ORDER BY "index"'
TILE = "INSERT INTO log_tile VALUES (:level, :index, :hashes)"
BARE = """CREATE TABLE bare_entry (LIKE log_entry INCLUDING INDEXES);
    CREATE TABLE bare_tile (LIKE log_tile INCLUDING INDEXES);
    CREATE TABLE bare_checkpoint (LIKE log_checkpoint INCLUDING INDEXES)"""


def main() -> None:
    """Measure appending on a disk that keeps what it acknowledged, then reading of logs up to ten million entries."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    server = Server.start(FOLDER / "postgres")
    try:
        signer = NoteSigner.make(FOLDER, "log", ORIGIN, KeyType.ED25519, b"bench")
        _append(server, signer)
        _read(server, signer, SIZES)
    finally:
        server.stop()
        shutil.rmtree(FOLDER, ignore_errors=True)


def _append(server: Server, signer: NoteSigner) -> None:
    with _made(server, "append") as (app, owner):
        with owner.begin() as tx:
            for statement in BARE.split(";"):
                tx.execute(text(statement))
            for name in ("entry", "tile", "checkpoint"):
                tx.execute(text(f"GRANT ALL ON bare_{name} TO {APP}"))
        guard = Guard(FOLDER / "guard.json")
        guard.begin()
        acts = 0
        for batch, entries in BATCHES.items():
            ours, bare = [], []
            for _ in range(ROUNDS):
                with owner.begin() as tx:
                    tx.execute(text("SET LOCAL synchronous_commit = off"))
                    tx.execute(text(ACTS), {"first": acts, "last": acts + entries - 1})
                acts += entries
                ours.append(entries / _timed(partial(_sequence, app, signer, guard, batch)))
                bare.append(entries / _timed(partial(_insert, app, batch, entries, acts)))
            ratio = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
            rate = statistics.median(ours)
            _say(
                f"log, batches of {batch:>5}: {ratio:.2f} of the same rows, one commit a batch ({rate:,.0f} entries/s)"
            )


def _sequence(app: Database, signer: NoteSigner, guard: Guard, batch: int) -> None:
    """Do what the worker does until nothing is queued: lock, hash, sign, commit, guard."""
    what = of_log(ORIGIN)
    while True:
        with app.begin() as tx:
            made = extend(tx, ORIGIN, signer.sign, mark=guard.mark(what), at=kit.AT, batch=batch)
        if made is None:
            return
        guard.advance(what, mark_of(made))


def _insert(app: Database, batch: int, entries: int, first: int) -> None:
    """Insert as many rows as a log of these batches writes, already made, and commit each batch."""
    hash_, note = bytes(32), "x" * 250
    for start in range(first - entries, first, batch):
        with app.begin() as tx:
            acts = [f"{index:032x}" for index in range(start, start + batch)]
            entry = "INSERT INTO bare_entry SELECT :first + place - 1, act FROM unnest(CAST(:acts AS text[]))"
            tx.execute(text(f"{entry} WITH ORDINALITY AS given (act, place)"), {"first": start, "acts": acts})
            tiles = list(range(start // WIDTH, start // WIDTH + max(1, batch // WIDTH)))
            grown = (
                "INSERT INTO bare_tile SELECT 0, * FROM unnest(CAST(:tiles AS bigint[]), CAST(:hashes AS bytea[])) "
                "ON CONFLICT (level, index) DO UPDATE SET hashes = bare_tile.hashes || excluded.hashes"
            )
            tx.execute(text(grown), {"tiles": tiles, "hashes": [hash_ * min(batch, WIDTH)] * len(tiles)})
            checkpoint = "INSERT INTO bare_checkpoint VALUES (:size, :root, :note, :at)"
            tx.execute(text(checkpoint), {"size": start, "root": hash_, "note": note, "at": kit.AT})


def _read(server: Server, signer: NoteSigner, sizes: Sequence[int]) -> None:
    """Build a log of each size, then look into all of them in turn, so that a busy minute slows each alike."""
    with ExitStack() as opened:
        logs: dict[int, Database] = {}
        for size in sizes:
            app, owner = opened.enter_context(_made(server, f"log_{size}"))
            seconds = _timed(partial(_load, owner, signer, size))
            logs[size] = app
            _say(f"log of {size:>10,}: loaded in {seconds:.0f} s")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for name, work in READERS.items():
            rounds = [{size: _median(app, size, work) for size, app in logs.items()} for _ in range(1 + ROUNDS)]
            first, *warm = rounds
            for size in sizes:
                milliseconds = statistics.median(each[size] for each in warm) * 1e3
                _say(f"log of {size:>10,}: {name} {milliseconds:.2f} ms ({first[size] * 1e3:.2f} at the first look)")
            ratio = statistics.median(each[sizes[-1]] / each[sizes[0]] for each in warm)
            _say(f"log, {name}: {sizes[-1]:,} entries take {ratio:.2f} x of {sizes[0]:,}")
        grew = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        _say(f"log: {grew:.0f} MB more of memory for all of it")


def _prove(tx: Session, size: int, places: random.Random) -> None:
    index = places.randrange(size)
    act = tx.scalar(text('SELECT act FROM log_entry WHERE "index" = :index'), {"index": index})
    assert prove(tx, str(act)) is not None


def _hashes(tx: Session, size: int, places: random.Random) -> None:
    assert read_tile(tx, Tile(0, places.randrange(max(1, size // WIDTH))), size)


def _bundle(tx: Session, size: int, places: random.Random) -> None:
    assert read_tile(tx, Tile(None, places.randrange(max(1, size // WIDTH))), size)


READERS: dict[str, Callable[[Session, int, random.Random], None]] = {
    "proof": _prove,
    "tile": _hashes,
    "bundle": _bundle,
}


def _median(app: Database, size: int, work: Callable[[Session, int, random.Random], None]) -> float:
    """Return the median time of looks at random places, the same in each round: a second finds them in memory."""
    places, times = random.Random(size), []  # noqa: S311  no secret
    for _ in range(READS):
        with app.read() as tx:
            times.append(_timed(partial(work, tx, size, places)))
    return statistics.median(times)


def _load(owner: Database, signer: NoteSigner, size: int) -> None:
    """Build a log of `size` entries inside the database: acts, entries, and the hash of every complete subtree."""
    with owner.begin() as tx:
        for statement in AS_LOADER:
            tx.execute(text(statement.replace("SET ", "SET LOCAL ")))
        for columns in ("at_seq", "kind_at_seq", "person_at_seq", "organisation_at_seq", "subject_at"):
            tx.execute(text(f"DROP INDEX ix_act_{columns}"))
        tx.execute(text(ACTS), {"first": 0, "last": size - 1})
        tx.execute(text(ENTRIES), {"last": size - 1})
        tx.execute(text(LEAVES), {"last": size - 1})
        for level in range(1, MAX_LEVEL + 1):
            below = tx.execute(text(FULL), {"level": level - 1}, execution_options={"yield_per": WIDTH})
            made = {
                (HEIGHT * level, index): node_hash(hash_in(content, HEIGHT - 1, 0), hash_in(content, HEIGHT - 1, 1))
                for index, content in below
            }
            for (_, index), content in growth(made).items():
                tx.execute(text(TILE), {"level": level, "index": index, "hashes": content})
        root = log.edge(tx, size).root
        note = signer.sign(Checkpoint(ORIGIN, size, root).encode()).encode()
        row = {"size": size, "root": root, "note": note, "at": kit.AT, "origin": ORIGIN}
        tx.execute(text("INSERT INTO log_checkpoint VALUES (:size, :root, :note, :at)"), row)
        tx.execute(text("INSERT INTO log_published (size, note, at) VALUES (:size, :note, :at)"), row)
        tx.execute(
            text("INSERT INTO log_head (one, origin, size, root, at) VALUES (1, :origin, :size, :root, :at)"), row
        )
    with owner.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))


@contextmanager
def _made(server: Server, name: str) -> Iterator[tuple[Database, Database]]:
    """Make a database, and open it as the app and as the superuser; it is dropped afterwards."""
    server.ensure_database(name)
    command.upgrade(migrations(server.url(OWNER, name)), "head")
    app, owner = Database.open(server.url(APP, name)), Database.open(server.url(SUPERUSER, name))
    try:
        yield app, owner
    finally:
        app.close()
        owner.close()
        admin = Database.open(server.url(SUPERUSER, "postgres"))
        with admin.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(f'DROP DATABASE "{name}"'))
        admin.close()


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
