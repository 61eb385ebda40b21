"""A report that was issued comes out again from its manifest: after later events, a rebuild and another policy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import reports
from calls import fold, instants
from calls.event import Event
from calls.records import CallRecord
from projections import rebuild
from reports import as_of, changes, compare, export, issuing, rerun
from reports.as_of import AsOf
from reports.issuing import Asked, Log
from store import append, policies
from store.entry import Entry
from tests.conftest import Database
from tests.integration.projections import journal
from tests.integration.reports import test_as_of
from tests.integration.store import seals
from tests.unit.calls import made

DAY = {"from_": "1970-01-01", "to": "1970-01-02", "zone": "Europe/London"}
FORMATS = ("csv", "json", "parquet")
NOON = made.hours(12)


def calls(first: int, count: int, at_ms: int = 3_600_000) -> list[tuple[bytes, int]]:
    """Make deliveries of calls: every third was never recorded, every fourth lost its stop."""
    bodies: list[tuple[bytes, int]] = []
    for number in range(first, first + count):
        begins = at_ms + 1_000 * number
        said: list[tuple[str, int, dict[str, Any]]] = [
            ("call.initiated", 0, {"direction": "incoming", "from": "a", "to": f"n{number % 3}"}),
            ("call.answered", 500, {}),
            ("siprec.started", 700, {}),
            ("siprec.stopped", 60_000, {"hangup_cause": "normal_clearing"}),
            ("call.hangup", 60_500, {"hangup_cause": "normal_clearing", "sip_hangup_cause": "200"}),
        ]
        for kind, after, payload in said:
            if (number % 3 == 0 and kind.startswith("siprec")) or (number % 4 == 0 and kind == "siprec.stopped"):
                continue
            its = made.event(
                kind,
                begins + after,
                call_session_id=f"ses-{number}",
                call_leg_id=f"leg-{number}",
                connection_id=f"con-{number % 2}",
                **payload,
            )
            bodies.append((journal.body(its), its.received_at))
    return bodies


def log_of(database: Database, now: int, processes: int = 1) -> Log:
    """Read the log as the auditor, at an instant of ours."""
    return Log(url=database.as_part("auditor"), now=lambda: now, processes=processes)


def issue(database: Database, name: str, folder: Path, now: int = NOON, by: str | None = None) -> Path:
    """Run a report live and write it; gives the manifest."""
    ran = issuing.live(Asked(name, **DAY, by=by), database.as_part("analyst"), log_of(database, now), 0.0)
    paths = export.write(ran, folder, FORMATS, program_version="1")
    return Path(next(path for path in paths if path.endswith(".manifest.json")))


def test_session_that_cannot_be_folded_is_named_and_leaves_the_others_their_figures(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker keeps its rows from before, the report comes out without it, and its header counts it."""
    journal.write_bodies(database, calls(0, 6))
    journal.projected(database, NOON)
    real = fold.fold_with_history

    def poisoned(events: Any, *given: Any, **more: Any) -> CallRecord:
        if any(event.call_session_id == "ses-4" for event in events):
            raise RecursionError
        return real(events, *given, **more)

    monkeypatch.setattr(fold, "fold_with_history", poisoned)
    late = made.event("call.cost", 3_700_000, call_session_id="ses-4", call_leg_id="leg-4")
    journal.write_bodies(database, [(journal.body(late), NOON)])
    said: list[str] = []
    journal.projected(database, NOON)
    log = Log(url=database.as_part("auditor"), now=lambda: NOON, processes=1, say=said.append)
    ran = issuing.live(Asked("call_volume", **DAY), database.as_part("analyst"), log, 0.0)
    assert ran.frame["legs_count"].sum() == 5
    assert ran.header["completeness"]["unfolded_sessions"] == 1
    assert said[-1] == "session ses-4 cannot be folded (RecursionError): its calls are in no figure"
    monkeypatch.setattr(fold, "fold_with_history", real)
    journal.projected(database, NOON + 61 * instants.SECOND)
    whole = issuing.live(Asked("call_volume", **DAY), database.as_part("analyst"), log, 0.0)
    assert (whole.frame["legs_count"].sum(), whole.header["completeness"]["unfolded_sessions"]) == (6, 0)


