"""Limits as the real server has them: on heads, on whoever is refused too often, and on who is believed."""

import asyncio
import socket
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from callaudit import protocol
from ingest import limits
from tests.acceptance import home as homes
from tests.acceptance import server
from tests.conftest import Database
from tests.integration.store import log

UNSIGNED = b"POST /webhooks/telnyx HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"
FLOOD = int(limits.BURST_DEFAULT) + 500


@pytest.mark.heavy
def test_flood_of_refusals_is_limited_counted_and_keeps_no_genuine_delivery_out(
    database: Database, tmp_path: Path
) -> None:
    """From one address: the first thousand are told why, the others to wait; every one is counted, few are kept."""
    with server.serving(database, tmp_path, FORWARDED_ALLOW_IPS="*") as site:  # uvicorn's own; not read
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            statuses = runner.run(_flood(site))
        # Whoever is not trusted cannot pass it on to another address, and Telnyx is heard from this one all the same.
        unsigned = {"telnyx-signature-ed25519": None, "x-forwarded-for": "203.0.113.1"}
        assert [site.post(server.webhook(n)).status_code for n in range(3)] == [200] * 3
        statuses[site.post(server.webhook(0), unsigned).status_code] += 1
        assert set(statuses) == {401, 429}
        assert statuses[429] > 0
        assert statuses[401] >= limits.BURST_DEFAULT
        homes.until(lambda: _refused(database) == Counter({_REASONS[status]: n for status, n in statuses.items()}))

    assert log.event_ids(database)[-3:] == ["event-0", "event-1", "event-2"]
    addresses = log.rows(database, "intake.rejection_counts", "reason")
    assert {row["remote_address"] for row in addresses} == {"127.0.0.1"}


def test_head_that_is_too_large_or_no_http_is_answered_so(database: Database, tmp_path: Path) -> None:
    """The server is run with the limits, and says nothing of such requests."""
    with server.serving(database, tmp_path) as site:
        padding = b"x: " + b"y" * protocol.HEAD_BYTES_MAX_DEFAULT
        assert _told(site, UNSIGNED.replace(b"host: a", padding)).startswith(b"HTTP/1.1 431 ")
        assert _told(site, b"\x16\x03\x01\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        upgrade = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
        assert _told(site, upgrade).startswith(b"HTTP/1.1 200 ")
        spread = replace(site, key=server.KEY).post(server.webhook(0), {"x-a": "b" * 30_000})
        assert spread.status_code == 200
        assert [line for line in site.said if "listening" not in line and '"level": "info"' not in line] == []


async def _flood(site: server.Site) -> Counter[int]:
    """Send unsigned requests over some connections at a time; each refusal ends its own."""
    host, _, port = site.url.removeprefix("http://").partition(":")
    statuses: Counter[int] = Counter()
    left = iter(range(FLOOD))

    async def send() -> None:
        for _ in left:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(UNSIGNED)
            said = await reader.read()
            statuses[int(said[9:12])] += 1
            writer.close()
            await writer.wait_closed()

    await asyncio.gather(*(send() for _ in range(16)))
    return statuses


_REASONS = {401: "signature_missing", 429: "rate_limited"}


def _refused(database: Database) -> Counter[str]:
    rows = log.rows(database, "intake.rejection_counts", "reason")
    return Counter({row["reason"]: row["refused"] for row in rows})


def _told(site: server.Site, raw: bytes) -> bytes:
    host, _, port = site.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=server.DEADLINE_SECONDS) as line:
        line.sendall(raw)
        return line.recv(65_536)
