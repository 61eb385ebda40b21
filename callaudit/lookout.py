"""Looking at the database for whoever watches: one look at a time, and nobody waits long for a silent server."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import psycopg

from reports import scheduled
from store import append, standing

LOOK_SECONDS_MAX = 1.5
"""Who scrapes or probes gives up after seconds, and must learn before that there is no answer."""

T = TypeVar("T")


class Lookout(Generic[T]):
    """Asks a question that may take long, for many who ask it at once."""

    def __init__(self, question: Callable[[], T]) -> None:
        """Take the question: it is called in a thread of its own, and psycopg.Error from it is no answer."""
        self._question = question
        self._looking: asyncio.Future[T | None] | None = None

    async def look(self) -> T | None:
        """Give the answer, at most moments old; None: there is none, or not soon enough."""
        if self._looking is None or self._looking.done():
            self._looking = begun(self._ask)
        done, _ = await asyncio.wait({self._looking}, timeout=LOOK_SECONDS_MAX)
        return self._looking.result() if done else None

    def _ask(self) -> T | None:
        try:
            return self._question()
        except psycopg.Error:
            return None


def at_log(url: str) -> Lookout[standing.Standing]:
    """Look out for how the log stands, as a role that may append."""

    def look() -> standing.Standing:
        with connected(url) as connection:
            return standing.look(connection)

    return Lookout(look)


def at_schedules(url: str) -> Lookout[scheduled.Standing]:
    """Look out for how schedules stand."""

    def look() -> scheduled.Standing:
        with connected(url) as connection:
            return scheduled.look(connection)

    return Lookout(look)


def connected(url: str) -> psycopg.Connection[Any]:
    """Connect for a question that is soon answered."""
    connection = psycopg.connect(url, autocommit=True, application_name="callaudit probes", **append.SOON)
    connection.execute("SET statement_timeout = '2s'")
    return connection


def begun(work: Callable[[], T]) -> "asyncio.Future[T]":
    """Begin work in a thread that may be left behind: one that waits for a silent server must not keep us from ending.

    The work must not raise: nobody may be there to hear of it.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(result: T) -> None:
        if not future.done():
            future.set_result(result)

    def run() -> None:
        result = work()
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, result)

    threading.Thread(target=run, name="look", daemon=True).start()
    return future