def apply_policy(database: Database, document: str, at: int) -> None:
    """Put a policy on the record."""
    entry = policies.applied(document, "because", instants.to_datetime(at))
    with append.connect(database.as_part("worker"), application_name="test") as connection:
        append.Appender(connection).append([entry])


@pytest.fixture
def issued(database: Database, tmp_path: Path) -> tuple[Database, Path]:
    """A day of calls, projected and sealed, and the manifest of a report on it."""
    journal.write_bodies(database, calls(0, 40))
    journal.projected(database, NOON)
    seals.seal(database, tmp_path / "keys")
    return database, issue(database, "siprec_sessions", tmp_path / "issued")


def test_report_comes_out_again_whatever_came_since(issued: tuple[Database, Path], full: bool) -> None:
    """After later and late events, another policy and a rebuild, every file is the same byte for byte."""
    database, path = issued
    journal.write_bodies(database, calls(40, 2_000 if full else 200, at_ms=3_700_000))
    late = made.event("siprec.stopped", 3_650_000, call_session_id="ses-4", call_leg_id="leg-4", connection_id="con-0")
    journal.write_bodies(database, [(journal.body(late), made.hours(14))])
    apply_policy(database, "version = 1\n", made.hours(15))
    journal.projected(database, made.hours(16))
    rebuild.rebuild(database.as_part("worker"), lambda: made.hours(17), processes=1)
    of = rerun.load(path.read_bytes())
    outcome = rerun.rerun(of, log_of(database, made.hours(18)), "1")
    assert (outcome.result, outcome.inputs, outcome.files) == ("identical", (), ())
    assert outcome.run is not None
    again = rerun.made(of, outcome.run, export.header(outcome.run, program_version="1"))
    assert {name: (path.parent / name).read_bytes() for name in again} == again


def test_restatement_explains_each_difference(issued: tuple[Database, Path]) -> None:
    """A late event, a call that came later and time itself: each row that differs has the calls that changed it."""
    database, path = issued
    started = made.event(
        "siprec.started", 3_603_000, call_session_id="ses-3", call_leg_id="leg-3", connection_id="con-1"
    )
    late = journal.write_bodies(database, [(journal.body(started), made.hours(13))])
    later = journal.write_bodies(database, calls(41, 1))
    found = compare.compare(rerun.load(path.read_bytes()), log_of(database, made.hours(20)))
    assert (found.as_issued, found.inputs, found.unexplained) == (True, (), 0)
    assert found.rows
    by_leg = {change.call_leg_id: change for change in found.changes}
    assert [cause.position for cause in by_leg["leg-3"].causes] == late
    assert {cause.position for cause in by_leg["leg-41"].causes} == set(later)
    assert set(by_leg) == {"leg-3", "leg-41"}
    assert by_leg["leg-3"].then is None


