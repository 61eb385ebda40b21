"""The real program as processes: an HTTP server on a loopback port, the worker, any command.

Children see only the environment given here, in a directory of their own, and are stopped by their process id.
"""

import asyncio
import contextlib
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import quote

import httpx
import orjson

import simulator
from calls import instants

REPOSITORY = Path(__file__).parents[2]
KEY = simulator.key_from_seed("acceptance")
DEADLINE_SECONDS = 60.0
"""Long enough for a busy machine; a run that is well never waits for it."""

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""What a client here trusts. All is plain HTTP; reading the world's certificates takes a hundred times a request."""

_FIRST_EVENT: instants.Instant = 1_772_366_400_000_000  # 2026-03-01T12:00:00Z
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Database(Protocol):
    """A migrated database, as ``tests/conftest.py`` makes them."""

    @property
    def url(self) -> str:
        """The superuser's URL."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """A server that takes webhooks at ``url``. ``said`` is what it wrote on stderr so far."""

    url: str
    key: simulator.Key
    process: subprocess.Popen[str]
    said: list[str]
    client: httpx.Client = field(repr=False)

    def post(self, body: bytes, headers: Mapping[str, str | None] | None = None) -> httpx.Response:
        """Post a webhook as Telnyx would. ``headers`` replace the genuine ones, None leaves one out."""
        given = {**self.signed(body), **(headers or {})}
        sent = {name: value for name, value in given.items() if value is not None}
        return self.client.post("/webhooks/telnyx", content=body, headers=sent)

    def signed(self, body: bytes, age_seconds: int = 0) -> dict[str, str]:
        """Give the headers of a delivery that was signed so many seconds ago."""
        return self.key.sign(str(int(time.time()) - age_seconds), body)


def environment(database: Database, home: Path, **settings: str) -> dict[str, str]:
    """Give what a child of this database needs; each part has its own role. ``settings`` win."""
    return {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        "PYTHONPATH": str(REPOSITORY),
        "DATABASE_URL": database.url,
        "CALLAUDIT_INGEST_DATABASE_URL": as_role(database.url, "callaudit_ingest"),
        "CALLAUDIT_WORKER_DATABASE_URL": as_role(database.url, "callaudit_worker"),
        "CALLAUDIT_QUERY_DATABASE_URL": as_role(database.url, "callaudit_analyst"),
        "CALLAUDIT_HOME": str(home),
        "TELNYX_PUBLIC_KEY": KEY.public,
        **settings,
    }


def as_role(url: str, role: str) -> str:
    """Give the URL with another user."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(role, safe='')}@{rest.partition('@')[2]}"


def run(arguments: Sequence[str], given: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run ``callaudit <arguments>`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "callaudit", *arguments],
        env=dict(given),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@contextlib.contextmanager
def started(
    arguments: Sequence[str], given: Mapping[str, str], cwd: Path
) -> Generator[tuple[subprocess.Popen[str], list[str]]]:
    """Run ``callaudit <arguments>`` during the block; gives the process and the lines it says on stderr."""
    command = [sys.executable, "-m", "callaudit", *arguments]
    with subprocess.Popen(command, env=dict(given), cwd=cwd, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said: list[str] = []
        listener = _Listener(process.stderr, said)
        try:
            yield process, said
        finally:
            stop(process)
            listener.join()


@contextlib.contextmanager
def serving(
    database: Database, home: Path, arguments: Iterable[str] = (), *, key: simulator.Key = KEY, **settings: str
) -> Generator[Site]:
    """Serve the database's webhooks during the block, ready from its first line on."""
    home.mkdir(parents=True, exist_ok=True)
    given = environment(database, home, **{"TELNYX_PUBLIC_KEY": key.public, **settings})
    with started(["serve", "--port", "0", *arguments], given, home) as (process, said):
        url = _address(process, said)
        with connected(url) as client:
            answer = client.get("/readyz")
            assert answer.status_code == 200, (answer.text, said)
            yield Site(url, key, process, said, client)


def connected(url: str, timeout_seconds: float = DEADLINE_SECONDS) -> httpx.Client:
    """Give a client of the server at ``url``."""
    return httpx.Client(base_url=url, timeout=timeout_seconds, trust_env=False, verify=NO_TLS)


def is_ready(url: str) -> bool:
    """Say whether webhooks are taken at ``url``."""
    try:
        with connected(url, 2) as client:
            return client.get("/readyz").is_success
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def working(database: Database, home: Path) -> Generator[subprocess.Popen[str]]:
    """Project the database's log during the block."""
    home.mkdir(parents=True, exist_ok=True)
    with started(["worker"], environment(database, home), home) as (process, _):
        yield process


def post_all(deliveries: Iterable[tuple[Site, bytes]], *, concurrency: int = 32) -> list[int]:
    """Post many webhooks, so many at once, and give their statuses in the order given (0: no answer)."""
    planned = list(deliveries)
    statuses = [0] * len(planned)
    left = iter(enumerate(planned))

    async def work(client: httpx.AsyncClient) -> None:
        for number, (site, body) in left:
            url = f"{site.url}/webhooks/telnyx"
            with contextlib.suppress(httpx.TransportError):
                statuses[number] = (await client.post(url, content=body, headers=site.signed(body))).status_code

    async def run() -> None:
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        async with httpx.AsyncClient(timeout=DEADLINE_SECONDS, limits=limits, trust_env=False, verify=NO_TLS) as client:
            await asyncio.gather(*(work(client) for _ in range(concurrency)))

    asyncio.run(run())
    return statuses


def stop(process: subprocess.Popen[str]) -> int:
    """Ask the process to finish, and give its exit code."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def complaints(said: Iterable[str]) -> list[str]:
    """Give what a program said beside where it listens and that all is well."""
    return [line for line in said if not line.startswith("listening on ") and '"level": "info"' not in line]


def webhook(number: int, event_type: str = "call.answered", *, attempt: int = 1, **payload: Any) -> bytes:
    """Give the body of an event about one leg; equal numbers and payloads make equal events."""
    named = {
        "call_control_id": f"v3:control-{number}",
        "call_leg_id": f"leg-{number}",
        "call_session_id": f"session-{number}",
        "connection_id": "1684641123236054244",
    }
    data = {
        "record_type": "event",
        "event_type": event_type,
        "id": f"event-{number}",
        "occurred_at": instants.to_text(_FIRST_EVENT + number * instants.MILLISECOND),
        "payload": {**named, **payload},
    }
    return orjson.dumps({"data": data, "meta": {"attempt": attempt, "delivered_to": "https://example.com/hook"}})


class _Listener(threading.Thread):
    """Reads what a child says, so that a full pipe never holds it up."""

    def __init__(self, stream: IO[str], said: list[str]) -> None:
        super().__init__(name="listen to a child", daemon=True)
        self._stream = stream
        self._said = said
        self.start()

    def run(self) -> None:
        for line in self._stream:
            self._said.append(line.rstrip("\n"))


def _address(process: subprocess.Popen[str], said: Sequence[str]) -> str:
    """Wait until the server says where it listens."""
    ends_at = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < ends_at:
        for line in list(said):
            if line.startswith("listening on "):
                return line.removeprefix("listening on ")
        assert process.poll() is None, said
        time.sleep(0.01)
    raise AssertionError(said)
