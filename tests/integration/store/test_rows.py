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
        positions = [kept.position for kept in log.kept(appender.append(entries))]
    with psycopg.connect(database.as_part("auditor")) as connection:
        found = rows.at(connection, positions)
    by_position = {row.position: row for row in found}
    for position, entry in zip(positions, entries, strict=True):
        row = by_position[position]
        assert rows.leaf_of(row) == leaf.encode(entry, row.salt)
        assert rows.leaf_hash_of(row) == row.leaf_hash == merkle.leaf_hash(rows.leaf_of(row))
        assert rows.key_of(row) == (position, *entry.key)
        assert (row.body, row.signature, row.received_us) == (entry.body, entry.signature, entry.received_us)


def test_rows_are_read_on_over_gaps_and_chunks(database: Database) -> None:
    """In order, from any position on."""
    with log.appender(database) as appender:
        appender.append([made.entry(number) for number in range(10)])
    with psycopg.connect(database.as_part("auditor")) as connection:
        assert [row.position for row in rows.since(connection, 4)] == [4, 5, 6, 7, 8, 9]
        assert [key[0] for key in rows.keys_since(connection, 7)] == [7, 8, 9]
        assert [row.position for row in rows.at(connection, [9, 2, 77])] == [2, 9]
