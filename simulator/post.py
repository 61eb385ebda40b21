"""Sends a plan over HTTP as Telnyx would: signed at sending, retried where Telnyx retries, in planned order.

At most ``concurrency`` requests are under way and ``rate`` are begun a second. A retry is a new attempt: its
``meta.attempt`` is one higher and its signature fresh. No answer raises; the caller judges the summary.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import orjson

from calls.instants import Instant
from simulator import forgeries
from simulator.deliveries import Delivery
from simulator.signing import Key

TIMEOUT_SECONDS_DEFAULT = 2.0  # Telnyx's own
CONCURRENCY_DEFAULT = 32
BACKOFF_SECONDS_DEFAULT = 0.5  # doubles with each attempt
ATTEMPTS_MAX = 3  # per delivery
NO_ANSWER = 0

Clock = Callable[[], Instant]
Progress = Callable[[int, int], object]
"""Called with (deliveries done, deliveries planned)."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of the deliveries. Each is counted once, by its last answer; 0 is no answer."""

    planned: int
    sent: int
    retried: int
    by_status: Mapping[int, int]
    refused: Mapping[str, int]
    unexpected: tuple[Delivery, ...]

    @property
    def as_planned(self) -> bool:
        """Whether every delivery got the answer it deserves."""
        return not self.unexpected


@dataclass(slots=True)
class _Counts:
    planned: int
    progress: Progress | None
    sent: int = 0
    done: int = 0
    statuses: Counter[int] = field(default_factory=Counter[int])
    reasons: Counter[str] = field(default_factory=Counter[str])
    unexpected: list[Delivery] = field(default_factory=list[Delivery])

    def note(self, delivery: Delivery, status: int, reason: str | None) -> None:
        """Count one delivery's last answer."""
        self.done += 1
        self.statuses[status] += 1
        if reason is not None:
            self.reasons[reason] += 1
        if status != delivery.expected_status:
            self.unexpected.append(delivery)
        if self.progress is not None:
            self.progress(self.done, self.planned)

    def summary(self) -> Summary:
        by_status, refused = dict(sorted(self.statuses.items())), dict(sorted(self.reasons.items()))
        retried = self.sent - self.done
        return Summary(self.planned, self.sent, retried, by_status, refused, tuple(self.unexpected))


@dataclass(frozen=True, slots=True)
class _Pace:
    """Lets at most ``rate`` requests begin each second; None is as fast as it goes."""

    rate: float | None
    next_at: list[float] = field(default_factory=lambda: [0.0])

    async def turn(self) -> None:
        if self.rate is None:
            return
        now = asyncio.get_running_loop().time()
        begin = max(now, self.next_at[0])
        self.next_at[0] = begin + 1 / self.rate
        await asyncio.sleep(begin - now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Telnyx's sending side. ``clock`` gives the time that is signed; ``rate`` None is as fast as it goes."""

    url: str
    key: Key
    clock: Clock
    rate: float | None = None
    concurrency: int = CONCURRENCY_DEFAULT
    timeout_seconds: float = TIMEOUT_SECONDS_DEFAULT
    backoff_seconds: float = BACKOFF_SECONDS_DEFAULT
    transport: httpx.AsyncBaseTransport | None = None

    async def post(self, deliveries: Sequence[Delivery], progress: Progress | None = None) -> Summary:
        """Send every delivery and give what was answered."""
        counts, pace, waiting = _Counts(len(deliveries), progress), _Pace(self.rate), iter(deliveries)
        trusted = ssl.create_default_context()
        async with asyncio.TaskGroup() as group:
            for _ in range(self.concurrency):
                group.create_task(self._work(waiting, trusted, pace, counts))
        return counts.summary()

    async def _work(self, waiting: Iterator[Delivery], trusted: ssl.SSLContext, pace: _Pace, counts: _Counts) -> None:
        """Send what is waiting, one after the other, each until it is settled.

        Each worker has a client of its own: httpx looks at every connection of a pool for each request, which
        at 32 connections cost more than half of the time.
        """
        client = httpx.AsyncClient(
            timeout=self.timeout_seconds, verify=trusted, trust_env=False, transport=self.transport
        )
        async with client:
            for delivery in waiting:
                counts.note(delivery, *await self._settle(delivery, client, pace, counts))

    async def _settle(
        self, delivery: Delivery, client: httpx.AsyncClient, pace: _Pace, counts: _Counts
    ) -> tuple[int, str | None]:
        """Send until it is not retried any more, and give the last answer."""
        tries = 0
        while True:
            await pace.turn()
            counts.sent += 1
            answer = await self._answer(client, replace(delivery, attempt=delivery.attempt + tries))
            tries += 1
            if tries == ATTEMPTS_MAX or not is_retried(answer[0]):
                return answer
            await asyncio.sleep(self.backoff_seconds * 2 ** (tries - 1))

    async def _answer(self, client: httpx.AsyncClient, delivery: Delivery) -> tuple[int, str | None]:
        """Give the status and, where it is a refusal, the ``reason`` in the answer."""
        headers, body = forgeries.seal(self.key, self.clock(), delivery.body, delivery.forgery)
        try:
            response = await client.post(self.url, headers=headers, content=body)
        except httpx.TransportError:
            return NO_ANSWER, None
        return response.status_code, _reason(response) if response.is_client_error else None


def is_retried(status: int) -> bool:
    """Say whether Telnyx sends again: no answer, 408, 429 and 5xx (telnyx.md section 5)."""
    return status in (NO_ANSWER, 408, 429) or status >= 500


def _reason(response: httpx.Response) -> str:
    try:
        answer: Any = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return "unstated"
    match answer:
        case {"reason": str(reason)}:
            return reason
        case _:
            return "unstated"
