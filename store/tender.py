"""The tender: a thread that keeps the way to the log open, however long Postgres is away.

Every second, or sooner when it is woken, it

1. says to its own spool that this process can take webhooks, which shows whether the spool can;
2. takes the append turn, which shows whether Postgres can, and says it there too;
3. takes over the spools of processes that are gone, and says until when those were alive;
4. moves what the spools hold into the log, in small batches beside new appends.

A process that can do neither 1 nor 2 can take nothing, and is not alive for anybody who counts.
"""

import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

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
"""An event loop that has not turned for so long answered nobody."""

DRAIN_ENTRIES_MAX = 500
"""Rows moved in one transaction: few, so that new appends get their turn in between."""

STOP_SECONDS = 3.0
"""How long a process that stops goes on moving its spools into the log."""

Connect = Callable[[], psycopg.Connection[Any]]
Connection = psycopg.Connection[Any]


class Tender:
    """Tends the way to one log, for one process. ``start`` it, ``stop`` it.

    ``log_is_up``, for any thread to read: Postgres could be appended to when it was last asked.
    """

    def __init__(
        self, connect: Connect, spools: Spools, process: UUID, now_us: Callable[[], int], observer: Observer
    ) -> None:
        """Take how to connect (as ``store.append.connect``), the spools, who it is for, and a clock (us since 1970)."""
        self.log_is_up = True
        self._connect = connect
        self._spools = spools
        self._process = process
        self._now_us = now_us
        self._observer = observer
        self._adopt_at = 0.0
        self._spoken_for: set[UUID] = set()
        self._since_us: int | None = None
        self._loop_turned_at = _awake_seconds()
        self._loop_stood_still = False
        self._connection: Connection | None = None
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
        """Hear from the event loop that it turns: else this process answers nobody, whatever this thread can do."""
        now = _awake_seconds()
        if now - self._loop_turned_at > LOOP_SECONDS_MAX:  # a frozen process wakes here as often as in our own thread
            self._loop_stood_still = True
        self._loop_turned_at = now

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
        if self._thread.is_alive() and self._connection is not None:
            append.cut(self._connection)
        self._thread.join(append.STUCK_SECONDS)

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

    def _tend(self) -> None:
        noted = self._note_alive()
        try:
            connection = self._connected()
            self._beat(connection)
            self._log_answers()
            self._adopt(connection)
            self._drain(connection)
        except Exception as error:  # noqa: BLE001  whatever it is, a thread that ended would be a silence
            self._disconnect()
            self.log_failed(type(error).__name__)
            if not noted:
                self._since_us = None
        self._spools.report()

    def _log_answers(self) -> None:
        if not self.log_is_up:
            self.log_is_up = True
            self._observer.log_back()

    def _note_alive(self) -> bool:
        since_us = self._alive_since()
        return since_us is not None and self._spools.note_alive(Stretch(since_us, self._now_us()))

    def _beat(self, connection: Connection, *, stopped: bool = False) -> None:
        """Say that this process can take webhooks, having seen that the log can be appended to."""
        assert self._appender is not None
        with append.patience(connection, append.STUCK_SECONDS):
            self._appender.take_turn()
            since_us = self._alive_since()
            if since_us is not None:
                stretch = Stretch(since_us, self._now_us())
                oldest_us = self._spools.own_contents().oldest_us
                heartbeats.beat(connection, _beat(self._process, stretch, oldest_us, stopped=stopped))

    def _alive_since(self) -> int | None:
        """Go on with the stretch of time in which webhooks can be taken, or end it, or begin another."""
        if self._loop_stood_still:
            self._loop_stood_still, self._since_us = False, None
        if _awake_seconds() - self._loop_turned_at > LOOP_SECONDS_MAX and not self._stopping.is_set():
            self._since_us = None
        elif self._since_us is None:
            self._since_us = self._now_us()
        return self._since_us

    def _adopt(self, connection: Connection) -> None:
        """Take over what processes that are gone left, and say for them until when they were alive."""
        if time.monotonic() >= self._adopt_at:
            self._adopt_at = time.monotonic() + ADOPT_SECONDS
            self._spools.adopt()
        for each in self._spools.adopted:
            if each.process not in self._spoken_for:
                self._speak_for(connection, each)
                self._spoken_for.add(each.process)

    def _speak_for(self, connection: Connection, each: Spool) -> None:
        try:
            stretch = each.stretch()
        except SpoolUnavailable as error:
            self._spools.failed(each.path, error)
            return
        if stretch is not None:
            with append.patience(connection, append.STUCK_SECONDS):
                heartbeats.beat(connection, _beat(each.process, stretch, self._spools.contents(each).oldest_us))

    def _drain(self, connection: Connection) -> None:
        beat_at, ends_at = time.monotonic() + TEND_SECONDS, float("inf")
        for each in self._spools.all():
            try:
                while self._move(connection, each) and time.monotonic() < ends_at:
                    if self._stopping.is_set():
                        ends_at = min(ends_at, time.monotonic() + STOP_SECONDS)
                    if time.monotonic() >= beat_at:
                        self._note_alive()
                        self._beat(connection)
                        self._spools.report()
                        beat_at = time.monotonic() + TEND_SECONDS
                self._settle(connection, each)
            except SpoolUnavailable as error:
                self._spools.failed(each.path, error)

    def _move(self, connection: Connection, each: Spool) -> bool:
        """Move some rows into the log; tells whether there were any. Raises SpoolUnavailable, psycopg.Error."""
        waiting = each.oldest(DRAIN_ENTRIES_MAX)
        if not waiting:
            return False
        assert self._appender is not None
        with append.patience(connection, append.STUCK_SECONDS):
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

    def _settle(self, connection: Connection, each: Spool) -> None:
        """Let go of an adopted spool in which nothing waits any more."""
        if each.process == self._process or each.contents().rows:
            return
        with append.patience(connection, append.STUCK_SECONDS):
            heartbeats.settle(connection, each.process)
        self._spoken_for.discard(each.process)
        self._spools.let_go(each)

    def _say_good_bye(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._beat(self._connection, stopped=self._spools.holds_nothing())
        except (psycopg.Error, OSError):
            return False
        return True

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect()
            with append.patience(self._connection, append.STUCK_SECONDS):
                self._appender = append.Appender(self._connection)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection, self._appender = self._connection, None, None
        if connection is not None:
            append.cut(connection)  # closing says good-bye first, which a silent server would hold up
            connection.close()


def _beat(process: UUID, stretch: Stretch, oldest_us: int | None, *, stopped: bool = False) -> heartbeats.Beat:
    return heartbeats.Beat(
        process=process,
        duty="ingest",
        since=heartbeats.at(stretch.since_us),
        alive_at=heartbeats.at(max(stretch.since_us, stretch.alive_us)),
        oldest_waiting=None if oldest_us is None else heartbeats.at(oldest_us),
        stopped=stopped,
    )


def _awake_seconds() -> float:
    """Read a clock that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
