"""Follow a log from outside, as anyone may: it only grew, its witnesses vouch for it, its files agree."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar

import orjson
import typer
from rich.console import Console
from rich.progress import Progress

from registry.cli.console import Json, read_file, show, write_file
from registry.core.errors import Malformed, Unprocessable
from registry.core.record import MalformedRecord, decode, encode
from registry.core.tlog.entry import Leaf
from registry.core.tlog.follow import Edge, TileReader
from registry.core.tlog.merkle import Hash, prove_consistency, verify_consistency
from registry.core.tlog.note import Note
from registry.core.tlog.policy import NONE, Cosigned, Policy, QuorumNotMet
from registry.core.tlog.tile import HEIGHT, MAX_LEVEL, WIDTH, Tile, read_hashes, tiles
from registry.peer.client import Peer, PeerUnavailable

STATE = "state.json"
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


@dataclass(frozen=True, slots=True)
class State:
    """What the monitor remembers between two looks: the tree as its edge, and the note that vouches for it."""

    note: str
    size: int
    hashes: tuple[bytes, ...]


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
    what is wrong; both checkpoints are then in the state folder, for registry log evidence.
    """
    watcher = _Watcher(Peer.at(url.rstrip("/")), Policy.parse(read_file(policy)), state, quiet=as_json)
    while True:
        try:
            show(watcher.look(), as_json=as_json)
        except PeerUnavailable as refusal:
            if follow is None:
                raise
            sys.stderr.write(f"registry: {refusal.code}: {refusal}\n")
        if follow is None:
            return
        time.sleep(follow)


class _Watcher:
    """One log, its policy, and where to remember it."""

    def __init__(self, log: Peer, policy: Policy, folder: Path, *, quiet: bool) -> None:
        self.log, self.policy, self.folder, self.quiet = log, policy, folder, quiet

    def look(self) -> dict[str, object]:
        """Fetch what is new, check it, remember it, and return what was seen."""
        known = self._known()
        text = self.log.read("/checkpoint").decode("utf-8", errors="replace")
        note = Note.parse(text)
        shown = self._check(note)
        before = Edge() if known is None else Edge(known.size, known.hashes)
        if shown.checkpoint.size < before.size:
            self._check_older(known, shown, before, text)
            return self._said(shown, 0, Counter())
        kinds: Counter[str] = Counter()
        upper: dict[tuple[int, int], Hash] = {}
        edge = before
        for entries in self._entries(before.size, shown.checkpoint.size):
            first = edge.size
            edge, made = edge.grown(entries)
            self._check_tiles(known, text, tiles(edge.size, first), made, shown.checkpoint.size, levels=range(1))
            upper |= {place: hash_ for place, hash_ in made.items() if place[0] and place[0] % HEIGHT == 0}
            kinds.update(map(_kind, entries))
        if edge.root != shown.checkpoint.root:
            raise self._wrong(known, text, f"the entries do not lead to the signed root of {edge.size}")
        size = edge.size
        self._check_tiles(known, text, tiles(size, before.size), upper, size, levels=range(1, MAX_LEVEL + 1))
        self._remember(State(text, size, edge.hashes))
        return self._said(shown, size - before.size, kinds)

    def _check(self, note: Note) -> Cosigned:
        try:
            return self.policy.check(note)
        except QuorumNotMet as refusal:
            sys.stderr.write(f"registry: {refusal.code}: {refusal}\n")
            return Cosigned(self.policy.signed(note), None)

    def _check_older(self, known: State | None, shown: Cosigned, before: Edge, text: str) -> None:
        """Check that a smaller checkpoint, as a cache may give, begins the tree that was seen."""
        size, root = shown.checkpoint.size, shown.checkpoint.root
        if size:
            proof = prove_consistency(size, before.size, TileReader(before.size, self.log.read_tile))
            try:
                verify_consistency(size, before.size, root, before.root, proof)
            except Unprocessable as refusal:
                raise self._wrong(known, text, f"it shows {size} entries after {before.size}, and {refusal}") from None

    def _entries(self, first: int, size: int) -> Iterator[list[bytes]]:
        with Progress(console=Console(stderr=True), disable=self.quiet or size - first < STEP // 8) as progress:
            task = progress.add_task("entries", total=size - first)
            for start in range(first - first % STEP, size, STEP):
                entries = self.log.read_entries(max(first, start), min(size, start + STEP), size)
                progress.advance(task, len(entries))
                yield entries

    def _check_tiles(
        self,
        known: State | None,
        text: str,
        changed: Iterable[Tile],
        made: Mapping[tuple[int, int], Hash],
        size: int,
        *,
        levels: range,
    ) -> None:
        """Check that the tiles of some levels hold the hashes that the entries make."""
        for tile in changed:
            if tile.level is None or tile.level not in levels:
                continue
            served = Tile(tile.level, tile.index, min(WIDTH, (size >> tile.tree_level) - tile.start))
            for place, hash_ in enumerate(read_hashes(self.log.read_tile(served), served.width), served.start):
                if made.get((tile.tree_level, place), hash_) != hash_:
                    raise self._wrong(known, text, f"{served.path} holds another hash than its entries make")

    def _known(self) -> State | None:
        path = self.folder / STATE
        if not path.exists():
            return None
        try:
            return decode(State, orjson.loads(path.read_bytes()), str(path))
        except orjson.JSONDecodeError:
            raise MalformedRecord(str(path), "is not JSON") from None

    def _remember(self, state: State) -> None:
        write_file(self.folder / STATE, orjson.dumps(encode(state)).decode())

    def _wrong(self, known: State | None, text: str, reason: str) -> LogWrong:
        """Keep what was shown beside what was known, and return the refusal."""
        write_file(self.folder / f"shown-{datetime.now(UTC):%Y%m%dT%H%M%SZ}", text)
        if known is not None:
            write_file(self.folder / "known", known.note)
        return LogWrong(reason)

    def _said(self, shown: Cosigned, new: int, kinds: Counter[str]) -> dict[str, object]:
        at = "no quorum" if shown.at is None and self.policy.quorum != NONE else shown.at and shown.at.isoformat()
        return {
            "origin": shown.checkpoint.origin,
            "size": shown.checkpoint.size,
            "new": new,
            "witnessed": at or "not asked for",
            "kinds": dict(sorted(kinds.items())),
        }


def _kind(entry: bytes) -> str:
    try:
        return Leaf.parse(entry).kind
    except Malformed:
        return "not a leaf of this registry"
