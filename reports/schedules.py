"""Schedules: a report over a period that moves with the day, when it is due, in which formats and where to.

A schedule is added and removed, never edited: what its runs were is then plain from its rows.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from reports import delivery, due, periods, registry
from reports.errors import FormatUnknown
from reports.schedule_errors import ScheduleRefused
from store import append, statements

_SESSION = """
    SET TimeZone = 'UTC'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = 0;
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3
"""
"""A run is held in a transaction for as long as it takes; one whose host is gone, not much longer."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a schedule is to do; ``by`` None is the report's usual breakdown."""

    schedule: str
    report: str
    cron: str
    zone: str
    period: str
    by: str | None
    formats: Sequence[str]
    destination: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Asked):
    """A schedule as it is kept. Each due time up to ``planned_until`` has its row; ``next_due_at`` is the first after.

    While it is paused nothing of it is due or tried again.
    """

    created_at: datetime
    paused_at: datetime | None
    planned_until: datetime
    next_due_at: datetime | None


def connect(url: str) -> psycopg.Connection[Any]:
    """Open a connection to keep schedules and take runs with."""
    connection = psycopg.connect(url, autocommit=True, application_name="callaudit schedules", **append.SOON)
    connection.execute(_SESSION)
    return connection


def check(asked: Asked, now: datetime) -> None:
    """Raise ReportRefused for what could never run. Whether a destination can be written, ``delivery.try_out`` says."""
    from reports import export, question  # noqa: PLC0415  pandas takes a second, which `schedule list` should not pay

    if not _NAME.fullmatch(asked.schedule):
        raise ScheduleRefused(
            "schedule_name_refused",
            f"{asked.schedule!r} is no name of a schedule: use a-z, 0-9, - and _, at most 63, and no - or _ first",
        )
    registry.find(asked.report)
    due.check(asked.cron, asked.zone)
    periods.dates(asked.period, asked.zone, now)
    if asked.by is not None:
        question.breakdown(asked.by, registry.find(asked.report).breakdowns)
    for name in asked.formats:
        if name not in export.FORMATS:
            raise FormatUnknown(f"there is no format {name!r}; there are {', '.join(export.FORMATS)}")
    delivery.check(asked.destination)


def add(connection: psycopg.Connection[Any], asked: Asked, now: datetime) -> Schedule:
    """Keep a new schedule, due from ``now`` on. Raises ReportRefused: what ``check`` refuses, and schedule_exists."""
    check(asked, now)
    upcoming = due.upcoming(asked.cron, asked.zone, now)
    given = {**asdict(asked), "formats": list(asked.formats), "now": now, "next_due_at": upcoming}
    try:
        with connection.cursor(row_factory=class_row(Schedule)) as cursor:
            (added,) = cursor.execute(statements.load("reports", "add_schedule"), given).fetchall()
    except psycopg.errors.UniqueViolation:
        raise ScheduleRefused(
            "schedule_exists", f"there is a schedule {asked.schedule}: remove it first, or choose another name"
        ) from None
    return added


def listed(connection: psycopg.Connection[Any], name: str | None = None) -> list[Schedule]:
    """Give all schedules by name, or the one of a name."""
    with connection.cursor(row_factory=class_row(Schedule)) as cursor:
        return cursor.execute(statements.load("reports", "list_schedules"), {"schedule": name}).fetchall()


def find(connection: psycopg.Connection[Any], name: str) -> Schedule:
    """Give one schedule. Raises ScheduleRefused: schedule_unknown."""
    for found in listed(connection, name):
        return found
    raise unknown(name)


def remove(connection: psycopg.Connection[Any], name: str, now: datetime) -> None:
    """Remove a schedule. The rows of its runs stay; those that wait are given up. Raises ScheduleRefused."""
    with connection.transaction():
        if connection.execute(statements.load("reports", "remove_schedule"), {"schedule": name}).fetchone() is None:
            raise unknown(name)
        # A statement of its own: the removal may have waited for a worker that gave due times their rows.
        give_up_orphans(connection, now)


def give_up_orphans(connection: psycopg.Connection[Any], now: datetime) -> None:
    """Give up what waits of schedules that are gone, unless a worker is at it."""
    connection.execute(statements.load("reports", "give_up_orphans"), {"now": now})


def pause(connection: psycopg.Connection[Any], name: str, now: datetime) -> None:
    """Let nothing of a schedule run until it is resumed. Raises ScheduleRefused."""
    find(connection, name)
    connection.execute(statements.load("reports", "pause_schedule"), {"schedule": name, "now": now})


def resume(connection: psycopg.Connection[Any], name: str, now: datetime) -> Schedule:
    """Let a paused schedule go on; what was due meanwhile is not run. Raises ScheduleRefused."""
    paused = find(connection, name)
    given = {"schedule": name, "now": now, "next_due_at": due.upcoming(paused.cron, paused.zone, now)}
    connection.execute(statements.load("reports", "resume_schedule"), given)
    return find(connection, name)


def unknown(name: str) -> ScheduleRefused:
    """Make the refusal of a name that no schedule has."""
    return ScheduleRefused("schedule_unknown", f"there is no schedule {name!r}: `callaudit schedule list` shows them")
