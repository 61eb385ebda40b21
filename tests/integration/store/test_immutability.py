"""Nobody changes the log: not by grants, and not past the triggers, on any table or partition."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import errors as postgres_errors
from psycopg import sql

from tests.conftest import Database
from tests.integration.store import log as kept
from tests.unit.store import made

TABLES = (
    "events",
    "events_000000",
    "events_000001",
    "event_keys",
    "redeliveries",
    "tiles",
    "checkpoints",
    "append_turn",
)
WITH_COLUMNS = {name: name != "append_turn" for name in TABLES}
A_COLUMN = {"tiles": "level", "checkpoints": "size"}
WRITERS = ("ingest", "worker")
READERS = ("analyst", "auditor")
OWNERS = ("owner", "superuser", "superuser under replica")


@pytest.fixture(scope="module")
def log(clone: Callable[..., Database]) -> Database:
    """A log with events in two partitions and a redelivery, shared by tests that cannot change it."""
    database = clone(partition_positions=64)
    with kept.appender(database) as appender:
        appender.append([*map(made.entry, range(100)), made.entry(0)])
    return database


@contextmanager
def acting(log: Database, who: str) -> Generator[psycopg.Connection[Any]]:
    """Connect as a role, as the owner (whom nobody can log in as), or as a superuser past ordinary triggers."""
    url = log.as_part(who) if who in WRITERS + READERS else log.url
    with psycopg.connect(url, autocommit=True) as connection:
        if who == "owner":
            connection.execute("SET ROLE callaudit_owner")
        if who == "superuser under replica":
            connection.execute("SET session_replication_role = replica")
        yield connection


def changes(table: str) -> list[sql.Composed]:
    """Give the statements that change a table, each also where no row matches."""
    texts: list[LiteralString] = [
        "DELETE FROM {}",
        "DELETE FROM {} WHERE false",
        "TRUNCATE {}",
        "TRUNCATE {} CASCADE",
        "UPDATE {} SET {column} = {column}",
        "UPDATE {} SET {column} = {column} WHERE false",
    ]
    name, column = sql.Identifier("log", table), sql.Identifier(A_COLUMN.get(table, "position"))
    return [sql.SQL(text).format(name, column=column) for text in texts if WITH_COLUMNS[table] or "UPDATE" not in text]


@pytest.mark.parametrize("who", [*WRITERS, *READERS, *OWNERS])
@pytest.mark.parametrize("table", TABLES)
def test_change_of_the_log_is_refused(log: Database, table: str, who: str) -> None:
    """UPDATE, DELETE and TRUNCATE fail for every role and the owner, also with no row, also as a replica would."""
    before = kept.rows(log, f"log.{table}", "1") if WITH_COLUMNS[table] else []
    with acting(log, who) as connection:
        for change in changes(table):
            with pytest.raises(postgres_errors.InsufficientPrivilege) as refused:
                connection.execute(change)
            if who in OWNERS:  # no grant stands in their way: it was the trigger
                assert "is refused: the log is append-only" in str(refused.value)
    assert (kept.rows(log, f"log.{table}", "1") if WITH_COLUMNS[table] else []) == before


@pytest.mark.parametrize("who", WRITERS)
def test_append_turn_may_be_locked_but_not_changed(log: Database, who: str) -> None:
    """LOCK TABLE asks for a right to UPDATE; what that right would allow, the trigger refuses."""
    with acting(log, who) as connection, connection.transaction():
        connection.execute("LOCK TABLE log.append_turn IN EXCLUSIVE MODE")
    with acting(log, who) as connection, pytest.raises(postgres_errors.InsufficientPrivilege):
        connection.execute("INSERT INTO log.append_turn DEFAULT VALUES")


@pytest.mark.parametrize("who", OWNERS)
def test_upsert_that_would_update_is_refused(log: Database, who: str) -> None:
    """ON CONFLICT DO UPDATE and MERGE are no way around, whether or not a row conflicts."""
    upsert = """
        INSERT INTO log.event_keys (occurred_us, key, position) SELECT occurred_us, key, -1 FROM log.event_keys
        ON CONFLICT (occurred_us, key) DO UPDATE SET position = -1"""
    merge = """
        MERGE INTO log.event_keys AS kept USING (VALUES (1)) AS given (n) ON kept.position = given.n
        WHEN MATCHED THEN DELETE"""
    with acting(log, who) as connection:
        for statement in (upsert, merge):
            with pytest.raises(postgres_errors.InsufficientPrivilege, match="append-only"):
                connection.execute(statement)


@pytest.mark.parametrize("who", [*WRITERS, *READERS])
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE log.events DISABLE TRIGGER append_only",
        "ALTER TABLE log.events_000000 DISABLE TRIGGER ALL",
        "ALTER TABLE log.events DETACH PARTITION log.events_000000",
        "ALTER TABLE log.events ADD COLUMN more text",
        "DROP TRIGGER append_only ON log.events",
        "DROP TABLE log.events_000000",
        "CREATE OR REPLACE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT'",
        "CREATE TABLE log.mine ()",
        "SELECT log.make_append_only('log.events')",
        "SET session_replication_role = replica",
        "SET ROLE callaudit_owner",
        "SELECT * FROM log.events FOR UPDATE",
        "INSERT INTO log.events_000000 SELECT * FROM log.events_000000 LIMIT 0",
    ],
)
def test_guards_cannot_be_taken_down(log: Database, who: str, statement: LiteralString) -> None:
    """No part of the program can switch the triggers off, detach a partition, write past them or become the owner."""
    with acting(log, who) as connection, pytest.raises(postgres_errors.InsufficientPrivilege):
        connection.execute(statement)


def test_owner_is_nobody_who_logs_in(log: Database) -> None:
    """The tables belong to a role without a login."""
    with psycopg.connect(log.url) as connection:
        owners = connection.execute(
            "SELECT DISTINCT rolname, rolcanlogin, rolsuper FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner"
            " WHERE relnamespace IN ('log'::regnamespace, 'intake'::regnamespace)"
        ).fetchall()
    assert owners == [("callaudit_owner", False, False)]


def test_intake_is_cleared_by_prune_alone(log: Database) -> None:
    """What was refused at the door is no evidence, and still nobody deletes it but by age."""
    for who in (*WRITERS, *READERS):
        with acting(log, who) as connection:
            for statement in ("DELETE FROM intake.rejections", "TRUNCATE intake.rejection_counts"):
                with pytest.raises(postgres_errors.InsufficientPrivilege):
                    connection.execute(statement)
            with pytest.raises(postgres_errors.InsufficientPrivilege):
                connection.execute("UPDATE intake.rejections SET body = NULL")
