"""Follow a log from outside, as anyone may: it only grew, its witnesses vouch for it, its files agree."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar

import typer
from rich.console import Console
from rich.progress import Progress

from registry.cli.console import Json, read_file, show
from registry.core import canonical
from registry.core.errors import Conflict, Malformed, Unavailable, Unprocessable
from registry.core.record import MalformedRecord, decode, encode
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Leaf
from registry.core.tlog.follow import Edge, TileReader
from registry.core.tlog.merkle import (
    HASH_BYTES,
    MAX_SIZE,
    Hash,
    WrongProof,
    prove_consistency,
    subtrees,
    verify_consistency,
)
from registry.core.tlog.note import Note
from registry.core.tlog.policy import NONE, Cosigned, Policy, QuorumNotMet
from registry.core.tlog.tile import HEIGHT, MAX_LEVEL, WIDTH, MalformedTile, Tile, read_hashes, tiles
from registry.peer.client import LARGEST, Peer
from registry.store.static_files import StaticFolder

STATE, KNOWN, SMALLER = "state.json", "known", "smaller"
NO_QUORUM = "no quorum"
STEP = 65_536
"""Entries that are fetched before they are hashed and forgotten."""


@dataclass(eq=False)
class LogWrong(Unprocessable):
    """The log does not show one history, or its files do not agree; what it showed is kept in the state folder."""

    code: ClassVar[str] = "log-wrong"
    clause: ClassVar[str | None] = "RFC 9162, 2.1.4; c2sp.org/tlog-tiles@v0.1.0"
    reason: str

    def __str__(self) -> str:
        return f"the log is not what it showed before: {self.reason}"


@dataclass(eq=False)
class LogSmaller(Unavailable):
    """The log shows less than was seen of it, and what it shows agrees: it was rolled back, or a cache is behind."""

    code: ClassVar[str] = "log-smaller"
    clause: ClassVar[str | None] = "c2sp.org/tlog-checkpoint@v1.0.0: a log only grows"
    seen: int
    shown: int
    folder: str

    def __str__(self) -> str:
        return (
            f"the log shows {self.shown} entries now, and {self.seen} were seen: it was rolled back, or a cache gives "
            f"an old checkpoint; both notes, each signed by the log, are in {self.folder}: {KNOWN} and {SMALLER}"
        )


@dataclass(eq=False)
class StateOfAnother(Conflict):
    """The state folder remembers another log than the one that is asked for."""

    code: ClassVar[str] = "state-of-another-log"
    folder: str
    remembers: str
    asked: str

    def __str__(self) -> str:
        return (
            f"{self.folder} remembers the log {self.remembers}, and {self.asked} is asked for: "
            "each log has a --state folder of its own"
        )


@dataclass(frozen=True, slots=True)
class State:
    """What the monitor remembers between two looks: the tree as its edge, and the note that vouches for it."""

    note: bytes
    size: int
    hashes: tuple[bytes, ...]


class _Differs(Exception):
    """What is served is not what was seen, or does not agree with itself."""


def monitor(
    url: Annotated[str, typer.Argument(help="Where the log is served, as https://by.example/log.")],
    policy: Annotated[Path, typer.Option(help="The policy: log key and witnesses, as registry log policy prints it.")],
    state: Annotated[Path, typer.Option(help="Folder in which to remember what was seen.")],
    follow: Annotated[
        float | None, typer.Option(min=1, help="Look again after so many seconds, until stopped.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that a log only grew since the last look. Example: registry log monitor URL --policy P --state DIR.

    Every entry is fetched and hashed, and the hashes are compared with the signed root and with the tiles. Exits 1 with
    what is wrong, where the log is smaller than it was (both checkpoints are then in the state folder, for registry log
    evidence), or where too few witnesses vouch for what it shows. Followed, what is so is told, and looked at again.
    """
    if not url.startswith(("https://", "http://")):
        raise typer.BadParameter(f"{url} is not the address of a log, as https://by.example/log")
    watcher = _Watcher(Peer.at(url.rstrip("/")), Policy.parse(read_file(policy)), StaticFolder(state), quiet=as_json)
    while True:
        try:
            told = watcher.look()
            show(told, as_json=as_json)
            sys.stdout.flush()
            if follow is None and told.get("witnessed") == NO_QUORUM:
                raise typer.Exit(1)
        except Unavailable as refusal:
            if follow is None:
                raise
            sys.stderr.write(f"registry: {refusal.code}: {refusal}\n")
        if follow is None:
            return
        time.sleep(follow)


