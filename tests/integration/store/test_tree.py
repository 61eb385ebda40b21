"""The tree in the database is that of the rows, for whoever may read no more than positions and hashes."""

import psycopg
import pytest

from store import merkle, tiles, tree
from store.errors import TreeIncomplete
from tests.conftest import Database
from tests.integration.store import rows
from tests.unit.store import trees


@pytest.mark.parametrize("stored", [False, True], ids=["rows alone", "with full tiles"])
@pytest.mark.parametrize("part", ["ingest", "worker", "auditor"])
def test_root_and_proofs_are_those_of_the_rows(database: Database, part: str, stored: bool) -> None:
    """Each part gives the same root and proofs, whether the full tiles are stored or still to be."""
    leaves = trees.leaves(600)
    rows.insert(database, range(600))
    if stored:
        keep_full_tiles(database, leaves)
    fetch = trees.fetch(leaves)
    with psycopg.connect(database.as_part(part)) as connection:
        for size in (0, 1, 255, 256, 257, 512, 600):
            assert tree.root(connection, size) == merkle.root(size, fetch)
        for size in (1, 256, 257, 600):
            number = size // 2
            assert tree.inclusion(connection, number, size) == merkle.inclusion_proof(number, size, fetch)
            assert tree.consistency(connection, number, size) == merkle.consistency_proof(number, size, fetch)


def test_tree_that_is_larger_than_the_log_is_not_there(database: Database) -> None:
    """A root over events that there are not would be one over fewer."""
    rows.insert(database, range(10))
    with psycopg.connect(database.as_part("auditor")) as connection:
        for missing in (11, 257, 70_000):
            with pytest.raises(TreeIncomplete, match="ends at position"):
                tree.root(connection, missing)


def test_row_that_is_missing_is_named(database: Database) -> None:
    """A hole in the log is no shorter log."""
    rows.insert(database, [*range(10), *range(11, 20)])
    with psycopg.connect(database.as_part("auditor")) as connection, pytest.raises(TreeIncomplete, match="position 10"):
        tree.root(connection, 19)


def test_nothing_sealed_has_no_checkpoint(database: Database) -> None:
    """Before the first sealing there is none."""
    with psycopg.connect(database.as_part("ingest")) as connection:
        assert tree.last_checkpoint(connection) is None


def keep_full_tiles(database: Database, leaves: list[bytes]) -> None:
    """Store the full tiles of a tree."""
    builder = tiles.Builder()
    with psycopg.connect(database.url) as connection:
        for leaf in leaves:
            for tile, hashes in builder.append(leaf):
                connection.execute("INSERT INTO log.tiles VALUES (%s, %s, %s)", [tile.level, tile.index, hashes])
