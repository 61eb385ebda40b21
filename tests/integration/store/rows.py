"""Log rows by the thousand, written straight into the table: what a tree needs of them, and no more."""

from collections.abc import Iterable

import psycopg

from tests.conftest import Database
from tests.unit.store import trees


def insert(database: Database, numbers: Iterable[int]) -> None:
    """Store rows at these positions, with the leaf hashes that ``trees.leaf`` gives."""
    with psycopg.connect(database.url) as connection, connection.cursor() as cursor:
        numbers = list(numbers)
        cursor.execute("SELECT log.ensure_partitions(%s)", [max(numbers)])
        statement = (
            "COPY log.events (position, data_hash, source, received_at, body, masked, salt, leaf_hash) FROM STDIN"
        )
        with cursor.copy(statement) as copy:
            for number in numbers:
                received_at = "2026-03-01T12:00:00Z"
                copy.write_row((number, bytes(32), "backfill", received_at, b"", False, b"", trees.leaf(number)))
