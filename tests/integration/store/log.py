"""Looks into the log for tests: rows as they are, whatever wrote them."""

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, cast

import psycopg
from psycopg.rows import dict_row

from store import append
from store.entry import Entry, Kept
from store.errors import StoreError
from tests.conftest import Database

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLAIMED = (
    "source",
    "event_type",
    "event_id",
    "call_session_id",
    "call_leg_id",
    "call_control_id",
    "connection_id",
    "signed_timestamp",
    "signature",
    "key_id",
    "quarantined",
    "masked",
    "sealed_body",
    "body",
    "data_hash",
)


@contextmanager
def appender(database: Database, part: str = "ingest") -> Generator[append.Appender]:
    """Give an appender as the part's own role."""
    with append.connect(database.as_part(part), application_name="test") as connection:
        yield append.Appender(connection)


def kept(outcomes: Sequence[Kept | StoreError]) -> list[Kept]:
    """Give where each of the entries is, having seen that none was refused."""
    where = [outcome for outcome in outcomes if isinstance(outcome, Kept)]
    assert len(where) == len(outcomes), outcomes
    return where


def rows(database: Database, table: str = "log.events", order: str = "position") -> list[dict[str, Any]]:
    """Give all rows of a table."""
    query = cast("LiteralString", f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608  names of our own tests
    with psycopg.connect(database.url) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query).fetchall()


def event_ids(database: Database) -> list[str | None]:
    """Give the event ids in position order, but for our own events; positions have no gap, and keys match rows."""
    with psycopg.connect(database.url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # somebody may append meanwhile
        stored = connection.execute("SELECT position, source, event_id FROM log.events ORDER BY position").fetchall()
        keys = connection.execute("SELECT position FROM log.event_keys ORDER BY position").fetchall()
    assert [position for position, *_ in stored] == list(range(len(stored)))
    assert [position for (position,) in keys] == list(range(len(stored)))
    return [event_id for _, source, event_id in stored if source != "system"]


def entry_of(row: dict[str, Any]) -> Entry:
    """Give the entry that a row claims to be (its ``attempt`` is not kept)."""
    occurred_at = row["occurred_at"]
    return Entry(
        received_us=_us(row["received_at"]),
        occurred_us=None if occurred_at is None else _us(occurred_at),
        **{name: row[name] for name in _CLAIMED},
    )


def value(database: Database, query: LiteralString, parameters: Sequence[Any] = ()) -> Any:
    """Give the one value a query gives."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row[0]


def until_waited_for(database: Database, table: str, waiting: threading.Thread) -> None:
    """Return once somebody waits for the table's lock; the thread that is to wait must not end before."""
    waits = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE datname = current_database() AND relation = %s::regclass AND NOT granted"
    )
    ends_at = time.monotonic() + 30
    while value(database, waits, [table]) == 0:
        assert waiting.is_alive()
        assert time.monotonic() < ends_at


def _us(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
