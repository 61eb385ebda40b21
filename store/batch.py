"""Group commit: entries that wait together are kept together, by the log or by the spool.

While one batch is being committed, the next one gathers; there is no timer, so an idle log commits at once and a
busy one in batches. ``put`` returns when the entry is on disk. The queue is bounded: over it ``put`` refuses at
once, and memory stays what it is.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Generic, Protocol, Self, TypeVar

from store import append
from store.entry import Entry
from store.errors import LogUnavailable, StoreError

BATCH_ENTRIES_MAX_DEFAULT = 1_000
"""Entries in one commit: more gain nothing (36-60 µs a row from 64 on) and hold the append turn longer."""

BATCH_BYTES_MAX_DEFAULT = 16 * 2**20
"""Bytes of bodies in one commit, where they are large."""

WAITING_ENTRIES_MAX_DEFAULT = 20_000
"""Entries that may wait, about 20 MB of webhooks; what a burst leaves over is answered 503."""

WAITING_BYTES_MAX_DEFAULT = 128 * 2**20
"""Bytes of bodies that may wait, where they are large."""


STUCK_SECONDS_DEFAULT = append.STUCK_SECONDS
"""A batch that takes longer waits for a silent server; its line is cut."""

Where = TypeVar("Where")
"""What says where an entry is: ``Kept`` of the log, ``Spooled`` of the spool."""

Where_co = TypeVar("Where_co", covariant=True)


class Append(Protocol[Where_co]):
    """What can keep a batch: ``store.append.Appender``, ``store.spool.Spool``."""

    def append(self, entries: Sequence[Entry]) -> Sequence[Where_co | StoreError]:
        """Store the entries; say of each where it is, or why it is not stored."""
        ...

    def close(self) -> None:
        """Give up what is held; no batch comes after it."""
        ...

    def abort(self) -> None:
        """Make an ``append`` that waits in another thread fail."""
        ...


def _unheard(_entries: int, _seconds: float) -> None:
    """Hear of no batch."""


class Batcher(Generic[Where]):
    """Gathers entries of one event loop into batches. Use as an async context manager; leaving drains it.

    ``committed`` hears of each batch that was kept: how many entries, and how many seconds it took.
    """

    def __init__(  # noqa: PLR0913  limits, by keyword
        self,
        connect: Callable[[], Append[Where]],
        *,
        batch_entries_max: int = BATCH_ENTRIES_MAX_DEFAULT,
        batch_bytes_max: int = BATCH_BYTES_MAX_DEFAULT,
        waiting_entries_max: int = WAITING_ENTRIES_MAX_DEFAULT,
        waiting_bytes_max: int = WAITING_BYTES_MAX_DEFAULT,
        stuck_seconds: float = STUCK_SECONDS_DEFAULT,
        committed: Callable[[int, float], object] = _unheard,
    ) -> None:
        """Take how to get an appender; it is called in the thread that appends, and again after a failure."""
        self._connect = connect
        self._batch_entries_max = batch_entries_max
        self._batch_bytes_max = batch_bytes_max
        self._waiting_entries_max = waiting_entries_max
        self._waiting_bytes_max = waiting_bytes_max
        self._stuck_seconds = stuck_seconds
        self._committed = committed
        self._waiting: dict[asyncio.Future[Where], Entry] = {}
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._closing = False
        self._appender: Append[Where] | None = None
        self._began: float | None = None
        self._silent = False
        # One thread: a connection serves one batch at a time, and libpq releases the interpreter while it waits.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="append")

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="append batches")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._arrived.set()
        await self._task
        self._thread.submit(self._disconnect)
        self._thread.shutdown()

    @property
    def waiting(self) -> int:
        """How many entries wait for a batch."""
        return len(self._waiting)

    @property
    def committing_seconds(self) -> float:
        """For how long the batch under way has been committed; 0 where none is."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def offer(self, entry: Entry) -> asyncio.Future[Where]:
        """Let the entry wait for the next batch; the future says where it is, or why not (StoreError).

        Raises LogUnavailable where no more may wait.
        """
        full = len(self._waiting) >= self._waiting_entries_max or self._waiting_bytes >= self._waiting_bytes_max
        if self._closing or full:
            raise LogUnavailable("stopping" if self._closing else "too many entries wait")
        future: asyncio.Future[Where] = asyncio.get_running_loop().create_future()
        self._waiting[future] = entry
        self._waiting_bytes += len(entry.body)
        self._arrived.set()
        return future

    def withdraw(self, future: asyncio.Future[Where]) -> None:
        """Stop waiting: an entry in no batch yet will be in none; one in a commit under way may still be kept."""
        entry = self._waiting.pop(future, None)
        if entry is not None:
            self._waiting_bytes -= len(entry.body)
        future.cancel()

    async def put(self, entry: Entry) -> Where:
        """Keep the entry and say where it is. Raises LogUnavailable if it cannot be taken now."""
        return await self.offer(entry)

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            await self._arrived.wait()
            batch = self._take_batch()
            if not self._waiting and not self._closing:
                self._arrived.clear()
            if batch:
                try:
                    await self._commit(batch)
                except Exception as error:  # noqa: BLE001  a task that ended would leave all who come to the spool
                    self._began = None
                    _settle(batch, [LogUnavailable(type(error).__name__)] * len(batch))

    async def _commit(self, batch: list[tuple[asyncio.Future[Where], Entry]]) -> None:
        self._began = time.monotonic()
        entries = [entry for _, entry in batch]
        outcomes = await self._within_time(
            asyncio.get_running_loop().run_in_executor(self._thread, self._append, entries)
        )
        seconds, self._began = self.committing_seconds, None
        if not any(isinstance(outcome, LogUnavailable) for outcome in outcomes):
            self._committed(len(batch), seconds)
        _settle(batch, outcomes)

    def _take_batch(self) -> list[tuple[asyncio.Future[Where], Entry]]:
        """Take what goes into the next commit: the first that wait, up to a number and to a size."""
        batch: list[tuple[asyncio.Future[Where], Entry]] = []
        size = 0
        for future, entry in islice(self._waiting.items(), self._batch_entries_max):
            if batch and size + len(entry.body) > self._batch_bytes_max:
                break
            size += len(entry.body)
            batch.append((future, entry))
        for future, _ in batch:
            del self._waiting[future]
        self._waiting_bytes -= size
        return batch

    async def _within_time(
        self, appending: asyncio.Future[Sequence[Where | StoreError]]
    ) -> Sequence[Where | StoreError]:
        done, _ = await asyncio.wait({appending}, timeout=self._stuck_seconds)
        if not done:
            self._silent = True
            if self._appender is not None:
                self._appender.abort()
        return await appending

    def _append(self, entries: list[Entry]) -> Sequence[Where | StoreError]:
        """Append in the thread, over a new line where the one at hand was lost while nobody used it."""
        was_open, self._silent = self._appender is not None, False
        outcomes = self._try(entries)
        if was_open and self._appender is None and not self._silent:
            outcomes = self._try(entries)
        return outcomes

    def _try(self, entries: list[Entry]) -> Sequence[Where | StoreError]:
        """Append; whatever goes wrong, the waiting requests hear of it."""
        try:
            if self._appender is None:
                self._appender = self._connect()
            outcomes = self._appender.append(entries)
        except StoreError as error:
            outcomes = [error] * len(entries)
        except Exception as error:  # noqa: BLE001  see above
            outcomes = [LogUnavailable(type(error).__name__)] * len(entries)
        if any(isinstance(outcome, LogUnavailable) for outcome in outcomes):
            self._disconnect()  # the connection may be gone; the next batch opens another
        return outcomes

    def _disconnect(self) -> None:
        appender, self._appender = self._appender, None
        if appender is not None:
            with suppress(Exception):  # it is given up either way
                appender.close()


def _settle(batch: Sequence[tuple[asyncio.Future[Where], Entry]], outcomes: Sequence[Where | StoreError]) -> None:
    for (future, _), outcome in zip(batch, outcomes, strict=True):
        if future.done():  # nobody waits for it any more; its entry is stored all the same
            continue
        if isinstance(outcome, StoreError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
