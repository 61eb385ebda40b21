"""Published edge cases through the whole program: HTTP, log, worker, tables, command line.

Each case gets legs, sessions and event ids of its own, so that one server takes all of them; one with an outage gets
a day of its own, for an outage is everybody's. What is judged "as of" some instant in a case is judged now here.

Left to the fold's tests: cases whose rows depend on an earlier instant (EC-021, EC-023, EC-044, EC-109), for the
worker's clock is the machine's; and those with commands (EC-088, EC-089) or records of the provider (EC-103), which the
projector does not have. A policy is in force from its event on: its legs must be answered after it was applied, and a
negative verdict on a leg of a minute would take that minute. So EC-093 is asked of ``policy check``.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from calls import instants
from calls.instants import MILLISECOND, SECOND, Instant
from calls.policy import DEFAULT
from calls.records import TABLES
from calls.spans import Span
from query import log
from tests.acceptance import server
from tests.conftest import Database
from tests.unit.calls import edge_cases

pytestmark = edge_cases.needs_file

CATEGORIES = ("leg", "refer", "siprec", "cause", "log", "coverage", "bucket")
DAY = 86_400 * SECOND
IN_TIME_SECONDS = 5
"""How long the events of EC-010 may take to arrive before its call is final."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case with names of its own. ``bodies`` are in order of arrival, ``rows`` what the tables must show."""

    name: str
    bodies: tuple[bytes, ...]
    sessions: tuple[str, ...]
    rows: Mapping[str, edge_cases.Rows]
    rows_before: Mapping[str, edge_cases.Rows]
    gaps: Mapping[int, tuple[Span, ...]]
    outages: tuple[Span, ...]
    log: Mapping[str, int]


def read(raw: Mapping[str, Any]) -> Case:
    """Read a published case, with its name before every id that calls and events have."""
    case = edge_cases.read(_named(_on_its_day(raw) if "outages" in raw else raw))
    return Case(
        name=case.name,
        bodies=case.webhooks,
        sessions=tuple(dict.fromkeys(event.call_session_id for event in case.events if event.call_session_id)),
        rows={table: rows for table, rows in case.rows.items() if table in TABLES},
        rows_before={table: rows for table, rows in case.rows_before.items() if table in TABLES},
        gaps=case.gaps,
        outages=case.outages,
        log=case.expect.get("log", {}),
    )


def _on_its_day(raw: Mapping[str, Any]) -> dict[str, Any]:
    base = instants.parse(raw["base_time"])
    assert base is not None
    return {**raw, "base_time": instants.to_text(base + int(raw["id"].removeprefix("EC-")) * DAY)}


def _named(raw: Mapping[str, Any]) -> dict[str, Any]:
    name = raw["id"]
    events = [{**event, "payload": _with_name(name, event["payload"])} for event in raw["events"]]
    expected: dict[str, Any] = raw["expect"]
    expect: dict[str, Any] = {
        table: [_with_name(name, row) for row in rows] if table in TABLES else rows for table, rows in expected.items()
    }
    return {**raw, "events": events, "expect": expect}


def _with_name(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    ids = ("call_leg_id", "call_session_id", "call_control_id")
    return {key: f"{name} {value}" if key in ids and value else value for key, value in fields.items()}


def published() -> list[dict[str, Any]]:
    """Give the cases of these categories as they are published; none where the file is absent."""
    cases: list[dict[str, Any]] = orjson.loads(edge_cases.FILE.read_bytes()) if edge_cases.FILE.exists() else []
    return [case for case in cases if case["category"] in CATEGORIES]


def chosen() -> list[Case]:
    """Give the cases that say the same at any later instant."""
    return [
        read(case)
        for case in published()
        if not case.keys() & {"as_of_offset_ms", "commands", "policy", "reconciliation"}
    ]


CASES = chosen()
WITH_ROWS = [pytest.param(case, id=case.name) for case in CASES if case.rows]


@dataclass(frozen=True, slots=True)
class Running:
    """The program at work on one database."""

    database: Database
    home: Path
    site: server.Site

    def post(self, bodies: tuple[bytes, ...]) -> None:
        """Post webhooks one after the other."""
        for body in bodies:
            assert self.site.post(body).status_code == 200

    def wait(self) -> None:
        """Wait until everything is projected."""
        until(lambda: (counts := self.counts())["position"] == counts["projected_position"])

    def counts(self) -> dict[str, int]:
        """Count the log."""
        with psycopg.connect(self.database.as_part("auditor")) as connection:
            return log.stats(connection)

    def declare(self, begins: Instant, ends: Instant) -> None:
        """Put an outage on the record, as an operator does."""
        period = ("--from", instants.to_text(begins), "--to", instants.to_text(ends))
        self.asked("log", "outage", *period, "--reason", "a published case")

    def asked(self, *arguments: str) -> list[Any]:
        """Run a command with ``--json`` and give what it printed, line by line."""
        ran = server.run([*arguments, "--json"], server.environment(self.database, self.home), self.home)
        assert ran.returncode == 0, ran.stderr
        return [orjson.loads(line) for line in ran.stdout.splitlines()]


def until(condition: Callable[[], bool]) -> None:
    """Wait for the worker, of which there is no signal."""
    ends_at = time.monotonic() + server.DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.05)


@contextmanager
def running(database: Database, home: Path) -> Generator[Running]:
    """Run server and worker during the block."""
    with server.serving(database, home) as site, server.working(database, home):
        yield Running(database, home, site)


