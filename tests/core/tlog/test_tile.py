import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.core.tlog.entry import MAX_ENTRY
from registry.core.tlog.merkle import MAX_SIZE
from registry.core.tlog.tile import (
    MAX_LEVEL,
    WIDTH,
    MalformedTile,
    Tile,
    read_entries,
    read_hashes,
    tiles,
    write_entries,
    write_hashes,
)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 5), "tile/0/005"),
        (Tile(0, 999), "tile/0/999"),
        (Tile(0, 1000), "tile/0/x001/000"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(7, 1_234_067, 255), "tile/7/x001/x234/067.p/255"),
        (Tile(1, 0, 1), "tile/1/000.p/1"),
        (Tile(None, 0), "tile/entries/000"),
        (Tile(None, 1_234_067, 12), "tile/entries/x001/x234/067.p/12"),
        (Tile(0, MAX_SIZE >> 8), "tile/0/x036/x028/x797/x018/x963/967"),
    ],
)
def test_the_paths_are_those_of_the_specification(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert Tile.parse(path) == tile


@given(
    st.none() | st.integers(0, MAX_LEVEL),
    st.integers(0, 2_000_000) | st.integers(0, MAX_SIZE >> 8),
    st.integers(1, 256),
)
def test_every_tile_is_read_back_from_its_path(level: int | None, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert Tile.parse(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile//000",
        "tile/8/000",
        "tile/00/000",
        "tile/63/000",
        "tile/-1/000",
        "tile/" + "1" * 5_000 + "/000",
        "tile/x/000",
        "tile/data/000",
        "tile/Entries/000",
        "tile/٠/000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/٠٠٠",
        "tile/0/x000",
        "tile/0/x000/000",
        "tile/0/x000/x001/000",
        "tile/0/001/000",
        "tile/0/X001/000",
        "tile/0/x01/000",
        "tile/0/x001/x000",
        "tile/0/x001//000",
        "tile/0/x036/x028/x797/x018/x963/968",
        "tile/0/x001/x000/x000/x000/x000/x000/000",
        "tile/0/" + "x001/" * 2_000 + "000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/-1",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/999",
        "tile/0/000.p/1000",
        "tile/0/000.p/٣",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/000/1",
        "tile/0/../000",
        "tile/0/000?",
        "tile/entries/000.p/256",
        "tile/0/\ud800",
    ],
)
def test_a_path_in_another_spelling_is_refused(path: str) -> None:
    with pytest.raises(MalformedTile, match="the tile cannot be read: its "):
        Tile.parse(path)


@pytest.mark.parametrize("path", ["tile/0/x001/x234/067", "tile/7/005.p/12", "tile/entries/x001/000.p/255"])
def test_each_changed_or_removed_character_of_a_path_is_refused_or_another_tile(path: str) -> None:
    tile = Tile.parse(path)
    for place in range(len(path)):
        for instead in ("", "0", "3", "x", "/", ".", "p", "e"):
            changed = path[:place] + instead + path[place + 1 :]
            try:
                read = Tile.parse(changed)
            except MalformedTile:
                continue
            assert read.path == changed
            assert (read == tile) == (changed == path)


@pytest.mark.parametrize(("level", "index", "width"), [(-1, 0, 1), (8, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_a_tile_that_no_log_has_cannot_be_made(level: int, index: int, width: int) -> None:
    with pytest.raises(AssertionError):
        Tile(level, index, width)


def served(size: int) -> set[str]:
    return {tile.path for tile in tiles(size)}


def full(level: str, count: int) -> set[str]:
    names = (f"x{number // 1000:03}/{number % 1000:03}" if number > 999 else f"{number:03}" for number in range(count))
    return {f"tile/{level}/{name}" for name in names}


def both(count: int) -> set[str]:
    return full("0", count) | full("entries", count)


@pytest.mark.parametrize(
    ("size", "paths"),
    [
        (0, set()),
        (1, {"tile/entries/000.p/1", "tile/0/000.p/1"}),
        (255, {"tile/entries/000.p/255", "tile/0/000.p/255"}),
        (256, {"tile/entries/000", "tile/0/000", "tile/1/000.p/1"}),
        (257, both(1) | {"tile/entries/001.p/1", "tile/0/001.p/1", "tile/1/000.p/1"}),
        (65_535, both(255) | {"tile/entries/255.p/255", "tile/0/255.p/255", "tile/1/000.p/255"}),
        (65_536, both(256) | {"tile/1/000", "tile/2/000.p/1"}),
        (65_537, both(256) | {"tile/entries/256.p/1", "tile/0/256.p/1", "tile/1/000", "tile/2/000.p/1"}),
        (
            70_000,
            both(273)
            | {"tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"},
        ),
    ],
)
def test_the_tiles_of_a_log_are_those_of_the_specification(size: int, paths: set[str]) -> None:
    assert served(size) == paths
    assert len(list(tiles(size))) == len(paths)


@given(st.lists(st.integers(0, 70_000) | st.sampled_from([0, 255, 256, 257, 65_535, 65_536, 65_537]), min_size=2))
def test_increments_are_what_is_new_and_together_give_the_whole(sizes: list[int]) -> None:
    since, whole = 0, set[Tile]()
    for size in sorted(sizes):
        new = list(tiles(size, since))
        assert set(new) == set(tiles(size)) - set(tiles(since))
        assert len(set(new)) == len(new)
        whole |= set(new)
        since = size
    assert set(tiles(since)) <= whole
    assert {tile for tile in whole if tile.width == WIDTH} == {tile for tile in tiles(since) if tile.width == WIDTH}


@given(st.integers(0, 70_000), st.integers(1, 300))
def test_a_log_holds_the_tiles_that_it_serves_and_none_that_is_wider(size: int, more: int) -> None:
    for tile in tiles(size):
        assert tile.within(size)
        assert tile.within(size + more)
        if tile.width < WIDTH:
            assert not Tile(tile.level, tile.index, tile.width + 1).within(size)
    for level in (None, *range(MAX_LEVEL + 1)):
        beyond = (size >> (8 * (level or 0))) // WIDTH
        assert not Tile(level, beyond).within(size)
        assert not Tile(level, beyond + 1, 1).within(size)


def test_a_partial_tile_has_a_full_one_that_may_stand_in_for_it() -> None:
    assert Tile(1, 7, 9).full() == Tile(1, 7)
    assert Tile(None, 7).full() == Tile(None, 7)


def test_a_tile_knows_its_place_in_the_tree() -> None:
    assert (Tile(0, 3).start, Tile(0, 3).tree_level) == (768, 0)
    assert (Tile(2, 1).start, Tile(2, 1).tree_level) == (256, 16)
    assert Tile(None, 3).start == 768
    with pytest.raises(AssertionError):
        assert Tile(None, 3).tree_level


HASHES = [bytes([number]) * 32 for number in range(256)]


@pytest.mark.parametrize("width", [1, 2, 255, 256])
def test_hashes_are_read_back_from_a_partial_and_from_the_full_tile(width: int) -> None:
    assert read_hashes(write_hashes(HASHES[:width]), width) == HASHES[:width]
    assert read_hashes(write_hashes(HASHES), width) == HASHES[:width]


@pytest.mark.parametrize(("size", "width"), [(0, 1), (31, 1), (33, 1), (32, 2), (8191, 256), (8193, 256), (8224, 1)])
def test_a_tile_that_is_torn_or_too_large_is_refused(size: int, width: int) -> None:
    with pytest.raises(MalformedTile, match=f"it is not {width} hashes"):
        read_hashes(bytes(size), width)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256), st.data())
def test_entries_are_read_back_from_a_partial_and_from_the_full_bundle(
    entries: list[bytes], data: st.DataObject
) -> None:
    written = write_entries(entries)
    assert read_entries(written, len(entries)) == entries
    width = data.draw(st.integers(1, len(entries)))
    assert read_entries(written, width) == entries[:width]


def test_the_smallest_and_the_largest_entries_are_carried() -> None:
    entries = [b"", b"\xff" * MAX_ENTRY, b"", b"x"]
    written = write_entries(entries)
    assert written[:5] == b"\0\0\xff\xff\xff"
    assert read_entries(written, 4) == entries
    with pytest.raises(AssertionError):
        write_entries([b"\0" * (MAX_ENTRY + 1)])


def test_a_bundle_that_is_cut_anywhere_is_refused() -> None:
    written = write_entries([b"one", b"", b"three"])
    ends = {2 + 3: 1, 2 + 3 + 2: 2}
    for cut in range(len(written)):
        with pytest.raises(MalformedTile, match="entries, not 3" if cut in ends or not cut else "is cut off"):
            read_entries(written[:cut], 3)
    for end, width in ends.items():
        assert len(read_entries(written[:end], width)) == width
    with pytest.raises(MalformedTile, match="is cut off"):
        read_entries(written + b"\0", 3)


def test_a_bundle_of_more_entries_than_a_full_one_is_refused() -> None:
    with pytest.raises(MalformedTile, match="it holds 257 entries, not 1"):
        read_entries(write_entries([b""] * 257), 1)
