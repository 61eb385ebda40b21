"""A report that was issued comes out again from its manifest: after later events, a rebuild and another policy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from calls import instants
from projections import rebuild
from reports import compare, export, issuing, rerun
from reports.issuing import Asked, Log
from store import append, policies
from tests.conftest import Database
from tests.integration.projections import journal
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
