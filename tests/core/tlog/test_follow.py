from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from registry.core.tlog.follow import Edge, TileReader
from registry.core.tlog.merkle import (
    EMPTY_ROOT,
    Hash,
    leaf_hash,
    new_hashes,
    prove_consistency,
    prove_inclusion,
    subtrees,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from registry.core.tlog.tile import HEIGHT, WIDTH, MalformedTile, Tile, growth, hash_in, tile_of, tiles, write_hashes

SIZES = (1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 70_000)
MOST = max(SIZES)
STORED = {
    (level, index): node
    for level, index, node in new_hashes(0, [leaf_hash(b"%d" % number) for number in range(MOST)], lambda _: [])
}


def read(wanted: Sequence[tuple[int, int]]) -> Sequence[Hash]:
    return [STORED[place] for place in wanted]


class Served:
    """The tiles of a log of `size`, which counts what it was asked for and serves nothing beyond."""

    def __init__(self, size: int, *, full: bool = False) -> None:
        self.size, self.full, self.asked = size, full, list[Tile]()

    def __call__(self, tile: Tile) -> bytes:
        assert tile.within(self.size)
        self.asked.append(tile)
        width = WIDTH if self.full and tile.full().within(MOST) else tile.width
        return write_hashes(read([(tile.tree_level, place) for place in range(tile.start, tile.start + width)]))


@given(st.lists(st.lists(st.binary(max_size=3), max_size=20), max_size=6))
def test_a_tree_that_grows_by_its_edge_alone_has_the_roots_of_the_whole(batches: list[list[bytes]]) -> None:
    edge, entries, stored = Edge(), list[bytes](), dict[tuple[int, int], Hash]()
    assert edge.root == EMPTY_ROOT
    for batch in batches:
        edge, made = edge.grown(batch)
        assert not made.keys() & stored.keys()
        stored |= made
        entries += batch
    whole = {
        (level, index): node
        for level, index, node in new_hashes(0, [leaf_hash(entry) for entry in entries], lambda _: [])
    }
    assert stored == whole
    assert edge.size == len(entries)
    assert edge.root == tree_root(len(entries), lambda wanted: [whole[place] for place in wanted])


@given(st.integers(0, 1000))
def test_a_tree_is_gone_on_with_from_its_last_full_bundle(size: int) -> None:
    entries = [b"%d" % number for number in range(size)]
    edge, _ = Edge().grown(entries)
    whole = edge.whole()
    assert whole.size == size - size % WIDTH
    assert whole.grown(entries[whole.size :])[0] == edge


def test_an_edge_that_is_not_of_its_size_cannot_be_made() -> None:
    with pytest.raises(AssertionError):
        Edge(3, (EMPTY_ROOT,))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("full", [False, True], ids=["partial", "full in their place"])
def test_roots_and_proofs_are_read_out_of_tiles_and_each_tile_once(size: int, *, full: bool) -> None:
    served = Served(size, full=full)
    reader = TileReader(size, served)
    root = tree_root(size, reader)
    assert root == tree_root(size, read)
    for index in {0, size // 2, size - 1}:
        served.asked.clear()
        proof = prove_inclusion(index, size, reader)
        assert len(set(served.asked)) == len(served.asked)
        verify_inclusion(index, size, leaf_hash(b"%d" % index), proof, root)
    for old in {1, size // 2 or 1, size}:
        verify_consistency(old, size, tree_root(old, reader), root, prove_consistency(old, size, reader))


@given(st.integers(1, 70_000), st.data())
def test_every_complete_subtree_is_found_in_the_tiles(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size - 1))
    places = subtrees(start, size)
    assert TileReader(size, Served(size))(places) == read(places)


def test_a_tile_of_another_length_is_refused() -> None:
    with pytest.raises(MalformedTile):
        TileReader(3, lambda _: bytes(64))([(0, 2)])


@given(st.lists(st.integers(0, 300), max_size=8))
def test_tiles_that_grow_with_each_append_are_those_that_a_log_of_that_size_serves(batches: list[int]) -> None:
    edge, stored = Edge(), dict[tuple[int, int], bytes]()
    for batch in batches:
        edge, made = edge.grown([b"%d" % number for number in range(edge.size, edge.size + batch)])
        for place, content in growth(made).items():
            stored[place] = stored.get(place, b"") + content
    served = Served(edge.size)
    expected = {(tile.level, tile.index): served(tile) for tile in tiles(edge.size) if tile.level is not None}
    assert stored == expected


@given(st.integers(0, 8 * 3), st.integers(0, MOST))
def test_a_hash_is_in_the_tile_that_is_named_for_it(level: int, index: int) -> None:
    assume((index + 1) << level <= MOST)
    tile_level, tile_index = tile_of(level, index)
    width = min(WIDTH, (MOST >> HEIGHT * tile_level) - tile_index * WIDTH)
    content = Served(MOST)(Tile(tile_level, tile_index, width))
    assert hash_in(content, level, index) == STORED[level, index]
