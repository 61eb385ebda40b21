"""Load that goes on whatever happens to the server, and what must be true afterwards.

Every delivery is repeated until somebody answers it, as the provider does; a tenth of the answered ones come again.
"""

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import orjson
import psycopg

from store import spool
from store.errors import SpoolUnavailable
from tests.acceptance import server
from tests.conftest import Database
from tests.integration.store import log

REPEATED = 0.1
PATIENCE_SECONDS = 10.0
"""Longer than any answer may take: a late one is to be seen, not cut off."""


@dataclass
class Load:
    """What was sent and how it was answered. ``slowest`` is the longest that an answer took, in seconds.

    ``refusals`` are what was said instead of 200.
    """

    url: str
    senders: int
    pause: float = 0.0
    first: int = 0
    sent: int = 0
    statuses: dict[int, int] = field(default_factory=dict[int, int])
    answered: set[int] = field(default_factory=set[int])
    slowest: float = 0.0
    refusals: set[bytes] = field(default_factory=set[bytes])
    refused_to_answer: int = 0
    _gives_up: bool = False
    _ends: threading.Event = field(default_factory=threading.Event)

    async def run(self) -> None:
        """Send until told to end, then until all that was begun is answered."""
        limits = httpx.Limits(max_connections=self.senders, max_keepalive_connections=self.senders)
        async with httpx.AsyncClient(
            timeout=PATIENCE_SECONDS, limits=limits, trust_env=False, verify=server.NO_TLS
        ) as client:
            await asyncio.gather(*(self._send(client) for _ in range(self.senders)))

    def end(self) -> None:
        """Begin nothing new."""
        self._ends.set()

    def give_up(self) -> None:
        """Repeat nothing any more: nobody will answer."""
        self.end()
        self._gives_up = True

    async def _send(self, client: httpx.AsyncClient) -> None:
        chance = random.Random(self.senders)
        while not self._ends.is_set():
            number = self.first + self.sent
            self.sent += 1
            attempt = 1
            while not await self._deliver(client, number, attempt) and not self._gives_up:
                attempt += 1
            if not self._ends.is_set() and chance.random() < REPEATED:
                await self._deliver(client, number, attempt + 1)
            await asyncio.sleep(self.pause)

    async def _deliver(self, client: httpx.AsyncClient, number: int, attempt: int) -> bool:
        body = server.webhook(number, attempt=attempt)
        headers = signed(body)
        began = time.monotonic()
        try:
            answer = await client.post(f"{self.url}/webhooks/telnyx", content=body, headers=headers)
        except httpx.TransportError:
            self.refused_to_answer += 1
            await asyncio.sleep(0.02)  # nobody listens just now
            return False
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
        if answer.status_code == 200:
            self.answered.add(number)
            return True
        self.refusals.add(answer.content)
        assert answer.status_code == 503, answer.text
        await asyncio.sleep(0.05)
        return False


@contextlib.contextmanager
def load(url: str, *, senders: int = 16, pause: float = 0.0, first: int = 0) -> Generator[Load]:
    """Send during the block; at its end all that was begun has been answered."""
    sending = Load(url, senders, pause, first)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(sending.run())
        except BaseException as error:  # noqa: BLE001  raised below, in the test's thread
            failures.append(error)

    thread = threading.Thread(target=run, name="send webhooks")
    thread.start()
    try:
        yield sending
    finally:
        sending.end()
        thread.join()
    assert failures == []


def stored_once(database: Database, answered: set[int]) -> None:
    """See that every answered event is in the log exactly once, and that positions and keys have no gap."""
    stored = [event_id for event_id in log.event_ids(database) if event_id and event_id.startswith("event-")]
    assert len(stored) == len(set(stored))
    missing = {f"event-{number}" for number in answered} - set(stored)
    assert missing == set()


def signed(body: bytes) -> dict[str, str]:
    """Give the headers of a genuine delivery."""
    return server.KEY.sign(str(int(time.time())), body)


def post(url: str, body: bytes) -> int:
    """Post a webhook over a connection of its own, and give how it was answered."""
    with server.connected(url) as client:
        return client.post("/webhooks/telnyx", content=body, headers=signed(body)).status_code


def is_taken(url: str, number: int) -> bool:
    """Post a webhook, and say whether it was taken."""
    return post(url, server.webhook(number)) == 200


def drained_spools(home: Path) -> bool:
    """Say whether nothing waits in any spool of a home, a dead process's included."""
    rows = 0
    for each in spool.all_in(home / "spool"):
        try:
            rows += each.contents().rows
        except SpoolUnavailable:  # its process is just letting go of it
            return False
        finally:
            each.close()
    return rows == 0


def outages(database: Database) -> list[tuple[datetime, datetime]]:
    """Give the outages on record."""
    query = "SELECT body FROM log.events WHERE source = 'system' AND event_type = 'ingest.outage' ORDER BY position"
    with psycopg.connect(database.url) as connection:
        said = [orjson.loads(body)["data"]["payload"] for (body,) in connection.execute(query)]
    return [(datetime.fromisoformat(each["from"]), datetime.fromisoformat(each["to"])) for each in said]


def drained(database: Database, home: Path) -> bool:
    """Say whether nothing waits in a spool, as the spools say and as their processes said, and all is projected."""
    progress = """
        SELECT (SELECT coalesce(max(position) + 1, 0) FROM log.events) = (SELECT position FROM calls.progress)
           AND NOT EXISTS (SELECT FROM calls.reviews WHERE unfolded_position IS NOT NULL)
           AND NOT EXISTS (SELECT FROM intake.heartbeats WHERE duty = 'ingest' AND oldest_waiting IS NOT NULL)
    """
    with psycopg.connect(database.url) as connection:
        projected = connection.execute(progress).fetchone() == (True,)
    return projected and drained_spools(home)


def is_projecting(database: Database) -> bool:
    """Say whether a worker is at it."""
    with psycopg.connect(database.url) as connection:
        return connection.execute("SELECT FROM intake.heartbeats WHERE duty = 'project'").fetchone() is not None
