"""Each report is what is true of thousands of made-up calls, cell by cell, on Postgres and on DuckDB."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

import psycopg
import pytest

import reports
import simulator
from callaudit import comparison, report_comparison
from calls import instants
from calls.instants import MILLISECOND, Instant
from calls.policy import Judgement, Policy
from projections import rebuild
from reports import as_of, engines
from reports.as_of import AsOf
from simulator.answers import LISTS, ONLY_BY_TIME
from tests.conftest import Database
from tests.integration.projections import journal

pytestmark = pytest.mark.heavy

CALLS, CALLS_IN_FULL = 2_000, 20_000
DELAY_US = 40 * MILLISECOND
"""From the sending of a webhook until it is received."""

DELIVERIES_AT_ONCE = 5_000

STARTS = "2026-10-24T20:00:00Z"
"""Three hours before midnight in London, whose clocks go back two hours later."""

LONDON = ("Europe/London", date(2026, 10, 23), date(2026, 10, 28))
KOLKATA = ("Asia/Kolkata", date(2026, 10, 24), date(2026, 10, 27))
AUCKLAND = ("Pacific/Auckland", date(2026, 10, 25), date(2026, 10, 26))  # begins and ends amid the calls

OF_CALLS = ((LONDON, "connection,day"), (KOLKATA, "week,number"), (AUCKLAND, "total"))
OF_LOG = ((LONDON, "day"), (KOLKATA, "total"))
OF_LINES = ((LONDON, "total"),)

JUDGEMENTS = {
    "sales": Judgement(Policy(), 1),
    "support": Judgement(Policy(accepted_sources=("siprec",), min_duration_ms=60_000), 1, "support desk"),
    "claims": Judgement(Policy(in_scope=False, must_not_record=True), 1, "claims"),
    "trading": Judgement(Policy(start_grace_ms=1_000, gap_tolerance_ms=0), 1, "trading floor"),
}
DOCUMENT = """
[[rule]]
name = "support desk"
connection = "{support}"
record = "must"
accepted_sources = ["siprec"]
min_duration_ms = 60_000

[[rule]]
name = "claims"
connection = "{claims}"
record = "must_not"

[[rule]]
name = "trading floor"
connection = "{trading}"
record = "must"
start_grace_ms = 1_000
gap_tolerance_ms = 0
"""


class Judged(NamedTuple):
    """What calls are judged by: nothing but the built-in policy, or a document that asks for other things."""

    judgements: dict[str, Judgement] | None
    document: str | None


JUDGED = {"built-in": Judged(None, None), "rules": Judged(JUDGEMENTS, DOCUMENT)}


@dataclass(frozen=True, slots=True)
class World:
    """What was made up, what the log took of it and has beside it, and where it is now."""

    made: simulator.Simulation
    heard: Sequence[simulator.Heard]
    more: Sequence[tuple[Instant, simulator.Counted]]
    database: Database
    duckdb: engines.DuckDB


@pytest.fixture(scope="module", params=JUDGED)
def world(request: pytest.FixtureRequest, clone: Callable[[], Database], *, full: bool) -> Iterator[World]:
    """Make calls up and write their deliveries into the log; fold it into tables, and again for DuckDB."""
    database, judged = clone(), JUDGED[request.param]
    begins = instants.parse(STARTS) or 0
    count = CALLS_IN_FULL if full else CALLS
    faults = simulator.Faults(forgeries=0)
    made = simulator.simulate(20_000, begins, count, faults=faults, judgements=judged.judgements)
    more = _applied(database, judged.document, made, begins - instants.SECOND)
    heard = simulator.hear(made.deliveries, DELAY_US, len(more))
    for first in range(0, len(made.deliveries), DELIVERIES_AT_ONCE):
        some = made.deliveries[first : first + DELIVERIES_AT_ONCE]
        journal.write_bodies(database, [(one.body, one.send_at + DELAY_US) for one in some])
    settled_at, end = made.truth.settled_at, len(heard) + len(more)
    rebuild.rebuild(database.as_part("worker"), lambda: settled_at, processes=2)
    with as_of.folded(database.as_part("auditor"), AsOf(end, settled_at), processes=2) as duckdb:
        yield World(made, heard, more, database, duckdb)


def _applied(
    database: Database, document: str | None, made: simulator.Simulation, at: Instant
) -> list[tuple[Instant, simulator.Counted]]:
    """Put a policy on the record before the first call, if there is one."""
    if document is None:
        return []
    written = document.format(**{one.name: one.connection_id for one in made.connections})
    journal.say(database, journal.policy(written, at))
    return [(at, simulator.Counted("system", "policy.applied"))]


def test_every_row_is_true(world: World) -> None:
    """Legs, coverage with its spans, conversations, sessions, transfers, recordings and keys, and no row more."""
    with psycopg.connect(world.database.as_part("analyst")) as connection:
        assert list(comparison.rows(connection, world.made.truth)) == []


@pytest.mark.parametrize("name", reports.TITLES)
def test_report_is_true_on_both_engines(world: World, name: str) -> None:
    """Every cell of every report, over days of 24 and 25 hours, in zones of whole and half hours."""
    for (zone, first, end), by in _asked(name):
        asked: Any = {"from_": first, "to": end, "zone": zone, "by": by}
        runs = [reports.execute(name, source, **asked) for source in (world.database.as_part("analyst"), world.duckdb)]
        assert list(report_comparison.reports(runs, world.made, world.heard, world.more)) == []


def _asked(name: str) -> Sequence[tuple[tuple[str, date, date], str]]:
    if name in LISTS:
        return OF_LINES
    return OF_LOG if name in ONLY_BY_TIME else OF_CALLS


def test_comparison_notices_one_microsecond_and_one_cell(world: World) -> None:
    """It is no rubber stamp: a span that is moved, a verdict and a report's cell that are changed are differences."""
    changed = (
        """UPDATE calls.coverage_spans SET ended_at = ended_at + interval '1 microsecond'
           WHERE ctid = (SELECT min(ctid) FROM calls.coverage_spans)""",
        """UPDATE calls.coverage SET verdict = 'full'
           WHERE ctid = (SELECT min(ctid) FROM calls.coverage WHERE verdict = 'partial')""",
        """UPDATE calls.session_coverage SET covered_us = covered_us + 1
           WHERE ctid = (SELECT min(ctid) FROM calls.session_coverage WHERE covered_us > 0)""",
    )
    with psycopg.connect(world.database.url) as connection:
        for statement in changed:
            assert connection.execute(statement.encode()).rowcount == 1
            assert len(list(comparison.rows(connection, world.made.truth))) == 1, statement
            connection.rollback()
    zone, first, end = LONDON
    ran = reports.execute("recording_coverage", world.duckdb, from_=first, to=end, zone=zone, by="day")
    for column in ran.frame.columns.drop("day"):
        wrong = ran.frame.astype(object)
        wrong.loc[1, column] = "wrong"
        (found,) = report_comparison.reports([replace(ran, frame=wrong)], world.made, world.heard)
        assert found.startswith(f"recording_coverage: {column} of ")
