"""The facts and every report come out equal on a real Postgres and on DuckDB, whatever the calls."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pandas as pd
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

import reports
from calls.records import CallRecord
from reports import calendar, engines, facts, question, registry
from reports.question import Question
from tests.integration.reports import random_rows

BREAKDOWNS = ("total", "day", "connection", "connection,day", "week,number", "tag:desk", "hour,connection")

# Around the end of British summer time; rows lie also on the days before and after.
PERIOD = {"from_": "2026-10-24", "to": "2026-10-27", "zone": "Europe/London"}
PERIOD_START_US, PERIOD_END_US = 1_792_796_400_000_000, 1_793_059_200_000_000

TAG_SETS = [orjson.dumps(tags).decode() for tags in random_rows.TAGS]

NOT_OF_CALLS = ("log_events", "redeliveries", "rejections", "outages", "commands", "log_position")
"""Facts that are not made from records; others see to them."""

COUNTED = {
    "siprec_sessions": "attempts_count",
    "refer_outcomes": "outcome_count",
    "recording_coverage": "legs_count",
    "call_volume": "legs_count",
}
"""Report -> the column that counts each row of the period once."""

TABLES_OF = {
    "siprec_sessions": ["siprec_sessions"],
    "refer_outcomes": ["refer_attempts"],
    "failure_causes": ["siprec_sessions", "refer_attempts", "call_legs"],
    "recording_coverage": ["coverage"],
    "coverage_exceptions": ["coverage"],
    "call_volume": ["call_legs"],
}

OF_CALLS = [name for name in reports.TITLES if name in TABLES_OF]
"""Reports that records have rows for."""

LISTS = ("coverage_exceptions", "command_audit")
"""Reports of lines: none where there is nothing."""

NO_EXCEPTION = ("full", "not_in_scope", "not_eligible")

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def live(clone: Callable[[], Any]) -> Iterator[Connection]:
    """One database for all the examples of this module."""
    with psycopg.connect(clone().url, autocommit=True) as connection:
        yield connection


@st.composite
def records(draw: st.DrawFn) -> CallRecord:
    """Draw up to a few dozen rows of each kind."""
    chance = draw(st.randoms(use_true_random=False))
    return random_rows.made(chance.choice, *(draw(st.integers(0, 30)) for _ in range(3)))


Pair = tuple[engines.Postgres, engines.DuckDB]


def takes(name: str, by: str) -> bool:
    """Tell whether a report can be broken down so."""
    kinds = Question(calendar.period(*PERIOD.values()), question.breakdown(by)).kinds
    return {*kinds} <= {*registry.find(name).breakdowns}


def answers(pair: Pair, name: str, by: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the same report of both engines, after comparing what their SQL alone said."""
    by = by if takes(name, by) else "total"
    asked = Question(calendar.period(*PERIOD.values()), question.breakdown(by))
    texts = [engine.read(registry.find(name).sql, asked.frames(TAG_SETS)).frame for engine in pair]
    assert sorted(map(str, texts[0].to_numpy().tolist())) == sorted(map(str, texts[1].to_numpy().tolist()))
    assert texts[0].dtypes.equals(texts[1].dtypes)
    postgres, duckdb = (reports.run(name, engine, by=by, **PERIOD) for engine in pair)
    return postgres, duckdb


several = settings(max_examples=12, deadline=None)


@several
@given(record=records())
def test_views_hold_the_same_facts_as_python_makes(live: Connection, record: CallRecord) -> None:
    """Row for row, column for column, a view of schema facts equals the frame made from the same records."""
    random_rows.hold(live, record)
    for name, table in facts.from_records([record], None).items():
        columns = sql.SQL(", ").join(map(sql.Identifier, table.schema.names))
        query = sql.SQL("SELECT {} FROM facts.{}").format(columns, sql.Identifier(name))
        if name not in NOT_OF_CALLS:
            rows = live.execute(query).fetchall()
            assert sorted(map(str, rows)) == sorted(str(tuple(row.values())) for row in table.to_pylist())
            described = live.execute(sql.SQL("SELECT * FROM facts.{} LIMIT 0").format(sql.Identifier(name)))
            assert [column.name for column in described.description or ()] == table.schema.names


@several
@given(record=records(), name=st.sampled_from(list(reports.TITLES)), by=st.sampled_from(BREAKDOWNS))
def test_report_is_equal_on_postgres_and_duckdb(live: Connection, record: CallRecord, name: str, by: str) -> None:
    """One SQL text, unchanged, gives the same rows, types and order on both engines."""
    random_rows.hold(live, record)
    pair = engines.Postgres(live), engines.DuckDB.from_records([record])
    pd.testing.assert_frame_equal(*answers(pair, name, by), check_exact=True)


