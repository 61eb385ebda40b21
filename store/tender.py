"""The tender: a thread that keeps the way to the log open, however long Postgres is away.

Every second, or sooner when it is woken, it

1. takes over the spools of processes that are gone;
2. says that this process can take webhooks: to Postgres, or while that is away to its own spool;
3. moves what the spools hold into the log, in small batches beside new appends.

The first statement it gets through after a failure is what tells that Postgres is back.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import psycopg

from store import append, heartbeats
from store.entry import Kept
from store.errors import EntryRefused, SpoolUnavailable
from store.observer import Observer
from store.spool import Spool, Stretch
from store.spools import Spools

TEND_SECONDS = heartbeats.BEAT_SECONDS
ADOPT_SECONDS = 5.0
LOOP_SECONDS_MAX = 3.0
"""An event loop that has not turned for so long answers nobody."""

DRAIN_ENTRIES_MAX = 500
"""Rows moved in one transaction: few, so that new appends get their turn in between."""

STOP_SECONDS = 3.0
"""How long a process that stops goes on moving its spools into the log."""

Connect = Callable[[], psycopg.Connection[Any]]


class Tender:
    """Tends the way to one log, for one process. ``start`` it, ``stop`` it; the attributes are for any thread to read.

    ``log_is_up``: Postgres answered when it was last asked.
    """

    def __init__(self, connect: Connect, spools: Spools, now_us: Callable[[], int], observer: Observer) -> None:
        """Take how to connect (as ``store.append.connect``), the spools, and a clock (us since 1970)."""
        self.process = uuid4()
        self.log_is_up = True
        self._connect = connect
        self._spools = spools
        self._now_us = now_us
        self._observer = observer
        self._adopt_at = 0.0
        self._since_us: int | None = None
        self._loop_turned_at = time.monotonic()
        self._connection: psycopg.Connection[Any] | None = None
        self._appender: append.Appender | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tend the log", daemon=True)

    def start(self) -> None:
        """Begin; the spool is made now, so that a disk that cannot take it is known from the start."""
        self._note_alive()
        self._thread.start()

    def wake(self) -> None:
        """Tend at once: something was spooled."""
        self._wake.set()

    def loop_turns(self) -> None:
        """Hear from the event loop that it is alive: else this process answers nobody, whatever this thread can do."""
        self._loop_turned_at = time.monotonic()

    def log_failed(self, why: str) -> None:
        """Hear that Postgres did not take something; it is asked again soon."""
        if self.log_is_up:
            self.log_is_up = False
            self._observer.log_away(why)

    def stop(self) -> None:
        """Move what can be moved, then end. Never takes much longer than twice STOP_SECONDS."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(2 * STOP_SECONDS)
        if self._thread.is_alive():
            self._cut()
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._tend()
            self._wake.wait(TEND_SECONDS if self.log_is_up else TEND_SECONDS / 2)
            self._wake.clear()
        self._tend()
        said = self._say_good_bye()
        self._disconnect()
        # A spool whose process could not say that nothing waits in it is kept, empty or not: the next one says so.
        self._spools.release(keep_empty=not said)

    def _say_good_bye(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._beat(self._connection, stopped=True)
        except (psycopg.Error, OSError):
            return False
        return True

    def _tend(self) -> None:
        try:
            connection = self._connected()
            self._adopt(connection)
            self._beat(connection)
            self._drain(connection)
        except Exception as error:  # noqa: BLE001  whatever it is, a thread that ended would be a silence
            self._disconnect()
            self.log_failed(type(error).__name__)
            self._note_alive()
            self._spools.report()
        else:
            if not self.log_is_up:
                self.log_is_up = True
                self._observer.log_back()

    def _beat(self, connection: psycopg.Connection[Any], *, stopped: bool = False) -> None:
        contents = self._spools.report()
        since_us = self._alive_since()
        if since_us is None:
            return
        said = heartbeats.Beat(
            process=self.process,
            duty="ingest",
            since=heartbeats.at(since_us),
            alive_at=heartbeats.at(max(since_us, self._now_us())),
            oldest_waiting=None if contents.oldest_us is None else heartbeats.at(contents.oldest_us),
            stopped=stopped and not contents.rows,
        )
        heartbeats.beat(connection, said)

    def _note_alive(self) -> None:
        """Say it to the spool while Postgres is away; where that fails too, this process can take nothing."""
        since_us = self._alive_since()
        if since_us is not None and not self._spools.note_alive(Stretch(self.process, since_us, self._now_us())):
            self._since_us = None

    def _alive_since(self) -> int | None:
        """Go on with the stretch of time in which webhooks can be taken, or end it."""
        if time.monotonic() - self._loop_turned_at > LOOP_SECONDS_MAX and not self._stopping.is_set():
            self._since_us = None
        elif self._since_us is None:
            self._since_us = self._now_us()
        return self._since_us

    def _adopt(self, connection: psycopg.Connection[Any]) -> None:
        """Take over what processes that are gone left, and say for them until when they were alive."""
        if time.monotonic() < self._adopt_at:
            return
        self._adopt_at = time.monotonic() + ADOPT_SECONDS
        for found in self._spools.adopt():
            with suppress(SpoolUnavailable):
                for stretch in found.stretches():
                    heartbeats.beat(connection, _beat_of(stretch))
                # Should this process end before it is drained, whoever adopts it next settles for both.
                found.note_alive(Stretch(self.process, self._now_us(), self._now_us()))

    def _drain(self, connection: psycopg.Connection[Any]) -> None:
        ends_at = time.monotonic() + (STOP_SECONDS if self._stopping.is_set() else float("inf"))
        beat_at = time.monotonic() + TEND_SECONDS
        for each in self._spools.all():
            try:
                while self._move(each) and time.monotonic() < ends_at:
                    if time.monotonic() >= beat_at:
                        self._beat(connection)
                        beat_at = time.monotonic() + TEND_SECONDS
                self._settle(connection, each)
            except SpoolUnavailable as error:
                self._spools.failed(error)

    def _move(self, each: Spool) -> bool:
        """Move some rows into the log; tells whether there were any. Raises SpoolUnavailable, psycopg.Error."""
        waiting = each.oldest(DRAIN_ENTRIES_MAX)
        if not waiting:
            return False
        assert self._appender is not None
        outcomes = self._appender.append([row.entry for row in waiting])
        for row, outcome in zip(waiting, outcomes, strict=True):
            if isinstance(outcome, EntryRefused):
                each.set_aside(row.number, str(outcome))
                self._observer.set_aside(row.entry.event_id, str(outcome))
        moved = [row.number for row, outcome in zip(waiting, outcomes, strict=True) if isinstance(outcome, Kept)]
        each.remove(moved)
        self._observer.drained(len(moved))
        unavailable = next((str(each) for each in outcomes if not isinstance(each, Kept | EntryRefused)), None)
        if unavailable is not None:
            raise psycopg.OperationalError(unavailable)
        return True

    def _settle(self, connection: psycopg.Connection[Any], each: Spool) -> None:
        """Let go of an adopted spool that is empty."""
        contents = each.contents()
        if contents.rows or not self._spools.is_adopted(each):
            return
        for process in {stretch.process for stretch in each.stretches()} - {self.process}:
            heartbeats.settle(connection, process)
        self._spools.let_go(each, keep=contents.set_aside > 0)

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = self._connect()
            self._appender = append.Appender(self._connection)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection, self._appender = self._connection, None, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                connection.close()

    def _cut(self) -> None:
        appender = self._appender
        if appender is not None:
            appender.abort()


def _beat_of(stretch: Stretch) -> heartbeats.Beat:
    since, alive_at = heartbeats.at(stretch.since_us), heartbeats.at(stretch.alive_us)
    return heartbeats.Beat(process=stretch.process, duty="ingest", since=since, alive_at=max(since, alive_at))
