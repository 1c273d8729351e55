"""What a folder of static files lacks, and which folders are not ours to write to."""

import pytest

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.tile import Tile, tiles
from registry.store import checkpoints, log
from registry.usecases.tlog.export_log import Export, FolderOfAnotherLog, NothingPublished, prepare
from registry.usecases.tlog.publish_log import published_note
from registry.usecases.tlog.read_log import read_tile
from tests.kit import Corridor, Country


@pytest.fixture
def by(corridor: Corridor) -> Country:
    corridor.by.sequence()
    return corridor.by


@pytest.fixture
def published(corridor: Corridor, by: Country) -> Country:
    by.witnessed(corridor.uz)
    return by


def prepared(country: Country, held: bytes | None) -> tuple[Export, list[bytes]]:
    with country.node.database.read() as tx:
        export = prepare(tx, held)
        return export, [export.read(tile) for tile in export.tiles]


def held_note(country: Country, size: int, root: bytes) -> bytes:
    signer = country.node.keyring.log
    return signer.sign(Checkpoint(signer.vkey.name, size, root).encode()).encode().encode()


def test_what_no_witness_cosigned_is_not_exported(by: Country) -> None:
    with by.node.database.read() as tx, pytest.raises(NothingPublished, match="no witness"):
        prepare(tx, None)


def test_an_empty_folder_lacks_everything_and_the_checkpoint_comes_with_it(published: Country) -> None:
    export, contents = prepared(published, None)
    with published.node.database.read() as tx:
        size = checkpoints.published_size(tx)
        assert export.note == published_note(tx)
        assert contents == [read_tile(tx, tile, size) for tile in tiles(size)]
    assert (export.size, export.since, list(export.tiles)) == (size, 0, list(tiles(size)))
    assert list(export.stale()) == []


def test_a_folder_that_has_all_lacks_nothing_but_a_fresher_checkpoint(published: Country) -> None:
    first, _ = prepared(published, None)
    again, contents = prepared(published, first.note.encode())
    assert (again.since, again.tiles, contents) == (first.size, (), [])


def test_an_empty_log_begins_every_log(published: Country) -> None:
    export, _ = prepared(published, held_note(published, *log.root_of(None)))
    assert export.since == 0


def test_full_tiles_stand_in_for_the_partial_ones_of_their_place() -> None:
    export = Export(300, 100, "", tuple(tiles(300, 100)), lambda _tile: b"")
    assert list(export.stale()) == ["tile/entries/000.p", "tile/0/000.p"]
    assert Tile(1, 0, 1) in export.tiles


def test_a_folder_that_is_not_the_beginning_of_this_log_is_refused(corridor: Corridor, published: Country) -> None:
    size = prepared(published, None)[0].size
    for held, said in (
        (b"\xff", "cannot be read"),
        (held_note(corridor.uz, 3, bytes(32)), "its checkpoint is of uz.registry.example/log"),
        (held_note(published, size + 1, bytes(32)), f"it has {size + 1} entries, and {size} are published"),
        (held_note(published, 3, bytes(32)), "its first 3 entries are others than ours"),
    ):
        with published.node.database.read() as tx, pytest.raises(FolderOfAnotherLog, match=said) as refused:
            prepare(tx, held)
        assert "the beginning of this log" in str(refused.value)
