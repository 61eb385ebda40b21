"""Rows read raw make the same leaves and keys as the entries that were appended."""

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import leaf, merkle, rows
from store.entry import Entry
from tests.conftest import Database
from tests.integration.store import log
from tests.unit.store import made


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(made.entries(), min_size=1, max_size=20, unique_by=lambda entry: entry.key))
def test_raw_rows_are_the_entries(database: Database, entries: list[Entry]) -> None:
    """Whatever the columns hold: nulls, empty texts, any bytes, any instant."""
    with log.appender(database) as appender:
        placed = zip(log.kept(appender.append(entries)), entries, strict=True)
    new = {kept.position: entry for kept, entry in placed if not kept.redelivered}  # not there from an earlier example
    with psycopg.connect(database.as_part("auditor")) as connection:
        found = rows.at(connection, [*new])
    assert sorted(new) == [row.position for row in found]
    for row in found:
        entry = new[row.position]
        assert rows.leaf_of(row) == leaf.encode(entry, row.salt)
        assert rows.leaf_hash_of(row) == row.leaf_hash == merkle.leaf_hash(rows.leaf_of(row))
        assert rows.key_of(row) == (row.position, *entry.key)
        assert (row.body, row.signature, row.sealed_body) == (entry.body, entry.signature, entry.sealed_body)
        assert (row.received_us, row.occurred_us, row.masked) == (entry.received_us, entry.occurred_us, entry.masked)
        assert row.claimed == tuple(told(getattr(entry, name)) for name in rows.Claims._fields)


def told(value: str | int | None) -> bytes | None:
    """Give a value as a leaf tells it."""
    return None if value is None else str(int(value) if isinstance(value, bool) else value).encode()


def test_rows_are_read_on_over_gaps_and_chunks(database: Database) -> None:
    """In order, from any position on."""
    with log.appender(database) as appender:
        appender.append([made.entry(number) for number in range(10)])
    with psycopg.connect(database.as_part("auditor")) as connection:
        assert [row.position for row in rows.since(connection, 4)] == [4, 5, 6, 7, 8, 9]
        assert [key[0] for key in rows.keys_since(connection, 7)] == [7, 8, 9]
        assert [row.position for row in rows.at(connection, [9, 2, 77])] == [2, 9]


def test_rows_and_keys_are_read_ahead_whatever_else_is_asked_meanwhile(database: Database) -> None:
    """In a pipeline, where answers come in the order of the questions, each reader gets its own."""
    with log.appender(database) as appender:
        appender.append([made.entry(number) for number in range(600)])
    with psycopg.connect(database.as_part("auditor")) as connection, connection.pipeline():
        for _ in range(2):
            keys = rows.keys_since(connection, 1)
            for expected, row in enumerate(rows.since(connection, 1), start=1):
                assert (row.position, next(keys)[0]) == (expected, expected)
                if expected % 50 == 0:
                    assert connection.execute("SELECT %s::bigint", [expected]).fetchone() == (expected,)
            assert (expected, list(keys)) == (599, [])
