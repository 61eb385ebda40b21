"""A hundred thousand requests gone wrong: no 500, no dead server, no memory that grows, nothing unverified kept."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvloop

from calls import masking
from tests.acceptance import server
from tests.acceptance.mutants import Mutant, Mutants
from tests.conftest import Database
from tests.integration.store import log

CONNECTIONS = 24
GROWTH_BYTES_MAX = 96 * 2**20
"""What waits to be written, who was refused, and what an allocator holds; measured: about 30 MB."""

CUT_SHORT_BYTES = 16_000
"""What is refused by its first bytes may be closed before it has sent its last, and not hear why."""

TAKEN, REFUSED = {200, 503}, {400, 401, 404, 405, 408, 413, 415, 429, 431}


@dataclass
class Heard:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    taken: set[bytes] = field(default_factory=set[bytes])
    unanswered: list[Mutant] = field(default_factory=list[Mutant])
    wrong: list[tuple[int, Mutant]] = field(default_factory=list[tuple[int, Mutant]])

    def hear(self, mutant: Mutant, status: int) -> None:
        """Note an answer (0: none)."""
        self.statuses[status] += 1
        if mutant.genuine is not None and status == 200:
            self.taken.add(mutant.genuine)
        if status == 0:
            if mutant.whole and len(mutant.raw) < CUT_SHORT_BYTES:
                self.unanswered.append(mutant)
        elif status not in (TAKEN if mutant.genuine is not None else TAKEN | REFUSED):
            self.wrong.append((status, mutant))


@pytest.mark.heavy
def test_no_request_is_answered_500_nor_grows_the_server_nor_gets_in_unverified(
    database: Database, tmp_path: Path, full: bool
) -> None:
    """Whatever is sent: what Telnyx signed is in the log, nothing else is, and the server goes on as before."""
    count = 100_000 if full else 10_000
    settings = {"CALLAUDIT_TRUSTED_PROXIES": "127.0.0.0/8"}
    with server.serving(database, tmp_path, **settings) as site:
        mutants = Mutants(20_261, site.key, int(time.time()))
        heard = Heard()
        run(site, mutants, count // 5, heard)
        before = memory(site)
        began = time.monotonic()
        for _ in range(4):
            mutants.now = int(time.time())
            run(site, mutants, count // 5, heard)
        pace = count * 0.8 / (time.monotonic() - began)
        grown = memory(site) - before
        print(f"{pace:.0f} requests/s, grown by {grown / 2**20:.0f} MiB, {sorted(heard.statuses.items())}")  # noqa: T201

        assert heard.wrong == []
        assert heard.unanswered == []
        assert grown < GROWTH_BYTES_MAX
        assert site.process.poll() is None
        assert site.post(server.webhook(-1)).status_code == 200
        assert [line for line in site.said if "Traceback" in line or '"level": "error"' in line] == []

    stored = {bytes(row["body"]) for row in log.rows(database) if row["source"] == "webhook"}
    log.event_ids(database)  # positions are gapless, and each event is there once
    allowed = {kept for body in {*mutants.signed, server.webhook(-1)} for kept in kept_forms(body)}
    assert stored <= allowed
    missing = [body for body in heard.taken if not stored & set(kept_forms(body))]
    assert missing == []
    assert len(heard.taken) > count // 10


def run(site: server.Site, mutants: Mutants, count: int, heard: Heard) -> None:
    """Send so many."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(send(site, mutants, count, heard))


async def send(site: server.Site, mutants: Mutants, count: int, heard: Heard) -> None:
    """Send so many, over some connections at a time."""
    left = iter(range(count))
    await asyncio.gather(*(one_connection_after_another(site, mutants, left, heard) for _ in range(CONNECTIONS)))


async def one_connection_after_another(site: server.Site, mutants: Mutants, left: Iterator[int], heard: Heard) -> None:
    """Send and hear, on a connection for as long as it lasts."""
    host, _, port = site.url.removeprefix("http://").partition(":")
    line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for _ in left:
        mutant = mutants.next()
        if line is None:
            line = await asyncio.open_connection(host, int(port), limit=2**20)
        status, goes_on = await ask(*line, mutant)
        heard.hear(mutant, status)
        if not goes_on:
            line[1].transport.abort()
            line = None
    if line is not None:
        line[1].transport.abort()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mutant: Mutant) -> tuple[int, bool]:
    """Give the status of the answer, and whether the connection can be used again."""
    writer.write(mutant.raw)
    if not mutant.whole:
        writer.write_eof()  # else the server would wait for the rest
    try:
        async with asyncio.timeout(server.DEADLINE_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 100 "):
                head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length and mutant.method != b"HEAD" else 0)
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0, False
    return int(head[9:12]), mutant.whole and b"connection: close" not in head


def memory(site: server.Site) -> int:
    """Give how much memory the server holds."""
    said = Path(f"/proc/{site.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", said)
    assert found is not None
    return int(found[1]) * 1_024


def kept_forms(body: bytes) -> list[bytes]:
    """Give how a signed body may have been kept: masked as a form or as anything else."""
    return [masking.mask(body, form=form).body for form in (False, True)]
