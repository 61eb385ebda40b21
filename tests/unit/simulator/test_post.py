"""Posting is HTTP as Telnyx does it: signed at sending, retried where Telnyx retries."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import pytest

from calls.instants import SECOND
from simulator import NO_FAULTS, REASONS, Forgery, Sender, Simulation, Summary, key_from_seed, simulate

KEY = key_from_seed(1)
NOW = 1_768_500_000 * SECOND + 1

Message = MutableMapping[str, Any]
Answer = tuple[int, dict[str, str]]


@dataclass
class Receiver:
    """A web application that remembers what it was sent and answers as told."""

    answer: Callable[[int, dict[str, str]], Answer] = lambda _, __: (200, {})
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    under_way: int = 0
    under_way_max: int = 0

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Take one request and answer it."""
        self.under_way += 1
        self.under_way_max = max(self.under_way_max, self.under_way)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.headers.append(headers)
        self.bodies.append((await receive())["body"])
        status, said = self.answer(len(self.bodies), headers)
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": orjson.dumps(said)})
        self.under_way -= 1


def _post(simulation: Simulation, receiver: Receiver, **options: Any) -> Summary:
    sender = Sender(
        url="http://callaudit/webhooks/telnyx",
        key=KEY,
        clock=lambda: NOW,
        backoff_seconds=0,
        transport=httpx.ASGITransport(receiver),
        **options,
    )
    return asyncio.run(sender.post(simulation.deliveries))


@pytest.fixture
def few(start: int) -> Simulation:
    """Ten calls over a perfect network."""
    return simulate(seed=1, start=start, calls=10, faults=NO_FAULTS)


def test_post_sends_every_delivery_signed_with_the_time_of_sending(few: Simulation) -> None:
    """Bodies arrive as planned; the timestamp is the clock's, whenever the call was."""
    receiver = Receiver()
    summary = _post(few, receiver)
    assert Counter(receiver.bodies) == Counter(one.body for one in few.deliveries)
    for headers, body in zip(receiver.headers, receiver.bodies, strict=True):
        assert headers["telnyx-timestamp"] == str(NOW // SECOND)
        assert headers["telnyx-signature-ed25519"] == KEY.signature(str(NOW // SECOND), body)
        assert headers["user-agent"] == "telnyx-webhooks"
        assert headers["content-type"] == "application/json"
    planned = len(few.deliveries)
    assert (summary.planned, summary.sent, summary.retried) == (planned, planned, 0)
    assert summary.by_status == {200: planned}
    assert summary.as_planned


def test_post_sends_in_planned_order_when_one_request_is_under_way(few: Simulation) -> None:
    """A concurrency of one keeps the order exactly."""
    receiver = Receiver()
    _post(few, receiver, concurrency=1)
    assert receiver.bodies == [one.body for one in few.deliveries]


def test_post_never_exceeds_its_concurrency(few: Simulation) -> None:
    """No more requests are under way than allowed, and that many are."""
    receiver = Receiver()
    _post(few, receiver, concurrency=3)
    assert receiver.under_way_max == 3


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_post_retries_with_the_next_attempt_when_telnyx_would(few: Simulation, status: int) -> None:
    """The second sending has attempt 2, the failover URL and a signature of its own."""
    receiver = Receiver(answer=lambda number, _: (status if number == 1 else 200, {}))
    summary = _post(few, receiver, concurrency=1)
    first, second = (orjson.loads(body) for body in receiver.bodies[:2])
    assert first["data"] == second["data"]
    assert (first["meta"]["attempt"], second["meta"]["attempt"]) == (1, 2)
    assert receiver.headers[0]["telnyx-signature-ed25519"] != receiver.headers[1]["telnyx-signature-ed25519"]
    assert summary.retried == 1
    assert summary.as_planned


@pytest.mark.parametrize("status", [201, 301, 400, 401, 413, 415])
def test_post_does_not_retry_what_telnyx_does_not(few: Simulation, status: int) -> None:
    """Other answers are final, and not what a genuine delivery deserves."""
    summary = _post(few, Receiver(answer=lambda _, __: (status, {"reason": "because"})))
    assert summary.retried == 0
    assert summary.by_status == {status: len(few.deliveries)}
    assert len(summary.unexpected) == len(few.deliveries)
    assert not summary.as_planned


def test_post_gives_up_after_three_attempts(few: Simulation) -> None:
    """A receiver that never recovers is asked three times for each delivery."""
    summary = _post(few, Receiver(answer=lambda _, __: (503, {})))
    assert summary.sent == 3 * len(few.deliveries)
    assert summary.by_status == {503: len(few.deliveries)}


def test_post_counts_refusals_by_reason(start: int) -> None:
    """Forgeries refused with their reason are as planned."""
    made = simulate(seed=1, start=start, calls=20)
    expected = {one.body: one for one in made.deliveries if one.forgery is not None}
    receiver = Receiver()

    def judge(number: int, _: dict[str, str]) -> Answer:
        body = receiver.bodies[number - 1].replace(b'"attempt":2', b'"attempt":1')
        one = expected.get(body)
        return (200, {}) if one is None else (401, {"reason": str(one.expected_reason)})

    receiver.answer = judge
    summary = _post(made, receiver, concurrency=1)
    assert summary.refused == made.truth.log.rejected
    assert sum(summary.refused.values()) == 2 * len(Forgery)
    assert set(summary.refused) == set(REASONS.values())
    assert summary.as_planned


def test_post_says_that_nobody_answered_when_the_port_is_closed(few: Simulation) -> None:
    """No answer is counted as 0 after the retries; nothing raises."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        sender = Sender(url=url, key=KEY, clock=lambda: NOW, backoff_seconds=0)
        summary = asyncio.run(sender.post(few.deliveries[:5]))
    assert summary.by_status == {0: 5}
    assert summary.retried == 10


def test_post_keeps_to_its_rate(few: Simulation) -> None:
    """Twenty requests at 400 a second take at least nineteen intervals."""
    sender = Sender(
        url="http://callaudit/",
        key=KEY,
        clock=lambda: NOW,
        rate=400,
        transport=httpx.ASGITransport(Receiver()),
    )
    began = time.monotonic()
    asyncio.run(sender.post(few.deliveries[:20]))
    assert time.monotonic() - began >= 19 / 400


def test_post_reports_progress_up_to_the_end(few: Simulation) -> None:
    """Progress counts deliveries one by one."""
    seen: list[tuple[int, int]] = []
    sender = Sender(url="http://callaudit/", key=KEY, clock=lambda: NOW, transport=httpx.ASGITransport(Receiver()))
    asyncio.run(sender.post(few.deliveries, progress=lambda done, planned: seen.append((done, planned))))
    planned = len(few.deliveries)
    assert seen == [(done, planned) for done in range(1, planned + 1)]
