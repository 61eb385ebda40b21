"""Sealers for tests, and what they left: checkpoints and tiles, checked against the rows by definition."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from store import checkpoints, merkle, sealing, signing, tiles, tree
from store.checkpoints import Checkpoint
from tests.conftest import Database
from tests.integration.store import log
from tests.unit.store import trees

NOW = datetime(2026, 3, 1, 13, tzinfo=UTC)


@contextmanager
def sealer(database: Database, folder: Path, between: Callable[[], object] = lambda: None) -> Generator[sealing.Sealer]:
    """Give a sealer as the worker's role."""
    with sealing.connect(database.as_part("worker")) as connection:
        yield sealing.Sealer(connection, signing.Folder(folder), lambda: NOW, between)


def seal(database: Database, folder: Path) -> Checkpoint | None:
    """Seal once."""
    with sealer(database, folder) as one:
        return one.seal()


def sealed(database: Database, folder: Path) -> list[int]:
    """Give the sizes sealed, having seen that each checkpoint is signed and has the root of the rows under it.

    The last one is kept beside the key, and every full tile below it is stored as it should be.
    """
    key = signing.Folder(folder).verifier()
    assert key is not None
    opened = [checkpoints.open_(row["note"], key) for row in log.rows(database, "log.checkpoints", "checkpoint_id")]
    leaves = [row["leaf_hash"] for row in log.rows(database)]
    fetch = trees.fetch(leaves)
    assert [each.root for each in opened] == [merkle.root(each.size, fetch) for each in opened]
    with psycopg.connect(database.as_part("auditor")) as connection:
        assert tree.last_checkpoint(connection) == signing.Folder(folder).last()
    stored = {(row["level"], row["index"]): row["hashes"] for row in log.rows(database, "log.tiles", "level, index")}
    builder, made = tiles.Builder(), dict[tuple[int, int], bytes]()
    for leaf in leaves[: opened[-1].size]:
        made.update({(tile.level, tile.index): hashes for tile, hashes in builder.append(leaf)})
    assert stored == made
    return [each.size for each in opened]