@dataclass(frozen=True, slots=True)
class Crowd:
    """Thousands of rows, on both engines, and the facts that they make."""

    pair: Pair
    facts: Mapping[str, Any]


@pytest.fixture(scope="module")
def crowd(clone: Callable[[], Any]) -> Iterator[Crowd]:
    """Write thousands of rows into a database of their own."""
    record = random_rows.made(random.Random(20261025).choice, 2000, 3000, 2000)
    with psycopg.connect(clone().url, autocommit=True) as connection:
        random_rows.hold(connection, record)
        pair = engines.Postgres(connection), engines.DuckDB.from_records([record])
        yield Crowd(pair, facts.from_records([record], None))


@pytest.mark.parametrize(("name", "by"), [(name, by) for name in OF_CALLS for by in BREAKDOWNS if takes(name, by)])
def test_thousands_of_rows_are_equal_and_none_is_lost(crowd: Crowd, name: str, by: str) -> None:
    """Every report agrees in every breakdown, and speaks of each row of the period once."""
    postgres, duckdb = answers(crowd.pair, name, by)
    pd.testing.assert_frame_equal(postgres, duckdb, check_exact=True)
    assert counted(name, postgres) == placed(name, crowd.facts)


def counted(name: str, frame: pd.DataFrame) -> int:
    """Give how many rows a report speaks of; what stands on every row of a group counts once."""
    if name == "coverage_exceptions":
        return len(frame)
    if name == "failure_causes":
        keys = [column for column in (*question.KEY_COLUMNS, "subject") if column in frame]
        return int(frame.drop_duplicates(keys)[["ended_count", "undecided_count"]].to_numpy().sum())
    return int(frame[COUNTED[name]].sum())


def placed(name: str, given: Mapping[str, Any]) -> int:
    """Count the facts that lie in the period."""
    rows = [row for table in TABLES_OF[name] for row in given[table].to_pylist()]
    if name == "coverage_exceptions":
        rows = [row for row in rows if row["verdict"] not in NO_EXCEPTION or row["over_recorded"]]
    return sum(row["at_us"] is not None and PERIOD_START_US <= row["at_us"] < PERIOD_END_US for row in rows)


@pytest.mark.parametrize("part", ["worker", "analyst", "auditor"])
def test_reader_roles_may_run_every_report(database: Any, part: str) -> None:
    """Whoever may read the read models may run reports, by a URL of their own."""
    for name in reports.TITLES:
        assert len(reports.run(name, database.as_part(part), by="total", **PERIOD)) >= (name not in LISTS)


def test_ingest_may_not_read_facts(database: Any) -> None:
    """The write side has no business with read models."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reports.run("siprec_sessions", database.as_part("ingest"), **PERIOD)


def test_report_writes_nothing_and_needs_no_temporary_table(database: Any) -> None:
    """A session that may only read, and may not even make temporary tables, can run a report."""
    with psycopg.connect(database.url, autocommit=True) as owner:
        owner.execute(
            "DO $$ BEGIN EXECUTE format('REVOKE TEMP ON DATABASE %I FROM PUBLIC', current_database()); END $$"
        )
    with psycopg.connect(database.as_part("analyst")) as connection:
        connection.read_only = True
        assert len(reports.run("refer_outcomes", connection, **PERIOD)) == 1


def test_position_is_held_back_by_what_waits_for_its_fold(database: Any) -> None:
    """The position of a live report is one before which every event is in its figures."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("UPDATE calls.progress SET position = 900")
        assert reports.execute("siprec_sessions", connection, **PERIOD).position == 900
        connection.execute("INSERT INTO calls.reviews VALUES ('a', now(), NULL), ('b', now(), 850), ('c', now(), 870)")
        assert reports.execute("siprec_sessions", connection, **PERIOD).position == 850


def test_rows_and_position_are_of_one_snapshot(database: Any) -> None:
    """Each read is a read-only transaction that sees one state, so that the position belongs to the rows."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        settings_sql = "SELECT current_setting('transaction_isolation') AS isolation"
        answer = engines.Postgres(connection).read(
            settings_sql, Question(calendar.period(*PERIOD.values()), ()).frames()
        )
    assert answer.frame["isolation"].tolist() == ["repeatable read"]