@pytest.fixture(scope="module")
def shown(clone: Callable[..., Database], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Post every case, declare its outages, and give each session as ``calls show --json`` prints it."""
    with running(clone(), tmp_path_factory.mktemp("cases")) as program:
        program.post(tuple(body for case in CASES for body in case.bodies))
        for begins, ends in [each for case in CASES for each in case.outages]:
            program.declare(begins, ends)
        program.wait()
        sessions = [session for case in CASES for session in case.sessions]
        calls = program.asked("calls", "show", *sessions)
    assert [call["call_sessions"][0]["call_session_id"] for call in calls] == sessions
    return dict(zip(sessions, calls, strict=True))


@pytest.mark.parametrize("case", WITH_ROWS)
def test_shown_rows_are_those_expected_of(case: Case, shown: dict[str, dict[str, Any]]) -> None:
    """What the command line shows of a case's calls are the rows published with it, no more and no fewer."""
    for table, rows in case.rows.items():
        actual = [row for session in case.sessions for row in shown[session][table]]
        assert edge_cases.differences(rows, actual) == []


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES if case.gaps])
def test_shown_uncovered_spans_are_the_gaps_of(case: Case, shown: dict[str, dict[str, Any]]) -> None:
    """What the command line shows to be uncovered of a case's legs are the gaps published with it."""
    coverage = [row for session in case.sessions for row in shown[session]["coverage"]]
    spans = [span for session in case.sessions for span in shown[session]["coverage_spans"]]
    for number, gaps in case.gaps.items():
        its = [span for span in spans if span["call_leg_id"] == coverage[number]["call_leg_id"]]
        uncovered = [(span["started_at"], span["ended_at"]) for span in its if span["kind"] == "uncovered"]
        assert uncovered == [(instants.to_text(start), instants.to_text(end)) for start, end in gaps]


def test_log_counts_are_those_expected(clone: Callable[..., Database], tmp_path: Path) -> None:
    """Each case moves the figures by what it says, and ``log stats --json`` prints their sums."""
    cases = [case for case in CASES if case.log]
    with running(clone(), tmp_path) as program:
        before = program.counts()
        for case in cases:
            program.post(case.bodies)
            program.wait()
            after = program.counts()
            assert {name: after[name] - before[name] for name in case.log} == dict(case.log), case.name
            before = after
        assert program.asked("log", "stats") == [before]
    assert len(cases) >= 6


def test_policy_judges_what_it_is_asked_of(clone: Callable[..., Database], tmp_path: Path) -> None:
    """EC-093 by a policy that is only checked, and EC-105 by one that is applied before its call."""
    siprec_only, minimum = (case for case in published() if "policy" in case)
    assert (siprec_only["id"], minimum["id"]) == ("EC-093", "EC-105")
    for case in (siprec_only, minimum):
        (tmp_path / f"{case['id']}.toml").write_text(_in_toml(case["policy"]), encoding="utf-8")
    with running(clone(), tmp_path) as program:
        program.post(read(siprec_only).bodies)
        program.wait()
        (checked,) = program.asked("policy", "check", "EC-093.toml", "--since", siprec_only["base_time"][:10])
        (changed,) = checked["changes"]
        assert [changed["verdict_would_be"]] == [row["verdict"] for row in siprec_only["expect"]["coverage"]]
        program.asked("policy", "apply", "EC-105.toml")
        short = read({**minimum, "base_time": instants.to_text(_now())})
        program.post(short.bodies)
        program.wait()
        (shown,) = program.asked("calls", "show", *short.sessions)
    assert edge_cases.differences(short.rows["coverage"], shown["coverage"]) == []
    assert [row["policy_version"] for row in shown["coverage"]] == [1]


def test_late_event_revises_a_final_call(clone: Callable[..., Database], tmp_path: Path) -> None:
    """EC-010 as it happens: a call becomes final by time alone, then a late stop makes revision 2, naming itself."""
    (raw,) = (case for case in published() if case.get("before_last_event"))
    with running(clone(), tmp_path) as program:
        hangup_at = _now() - DEFAULT.late_grace_us + IN_TIME_SECONDS * SECOND
        case = read({**raw, "base_time": instants.to_text(hangup_at - 60_000 * MILLISECOND)})
        *in_time, late = case.bodies
        (session,) = case.sessions
        program.post(tuple(in_time))
        assert _now() < hangup_at + DEFAULT.late_grace_us, "this machine is too slow for the case as it happens"
        finality = "SELECT finality FROM calls.call_sessions"
        until(lambda: _value(program.database, finality) == "final")
        (before,) = program.asked("calls", "show", session)
        program.post((late,))
        program.wait()
        (after,) = program.asked("calls", "show", session)
    for table in ("siprec_sessions", "coverage"):
        assert edge_cases.differences(case.rows_before[table], before[table]) == []
        assert edge_cases.differences(case.rows[table], after[table]) == []
    for table in ("call_sessions", "call_legs", "siprec_sessions", "coverage", "session_coverage"):
        assert [(row["revision"], row["revised_by"]) for row in before[table]] == [(1, None)]
        assert [(row["revision"], row["revised_by"]) for row in after[table]] == [(2, "ec-010-e05")]


def _in_toml(policy: Mapping[str, Any]) -> str:
    return "\n".join(["[defaults]", *(f"{key} = {orjson.dumps(value).decode()}" for key, value in policy.items()), ""])


def _now() -> Instant:
    return time.time_ns() // 1_000


def _value(database: Database, query: str) -> Any:
    with psycopg.connect(database.url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row and row[0]
