"""The worker: projects the log into the read models, and clears away what was refused long ago."""

import threading
import time
from datetime import UTC, datetime, timedelta

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
    """Project until told to stop. A lost database is waited for; a step is one transaction, never half done."""
    prune_at = 0.0
    while not stop.is_set():
        try:
            with project.connect(url) as connection:
                projector = project.Projector(connection, now)
                while not stop.is_set():
                    step = projector.step()
                    if time.monotonic() >= prune_at:
                        _prune(connection)
                        prune_at = time.monotonic() + PRUNE_SECONDS
                    if not step.events and not step.sessions:
                        stop.wait(IDLE_SECONDS)
        except psycopg.OperationalError as error:
            _log.warning("database_lost", error=type(error).__name__)
            stop.wait(RETRY_SECONDS)


def _prune(connection: psycopg.Connection[object]) -> None:
    connection.execute("SELECT intake.prune(%s)", [datetime.now(UTC) - REJECTIONS_KEPT])
