"""A made-up afternoon through the real server and worker, compared with the truth it was made from."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import orjson
import psycopg
import pytest
from nacl.secret import SecretBox
from psycopg import sql

import reports
import simulator
from callaudit import comparison, report_comparison
from callaudit.commands import demo, simulate
from calls import instants
from ingest import strongbox
from query import log
from tests.acceptance import server
from tests.conftest import Database

CALLS, CALLS_IN_FULL = 120, 2_000
SCHEMAS = ("log", "intake", "calls")
WRONGS = (
    """UPDATE calls.call_legs SET hangup_at = hangup_at + interval '1 ms'
       WHERE call_leg_id = (SELECT min(call_leg_id) FROM calls.call_legs WHERE hangup_at IS NOT NULL)""",
    """UPDATE calls.siprec_sessions SET cause_name = 'WRONG'
       WHERE ctid = (SELECT min(ctid) FROM calls.siprec_sessions WHERE status = 'failed')""",
    "DELETE FROM calls.dtmf WHERE ctid = (SELECT min(ctid) FROM calls.dtmf)",
)


@dataclass(frozen=True, slots=True)
class Afternoon:
    """What was made up, how it was answered, and where it is now."""

    made: simulator.Simulation
    summary: simulator.Summary
    database: Database
    home: Path


@pytest.fixture(scope="module")
def afternoon(clone: Callable[..., Database], tmp_path_factory: pytest.TempPathFactory, *, full: bool) -> Afternoon:
    """Post the afternoon as Telnyx would, with its faults, and wait until all of it is projected."""
    database, home = clone(), tmp_path_factory.mktemp("afternoon")
    made = simulator.simulate(seed=42, start=simulate.yesterday_noon(), calls=CALLS_IN_FULL if full else CALLS)
    with server.serving(database, home) as site, server.working(database, home):
        sender = simulator.Sender(
            url=site.url + simulate.PATH, key=site.key, clock=lambda: time.time_ns() // 1_000, timeout_seconds=30
        )
        summary = asyncio.run(sender.post(made.deliveries))
        refused = sum(made.truth.log.rejected.values())
        ends_at = time.monotonic() + server.DEADLINE_SECONDS
        while not _projected(database, refused):
            assert time.monotonic() < ends_at
            time.sleep(0.1)  # there is no signal of what other processes have done
    return Afternoon(made, summary, database, home)


def _projected(database: Database, refused: int) -> bool:
    with psycopg.connect(database.as_part("auditor")) as connection:
        counted = log.stats(connection)
    return counted["projected_position"] == counted["position"] and counted["rejected"] >= refused


def test_every_delivery_is_answered_as_it_deserves(afternoon: Afternoon) -> None:
    """Genuine ones with 200, forged ones with 401; none is answered otherwise."""
    assert afternoon.summary.unexpected == ()
    assert set(afternoon.summary.by_status) == {200, 401}


def test_log_counts_equal_the_truth(afternoon: Afternoon) -> None:
    """Every figure of ``log stats``, and exactly the forgeries are refused."""
    with psycopg.connect(afternoon.database.as_part("auditor")) as connection:
        counted = log.stats(connection)
    assert list(comparison.log_counts(afternoon.made.truth.log, counted, afternoon.summary.retried)) == []
    assert counted["rejected"] == sum(afternoon.made.truth.log.rejected.values())


def test_rows_equal_the_truth(afternoon: Afternoon) -> None:
    """Every leg, recording, transfer and key press, and no row more."""
    with psycopg.connect(afternoon.database.as_part("analyst")) as connection:
        assert list(comparison.rows(connection, afternoon.made.truth)) == []


def test_reports_equal_the_truth(afternoon: Afternoon) -> None:
    """Each report says what was made up, cell by cell."""
    first = min(call.webhooks[0].occurred_at for call in afternoon.made.calls)
    day = instants.to_datetime(first).date()
    url = afternoon.database.as_part("analyst")
    runs = [
        reports.execute(name, url, from_=day, to=day + timedelta(days=3), by=by) for name, by in demo.BREAKDOWNS.items()
    ]
    assert {run.name for run in runs} == set(reports.TITLES)
    assert list(report_comparison.reports(runs, afternoon.made)) == []


def test_comparison_notices_a_wrong_row(afternoon: Afternoon) -> None:
    """It is no rubber stamp: one millisecond of one leg, one missing row and one wrong count are each a difference."""
    with psycopg.connect(afternoon.database.url) as connection:
        for statement in WRONGS:
            assert connection.execute(statement.encode()).rowcount == 1
            assert list(comparison.rows(connection, afternoon.made.truth)), statement
            connection.rollback()
        counted = {**log.stats(connection), "stored": afternoon.made.truth.log.stored + 1}
    assert len(list(comparison.log_counts(afternoon.made.truth.log, counted, afternoon.summary.retried))) == 1


def test_no_secret_is_in_any_column(afternoon: Afternoon) -> None:
    """Digits, passwords, recording URLs and what was said are nowhere in the log, the intake or the read models."""
    secrets = afternoon.made.secrets
    assert all((secrets.digits, secrets.passwords, secrets.urls, secrets.transcripts))
    columns = dict(_columns(afternoon.database))
    assert ("log", "events", "body") in columns
    assert {name: found for name, stored in columns.items() if (found := secrets.found_in(stored))} == {}


def test_recording_urls_are_kept_sealed(afternoon: Afternoon) -> None:
    """Whoever has the key can open what holds a URL: every one of them, and no digits."""
    box = SecretBox(strongbox.key_at(afternoon.home / "keys" / "sealed_bodies.key"))
    with psycopg.connect(afternoon.database.url) as connection:
        sealed = connection.execute("SELECT sealed_body FROM log.events WHERE sealed_body IS NOT NULL").fetchall()
    opened = b"".join(box.decrypt(body) for (body,) in sealed)
    assert set(afternoon.made.secrets.found_in(opened)) == set(afternoon.made.secrets.urls)


def _columns(database: Database) -> Iterator[tuple[tuple[str, str, str], bytes]]:
    """Give all values of each column as bytes; what is sealed is left out."""
    query = """
        SELECT table_schema, table_name, column_name FROM information_schema.columns
        WHERE table_schema = ANY(%s) AND column_name <> 'sealed_body'
    """
    with psycopg.connect(database.url) as connection:
        for schema, table, column in connection.execute(query, [list(SCHEMAS)]).fetchall():
            select = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), sql.Identifier(schema, table))
            values = (value for (value,) in connection.execute(select))
            stored = b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
            yield (schema, table, column), stored


def test_rebuild_check_finds_no_difference(afternoon: Afternoon) -> None:
    """What the worker projected as the webhooks came is what a rebuild makes of the whole log."""
    given = server.environment(afternoon.database, afternoon.home)
    ran = server.run(["rebuild", "--check", "--json"], given, afternoon.home)
    assert ran.returncode == 0, ran.stdout
    assert not any(row["rows_gone"] or row["rows_new"] for row in orjson.loads(ran.stdout))
