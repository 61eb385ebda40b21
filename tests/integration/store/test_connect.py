"""The connection that appends: whatever a database or a role has by default, what is answered is on disk."""

import psycopg
import pytest
from psycopg import sql

from store import append
from tests.conftest import Database


@pytest.mark.parametrize(
    ("by_default", "then"), [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
)
@pytest.mark.parametrize("whose", ["DATABASE {database}", "ROLE {role} IN DATABASE {database}"])
def test_connection_waits_for_the_disk_whatever_the_default_is(
    database: Database, whose: str, by_default: str, then: str
) -> None:
    """A default that waits for less is raised, one that waits for more is kept; it holds in every transaction."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        name, role = sql.Identifier(connection.info.dbname), sql.Identifier("callaudit_ingest")
        place = sql.SQL(whose).format(database=name, role=role)  # pyright: ignore[reportArgumentType]
        connection.execute(sql.SQL("ALTER {} SET synchronous_commit = {}").format(place, by_default))
        connection.execute(sql.SQL("ALTER {} SET default_transaction_isolation = 'serializable'").format(place))
    url = database.as_part("ingest")
    with psycopg.connect(url) as plain:
        assert _shown(plain, "synchronous_commit") == by_default
        assert _shown(plain, "transaction_isolation") == "serializable"
    with append.connect(url, application_name="test") as connection:
        for _ in range(2):
            with connection.transaction():
                assert _shown(connection, "synchronous_commit") == then
                assert _shown(connection, "transaction_isolation") == "read committed"


def _shown(connection: psycopg.Connection, setting: str) -> str:
    row = connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(setting))).fetchone()
    assert row is not None
    return row[0]
