"""How a schedule's run is made: pinned to the log as it was at its first attempt, its files added to the destination.

Whoever attempts it again asks the log as of the same position and instant, with the same evidence above the figures,
and so makes the same bytes: what lies at the destination already is then delivered.
"""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg

import callaudit
from callaudit import reporting
from callaudit.settings import Settings
from calls import instants
from reports import periods
from reports.errors import OutExists, OutUnwritable
from reports.schedule_errors import RunFailed
from reports.scheduled import Means, Pinned, Produced
from reports.schedules import Schedule
from store import append, heartbeats, read

if TYPE_CHECKING:
    from reports.issuing import Asked, Log

Sign = Callable[[bytes], bytes]


class Production:
    """Makes runs as the worker's role; ``sign`` gives what signs manifests, or None where there is no key yet."""

    def __init__(self, url: str, sign: Callable[[], Sign | None] = lambda: None) -> None:
        """Take the database, and the log's key."""
        self._url = url
        self._sign = sign

    def pin(self, schedule: Schedule, due_at: datetime) -> Pinned:
        """Say what a run that is attempted now is asked as of: all that the log holds. Raises ReportRefused."""
        from reports import engines, evidence  # noqa: PLC0415  pandas takes a second, which a worker need not pay at its start
        from reports.as_of import AsOf  # noqa: PLC0415  as above

        with psycopg.connect(self._url, autocommit=True, **append.SOON) as connection:
            heard = instants.from_datetime(heartbeats.heard_until(connection, now()))
            judged = engines.Postgres(connection).standing().judged_us or heard
            when = AsOf(read.head(connection) + 1, max(heard, judged))
            found = evidence.gather(connection, when, _asked(schedule, due_at).period)
            return Pinned(when.position, instants.to_datetime(when.instant), found)

    def produce(self, schedule: Schedule, due_at: datetime, pinned: Pinned) -> Produced:
        """Ask the report and deliver its files. Raises RunFailed, ReportRefused."""
        from reports import destinations, export, issuing  # noqa: PLC0415  as above
        from reports.as_of import AsOf  # noqa: PLC0415  as above

        if pinned.position is None:
            raise RunFailed("report_failed", "the run is pinned to no position of the log")
        when = AsOf(pinned.position, instants.from_datetime(pinned.as_of))
        run = issuing.at(_asked(schedule, due_at), when, self._url, self._log(), pinned.evidence)
        files = export.files(run, schedule.formats, program_version=callaudit.VERSION, sign=self._sign())
        folder = f"{schedule.destination.rstrip('/')}/{schedule.schedule}/{due_at:%Y-%m-%dT%H%M%SZ}"
        try:
            addresses = destinations.opened(folder).write(files, create_only=True)
        except OutExists as error:
            raise RunFailed("delivery_conflict", str(error)) from error
        except OutUnwritable as error:
            raise RunFailed("destination_unavailable", str(error)) from error
        *_, manifest = files.values()
        return Produced(addresses, hashlib.sha256(manifest).hexdigest(), run.position)

    def _log(self) -> "Log":
        from reports.issuing import Log  # noqa: PLC0415  as above

        return Log(url=self._url, now=lambda: time.time_ns() // 1_000)


def means(url: str, read: Settings) -> Means:
    """Give how schedules are run on this machine."""
    made = Production(url, lambda: reporting.signing(read))
    return Means(now, made.pin, made.produce)


def now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


def _asked(schedule: Schedule, due_at: datetime) -> "Asked":
    from reports.issuing import Asked  # noqa: PLC0415  as above

    first, end = periods.dates(schedule.period, schedule.zone, due_at)
    return Asked(schedule.report, first, end, schedule.zone, schedule.by)
