"""The worker in a thread, over a real Postgres: what stops it, what does not, and what it says and clears away.

And what one session may do to the others: one that cannot be folded, and one that is very long.
"""

import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import conninfo
from structlog.testing import capture_logs

from callaudit import worker
from calls import fold, instants
from calls.event import Event
from calls.policy import DEFAULT
from calls.records import CallRecord
from projections import project
from tests.acceptance.home import until
from tests.conftest import Database
from tests.integration.projections import journal
from tests.unit.calls import made

SETTLED = made.hours(24)
POISON = "ses-1"
LONG_EVENTS = 12_000
LONG_SECONDS_MAX = 8.0
_PROJECTORS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'callaudit projector' AND datname = current_database()
"""


def conversation(session: str, *, leg: str | None = None) -> list[Event]:
    """Give the events of an answered call."""
    named = {"call_session_id": session, "call_leg_id": leg or f"leg of {session}"}
    types = ("call.initiated", "call.answered", "call.hangup")
    return [
        made.event(event_type, at_ms, event_id=f"{session} {event_type}", **named)
        for at_ms, event_type in enumerate(types)
    ]


def fold_that_fails(*_: Any, **__: Any) -> CallRecord:
    """Fail as a mistake of ours would."""
    raise ZeroDivisionError


def fold_that_cannot_be_written(*given: Any, **named: Any) -> CallRecord:
    """Give a record of which one value fits no column, after others that do."""
    record = FOLD(*given, **named)
    (session,) = record.call_sessions
    return replace(record, call_sessions=(replace(session, flags=(object(),)),))  # pyright: ignore[reportArgumentType]


FOLD = fold.fold_with_history


@pytest.fixture(params=[fold_that_fails, fold_that_cannot_be_written])
def poisoned(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let one session fail whenever it is folded or written; undo it to heal it."""

    def folded(events: Iterable[Event], *rest: Any, **named: Any) -> CallRecord:
        log = list(events)
        is_poison = any(event.call_session_id == POISON for event in log)
        return (request.param if is_poison else FOLD)(log, *rest, **named)

    monkeypatch.setattr(fold, "fold_with_history", folded)
    return monkeypatch


def sessions_shown(database: Database) -> set[str]:
    """Give the sessions that are in the tables."""
    return {row["call_session_id"] for row in journal.tables(database)["call_sessions"]}


def test_session_that_cannot_be_folded_keeps_no_other_waiting(database: Database, poisoned: pytest.MonkeyPatch) -> None:
    """It is reported and put into the reviews, nothing is said to be projected past it, and in time it is folded."""
    journal.write(database, [event for n in range(4) for event in conversation(f"ses-{n}")])
    clock, failed = journal.Clock(SETTLED), list[tuple[str, str]]()
    projector = journal.projector(
        database, clock, failed=lambda session, error: failed.append((session, type(error).__name__))
    )
    with projector.connection:
        projector.catch_up()
        assert [session for session, _ in failed] == [POISON]
        assert sessions_shown(database) == {"ses-0", "ses-2", "ses-3"}
        waiting = (POISON, instants.to_datetime(SETTLED + project.RETRY_US), 3)
        assert journal.bookkeeping(database)["reviews"] == [waiting]
        assert journal.projected_position(database) == 3
        assert journal.value(database, "SELECT position FROM calls.progress") == 12

        clock.now += project.RETRY_US - 1
        journal.write(database, conversation("ses-4"))
        projector.catch_up()
        assert "ses-4" in sessions_shown(database)
        clock.now += 1
        projector.catch_up()  # it is due, and fails again
        assert [session for session, _ in failed] == [POISON, POISON]
        assert journal.projected_position(database) == 3

        poisoned.undo()
        clock.now += project.RETRY_US - 1
        assert projector.catch_up() == 0
        clock.now += 1
        assert projector.catch_up() == 1
    assert journal.projected_position(database) == 15
    assert journal.bookkeeping(database)["reviews"] == []
    assert journal.tables(database) == journal.expected(journal.events(database), clock.now)


def test_event_of_a_session_that_cannot_be_folded_does_not_hide_the_first_one(
    database: Database, poisoned: pytest.MonkeyPatch
) -> None:
    """What was projected of it stays, and the projected position is its first event that is not shown."""
    poisoned.undo()
    journal.write(database, conversation(POISON)[:1])
    journal.projected(database, SETTLED)
    before = journal.tables(database)
    poisoned.setattr(fold, "fold_with_history", fold_that_fails)
    journal.write(database, conversation(POISON)[1:])
    projector = journal.projector(database, journal.Clock(SETTLED + instants.SECOND))
    with projector.connection:
        projector.catch_up()
    assert journal.tables(database) == before
    assert journal.projected_position(database) == 1


