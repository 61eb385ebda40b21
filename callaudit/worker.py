"""The worker: projects the log into the read models, and clears away what was refused long ago."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import structlog

from calls.instants import Instant
from projections import project

_log: structlog.stdlib.BoundLogger = structlog.get_logger()

IDLE_SECONDS = 0.2
"""Between looks while nothing is new: half a percent of a core, and soon enough for people."""

RETRY_SECONDS = 1.0
REJECTIONS_KEPT = timedelta(days=7)
PRUNE_SECONDS = 3_600.0


def now() -> Instant:
    """Read the clock."""
    return time.time_ns() // 1_000


def run(url: str, stop: threading.Event) -> None:
    """Project until told to stop. A step is one transaction, never half done.

    A database that cannot be reached at first raises; one that is lost later is waited for.
    """
    project.connect(url).close()
    while not stop.is_set():
        try:
            with project.connect(url) as connection:
                _project(connection, stop)
        except psycopg.errors.LockNotAvailable:
            continue  # another worker is at it
        except psycopg.OperationalError as error:
            _log.warning("database_lost", error=type(error).__name__, sqlstate=error.sqlstate)
            stop.wait(RETRY_SECONDS)


def _project(connection: psycopg.Connection[Any], stop: threading.Event) -> None:
    projector = project.Projector(connection, now, failed=_failed)
    prune_at = 0.0
    while not stop.is_set():
        step = projector.step()
        if time.monotonic() >= prune_at:
            _prune(connection)
            prune_at = time.monotonic() + PRUNE_SECONDS
        if not step.events and not step.sessions:
            stop.wait(IDLE_SECONDS)


def _failed(session: str, error: Exception) -> None:
    _log.error("session_not_folded", call_session_id=session, error=type(error).__name__)


def _prune(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SELECT intake.prune(%s)", [datetime.now(UTC) - REJECTIONS_KEPT])
