"""The log's own facts as of a position, for a report that counts events: the same as the views have live.

Deliveries beyond the first, and refusals, are counted beside the log: what is known of when they came decides. Refusals
are known by the day, so those of the day itself are all in.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, LiteralString

import duckdb
import psycopg

from calls import instants
from calls.instants import Instant
from projections.circumstances import Declared
from reports import log_facts
from reports.arrow import TEXT, Table, pa, parquet
from reports.log_facts import DAY_US, Log, Outage
from reports.schemas import SCHEMAS
from store import statements

_EVENTS = SCHEMAS["log_events"]
_LOGGED = pa.schema([*(field for field in _EVENTS if field.name != "repeats_id"), ("event_id", TEXT)])

_REPEATS = """
    SELECT * EXCLUDE (event_id), CAST(event_id IS NOT NULL AND place > 1 AS bigint) AS repeats_id
    FROM (SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY position) AS place
          FROM read_parquet($1))
    ORDER BY position
"""


def logged(connection: psycopg.Connection[Any], first: int, end: int) -> Table:
    """Read what may be counted of a range of positions."""
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(statements.load("store", "read_logged"), {"first": first, "end": end}).fetchall()
    return pa.Table.from_pylist([_fact(*row) for row in rows], schema=_LOGGED)


def write(
    folder: Path, connection: psycopg.Connection[Any], position: int, as_of: Instant, outages: Iterable[Declared]
) -> None:
    """Write the facts of the log into ``folder``, where ``logged-*.parquet`` has its events."""
    parquet.write_table(_LOGGED.empty_table(), folder / "logged-none.parquet")
    with duckdb.connect() as database:
        rows: Any = database.sql(_REPEATS, params=[str(folder / "logged-*.parquet")])
        rows.write_parquet(str(folder / "log_events-log.parquet"))
    declared = [Outage(each.position, each.began_at, each.ended_at, each.reason) for each in outages]
    bounds = {"position": position, "as_of": as_of, "today": as_of // DAY_US}
    tables = {
        "outages": log_facts.tables(Log(outages=declared))["outages"],
        "redeliveries": _view(connection, "redeliveries", _REDELIVERIES, bounds),
        "rejections": _view(connection, "rejections", _REJECTIONS, bounds),
    }
    for name, table in tables.items():
        parquet.write_table(table, folder / f"{name}-log.parquet")


_REDELIVERIES: LiteralString = (
    "SELECT position, at_us, utc_day, deliveries FROM facts.redeliveries"
    " WHERE position < %(position)s AND at_us <= %(as_of)s"
)
_REJECTIONS: LiteralString = "SELECT reason, at_us, utc_day, refused FROM facts.rejections WHERE utc_day <= %(today)s"


def _view(connection: psycopg.Connection[Any], name: str, query: LiteralString, bounds: dict[str, int]) -> Table:
    columns = SCHEMAS[name].names
    rows = connection.execute(query, bounds).fetchall()
    return pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], schema=SCHEMAS[name])


def _fact(  # noqa: PLR0913, PLR0917  a row's columns
    position: int,
    source: str,
    event_type: str | None,
    connection_id: str | None,
    quarantined: str | None,
    received_at: Any,
    occurred_at: Any,
    event_id: str | None,
) -> dict[str, Any]:
    at_us = instants.from_datetime(received_at)
    occurred_us = None if occurred_at is None else instants.from_datetime(occurred_at)
    return {
        "position": position,
        "source": source,
        "event_type": event_type,
        "connection_id": connection_id,
        "quarantined": quarantined,
        "at_us": at_us,
        "utc_day": at_us // DAY_US,
        "occurred_us": occurred_us,
        "latency_us": None if occurred_us is None else at_us - occurred_us,
        "event_id": event_id,
    }
