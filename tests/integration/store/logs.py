"""What tests ask of a log in Postgres: all its rows, and an appender that gives its connection back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from store import append, leaf
from store.entry import Entry


@contextmanager
def appender(url: str) -> Iterator[append.Appender]:
    """Append as the role of the URL."""
    made = append.Appender(append.connect(url, application_name="test"))
    try:
        yield made
    finally:
        made.close()


def rows(url: str, table: str = "log.events", order: str = "position") -> list[dict[str, Any]]:
    """Give all rows of a table of the log."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()  # noqa: S608 our own names


def leaf_hash_of(row: dict[str, Any]) -> bytes:
    """Compute the leaf hash from what the row says, as anybody who verifies the log does."""
    same = {field.name: row[field.name] for field in fields(Entry) if field.name in row}
    instants = {"received_us": _microseconds(row["received_at"]), "occurred_us": _microseconds(row["occurred_at"])}
    entry = Entry(**same, **instants)
    return leaf.hash_of(leaf.encode(entry, row["salt"]))


def _microseconds(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def check(url: str) -> None:
    """Assert what must hold of any log: positions gapless, a key for each row, leaf hashes as the rows say."""
    events = rows(url)
    assert [row["position"] for row in events] == list(range(len(events)))
    assert [row["leaf_hash"] for row in events] == [leaf_hash_of(row) for row in events]
    keys = rows(url, "log.event_keys")
    assert [key["position"] for key in keys] == list(range(len(events)))
