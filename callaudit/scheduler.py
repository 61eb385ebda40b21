"""The worker's schedules: a thread of its own, that runs each report when it is due, one at a time.

Whatever fails is said when it begins and when it is over, and tried again; no report that cannot be made or delivered
keeps the others from being run, or the log from being sealed and projected.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog

from callaudit import alarms, beside
from reports import scheduled, schedules
from reports.scheduled import Means, ScheduledRun

_log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOOK_SECONDS = 1.0
RETRY_SECONDS = 1.0


@contextmanager
def running(url: str, stop: threading.Event, means: Means, look_seconds: float = LOOK_SECONDS) -> Generator[None]:
    """Run what is due during the block; a run that takes too long to end is taken up again."""
    with beside.running("schedules", stop, run, url, stop, means, look_seconds):
        yield


def run(url: str, stop: threading.Event, means: Means, look_seconds: float = LOOK_SECONDS) -> None:
    """Run what is due until told to stop, whatever happens; a database that is away is waited for."""
    alarm = alarms.Alarm("schedules_not_run", "schedules_run_again")
    unusable = alarms.Alarm("schedule_unusable", "schedules_usable_again")
    while not stop.is_set():
        try:
            with schedules.connect(url) as connection:
                while not stop.is_set():
                    step(connection, means, stop.is_set, unusable)
                    alarm.off()
                    stop.wait(look_seconds)
        except psycopg.Error as error:
            alarm.on("database_lost", f"{type(error).__name__} {error.sqlstate}")
        except Exception as error:  # noqa: BLE001  a thread that ends would be a silence
            alarm.on("scheduling_failed", type(error).__name__)
        stop.wait(RETRY_SECONDS)


def step(
    connection: psycopg.Connection[Any], means: Means, stopped: Callable[[], bool], unusable: alarms.Alarm
) -> None:
    """Plan what came due, and attempt all that waits."""
    refused = [(name, refusal) for name, refusal in scheduled.plan(connection, means) if refusal is not None]
    for name, refusal in refused:
        unusable.on(refusal.reason, f"{name}: {refusal}")
    if not refused:
        unusable.off()
    while not stopped() and (attempted := scheduled.attempt(connection, means)) is not None:
        _say(attempted)


def _say(attempted: ScheduledRun) -> None:
    said = {"schedule": attempted.schedule, "due_at": attempted.due_at.isoformat(), "attempts": attempted.attempts}
    match attempted.state:
        case "delivered":
            _log.info("report_delivered", **said, log_position=attempted.log_position)
        case "given_up":
            _log.error("report_given_up", **said, reason=attempted.reason)
        case _:
            _log.warning("report_failed", **said, reason=attempted.reason)
