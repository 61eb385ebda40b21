"""Commands while the gateway is killed at random points: none twice, none unrecorded, each in a named state."""

import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import orjson
import pytest

from tests.acceptance import home as homes
from tests.acceptance import server, upstreams
from tests.acceptance.gates import Gate, opened
from tests.acceptance.upstreams import Planned, Upstream
from tests.conftest import Database

pytestmark = pytest.mark.heavy

SENDERS = 8
KILLED_AFTER_SECONDS = (1.0, 4.0)
"""A process that serves again takes a second or two to start."""

PAUSE_SECONDS = 0.3


def test_no_command_is_sent_twice_or_unrecorded_when_the_gateway_is_killed(
    database: Database, tmp_path: Path, *, full: bool
) -> None:
    """A client repeats each until it is answered; what the double did is what the log says, command by command."""
    count = 1_000 if full else 100
    with upstreams.upstream() as behind:
        behind.plans.extend(_plan(number) for number in range(10 * count))
        with opened(database, tmp_path / "home", behind, ["--workers", "2"]) as gate:
            key = gate.key("ada", "--scope", "gateway")
            ended = threading.Event()
            killed: list[int] = []
            killer = threading.Thread(target=_kill, args=(gate.home, ended, killed), daemon=True)
            killer.start()
            try:
                with ThreadPoolExecutor(SENDERS) as senders:
                    statuses = list(senders.map(lambda number: _send(gate, key, number), range(count)))
            finally:
                ended.set()
                killer.join()
            homes.until(lambda: server.is_ready(gate.site.url))
            assert killed
            _compare(gate, behind, statuses)


def _plan(number: int) -> Planned:
    """Answer most at once, some late, and one in twenty not at all, though it is done."""
    if number % 20 == 7:
        return Planned(None)
    return Planned(after_seconds=0.05 if number % 3 else 0.0)


def _send(gate: Gate, key: str, number: int) -> int:
    """Send a command until it has an answer that is no invitation to repeat it; gives the status."""
    headers = {"authorization": f"Bearer {key}", "idempotency-key": f"command {number}"}
    body = {"sip_address": f"sip:desk-{number}@example.com"}
    time.sleep(random.uniform(0, PAUSE_SECONDS))
    ends_at = time.monotonic() + server.DEADLINE_SECONDS
    while time.monotonic() < ends_at:
        with suppress(httpx.TransportError), server.connected(gate.site.url) as client:
            answer = client.post(f"/v2/calls/call-{number}/actions/refer", json=body, headers=headers)
            if answer.headers.get("x-should-retry") != "true":
                return answer.status_code
        time.sleep(0.02)
    raise AssertionError(number)


def _kill(home: Path, ended: threading.Event, killed: list[int]) -> None:
    """Kill one of the processes that serve, at random moments."""
    chance = random.Random(7)
    while not ended.wait(chance.uniform(*KILLED_AFTER_SECONDS)):
        serving = [pid for pid, said in homes.family(home).items() if "--socket" in said]
        if serving:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(serving), signal.SIGKILL)
                killed.append(serving[0])


def _compare(gate: Gate, behind: Upstream, statuses: list[int]) -> None:
    """Hold what arrived behind against what is on record, and against what the callers heard."""
    arrived = Counter(orjson.loads(each.body)["sip_address"] for each in behind.received)
    assert set(arrived.values()) <= {1}
    states: dict[str, list[str]] = {}
    address: dict[str, str] = {}
    for state, said in gate.recorded():
        states.setdefault(said["command_id"], []).append(state)
        if state == "requested":
            address[said["command_id"]] = said["parameters"]["sip_address"]
    sent = {address[named] for named, its in states.items() if "sent" in its and "refused" not in its}
    accepted = {address[named] for named, its in states.items() if "accepted" in its}
    assert set(arrived) <= sent
    assert accepted <= set(arrived)
    last = {
        address[named]: next(s for s in reversed(its) if s != "repeated")
        for named, its in states.items()
        if named in address
    }
    for number, status in enumerate(statuses):
        named = f"sip:desk-{number}@example.com"
        assert last[named] in ({"accepted"} if status == 200 else {"sent", "in_doubt"}), (number, status, last[named])
    assert {200, 504} <= set(statuses) <= {200, 504}
