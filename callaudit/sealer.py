"""The worker's sealer: a thread of its own, so that neither a refusal to seal stops projecting nor the other way round.

It seals at most every few seconds while events come, once more when it is told to stop, and appends an event of its
own after an idle hour: the checkpoint over it proves that the log had nothing new then, not that nothing was sent. A
refusal is said loudly when it begins, again every minute, and when it is over; it is tried again all the while. Only a
sealer that can seal says that it is alive.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import structlog

from callaudit import alarms, beside
from store import append, heartbeats, sealing, signing, system
from store.entry import Kept
from store.errors import StoreError
from store.sealing import Progress

_log: structlog.stdlib.BoundLogger = structlog.get_logger()

RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to seal while events come, when a log is idle, and how often to look."""

    seal_seconds: float = 10.0
    idle: timedelta = timedelta(hours=1)
    look_seconds: float = heartbeats.BEAT_SECONDS


@contextmanager
def running(url: str, folder: signing.Folder, stop: threading.Event, pace: Pace = Pace()) -> Generator[None]:
    """Seal during the block, and once more at its end."""
    with beside.running("seal", stop, run, url, folder, stop, pace):
        yield


def run(url: str, folder: signing.Folder, stop: threading.Event, pace: Pace = Pace()) -> None:
    """Seal until told to stop, whatever happens; a database that is away is waited for."""
    sealer = _Sealer(url, folder, pace)
    while True:
        last = stop.is_set()
        try:
            with sealing.connect(url) as connection:
                sealer.seal_over(connection, stop)
        except psycopg.OperationalError as error:
            sealer.failed("database_lost", f"{type(error).__name__} {error.sqlstate}")
        except Exception as error:  # noqa: BLE001  a thread that ends would be a silence
            sealer.failed("sealing_failed", type(error).__name__)
        else:
            return
        if last:
            return
        stop.wait(RETRY_SECONDS)


class _Sealer:
    """What lasts from one connection to the next."""

    def __init__(self, url: str, folder: signing.Folder, pace: Pace) -> None:
        self._url = url
        self._folder = folder
        self._pace = pace
        self._began = _now()
        self._pulse: heartbeats.Pulse | None = None
        self._alarm = alarms.Alarm("not_sealed", "sealing_again")
        self._beat_at = 0.0

    def seal_over(self, connection: psycopg.Connection[Any], stop: threading.Event) -> None:
        """Seal over one connection until told to stop, and then once more."""
        sealer = sealing.Sealer(connection, self._folder, _now, lambda: self._beat(connection))
        seal_at = 0.0
        while not stop.is_set():
            if time.monotonic() >= seal_at and self._seal(sealer):
                seal_at = time.monotonic() + self._pace.seal_seconds
            if self._alarm.reason is None:
                self._idle(sealing.progress(connection))
                self._beat(connection)
            stop.wait(self._pace.look_seconds)
        self._seal(sealer)
        if self._alarm.reason is None:
            self._beat(connection, stopped=True)

    def failed(self, reason: str, detail: str) -> None:
        """Say that nothing is sealed; it is no sign of life, and the next one begins another stretch."""
        self._pulse = None
        self._alarm.on(reason, detail)

    def _seal(self, sealer: sealing.Sealer) -> bool:
        """Seal what there is; tell whether it is time to wait before the next."""
        try:
            sealed = sealer.seal()
        except StoreError as error:
            self.failed(error.reason, str(error))
            return True
        if sealer.agrees:
            self._alarm.off()
        return sealed is not None

    def _idle(self, progress: Progress) -> None:
        """After an idle hour, append an event: the checkpoint over it proves that the log had nothing new till then."""
        since = progress.sealed_at or self._began
        if progress.oldest_waiting is not None or _now() - since < self._pace.idle:
            return
        said = {
            "size": progress.position,
            "since": since.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }
        entry = system.event(system.IDLE, said, _now_us())
        with append.connect(self._url, application_name="callaudit sealer") as connection:
            (outcome,) = append.Appender(connection).append([entry])
        if not isinstance(outcome, Kept):
            _log.warning("idle_event_not_appended", reason=outcome.reason)

    def _beat(self, connection: psycopg.Connection[Any], *, stopped: bool = False) -> None:
        if not stopped and time.monotonic() < self._beat_at:
            return
        self._beat_at = time.monotonic() + heartbeats.BEAT_SECONDS / 2
        self._pulse = self._pulse or heartbeats.Pulse("seal", _now_us)
        progress = sealing.progress(connection)
        self._pulse.beat(
            connection,
            position=progress.position,
            oldest_waiting=progress.oldest_waiting,
            stopped=stopped and progress.oldest_waiting is None,
        )


def _now_us() -> int:
    return time.time_ns() // 1_000


def _now() -> datetime:
    return heartbeats.at(_now_us())