def test_long_call_that_becomes_final_is_written_in_time(database: Database) -> None:
    """Each of its thousands of rows is another row then: that takes what they take, not what their square would."""
    steady = [made.event("call.dtmf.received", at_ms, digit="*") for at_ms in range(LONG_EVENTS)]
    written = [(journal.body(event), event.received_at) for event in steady]
    for start in range(0, LONG_EVENTS, 2_000):
        journal.write_bodies(database, written[start : start + 2_000])
    journal.write(database, conversation("ses-1", leg="leg-1"))
    final_at = LONG_EVENTS * instants.MILLISECOND + DEFAULT.late_grace_us
    clock = journal.Clock(LONG_EVENTS * instants.MILLISECOND)
    projector = journal.projector(database, clock, events_per_step=LONG_EVENTS + 3)
    with projector.connection:
        assert projector.step().events == LONG_EVENTS + 3
        assert _rows(database, "provisional") > 2 * LONG_EVENTS
        clock.now = final_at
        began = time.monotonic()
        assert projector.step().sessions == 1
        took = time.monotonic() - began
    assert _rows(database, "provisional") == 0
    assert _rows(database, "final") > 2 * LONG_EVENTS
    assert took < LONG_SECONDS_MAX


def _rows(database: Database, finality: str) -> int:
    return sum(
        journal.value(database, f"SELECT count(*) FROM calls.{table} WHERE finality = '{finality}'")  # noqa: S608
        for table in ("timeline", "dtmf")
    )


@dataclass(frozen=True, slots=True)
class Working:
    """A worker that runs, and what it has logged."""

    stop: threading.Event
    thread: threading.Thread
    failed: list[BaseException]
    logged: list[Any]


@contextmanager
def working(database: Database) -> Generator[Working]:
    """Run the worker during the block; see that it ends when it is told to."""
    stop, failed = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            worker.run(database.as_part("worker"), stop)
        except BaseException as error:  # noqa: BLE001  the test says it
            failed.append(error)

    with capture_logs() as logged:
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield Working(stop, thread, failed, logged)
        finally:
            stop.set()
            thread.join(30)
    assert not thread.is_alive()
    assert failed == []


def test_worker_projects_until_it_is_told_to_stop(database: Database) -> None:
    """What arrives while it runs is projected; when told, it ends within a moment and leaves no connection."""
    with working(database) as run:
        for n in range(3):
            journal.write(database, conversation(f"ses-{n}"))
            until(lambda n=n: f"ses-{n}" in sessions_shown(database))
        assert run.logged == []
    until(lambda: journal.value(database, _PROJECTORS) == 0)


def test_worker_says_which_session_it_cannot_fold(database: Database, poisoned: pytest.MonkeyPatch) -> None:
    """The log has its id and what kind of error it was, and nothing of what was said in the call."""
    assert poisoned
    journal.write(database, [event for n in range(3) for event in conversation(f"ses-{n}")])
    with working(database) as run:
        until(lambda: sessions_shown(database) == {"ses-0", "ses-2"})
        (entry,) = run.logged
    assert (entry["event"], entry["call_session_id"], entry["log_level"]) == ("session_not_folded", POISON, "error")
    assert entry.keys() == {"event", "log_level", "call_session_id", "error"}


def test_worker_goes_on_when_its_connection_is_lost(database: Database) -> None:
    """It says so, and projects what came meanwhile over a new one."""
    with working(database) as run:
        journal.write(database, conversation("ses-0"))
        until(lambda: "ses-0" in sessions_shown(database))
        lost = _PROJECTORS.replace("count(*)", "count(pg_terminate_backend(pid))")
        assert journal.value(database, lost) == 1
        journal.write(database, conversation("ses-1"))
        until(lambda: "ses-1" in sessions_shown(database))
        assert {entry["event"] for entry in run.logged} == {"database_lost"}


def test_worker_waits_while_another_is_at_it(database: Database) -> None:
    """However long the other one takes; nothing is said of it."""
    journal.write(database, conversation("ses-0"))
    with psycopg.connect(database.url) as other:
        other.execute("SELECT FROM calls.progress FOR UPDATE")
        with working(database) as run:
            until(lambda: _waiting(database))
            first = _waiting(database)
            until(lambda: _waiting(database) - first)  # it gave up, and is back
            assert sessions_shown(database) == set()
            other.rollback()
            until(lambda: "ses-0" in sessions_shown(database))
            assert run.logged == []


def _waiting(database: Database) -> set[int]:
    """Give the connections of projectors that wait for a lock."""
    pids = _PROJECTORS.replace("count(*)", "coalesce(array_agg(pid), '{}')") + " AND wait_event_type = 'Lock'"
    return set(journal.value(database, pids))


def test_worker_clears_refusals_away_after_a_week(database: Database) -> None:
    """Those of this week stay."""
    now = datetime.now(UTC)
    with psycopg.connect(database.url) as connection:
        for days in (6, 8):
            connection.execute(
                "INSERT INTO intake.rejections (received_at, remote_address, reason, body_bytes)"
                " VALUES (%s, '192.0.2.1', 'signature_mismatch', 0)",
                [now - timedelta(days=days)],
            )
    with working(database):
        until(lambda: journal.value(database, "SELECT count(*) FROM intake.rejections") == 1)
    assert journal.value(database, "SELECT received_at > now() - interval '7 days' FROM intake.rejections")


def test_worker_does_not_wait_for_a_database_that_never_was(database: Database) -> None:
    """At first it is a mistake in the settings, and raised; only one that is lost is waited for."""
    nowhere = conninfo.make_conninfo(database.as_part("worker"), dbname="never_was")
    with pytest.raises(psycopg.OperationalError, match="never_was"):
        worker.run(nowhere, threading.Event())
