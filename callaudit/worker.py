"""The worker: projects the log into the read models.

Between steps it says that it lives, puts outages on the record, and clears away what was refused long ago.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import structlog

from calls import instants
from calls.instants import Instant
from calls.policy_file import PolicyRefused
from projections import project
from store import append, heartbeats, outages
from store.entry import Kept

_log: structlog.stdlib.BoundLogger = structlog.get_logger()

IDLE_SECONDS = 0.2
"""Between looks while nothing is new: half a percent of a core, and soon enough for people."""

RETRY_SECONDS = 1.0
REJECTIONS_KEPT = timedelta(days=7)
PRUNE_SECONDS = 3_600.0
OUTAGES_SECONDS = 5.0


def now() -> Instant:
    """Read the clock."""
    return time.time_ns() // 1_000


def reach(url: str) -> None:
    """Raise psycopg.Error unless there is a database with this program's schema."""
    project.connect(url).close()


def run(url: str, stop: threading.Event) -> None:
    """Project until told to stop. A step is one transaction, never half done.

    A database that cannot be reached at first raises; one that is lost later is waited for.
    """
    reach(url)
    while not stop.is_set():
        try:
            with project.connect(url) as connection:
                _project(url, connection, stop)
        except psycopg.errors.LockNotAvailable:
            continue  # another worker is at it
        except psycopg.OperationalError as error:
            _log.warning("database_lost", error=type(error).__name__, sqlstate=error.sqlstate)
            stop.wait(RETRY_SECONDS)


def heard_until(connection: psycopg.Connection[Any], at: Instant) -> Instant:
    """Say until when the log holds what could be heard, by the heartbeats of those who take webhooks."""
    return instants.from_datetime(heartbeats.heard_until(connection, instants.to_datetime(at)))


def judged_until(url: str) -> Instant:
    """Say until when calls may be judged now."""
    with psycopg.connect(url) as connection:
        return heard_until(connection, now())


def _project(url: str, connection: psycopg.Connection[Any], stop: threading.Event) -> None:
    projector = project.Projector(
        connection, now, failed=_failed, unreadable=_unreadable, heard_until=partial(heard_until, connection)
    )
    pulse = heartbeats.Pulse("project", now)
    chores = (
        _Chore(heartbeats.BEAT_SECONDS, lambda: _beat(connection, pulse)),
        _Chore(OUTAGES_SECONDS, partial(_note_outages, url, connection, set())),
        _Chore(PRUNE_SECONDS, lambda: _prune(connection)),
    )
    while not stop.is_set():
        step = projector.step()
        for chore in chores:
            chore.do_if_due()
        if not step.events and not step.sessions:
            stop.wait(IDLE_SECONDS)
    pulse.beat(connection, stopped=True)


@dataclass(slots=True)
class _Chore:
    """Something to be done every so often between steps."""

    seconds: float
    do: Callable[[], object]
    due_at: float = 0.0

    def do_if_due(self) -> None:
        if time.monotonic() >= self.due_at:
            self.do()
            self.due_at = time.monotonic() + self.seconds


def _beat(connection: psycopg.Connection[Any], pulse: heartbeats.Pulse) -> None:
    position = project.projected_position(connection)
    pulse.beat(connection, position=position, oldest_waiting=project.oldest_unprojected(connection, position))


def _note_outages(url: str, connection: psycopg.Connection[Any], noted: set[heartbeats.Gap]) -> None:
    """Put on the record when nobody could take webhooks. Appending what is there already changes nothing."""
    fresh = [gap for gap in heartbeats.gaps(connection, datetime.now(UTC)) if gap not in noted]
    if fresh:
        with append.connect(url, application_name="callaudit outages") as appending:
            outcomes = append.Appender(appending).append(outages.found(fresh, now()))
        noted.update(gap for gap, outcome in zip(fresh, outcomes, strict=True) if isinstance(outcome, Kept))


def _failed(session: str, error: Exception) -> None:
    _log.error("session_not_folded", call_session_id=session, error=type(error).__name__)


def _unreadable(version: int, error: PolicyRefused) -> None:
    _log.warning("policy_unreadable", version=version, reason=error.reason)


def _prune(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SELECT intake.prune(%s)", [datetime.now(UTC) - REJECTIONS_KEPT])
