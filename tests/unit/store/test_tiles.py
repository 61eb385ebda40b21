"""Tiles are named in one way, and give the tree's hashes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import merkle, tiles
from tests.unit.store import trees

NAMED = st.builds(tiles.Tile, st.integers(0, 63), st.integers(0, 10**12), st.integers(1, 256))


@given(NAMED)
def test_path_is_read_back_as_the_tile_it_names(tile: tiles.Tile) -> None:
    """Writing a tile's name and reading it gives the tile."""
    assert tiles.parse(tile.path) == tile


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (tiles.Tile(0, 0), "0/000"),
        (tiles.Tile(1, 1234067), "1/x001/x234/067"),
        (tiles.Tile(0, 273, 112), "0/273.p/112"),
        (tiles.Tile(2, 0, 1), "2/000.p/1"),
        (tiles.Tile(63, 1000), "63/x001/000"),
    ],
)
def test_paths_are_those_of_the_specification(tile: tiles.Tile, path: str) -> None:
    """Indices are groups of three digits, all but the last marked with an x; a width stands only on partial tiles."""
    assert tile.path == path


@pytest.mark.parametrize(
    "path",
    [
        "", "0", "0/", "0/0", "0/00", "0/0000", "/0/000", "0/000/", "00/000", "01/000", "64/000", "100/000", "-1/000",
        "0/x000/000", "0/x00/000", "0/001/000", "0/x001/x000", "0/X001/000", "0/x001x000", "0/000.p", "0/000.p/",
        "0/000.p/0", "0/000.p/01", "0/000.p/256", "0/000.p/257", "0/000.p/1000", "0/000.p/-1", "0/000.P/1", " 0/000",
        "0/000\n", "0/\u0660\u0660\u0660", "entries/000", "0/x000/x001/000", "0/" + "x001/" * 30 + "000", "0/../000",
        "0/%30%30%30",
    ],
)  # fmt: skip
def test_other_spelling_is_refused(path: str) -> None:
    """Each tile has one address: what a cache keeps is never kept twice, and nothing else is looked for."""
    with pytest.raises(tiles.TilePathRefused):
        tiles.parse(path)


@given(st.text(max_size=30) | st.text("0123456789x/.p", max_size=30))
def test_any_text_is_a_name_in_its_one_spelling_or_refused(path: str) -> None:
    """Reading a name never fails in another way, and what is read is written the same."""
    try:
        assert tiles.parse(path).path == path
    except tiles.TilePathRefused:
        return


def test_widths_are_those_of_the_specification() -> None:
    """A tree of 70,000 has 273 full tiles and one of 112 at level 0, one and one of 17 above, and one of 1."""
    assert [tiles.width(0, index, 70_000) for index in (0, 272, 273, 274)] == [256, 256, 112, 0]
    assert [tiles.width(1, index, 70_000) for index in (0, 1, 2)] == [256, 17, 0]
    assert [tiles.width(2, 0, 70_000), tiles.width(3, 0, 70_000)] == [1, 0]
    assert [tiles.width(0, 0, 256), tiles.width(1, 0, 256)] == [256, 1]


def tiled(leaves: list[bytes], level: int, index: int) -> bytes:
    """Give a tile's hashes by the definition: MTH over 256 ** level leaves each."""
    count = tiles.width(level, index, len(leaves))
    spans = [(index * 256 + n) * 256**level for n in range(count)]
    return b"".join(trees.mth(leaves[start : start + 256**level]) for start in spans)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600, 1100])
def test_tree_is_read_from_its_tiles(size: int) -> None:
    """Root and proofs out of tiles alone, partial ones included, are those of the tree."""
    leaves = trees.leaves(size)
    plain, out_of_tiles = trees.fetch(leaves), tiles.fetch_from(lambda level, index: tiled(leaves, level, index))
    assert merkle.root(size, out_of_tiles) == merkle.root(size, plain)
    for number in {0, size // 2, size - 1}:
        assert merkle.inclusion_proof(number, size, out_of_tiles) == merkle.inclusion_proof(number, size, plain)
        assert merkle.consistency_proof(number, size, out_of_tiles) == merkle.consistency_proof(number, size, plain)


def test_hash_that_a_tile_has_not_is_missed() -> None:
    """A tile that is too short gives no hash made of less."""
    with pytest.raises(LookupError):
        tiles.fetch_from(lambda _level, _index: bytes(32 * 3))(2, 0)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537])
def test_builder_gives_root_and_tiles_as_defined(size: int) -> None:
    """Leaf by leaf, also when it went on from what was kept, the same tiles and root come out."""
    leaves = trees.leaves(size)
    builder, made = tiles.Builder(), dict[tiles.Tile, bytes]()
    for leaf in leaves[: size * 2 // 3]:
        made.update(builder.append(leaf))
    builder = tiles.Builder.resumed(
        builder.size,
        lambda tile: (
            made[tiles.Tile(tile.level, tile.index)]
            if tile.width == 256
            else tiled(leaves, tile.level, tile.index)[: 32 * tile.width]
        ),
    )
    for leaf in leaves[size * 2 // 3 :]:
        made.update(builder.append(leaf))
    assert builder.root() == merkle.root(size, trees.fetch(leaves))
    assert set(made) == {tiles.Tile(level, index) for level in (0, 1) for index in range(size // 256 ** (level + 1))}
    for tile in [each for each in made if each.level or each.index in {0, size // 256 - 1}]:
        assert made[tile] == tiled(leaves, tile.level, tile.index)


@given(st.integers(0, 600), st.lists(st.integers(1, 256), max_size=12))
def test_builder_takes_leaves_in_any_portions(size: int, portions: list[int]) -> None:
    """A whole tile at once, or parts of one: the tiles and the root are those of leaf by leaf."""
    leaves = trees.leaves(size)
    one_by_one, builder = tiles.Builder(), tiles.Builder()
    expected = [made for leaf in leaves for made in one_by_one.append(leaf)]
    made: list[tuple[tiles.Tile, bytes]] = []
    for portion in [*portions, *[256] * 3]:
        room = 256 - builder.size % 256
        made += builder.extend(leaves[builder.size : builder.size + min(portion, room)])
    assert builder.size == size
    assert made == expected
    assert builder.root() == one_by_one.root()
