"""The tiles that are stored, read one after another: a verification asks for each, most of them in order."""

from collections.abc import Mapping
from typing import Any

import psycopg

from store import statements, tree
from store.tiles import Tile

READ_AHEAD = 16
"""Lowest tiles that are fetched in one go: 128 KB."""


class StoredTiles:
    """The stored tiles, by level and number."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._ahead: Mapping[int, bytes] = {}
        self._until = 0

    def find(self, level: int, index: int) -> bytes | None:
        """Give the hashes of a full tile; None if it is not stored."""
        if level > 0:
            return next(iter(tree.stored_tiles(self._connection, level, index, index + 1)), None)
        if not self._until - READ_AHEAD <= index < self._until:
            self._until = index + READ_AHEAD
            self._ahead = self._lowest(index, self._until)
        return self._ahead.get(index)

    def partial(self, tile: Tile) -> bytes:
        """Give the hashes of a partial tile, out of the full ones and the rows. Raises TreeIncomplete."""
        return tree.tile(self._connection, tile)

    def last(self) -> list[tuple[int, int]]:
        """Give for each level the number of its last tile."""
        return self._connection.execute(statements.load("store", "last_tiles")).fetchall()

    def _lowest(self, first: int, end: int) -> dict[int, bytes]:
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(statements.load("store", "read_tiles"), {"level": 0, "first": first, "end": end})
            return dict(cursor.fetchall())
