"""How fast a report of a month is: ``python -m benchmarks.reports [--legs N] [--rounds N]``.

Makes coverage of N legs over a month, plausible and random, in a Postgres of its own and in DuckDB, and runs
``recording_coverage`` on both, by total, day and connection. Prints medians; both must give the same frame.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg

import migrations
import reports
from callaudit import postgres
from reports import engines, facts
from reports.arrow import pa
from reports.schemas import SCHEMAS

MONTH = {"from_": "2026-10-01", "to": "2026-11-01", "zone": "Europe/London"}
BREAKDOWNS = ("total", "day", "connection,day")
BATCH = 100_000

_COVERAGE = """
    INSERT INTO calls.coverage (call_session_id, call_leg_id, connection_id, direction, number, tags, answered_at,
        hangup_at, policy_version, obligation, verdict, evidence_grade, answered_us, answered_ms, confirmed_us,
        confirmed_ms, inferred_us, inferred_ms, unknown_us, unknown_ms, uncovered_us, uncovered_ms, start_delay_us,
        start_delay_ms, failed_attempts, flags, finality, revision, positions)
    SELECT md5(n::text), md5((-n)::text), 'connection-' || n %% 20, 'incoming',
        '+1202555' || lpad((n %% 500)::text, 4, '0'),
        CASE WHEN n %% 3 = 0 THEN '{desk:a}'::text[] ELSE '{}' END,
        answered, answered + talk * interval '1 microsecond',
        1, 'must_record', verdict, CASE WHEN verdict = 'full' THEN 'A' ELSE 'B' END, talk, talk / 1000,
        talk - start - inferred - unclear - missed, (talk - start - inferred - unclear - missed) / 1000, inferred,
        inferred / 1000, unclear, unclear / 1000, start + missed, (start + missed) / 1000, start, start / 1000, 0, '{}',
        'final', 1, ARRAY[n * 6, n * 6 + 1, n * 6 + 2, n * 6 + 3, n * 6 + 4, n * 6 + 5]
    FROM (
        SELECT n, verdict, talk, '2026-10-01Z'::timestamptz + at * interval '1 microsecond' AS answered,
            least((random() * 2000000)::bigint, talk / 2) AS start,
            CASE WHEN verdict = 'full_inferred' THEN talk / 4 ELSE 0 END AS inferred,
            CASE WHEN verdict = 'unknown' THEN talk / 4 ELSE 0 END AS unclear,
            CASE WHEN verdict = 'partial' THEN talk / 4 ELSE 0 END AS missed
        FROM (
            SELECT n, (random() * 31 * 86400000000)::bigint AS at,
                (1000000 - 240000000 * ln(1 - random()))::bigint AS talk,
                CASE WHEN n %% 50 = 0 THEN 'unknown'
                    WHEN n %% 33 = 0 THEN 'partial' WHEN n %% 10 = 0 THEN 'full_inferred'
                    ELSE 'full' END AS verdict
            FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
        ) AS legs
    ) AS spoken
"""
_SPANS = """
    INSERT INTO calls.coverage_spans (call_session_id, call_leg_id, seq, kind, started_at, ended_at, finality, revision,
        positions)
    SELECT call_session_id, call_leg_id, row_number() OVER (PARTITION BY call_session_id, call_leg_id ORDER BY part),
        kind, answered_at + start * interval '1 microsecond', answered_at + stop * interval '1 microsecond', 'final', 1,
        positions
    FROM calls.coverage CROSS JOIN LATERAL (VALUES
        (1, 'uncovered', 0, start_delay_us),
        (2, 'confirmed', start_delay_us, start_delay_us + confirmed_us),
        (3, 'inferred', start_delay_us + confirmed_us, start_delay_us + confirmed_us + inferred_us),
        (4, 'unknown', start_delay_us + confirmed_us + inferred_us,
            start_delay_us + confirmed_us + inferred_us + unknown_us),
        (5, 'uncovered', start_delay_us + confirmed_us + inferred_us + unknown_us, answered_us)
    ) AS parts (part, kind, start, stop)
    WHERE start < stop
"""


def main() -> None:
    """Measure and print the table; end non-zero if the engines do not agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--legs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres.embedded(Path(folder) / "home") as server:
        url = server.url(dbname="postgres")
        migrations.upgrade(url)
        with psycopg.connect(url, autocommit=True) as connection:
            _fill(connection, given.legs)
            duckdb = _load(connection)
        print(f"{given.legs:,} legs, peak memory with everything loaded {_peak_mb():,} MB\n")
        print("| breakdown | Postgres s | DuckDB s |\n|---|---|---|")
        with psycopg.connect(server.url(user="callaudit_analyst", dbname="postgres"), autocommit=True) as analyst:
            for by in BREAKDOWNS:
                _measure(analyst, duckdb, by, given.rounds)
        print(f"\npeak memory of this process {_peak_mb():,} MB")


def _fill(connection: psycopg.Connection[Any], legs: int) -> None:
    for first in range(0, legs, BATCH):
        connection.execute(_COVERAGE, {"first": first, "last": min(first + BATCH, legs) - 1})
    connection.execute(_SPANS)
    connection.execute("VACUUM ANALYZE calls.coverage")
    connection.execute("VACUUM ANALYZE calls.coverage_spans")


def _load(connection: psycopg.Connection[Any]) -> engines.DuckDB:
    """Give DuckDB the same facts, as the views have them."""
    tables = facts.from_records([], None)
    for name in ("coverage", "coverage_spans"):
        tables[name] = pa.Table.from_batches(list(_batches(connection, name)), schema=SCHEMAS[name])
    return engines.DuckDB(tables)


def _batches(connection: psycopg.Connection[Any], name: str) -> Iterator[Any]:
    schema = SCHEMAS[name]
    with connection.transaction(), connection.cursor("facts", binary=True) as cursor:
        cursor.execute(f"SELECT * FROM facts.{name}")  # noqa: S608  our names
        while rows := cursor.fetchmany(BATCH):
            columns = zip(zip(*rows, strict=True), schema.types, strict=True)
            yield pa.record_batch([pa.array(values, kind) for values, kind in columns], schema=schema)


def _measure(analyst: psycopg.Connection[Any], duckdb: engines.DuckDB, by: str, rounds: int) -> None:
    medians: list[float] = []
    frames: list[pd.DataFrame] = []
    for engine in (analyst, duckdb):
        times: list[float] = []
        for _ in range(rounds):
            begins = time.perf_counter()
            frame = reports.run("recording_coverage", engine, by=by, **MONTH)
            times.append(time.perf_counter() - begins)
        medians.append(statistics.median(times))
        frames.append(frame)
    pd.testing.assert_frame_equal(*frames, check_exact=True)
    print(f"| {by} | {medians[0]:.2f} | {medians[1]:.2f} |", flush=True)


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
