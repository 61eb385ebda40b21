"""What recording a command costs: ``python -m benchmarks.gateway [--seconds N]``.

The gateway beside a plain reverse proxy, in turns, before one and the same upstream: 100 commands a second, open loop,
so that a slow answer does not spare the next. Prints p50 and p99 of both, with an upstream that answers at once and
with one that takes 50 ms, and the ratio of the medians.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg

import migrations
from access import keys, registry
from callaudit import postgres
from tests.acceptance import server
from tests.conftest import Database

RATE = 100
PORTS = {"upstream": 18_401, "proxy": 18_402}
BODY = {"sip_address": "sip:username@sip.non-telnyx-address.com"}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    print("| upstream | proxy p50 ms | gateway p50 ms | ratio | gateway p99 ms |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, postgres.embedded(Path(folder) / "home") as running:
        url = running.url(dbname="postgres")
        migrations.upgrade(url)
        made = keys.make("bench", ["gateway"])
        with psycopg.connect(url) as connection:
            registry.add(connection, made)
        for delay in ("0", "0.05"):
            _row(Database(url), Path(folder) / f"gateway-{delay}", made.token, delay, given.seconds)


def _row(database: Database, home: Path, token: str, delay: str, seconds: float) -> None:
    upstream = f"http://127.0.0.1:{PORTS['upstream']}"
    with (
        _serving("telnyx", PORTS["upstream"], DELAY=delay),
        _serving("reverse_proxy", PORTS["proxy"], UPSTREAM=upstream),
        server.serving(database, home, TELNYX_API_KEY="KEY", TELNYX_BASE_URL=f"{upstream}/v2") as site,
    ):
        proxy, gateway = f"http://127.0.0.1:{PORTS['proxy']}", site.url
        times: dict[str, list[float]] = {proxy: [], gateway: []}
        for url in (proxy, gateway) * 2:
            times[url] += asyncio.run(_load(url, token, seconds / 2))
    medians = {url: statistics.median(its) * 1000 for url, its in times.items()}
    p99 = statistics.quantiles(times[gateway], n=100)[98] * 1000
    ratio = medians[gateway] / medians[proxy]
    print(f"| {delay} s | {medians[proxy]:.2f} | {medians[gateway]:.2f} | {ratio:.2f} | {p99:.1f} |", flush=True)


async def _load(url: str, token: str, seconds: float) -> list[float]:
    """Send commands at a steady rate, whatever becomes of them; gives how long each took."""
    times: list[float] = []
    headers = {"authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30, limits=limits, trust_env=False) as client:

        async def send(number: int) -> None:
            begins = time.perf_counter()
            answer = await client.post(f"/v2/calls/v3:{number}/actions/refer", json=BODY)
            times.append(time.perf_counter() - begins)
            assert answer.status_code == 200, answer.text

        await send(0)
        times.clear()
        begun, sending = time.perf_counter(), []
        for number in range(int(seconds * RATE)):
            await asyncio.sleep(max(0.0, begun + number / RATE - time.perf_counter()))
            sending.append(asyncio.create_task(send(number)))
        await asyncio.gather(*sending)
    return times


@contextmanager
def _serving(peer: str, port: int, **settings: str) -> Generator[None]:
    command = [sys.executable, "-m", "uvicorn", f"benchmarks.peers.{peer}:app", "--port", str(port)]
    command += ["--log-level", "warning", "--no-access-log"]
    process = subprocess.Popen(command, env={**os.environ, **settings})
    try:
        _wait(port)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int) -> None:
    ends_at = time.monotonic() + 30
    while time.monotonic() < ends_at:
        try:
            httpx.get(f"http://127.0.0.1:{port}/v2", timeout=5, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nobody listens on {port}")


if __name__ == "__main__":
    main()