class _Watcher:
    """One log, its policy, and where to remember it."""

    def __init__(self, log: Peer, policy: Policy, folder: StaticFolder, *, quiet: bool) -> None:
        self.log, self.policy, self.folder, self.quiet = log, policy, folder, quiet

    def look(self) -> dict[str, object]:
        """Fetch what is new, check it, remember it, and return what was seen.

        What the last tiles and bundle held before is checked again, since others of greater width stand in their place.
        """
        known = self._known()
        if known is not None:
            self._check_whose(known)
        before = Edge() if known is None else Edge(known.size, known.hashes)
        text = self.log.read("/checkpoint")
        shown = self._check(Note.parse(text.decode("utf-8", errors="replace")))
        try:
            told = self._compare(shown, text, before)
        except (_Differs, MalformedTile) as difference:
            raise self._wrong(known, text, str(difference)) from None
        if known is not None and shown.checkpoint.size < known.size:
            self.folder.write(KNOWN, known.note)
            self.folder.write(SMALLER, text)
            raise LogSmaller(known.size, shown.checkpoint.size, str(self.folder.root))
        return told

    def _compare(self, shown: Cosigned, text: bytes, before: Edge) -> dict[str, object]:
        """Compare what is served with what was seen. Raises `_Differs` and `MalformedTile`."""
        size = shown.checkpoint.size
        if size < before.size:
            self._check_older(shown.checkpoint, before)
            return {}
        if tuple(self._read_hashes(size)(subtrees(0, before.size))) != before.hashes:
            raise _Differs(f"its tiles no longer hold the first {before.size} entries as they were")
        kinds: Counter[str] = Counter()
        upper: dict[tuple[int, int], Hash] = {}
        edge = before.whole()
        for entries in self._entries(edge.size, size):
            first, seen = edge.size, max(0, before.size - edge.size)
            if seen and edge.grown(entries[:seen])[0] != before:
                raise _Differs(f"an entry among the first {before.size} is another than it was")
            edge, made = edge.grown(entries)
            self._check_tiles(tiles(edge.size, first), made, size, levels=range(1))
            upper |= {place: hash_ for place, hash_ in made.items() if place[0] and place[0] % HEIGHT == 0}
            kinds.update(map(_kind, entries[seen:]))
        if edge.root != shown.checkpoint.root:
            raise _Differs(f"the entries do not lead to the signed root of {size}")
        self._check_tiles(tiles(size, before.size), upper, size, levels=range(1, MAX_LEVEL + 1))
        self.folder.write(STATE, canonical.encode(encode(State(text, size, edge.hashes))))
        return self._said(shown, size - before.size, kinds)

    def _check(self, note: Note) -> Cosigned:
        try:
            return self.policy.check(note)
        except QuorumNotMet as refusal:
            sys.stderr.write(f"registry: {refusal.code}: {refusal}\n")
            return Cosigned(self.policy.signed(note), None)

    def _check_whose(self, known: State) -> None:
        """Check that what is remembered is of a log that the policy knows. Raises `StateOfAnother`."""
        remembers = Checkpoint.parse(Note.parse(known.note.decode("utf-8", errors="replace")).text).origin
        asked = [log.vkey.name for log in self.policy.logs]
        if remembers not in asked:
            raise StateOfAnother(str(self.folder.root), remembers, ", ".join(asked))

    def _check_older(self, shown: Checkpoint, before: Edge) -> None:
        """Check that a smaller checkpoint begins the tree that was seen: else it is another history."""
        if shown.size:
            proof = prove_consistency(shown.size, before.size, self._read_hashes(before.size))
            try:
                verify_consistency(shown.size, before.size, shown.root, before.root, proof)
            except WrongProof as refusal:
                raise _Differs(f"it shows {shown.size} entries after {before.size}, and {refusal}") from None

    def _read_hashes(self, size: int) -> TileReader:
        return TileReader(size, self.log.read_tile)

    def _entries(self, first: int, size: int) -> Iterator[list[bytes]]:
        with Progress(console=Console(stderr=True), disable=self.quiet or size - first < STEP // 8) as progress:
            task = progress.add_task("entries", total=size - first)
            for start in range(first - first % STEP, size, STEP):
                entries = self.log.read_entries(max(first, start), min(size, start + STEP), size)
                progress.advance(task, len(entries))
                yield entries

    def _check_tiles(
        self, changed: Iterable[Tile], made: Mapping[tuple[int, int], Hash], size: int, *, levels: range
    ) -> None:
        """Check that the tiles of some levels hold the hashes that the entries make."""
        for tile in changed:
            if tile.level is None or tile.level not in levels:
                continue
            served = Tile(tile.level, tile.index, min(WIDTH, (size >> tile.tree_level) - tile.start))
            for place, hash_ in enumerate(read_hashes(self.log.read_tile(served), served.width), served.start):
                if made.get((tile.tree_level, place), hash_) != hash_:
                    raise _Differs(f"{served.path} holds another hash than its entries make")

    def _known(self) -> State | None:
        kept = self.folder.read(STATE)
        if kept is None:
            return None
        value = canonical.read(kept, longest=2 * LARGEST)
        state = decode(State, value if isinstance(value, dict) else {})
        if not 0 <= state.size <= MAX_SIZE or [len(hash_) for hash_ in state.hashes] != [HASH_BYTES] * len(
            subtrees(0, state.size)
        ):
            raise MalformedRecord(STATE, "is not the edge of a tree of its size")
        return state

    def _wrong(self, known: State | None, text: bytes, reason: str) -> LogWrong:
        """Keep what was shown beside what was known, and return the refusal."""
        self.folder.write(f"shown-{datetime.now(UTC):%Y%m%dT%H%M%SZ}", text)
        if known is not None:
            self.folder.write(KNOWN, known.note)
        return LogWrong(reason)

    def _said(self, shown: Cosigned, new: int, kinds: Counter[str]) -> dict[str, object]:
        at = NO_QUORUM if shown.at is None and self.policy.quorum != NONE else shown.at and shown.at.isoformat()
        return {
            "origin": shown.checkpoint.origin,
            "size": shown.checkpoint.size,
            "new": new,
            "witnessed": at or "not asked for",
            "kinds": dict(sorted(kinds.items())),
        }


def _kind(entry: bytes) -> str:
    try:
        return Leaf.parse(entry).kind.value
    except Malformed:
        return "not a leaf of this registry"