def test_line_of_a_leg_is_explained_by_what_came_on_another_day(database: Database, tmp_path: Path) -> None:
    """A line says when its leg was last heard of; what is heard later has no place in the period, and explains it."""
    journal.write_bodies(database, calls(0, 3))
    journal.projected(database, NOON)
    made_before = issue(database, "coverage_exceptions", tmp_path)
    late = made.event("call.cost", made.hours(30) // 1_000, call_session_id="ses-0", call_leg_id="leg-0")
    journal.write_bodies(database, [(journal.body(late), made.hours(30))])
    found = compare.compare(rerun.load(made_before.read_bytes()), log_of(database, made.hours(31)))
    (row,) = found.rows
    assert (row.then or {})["last_seen_at"] != (row.now or {})["last_seen_at"]
    assert found.unexplained == 0
    assert {cause.kind for cause in causes(found)} == {"event"}
    assert [change.table for change in found.changes] == ["timeline"]


def kinds(found: compare.Restatement) -> set[str]:
    """Give the kinds of causes that a restatement names."""
    return {cause.kind for change in found.changes for cause in change.causes}


def test_policy_and_outage_explain_what_they_judge(issued: tuple[Database, Path], tmp_path: Path) -> None:
    """Each, on the record later, is the cause for just the calls that it concerns; also of the rows of the trend."""
    database, _ = issued
    path = issue(database, "recording_coverage", tmp_path, by="connection")
    rule = '[[rule]]\nname = "a"\nconnection = "con-1"\nrecord = "must_not"\n'
    (policy,) = journal.say(database, journal.policy(rule, 3_600_000_000 + 30_000_000))
    (outage,) = journal.say(database, journal.outage(3_600_000_000, 3_600_000_000 + 10_000_000))
    found = compare.compare(rerun.load(path.read_bytes()), log_of(database, made.hours(20)))
    assert (found.as_issued, found.unexplained, kinds(found)) == (True, 0, {"policy", "outage"})
    judged = {
        change.call_leg_id: {cause.position for cause in change.causes}
        for change in found.changes
        if change.table == "coverage"
    }
    assert judged["leg-0"] == {outage}  # answered half a second into the outage, half a minute before the policy
    assert judged["leg-31"] == {policy}
    assert {row.part for row in found.rows} == {"report", "trend"}
    (week,) = (row for row in found.rows if row.part == "trend")
    assert len(week.because) == len(found.changes)


def test_log_itself_explains_what_is_counted_of_it(issued: tuple[Database, Path], tmp_path: Path) -> None:
    """An event, an outage and deliveries beyond the first are the causes of what log_integrity counts."""
    database, _ = issued
    path = issue(database, "log_integrity", tmp_path, by="day")
    body, at = calls(60, 1)[0]
    (event,) = journal.write_bodies(database, [(body, at)])
    (outage,) = journal.say(database, journal.outage(3_600_000_000, 3_610_000_000))
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO log.redeliveries (position, received_at, body, masked) VALUES (3, %s, '', false)",
            [instants.to_datetime(made.hours(13))],
        )
    found = compare.compare(rerun.load(path.read_bytes()), log_of(database, made.hours(20)))
    assert (found.as_issued, found.unexplained, kinds(found)) == (True, 0, {"event", "outage", "count"})
    of_log = {(change.table, cause.kind, cause.position) for change in found.changes for cause in change.causes}
    assert {("outages", "outage", outage), ("log_events", "event", event), ("redeliveries", "count", None)} <= of_log


def test_rows_by_tag_and_hour_are_explained_by_calls_of_theirs(database: Database, tmp_path: Path) -> None:
    """A change counts in the row of its own tag and hour, and in no other."""
    tagged = [
        made.event("call.initiated", hour * 3_600_000, call_session_id=name, call_leg_id=name, tags=[f"desk:{name}"])
        for hour, name in enumerate("abc", 1)
    ]
    journal.write_bodies(database, [(journal.body(each), each.received_at) for each in tagged])
    journal.projected(database, NOON)
    paths = [issue(database, "call_volume", tmp_path / by[:3], by=by) for by in ("tag:desk", "hour")]
    ended = made.event("call.hangup", 2 * 3_600_000 + 9_000, call_session_id="b", call_leg_id="b")
    (position,) = journal.write_bodies(database, [(journal.body(ended), NOON)])
    for path, column, value in zip(paths, ("tag", "hour"), ("b", "03 +01:00"), strict=True):
        found = compare.compare(rerun.load(path.read_bytes()), log_of(database, made.hours(20)))
        of_event = {
            n for n, change in enumerate(found.changes) for cause in change.causes if cause.position == position
        }
        by_value = {row.now[column]: {*row.because} for row in found.rows if row.now}
        assert of_event <= by_value[value]
        assert all(not because & of_event for each, because in by_value.items() if each != value)
        assert (found.as_issued, found.unexplained) == (True, 0)


