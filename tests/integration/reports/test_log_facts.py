"""The log's own facts: the same from the views and from stored rows, and nothing of a body in them."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pandas as pd
import psycopg
import pytest
from psycopg import sql

import reports
from calls import instants
from reports import engines, evidence, facts, log_facts
from reports.log_facts import Log, Logged, Outage, Redelivery, Rejection
from reports.schemas import SCHEMAS

BEGIN, END = 1_792_713_600_000_000, 1_793_145_600_000_000
PERIOD = {"from_": "2026-10-24", "to": "2026-10-27", "zone": "Europe/London"}
TYPES = (None, "call.answered", "call_hangup", "siprec.failed", "fax.delivered", "conference.created")


def made(pick: random.Random) -> Log:
    """Make a log of a few hundred rows."""
    events = [_event(pick, position) for position in range(300)]
    at = {event.position: event.received_at for event in events}
    kept = [Redelivery(pick.randrange(300), pick.randrange(BEGIN, END)) for _ in range(40)]
    counted = [Redelivery(position, at[position], 7) for position in range(0, 300, 60)]
    days = [date(2026, 10, 23) + timedelta(n) for n in range(5)]
    refused = [Rejection(day, reason, pick.randrange(9)) for day in days for reason in ("stale", "signature_invalid")]
    outages = [
        Outage(n, began, began + pick.randrange(1, 2 * 10**11)) for n, began in enumerate([BEGIN, BEGIN + 10**11])
    ]
    return Log(events, [*kept, *counted], refused, outages)


def _event(pick: random.Random, position: int) -> Logged:
    received_at = pick.randrange(BEGIN, END)
    latency = pick.choice((-5_000, 0, 1_500, 900_000_001))
    return Logged(
        position=position,
        source=pick.choice(("webhook", "webhook", "system", "backfill")),
        event_id=pick.choice((None, f"e{pick.randrange(200)}")),
        event_type=pick.choice(TYPES),
        connection_id=pick.choice((None, "a", "b")),
        quarantined=pick.choice((None, None, "no_leg")),
        received_at=received_at,
        occurred_at=pick.choice((None, received_at - latency)),
    )


def hold(connection: psycopg.Connection[Any], log: Log) -> None:
    """Write the log's rows with a body, a hash and a salt of no meaning."""
    moment = instants.to_datetime
    rows = [
        [event.position, event.event_id, event.source, event.event_type, event.connection_id, event.quarantined]
        + [None if at is None else moment(at) for at in (event.occurred_at, event.received_at)]
        for event in log.events
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO log.events (position, event_id, source, event_type, connection_id, quarantined,"
            " occurred_at, received_at, data_hash, body, masked, salt, leaf_hash) VALUES (%s, %s, %s, %s, %s, %s,"
            " %s, %s, sha256(''), 'secret', false, '', sha256(''))",
            rows,
        )
        cursor.executemany(
            "INSERT INTO log.redeliveries (position, received_at, body, masked) VALUES (%s, %s, '', false)",
            [(row.position, moment(row.received_at)) for row in log.redeliveries if row.deliveries == 1],
        )
        cursor.executemany(
            "INSERT INTO intake.redelivery_counts VALUES (%s, %s)",
            [(row.position, row.deliveries) for row in log.redeliveries if row.deliveries > 1],
        )
        cursor.executemany(
            "INSERT INTO intake.rejection_counts VALUES (%s, %s, %s, %s, 0, 0)",
            [
                (r.utc_day, r.reason, address, part)
                for r in log.rejections
                for address, part in (("a", r.refused), ("b", 0))
            ],
        )
        cursor.executemany(
            "INSERT INTO calls.outages VALUES (%s, %s, %s, %s)",
            [(row.position, moment(row.began_at), moment(row.ended_at), row.reason) for row in log.outages],
        )
        cursor.execute("UPDATE calls.progress SET position = %s", [len([*log.events])])


@pytest.fixture
def log() -> Log:
    """A log of a few hundred rows."""
    return made(random.Random(20261025))


@pytest.fixture
def live(database: Any, log: Log) -> Iterator[psycopg.Connection[Any]]:
    """A database that holds it, as the analyst sees it."""
    with psycopg.connect(database.url, autocommit=True) as owner:
        hold(owner, log)
    with psycopg.connect(database.as_part("analyst"), autocommit=True) as connection:
        yield connection


def test_views_hold_the_same_facts_as_python_makes(live: psycopg.Connection[Any], log: Log) -> None:
    """Row for row and column for column."""
    for name, table in log_facts.tables(log).items():
        columns = sql.SQL(", ").join(map(sql.Identifier, SCHEMAS[name].names))
        rows = live.execute(sql.SQL("SELECT {} FROM facts.{}").format(columns, sql.Identifier(name))).fetchall()
        assert sorted(map(str, rows)) == sorted(str(tuple(row.values())) for row in table.to_pylist())
        described = live.execute(sql.SQL("SELECT * FROM facts.{} LIMIT 0").format(sql.Identifier(name)))
        assert [column.name for column in described.description or ()] == table.schema.names


@pytest.mark.parametrize("by", ["total", "day", "week,day"])
def test_report_is_equal_on_postgres_and_duckdb(live: psycopg.Connection[Any], log: Log, by: str) -> None:
    """The same measures, details, medians and order."""
    duckdb = engines.DuckDB(facts.from_records([], None, log))
    pair = [reports.run("log_integrity", engine, by=by, **PERIOD) for engine in (live, duckdb)]
    pd.testing.assert_frame_equal(*pair, check_exact=True)
    events = pair[0][(pair[0]["measure"].isin(["events", "system"])) & pair[0]["detail"].isna()]
    assert events["measured_count"].sum() == sum(
        1_792_796_400_000_000 <= each.received_at < 1_793_059_200_000_000 for each in log.events
    )


def test_late_events_of_a_header_are_those_of_the_report(
    database: Any, live: psycopg.Connection[Any], log: Log
) -> None:
    """What stands above every report and what log_integrity counts is late by one definition."""
    frame = reports.run("log_integrity", live, from_="2026-10-22", to="2026-10-30")
    late = frame[(frame["measure"] == "late_events") & frame["detail"].isna()]["measured_count"].sum()
    with psycopg.connect(database.as_part("auditor")) as auditor:
        assert evidence.completeness(auditor, len([*log.events]))["late_events"] == late > 0


def test_analyst_reads_no_body(live: psycopg.Connection[Any]) -> None:
    """The views give what may be counted; the log itself stays shut."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        live.execute("SELECT body FROM log.events")
