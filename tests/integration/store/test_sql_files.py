"""Every statement in a file is planned against the migrated schema: a column renamed elsewhere fails here."""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from projections import rebuild
from store import append, statements
from tests.conftest import Database

REPOSITORY = Path(__file__).parents[3]
FILES = sorted(
    path
    for package in ("store", "access", "projections", "query", "reports")
    for path in (REPOSITORY / package / "sql").glob("*.sql")
)
NAMES = [f"{path.parent.parent.name}/{path.stem}" for path in FILES]
PARAMETER = re.compile(r"(?<!%)%\((\w+)\)s")
NOT_PLANNED = {"store/take_append_turn", "store/take_rejection_turn", "store/take_seal_turn", "store/copy_events"}
"""LOCK and COPY have no plan; they are run."""


@pytest.fixture(scope="module")
def migrated(clone: Callable[..., Database]) -> Database:
    """A migrated database, with the scratch tables that a rebuild makes for itself."""
    made = clone()
    with psycopg.connect(made.url) as connection:
        rebuild._make_scratch(connection)  # pyright: ignore[reportPrivateUsage] its statements name these tables
    return made


@contextmanager
def planner(database: Database, **settings: str) -> Generator[psycopg.Connection[Any]]:
    """Connect, with nothing kept of what is done."""
    with psycopg.connect(database.url) as connection:
        for name, value in settings.items():
            connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        yield connection
        connection.rollback()


def test_files_are_found() -> None:
    """The test below is about something."""
    assert {"store/claim_positions", "projections/set_progress", "query/count_semantic_duplicates"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_file_opens_with_a_sentence(name: str) -> None:
    """One statement a file, headed by what it does."""
    package, _, stem = name.partition("/")
    text = statements.load(package, stem)
    assert re.match(r"-- [A-Z].*", text)
    code = re.sub(r"--.*", "", text).strip()
    assert code
    assert ";" not in code


@pytest.mark.parametrize("name", sorted(set(NAMES) - NOT_PLANNED))
def test_file_is_planned_on_the_migrated_schema(migrated: Database, name: str) -> None:
    """With NULL for every parameter, Postgres knows each table, column, function and type that it names."""
    package, _, stem = name.partition("/")
    text = statements.load(package, stem)
    with planner(migrated) as connection:
        plan = connection.execute("EXPLAIN " + text, dict.fromkeys(PARAMETER.findall(text))).fetchall()
    assert plan


@pytest.mark.parametrize(
    ("name", "table", "mode"),
    [
        ("take_append_turn", "log.append_turn", "ExclusiveLock"),
        ("take_rejection_turn", "intake.rejection_counts", "ShareRowExclusiveLock"),
    ],
)
def test_turn_is_taken_by_the_ingest_role(migrated: Database, name: str, table: str, mode: str) -> None:
    """LOCK TABLE is run, for it cannot be planned, as the role that needs it."""
    with psycopg.connect(migrated.as_part("ingest")) as connection:
        connection.execute(statements.load("store", name))
        held = "SELECT mode FROM pg_locks WHERE relation = %s::regclass AND pid = pg_backend_pid()"
        assert (mode,) in connection.execute(held, [table]).fetchall()
        connection.rollback()


def test_copy_names_every_column_of_the_log_in_order(migrated: Database) -> None:
    """COPY is run with no row; its columns are those of the table, and as many as the appender has types for."""
    event_types = append._EVENT_TYPES  # pyright: ignore[reportPrivateUsage] it must fit the file
    with planner(migrated) as connection, connection.cursor() as cursor:
        with cursor.copy(statements.load("store", "copy_events")) as copy:
            copy.set_types(event_types)
        columns = connection.execute(
            "SELECT array_agg(attname ORDER BY attnum), array_agg(typname ORDER BY attnum) FROM pg_attribute"
            " JOIN pg_type ON pg_type.oid = atttypid WHERE attrelid = 'log.events'::regclass AND attnum > 0"
        ).fetchone()
    assert columns is not None
    names, types = columns
    named = re.findall(r"\w+", re.sub(r"--.*", "", statements.load("store", "copy_events")).partition("(")[2])
    assert named[: len(names)] == names
    assert types == event_types


HOT_VALUES = {"now": datetime(2026, 9, 21, tzinfo=UTC), "limit": 1_000}
HOT = {
    "store/find_positions": "event_seen_once",
    "store/count_redeliveries": "redeliveries_of_event",
    "projections/session_positions": "session_events_pkey",
    "projections/sessions_of_legs": "leg_sessions_pkey",
    "projections/due_reviews": "reviews_by_due",
}


@pytest.mark.parametrize("name", HOT)
def test_hot_statement_can_use_its_index(migrated: Database, name: str) -> None:
    """Where scanning whole tables is ruled out, the plan goes by the index made for the statement."""
    package, _, stem = name.partition("/")
    text = statements.load(package, stem)
    given = {parameter: HOT_VALUES.get(parameter) for parameter in PARAMETER.findall(text)}
    with planner(migrated, enable_seqscan="off", enable_hashjoin="off", enable_mergejoin="off") as connection:
        plan = "\n".join(row for (row,) in connection.execute("EXPLAIN " + text, given))
    assert HOT[name] in plan
    assert "Seq Scan" not in plan
