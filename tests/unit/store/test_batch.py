"""Group commit, over a log in memory whose commits happen when the test says so."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from store import batch
from store.entry import Entry, Kept
from store.errors import EntryRefused, LogUnavailable, StoreError
from tests.unit.store import made

DEADLINE_SECONDS = 10
"""What is well takes milliseconds."""


@dataclass
class Log:
    """A log in memory: a commit waits until it is let through, and fails if it is told to."""

    batches: list[list[Entry]] = field(default_factory=list[list[Entry]])
    failures: list[Exception | None] = field(default_factory=list[Exception | None])
    connected: int = 0
    closed: int = 0
    cut: bool = False
    began: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    let_through: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def connect(self) -> "Log":
        """Count a connection."""
        self.connected += 1
        return self

    def close(self) -> None:
        """Count its end."""
        self.closed += 1

    def abort(self) -> None:
        """Let the commit that waits go on, to fail."""
        self.cut = True
        self.let_through.release()

    def append(self, entries: Sequence[Entry]) -> list[Kept | StoreError]:
        """Wait, then keep the batch, but for what comes from nobody, or fail."""
        self.began.release()
        assert self.let_through.acquire(timeout=DEADLINE_SECONDS)
        failure = LogUnavailable("cut") if self.cut else self.failures.pop(0) if self.failures else None
        self.cut = False
        if isinstance(failure, StoreError):
            return [failure] * len(entries)
        if failure is not None:
            raise failure
        first = sum(map(len, self.batches))
        self.batches.append(list(entries))
        return [
            EntryRefused("nobody") if entry.source == "nobody" else Kept(first + n, redelivered=False)
            for n, entry in enumerate(entries)
        ]

    async def commit_begins(self) -> None:
        """Wait until a commit is under way."""
        assert await asyncio.to_thread(self.began.acquire, timeout=DEADLINE_SECONDS)

    def open(self) -> "Log":
        """Let all commits through."""
        self.let_through.release(1_000)
        return self

    @property
    def sizes(self) -> list[int]:
        """Give how many entries each commit had."""
        return [len(each) for each in self.batches]


def on_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run an async test in an event loop of its own; one that waits in vain fails."""

    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), DEADLINE_SECONDS))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def puts(batcher: batch.Batcher, first: int, end: int) -> list[asyncio.Task[Kept]]:
    """Begin to put entries, and give the tasks once all of them wait."""
    tasks = [asyncio.create_task(batcher.put(each)) for each in map(made.entry, range(first, end))]
    await asyncio.sleep(0)
    return tasks


def positions(kept: Sequence[Kept]) -> list[int]:
    """Give where the entries are."""
    return [each.position for each in kept]


@on_loop
async def test_put_commits_at_once_when_the_log_is_idle() -> None:
    """No timer delays a lone entry: its commit begins without another arriving."""
    log = Log().open()
    async with batch.Batcher(log.connect) as batcher:
        assert await batcher.put(made.entry(0)) == Kept(0, redelivered=False)
    assert log.sizes == [1]


@on_loop
async def test_put_groups_what_waits_during_a_commit() -> None:
    """What arrives while a batch is committed goes together into the next, in its order."""
    log = Log()
    async with batch.Batcher(log.connect) as batcher:
        first = await puts(batcher, 0, 1)
        await log.commit_begins()
        later = await puts(batcher, 1, 6)
        assert batcher.waiting == 5
        log.open()
        assert positions(await asyncio.gather(*first, *later)) == [0, 1, 2, 3, 4, 5]
    assert log.sizes == [1, 5]
    assert [each for one in log.batches for each in one] == [made.entry(number) for number in range(6)]


@on_loop
async def test_put_is_answered_only_after_the_commit() -> None:
    """A put is not done while its commit is under way."""
    log = Log()
    async with batch.Batcher(log.connect) as batcher:
        (task,) = await puts(batcher, 0, 1)
        await log.commit_begins()
        await asyncio.sleep(0)
        assert not task.done()
        log.open()
        await task


