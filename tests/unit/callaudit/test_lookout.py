"""Looking at a database that may be silent: nobody waits long, and nobody asks twice at once."""

import asyncio
import threading
from collections.abc import Generator
from dataclasses import dataclass, field

import psycopg
import pytest

from access.errors import KeyRefused
from callaudit import lookout
from callaudit.metrics.counters import Counters
from callaudit.metrics.endpoint import Endpoint


@dataclass
class Silent:
    """A question whose answer waits until it is let go; counts how often it was asked."""

    go: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def __call__(self) -> int:
        """Wait, then answer with how often it was asked."""
        self.asked += 1
        self.go.wait()
        return self.asked


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Generator[Silent]:
    """Give a question that is not answered in time."""
    monkeypatch.setattr(lookout, "LOOK_SECONDS_MAX", 0.05)
    question = Silent()
    yield question
    question.go.set()


def test_many_who_ask_at_once_share_one_look(silent: Silent) -> None:
    """A flood of probes is one connection; who comes after the answer gets a new one."""

    async def ask() -> None:
        look = lookout.Lookout(silent)
        assert await asyncio.gather(*(look.look() for _ in range(50))) == [None] * 50
        assert await look.look() is None  # still the first look
        silent.go.set()
        answers = await asyncio.gather(*(look.look() for _ in range(50)))
        assert silent.asked <= 2
        assert answers == [silent.asked] * 50

    asyncio.run(ask())


def test_log_that_cannot_be_reached_is_no_answer() -> None:
    """Whatever the driver says; a mistake of ours is none of it."""

    def away() -> int:
        raise psycopg.OperationalError("hunter2")

    assert asyncio.run(lookout.Lookout(away).look()) is None


def test_look_that_nobody_waits_for_keeps_no_process(silent: Silent) -> None:
    """The loop ends while the database is still silent, and so could the process: the thread is left behind."""

    async def ask() -> None:
        await lookout.Lookout(silent).look()
        (left,) = (thread for thread in threading.enumerate() if thread.name == "look")
        assert left.daemon

    asyncio.run(ask())
    assert not silent.go.is_set()


def test_keys_are_checked_one_at_a_time(silent: Silent, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a silent database is asked about one key, nobody's key opens anything, and no other is asked about."""
    gate = Endpoint(Counters(None), "", lookout.Lookout(lambda: None))  # pyright: ignore[reportArgumentType]

    def check(_token: str | None) -> KeyRefused:
        silent()
        return KeyRefused("key_refused", "")

    monkeypatch.setattr(gate, "_check", check)
    token = f"ca_{'k' * 12}_{'s' * 44}"

    async def ask() -> None:
        refusals = await asyncio.gather(*(gate._refusal(token) for _ in range(20)))
        assert {type(refusal) for refusal in refusals} == {TimeoutError}
        assert silent.asked == 1
        silent.go.set()
        assert isinstance(await gate._refusal(token), KeyRefused)

    asyncio.run(ask())
