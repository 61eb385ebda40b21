"""What stands for Telnyx behind the gateway: a server on a loopback port that keeps every request as it came.

It answers as it is told for the next requests, else with the success that Telnyx's commands have.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

RESULT = b'{"data":{"result":"ok"}}'


@dataclass(frozen=True, slots=True)
class Received:
    """One request, to the byte. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Planned:
    """How to answer a request: after a time, or (``status`` None) by closing the connection without a word."""

    status: int | None = 200
    body: bytes = RESULT
    headers: tuple[tuple[str, str], ...] = ()
    after_seconds: float = 0.0


@dataclass(slots=True)
class Upstream:
    """A running upstream. ``received`` grows as requests come; ``plans`` are used up one a request."""

    port: int
    received: list[Received] = field(default_factory=list[Received])
    plans: deque[Planned] = field(default_factory=deque[Planned])

    @property
    def url(self) -> str:
        """What TELNYX_BASE_URL is set to."""
        return f"http://127.0.0.1:{self.port}/v2"

    def bodies(self, action: str) -> list[bytes]:
        """Give the bodies of one action's requests, in order."""
        return [each.body for each in self.received if each.path.endswith(f"/actions/{action}")]


@contextmanager
def upstream() -> Generator[Upstream]:
    """Run one during the block."""
    running, listens, stopped = Upstream(0), threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_run(running, listens, stopped)), name="upstream")
    thread.start()
    try:
        assert listens.wait(10)
        yield running
    finally:
        stopped.set()
        thread.join(10)


async def _run(running: Upstream, listens: threading.Event, stopped: threading.Event) -> None:
    server = await asyncio.start_server(lambda *line: _serve(running, *line), "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    listens.set()
    await asyncio.to_thread(stopped.wait)
    server.close()  # what is open is cancelled with the loop


def until(found: "list[Received]", count: int, seconds: float = 30.0) -> None:
    """Wait until so many requests came."""
    ends_at = time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < ends_at, found
        time.sleep(0.005)


async def _serve(running: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while (request := await _read(reader)) is not None:
            plan = running.plans.popleft() if running.plans else Planned()
            running.received.append(request)
            await asyncio.sleep(plan.after_seconds)
            if plan.status is None:
                break
            head = [f"HTTP/1.1 {plan.status} x", "content-type: application/json"]
            head += [f"{name}: {value}" for name, value in plan.headers]
            head += [f"content-length: {len(plan.body)}", "", ""]
            writer.write("\r\n".join(head).encode() + plan.body)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass  # whoever asked is gone, or the test is over
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in {b"\r\n", b""}:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)