@on_loop
async def test_batches_hold_no_more_than_allowed() -> None:
    """A burst is split, so that no commit holds the append turn for long."""
    log = Log()
    async with batch.Batcher(log.connect, batch_entries_max=2) as batcher:
        first = await puts(batcher, 0, 1)
        await log.commit_begins()
        later = await puts(batcher, 1, 6)
        log.open()
        await asyncio.gather(*first, *later)
    assert log.sizes == [1, 2, 2, 1]


@on_loop
async def test_batches_are_no_larger_than_allowed() -> None:
    """Large bodies are split over commits too, each with at least one."""
    log = Log()
    async with batch.Batcher(log.connect, batch_bytes_max=2 * len(made.entry(0).body) + 1) as batcher:
        first = await puts(batcher, 0, 1)
        await log.commit_begins()
        later = await puts(batcher, 1, 6)
        log.open()
        await asyncio.gather(*first, *later)
    assert log.sizes == [1, 2, 2, 1]


@on_loop
async def test_put_refuses_at_once_when_too_much_waits() -> None:
    """Memory stays bounded by bytes too, and there is room again once a batch was taken."""
    log = Log()
    async with batch.Batcher(log.connect, waiting_bytes_max=len(made.entry(0).body)) as batcher:
        first = await puts(batcher, 0, 1)
        await log.commit_begins()
        later = await puts(batcher, 1, 2)
        with pytest.raises(LogUnavailable, match="too many"):
            await batcher.put(made.entry(9))
        log.open()
        await asyncio.gather(*first, *later)
        assert await batcher.put(made.entry(9)) == Kept(2, redelivered=False)


@on_loop
async def test_put_refuses_at_once_when_too_many_wait() -> None:
    """Memory stays bounded, and those that wait already are not disturbed."""
    log = Log()
    async with batch.Batcher(log.connect, waiting_entries_max=3) as batcher:
        first = await puts(batcher, 0, 1)
        await log.commit_begins()
        later = await puts(batcher, 1, 4)
        with pytest.raises(LogUnavailable, match="too many"):
            await batcher.put(made.entry(9))
        log.open()
        assert positions(await asyncio.gather(*first, *later)) == [0, 1, 2, 3]


@pytest.mark.parametrize("failure", [LogUnavailable("gone"), RuntimeError("a defect")], ids=repr)
def test_failure_settles_the_whole_batch(failure: Exception) -> None:
    """Tried again over a new line and failed again, all of it hear LogUnavailable, and the next opens another."""

    async def run() -> None:
        log = Log(failures=[None, failure, failure])
        async with batch.Batcher(log.connect) as batcher:
            first = await puts(batcher, 0, 1)
            await log.commit_begins()
            later = await puts(batcher, 1, 4)
            log.open()
            await asyncio.gather(*first)
            heard = await asyncio.gather(*later, return_exceptions=True)
            assert [type(each) for each in heard] == [LogUnavailable] * 3
            assert (log.connected, log.closed) == (2, 2)
            assert (await batcher.put(made.entry(9))).position == 1
        assert (log.connected, log.closed) == (3, 3)

    on_loop(run)()


@on_loop
async def test_line_that_was_lost_while_nobody_used_it_costs_nobody_an_answer() -> None:
    """The batch that finds out goes over a new one."""
    log = Log(failures=[None, LogUnavailable("gone")]).open()
    async with batch.Batcher(log.connect) as batcher:
        assert (await batcher.put(made.entry(0))).position == 0
        assert (await batcher.put(made.entry(1))).position == 1
    assert (log.connected, log.closed) == (2, 2)


