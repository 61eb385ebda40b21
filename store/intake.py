"""Intake: one way in for every entry, to the log if it answers in time, else to the spool.

A provider that is not answered within two seconds counts the delivery as failed, and gives up after a minute. So

1. an entry is offered to the log, and waited for no longer than ``LOG_SECONDS``;
2. one that is not committed by then is written to the spool too. Its commit is not cancelled: if it happens after all,
   the log recognises the delivery when the spool brings it;
3. while Postgres is silent or away nobody waits for it: entries go straight to the spool;
4. where the spool cannot take it either, the log has what is left of ``ANSWER_SECONDS``; then the entry is refused.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Literal, Self
from uuid import uuid4

from store import append, spool
from store.batch import Batcher
from store.entry import Entry, Kept, Spooled
from store.errors import EntryRefused, LogUnavailable, SpoolUnavailable, StoreError
from store.observer import Observer
from store.spools import Spools
from store.tender import Tender

LOG_SECONDS = 0.8
SPOOL_SECONDS = 0.5
ANSWER_SECONDS = 1.6
"""From the last byte of a request on; the rest of the two seconds is the network's."""

PULSE_SECONDS = 0.5


class Intake:
    """The way in for one process and event loop. Use as an async context manager; leaving drains what it can."""

    def __init__(
        self,
        url: str,
        directory: Path,
        now_us: Callable[[], int],
        *,
        spool_bytes_max: int = spool.BYTES_MAX_DEFAULT,
        observer: Observer | None = None,
    ) -> None:
        """Take the log's URL (of a role that may append), the directory for spools, and a clock (us since 1970)."""
        self._observer = observer or Observer()
        process = uuid4()
        self._spools = Spools(directory, process, spool_bytes_max, self._observer)
        tends = partial(append.connect, url, application_name="callaudit tender")
        self._tender = Tender(tends, self._spools, process, now_us, self._observer)
        takes = partial(append.connect, url, application_name="callaudit ingest")
        self._log = Batcher[Kept](lambda: append.Appender(takes()), committed=self._observer.batch)
        self._spool = Batcher[Spooled](self._spools.own)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._tender.start()
        await self._stack.enter_async_context(self._log)
        await self._stack.enter_async_context(self._spool)
        self._pulse = asyncio.create_task(self._turn(), name="show that the loop turns")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        await asyncio.to_thread(self._tender.stop)
        self._pulse.cancel()
        with suppress(asyncio.CancelledError):
            await self._pulse

    @property
    def path(self) -> Literal["log", "spool"] | None:
        """By which path an entry would be taken now; None: by none."""
        if self._log_answers():
            return "log"
        return "spool" if self._spools.is_up else None

    async def put(self, entry: Entry) -> Kept | Spooled:
        """Keep the entry, on disk, and say where. Raises StoreError where neither log nor spool can take it."""
        ends_at = time.monotonic() + ANSWER_SECONDS
        future = self._offered(entry)
        if future is not None and await _done(future, LOG_SECONDS):
            outcome = self._outcome(future)
            if outcome is not None:
                return outcome
            future = None
        try:
            spooled = await self._spooled(entry)
        except StoreError:
            if future is None or not await _done(future, ends_at - time.monotonic()):
                raise
            outcome = self._outcome(future)
            if outcome is None:
                raise
            return outcome
        if future is not None:
            self._log.withdraw(future)
        return spooled

    def _log_answers(self) -> bool:
        return self._tender.log_is_up and self._log.committing_seconds < LOG_SECONDS

    def _offered(self, entry: Entry) -> asyncio.Future[Kept] | None:
        if not self._log_answers():
            return None
        try:
            return self._log.offer(entry)
        except LogUnavailable:  # too many wait: the spool has room of its own
            return None

    def _outcome(self, future: asyncio.Future[Kept]) -> Kept | None:
        """Give where the log keeps the entry; None: it does not, and the spool is to."""
        try:
            return future.result()
        except EntryRefused:
            return None  # nothing is lost: the spool sets it aside, and shows it
        except StoreError as error:
            self._tender.log_failed(str(error))
            self._tender.wake()
            return None

    async def _spooled(self, entry: Entry) -> Spooled:
        try:
            async with asyncio.timeout(SPOOL_SECONDS):
                spooled = await self._spool.put(entry)
        except TimeoutError as error:
            raise SpoolUnavailable("the disk does not answer") from error
        self._tender.wake()
        return spooled

    async def _turn(self) -> None:
        while True:
            self._tender.loop_turns()
            await asyncio.sleep(PULSE_SECONDS)


async def _done(future: asyncio.Future[Kept], seconds: float) -> bool:
    await asyncio.wait({future}, timeout=max(0.0, seconds))
    return future.done()
