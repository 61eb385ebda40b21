"""Group commit: entries that wait together are appended together.

While one batch is being committed, the next one gathers; there is no timer, so an idle log commits at once and a
busy one in batches. ``put`` returns when the entry is on disk. The queue is bounded: over it ``put`` refuses at
once, and memory stays what it is.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, Self

from store.entry import Entry, Kept
from store.errors import LogUnavailable, StoreError

BATCH_ENTRIES_MAX_DEFAULT = 1_000
"""Entries in one commit: more gain nothing (36-60 µs a row from 64 on) and hold the append turn longer."""

WAITING_ENTRIES_MAX_DEFAULT = 20_000
"""Entries that may wait, about 20 MB of webhooks; what a burst leaves over is answered 503."""


class Append(Protocol):
    """What can append a batch: ``store.append.Appender``, or that behind a reconnecting wrapper."""

    def append(self, entries: Sequence[Entry]) -> list[Kept]:
        """Store the entries, or raise a StoreError with none of them stored."""
        ...

    def close(self) -> None:
        """Give up the connection; never raises."""
        ...


class Batcher:
    """Gathers entries of one event loop into batches. Use as an async context manager; leaving drains it."""

    def __init__(
        self,
        connect: Callable[[], Append],
        *,
        batch_entries_max: int = BATCH_ENTRIES_MAX_DEFAULT,
        waiting_entries_max: int = WAITING_ENTRIES_MAX_DEFAULT,
    ) -> None:
        """Take how to get an appender; it is called in the thread that appends, and again after a failure."""
        self._connect = connect
        self._batch_entries_max = batch_entries_max
        self._waiting_entries_max = waiting_entries_max
        self._waiting: list[tuple[Entry, asyncio.Future[Kept]]] = []
        self._arrived = asyncio.Event()
        self._closing = False
        self._appender: Append | None = None
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

    async def put(self, entry: Entry) -> Kept:
        """Append the entry and say where it is. Raises LogUnavailable if the log cannot take it now."""
        if self._closing or len(self._waiting) >= self._waiting_entries_max:
            raise LogUnavailable("stopping" if self._closing else "too many entries wait")
        future: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, future))
        self._arrived.set()
        return await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting or not self._closing:
            await self._arrived.wait()
            batch = self._waiting[: self._batch_entries_max]
            del self._waiting[: self._batch_entries_max]
            if not self._waiting and not self._closing:
                self._arrived.clear()
            if batch:
                await loop.run_in_executor(self._thread, self._append, batch, loop)

    def _append(self, batch: list[tuple[Entry, asyncio.Future[Kept]]], loop: asyncio.AbstractEventLoop) -> None:
        try:
            if self._appender is None:
                self._appender = self._connect()
            kept = self._appender.append([entry for entry, _ in batch])
        except StoreError as error:
            self._disconnect()  # the connection may be gone; the next batch opens another
            loop.call_soon_threadsafe(_fail, batch, error)
        except Exception as error:  # noqa: BLE001  whatever it is, the waiting requests must hear of it
            self._disconnect()
            loop.call_soon_threadsafe(_fail, batch, LogUnavailable(type(error).__name__))
        else:
            loop.call_soon_threadsafe(_settle, batch, kept)

    def _disconnect(self) -> None:
        if self._appender is not None:
            self._appender.close()
            self._appender = None


def _settle(batch: list[tuple[Entry, asyncio.Future[Kept]]], kept: list[Kept]) -> None:
    for (_, future), each in zip(batch, kept, strict=True):
        if not future.done():  # the request may have gone; its entry is stored all the same
            future.set_result(each)


def _fail(batch: list[tuple[Entry, asyncio.Future[Kept]]], error: StoreError) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
