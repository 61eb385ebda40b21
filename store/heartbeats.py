"""Heartbeats: which process did its duty from when to when. Silence says nothing, so each of them says so every second.

The duties are ``ingest`` (could answer a webhook 200, by whichever path), ``project`` and ``seal``. A process that
could not do its duty for a while begins another stretch. From the gaps between the stretches of ingest follow the
outages: time in which nobody could take webhooks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import class_row

from store import statements

Duty = Literal["ingest", "project", "seal"]

BEAT_SECONDS = 1.0
SILENT_AFTER = timedelta(seconds=5)
"""A process that has not been heard of for so long is late: five beats. A gap up to this is no outage, since Telnyx
repeats for up to a minute what was not answered."""

SETTLED_AFTER = timedelta(seconds=15)
"""How long a gap waits for another process to say that it was there all along, having lost only Postgres."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A stretch of time, and how far the process has come in it.

    ``oldest_waiting`` is when the oldest event that waits was received: answered but not appended, not projected, not
    sealed. ``position`` is the first that is not projected or sealed. ``stopped``: it ended, with nothing left behind.
    """

    process: UUID
    duty: str
    since: datetime
    alive_at: datetime
    oldest_waiting: datetime | None = None
    position: int | None = None
    stopped: bool = False


class Pulse:
    """The heartbeat of one duty of the worker in one process; it begins when this is made."""

    def __init__(self, duty: Duty, now_us: Callable[[], int]) -> None:
        """Take the duty, and a clock (us since 1970)."""
        self._now_us = now_us
        self._said = Beat(process=uuid4(), duty=duty, since=at(now_us()), alive_at=at(now_us()))

    def beat(
        self,
        connection: psycopg.Connection[Any],
        *,
        position: int | None = None,
        oldest_waiting: datetime | None = None,
        stopped: bool = False,
    ) -> None:
        """Say how far the duty is done; ``stopped``: that it is given up in good order."""
        alive_at = max(self._said.alive_at, at(self._now_us()))
        self._said = replace(
            self._said, alive_at=alive_at, position=position, oldest_waiting=oldest_waiting, stopped=stopped
        )
        beat(connection, self._said)


@dataclass(frozen=True, slots=True)
class Gap:
    """Time in which nobody could take webhooks: from the last sign of life to the next."""

    begins: datetime
    ends: datetime


def beat(connection: psycopg.Connection[Any], said: Beat) -> None:
    """Say it."""
    fields = {name: getattr(said, name) for name in Beat.__slots__}
    connection.execute(statements.load("store", "beat"), fields)


def settle(connection: psycopg.Connection[Any], process: UUID) -> None:
    """Say that nothing of a process that is gone waits any more."""
    connection.execute(statements.load("store", "settle_process"), {"process": process})


def latest(connection: psycopg.Connection[Any]) -> Mapping[str, Beat]:
    """Give the newest beat of each duty; a duty that nobody was ever at is not there."""
    with connection.cursor(row_factory=class_row(Beat)) as cursor:
        return {said.duty: said for said in cursor.execute(statements.load("store", "latest_beats"))}


def gaps(connection: psycopg.Connection[Any], now: datetime) -> list[Gap]:
    """Give the outages that are over, oldest first."""
    bounds = {"shortest": SILENT_AFTER, "before": now - SETTLED_AFTER, "silent_since": now - SILENT_AFTER}
    with connection.cursor() as cursor:
        return [Gap(*each) for each in cursor.execute(statements.load("store", "gaps"), bounds)]


def heard_until(connection: psycopg.Connection[Any], now: datetime) -> datetime:
    """Say until when the log is known to hold what could be heard: nothing later may be judged."""
    bounds = {"silent_since": now - SILENT_AFTER}
    row = connection.execute(statements.load("store", "heard_until"), bounds).fetchone()
    return now if row is None or row[0] is None else min(now, row[0])


def give_up_waiting(connection: psycopg.Connection[Any], declared: Gap, now: datetime) -> int:
    """Stop waiting for processes that went in a declared outage, and for what they took in it; gives how many."""
    bounds = {"begins": declared.begins, "ends": declared.ends, "silent_since": now - SILENT_AFTER}
    return connection.execute(statements.load("store", "give_up_waiting"), bounds).rowcount


def at(instant_us: int) -> datetime:
    """Give an instant in microseconds as a datetime."""
    return _EPOCH + timedelta(microseconds=instant_us)