@settings(
    max_examples=6, deadline=None, phases=(Phase.generate,), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first=st.lists(made.sessions(), min_size=1, max_size=4),
    later=st.lists(made.sessions(), min_size=1, max_size=4),
    entries=test_as_of.said(),
    name=st.sampled_from([name for name in reports.TITLES if name != "command_audit"]),
    now=st.sampled_from(test_as_of.CLOCKS),
)
def test_whatever_comes_later_explains_all_that_differs(  # noqa: PLR0917  what is drawn
    clone: Callable[[], Database],
    tmp_path_factory: pytest.TempPathFactory,
    first: list[list[Event]],
    later: list[list[Event]],
    entries: list[Entry],
    name: str,
    now: int,
) -> None:
    """No row differs unexplained; what only time explains, time alone brings about: the old events, judged today."""
    database, folder = clone(), tmp_path_factory.mktemp("issued")
    write_sessions(database, first, "first")
    journal.projected(database, made.hours(0.001))
    path = issue(database, name, folder, now=made.hours(0.001))
    if entries:
        journal.say(database, *entries)
    write_sessions(database, later, "later")
    log = log_of(database, now)
    found = compare.compare(rerun.load(path.read_bytes()), log)
    assert (found.as_issued, found.unexplained) == (True, 0)
    assert found.then is not None
    assert all(cause.position is None or cause.position >= found.then.position for cause in causes(found))
    alone = [change for change in found.changes if {cause.kind for cause in change.causes} == {"time"}]
    with as_of.folder(log.url, AsOf(found.then.position, max(now, found.then.instant)), processes=1) as old:
        for change in alone:
            query = f"SELECT * FROM read_parquet('{old}/{change.table}-*.parquet')"  # noqa: S608  our own folder
            assert change.now in [None, *duckdb.sql(query).to_arrow_table().to_pylist()]


def causes(found: compare.Restatement) -> list[changes.Cause]:
    """Give every cause that a restatement names."""
    return [cause for change in found.changes for cause in change.causes]


def write_sessions(database: Database, parts: list[list[Event]], name: str) -> None:
    """Let sessions come in: every other one is of the very call that others, before or after, speak of."""
    bodies = [
        (journal.body(event, call_session_id=f"ses-{n}", call_leg_id=f"{event.call_leg_id}-{n}"), event.received_at)
        if n % 2
        else (journal.body(event, call_session_id=f"{name}-{n}"), event.received_at)
        for n, part in enumerate(parts)
        for event in part
    ]
    if bodies:
        journal.write_bodies(database, bodies)


def test_time_alone_explains_what_fell_due(database: Database, tmp_path: Path) -> None:
    """Nothing came and nothing was decided, but a transfer without a result is not waited for for ever."""
    begun = made.event("refer.started".replace("refer", "call.refer"), 3_600_000, sip_notify_response=100)
    journal.write_bodies(database, [(journal.body(begun), begun.received_at)])
    journal.projected(database, begun.received_at + 1)
    path = issue(database, "refer_outcomes", tmp_path, now=begun.received_at + 1)
    found = compare.compare(rerun.load(path.read_bytes()), log_of(database, NOON))
    assert (found.as_issued, found.unexplained) == (True, 0)
    assert [[cause.kind for cause in change.causes] for change in found.changes] == [["time"]]
    assert len(found.rows) == 2  # the outcome that was, and the one that is


def test_report_of_another_log_is_told_apart(issued: tuple[Database, Path], clone: Callable[[], Database]) -> None:
    """A log with other events below the position, or fewer, is not the one that the report was issued from."""
    of = rerun.load(issued[1].read_bytes())
    other = clone()
    outcome = rerun.rerun(of, log_of(other, NOON), "1")
    assert (outcome.result, [each.name for each in outcome.inputs]) == ("missing", ["log_position"])
    journal.write_bodies(other, calls(1, 60))
    outcome = rerun.rerun(of, log_of(other, NOON), "1")
    assert (outcome.result, [each.name for each in outcome.inputs]) == ("missing", ["tree_root"])
    assert [each.name for each in compare.compare(of, log_of(other, NOON)).inputs] == ["tree_root"]


def test_other_versions_are_named(issued: tuple[Database, Path]) -> None:
    """Another program with the same rows gives the same content; with other rows, it is what is missing."""
    database, path = issued
    of = rerun.load(path.read_bytes())
    outcome = rerun.rerun(of, log_of(database, NOON), "2")
    assert (outcome.result, [each.name for each in outcome.inputs]) == ("same_content", ["program"])
    outcome = rerun.rerun(of | {"content_sha256": "0"}, log_of(database, NOON), "2")
    assert (outcome.result, [each.name for each in outcome.inputs]) == ("missing", ["program"])
    outcome = rerun.rerun(of | {"content_sha256": "0"}, log_of(database, NOON), "1")
    assert outcome.result == "differs"