@on_loop
async def test_failure_outside_the_log_ends_no_batcher() -> None:
    """Whoever hears of commits may fail; the batch hears of it, and the next is committed."""
    heard: list[int] = []

    def committed(entries: int, _seconds: float) -> None:
        heard.append(entries)
        if len(heard) == 1:
            raise RuntimeError("nobody expected that")

    log = Log().open()
    async with batch.Batcher(log.connect, committed=committed) as batcher:
        with pytest.raises(LogUnavailable, match="RuntimeError"):
            await batcher.put(made.entry(0))
        assert (await batcher.put(made.entry(1))).position == 1


@on_loop
async def test_refused_entry_is_the_only_one_that_hears_of_it() -> None:
    """What no log could take costs neither the others of its batch their answer nor the connection."""
    log = Log().open()
    async with batch.Batcher(log.connect) as batcher:
        heard = await asyncio.gather(
            batcher.put(made.entry(0)),
            batcher.put(made.entry(1, source="nobody")),
            batcher.put(made.entry(2)),
            return_exceptions=True,
        )
        assert [type(each) for each in heard] == [Kept, EntryRefused, Kept]
        assert (log.connected, log.closed) == (1, 0)


@on_loop
async def test_batch_that_gets_no_answer_is_cut_off() -> None:
    """A server that says nothing holds nobody for ever: who waits hears of it, and the next batch goes elsewhere."""
    log = Log()
    async with batch.Batcher(log.connect, stuck_seconds=0.01) as batcher:
        with pytest.raises(LogUnavailable):
            await batcher.put(made.entry(0))
        log.open()
        assert (await batcher.put(made.entry(1))).position == 0
    assert (log.connected, log.closed) == (2, 2)


@on_loop
async def test_put_fails_while_no_connection_can_be_made_and_works_again_after() -> None:
    """A log that cannot be reached fails what waits, and is tried anew for what comes next."""
    log = Log().open()
    away = [OSError("no route")]

    def connect() -> Log:
        if away:
            raise away.pop()
        return log.connect()

    async with batch.Batcher(connect) as batcher:
        with pytest.raises(LogUnavailable, match="OSError"):
            await batcher.put(made.entry(0))
        assert (await batcher.put(made.entry(0))).position == 0


@on_loop
async def test_leaving_drains_what_waits_and_takes_nothing_new() -> None:
    """Stopping loses nothing that was taken: it is committed before the batcher is gone."""
    log = Log()
    async with contextlib.AsyncExitStack() as stack:
        batcher = await stack.enter_async_context(batch.Batcher(log.connect))
        first = await puts(batcher, 0, 1)
        await log.commit_begins()
        later = await puts(batcher, 1, 4)
        leaving = asyncio.create_task(stack.aclose())
        await asyncio.sleep(0)
        with pytest.raises(LogUnavailable, match="stopping"):
            await batcher.put(made.entry(9))
        assert not leaving.done()
        log.open()
        await leaving
        assert positions(await asyncio.gather(*first, *later)) == [0, 1, 2, 3]
    assert log.sizes == [1, 3]
    assert log.closed == 1


@on_loop
async def test_leaving_ends_when_the_log_is_gone() -> None:
    """A log that cannot be reached does not keep the process from stopping; who waits hears of it."""
    log = Log(failures=[LogUnavailable("gone")] * 9)
    async with batch.Batcher(log.connect) as batcher:
        first = await puts(batcher, 0, 1)
        await log.commit_begins()
        later = await puts(batcher, 1, 4)
        log.open()
    heard = await asyncio.gather(*first, *later, return_exceptions=True)
    assert [type(each) for each in heard] == [LogUnavailable] * 4


@on_loop
async def test_cancelled_request_loses_nobody_elses_entry() -> None:
    """A client that hangs up takes neither its own entry out of the log nor any other's answer."""
    log = Log()
    async with batch.Batcher(log.connect) as batcher:
        first = await puts(batcher, 0, 1)
        await log.commit_begins()
        later = await puts(batcher, 1, 4)
        later[1].cancel()
        first[0].cancel()
        log.open()
        assert positions(await asyncio.gather(later[0], later[2])) == [1, 3]
    assert log.sizes == [1, 3]
