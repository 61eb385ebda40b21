"""What the server keeps beside the log, over a real Postgres that is busy, silent or just back."""

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import psycopg
import pytest

from callaudit import app
from ingest import errors, rejections
from ingest.webhook import Request
from tests.acceptance.home import until
from tests.conftest import Database
from tests.integration.store import log
from tests.unit.ingest import door

MISMATCH = errors.SignatureRejected("signature_mismatch", "not signed")
REQUEST = Request("POST", "192.0.2.7", {}, door.NOW_SECONDS * 1_000_000)
TURN = "LOCK TABLE intake.rejection_counts IN SHARE ROW EXCLUSIVE MODE"
WRITER = (
    "SELECT max(pid) FROM pg_stat_activity WHERE application_name = 'callaudit refusals'"
    " AND datname = current_database() AND wait_event_type = 'Lock'"
)


def recorder_for(database: Database, heard: list[type[Exception]]) -> rejections.Recorder:
    """Give a recorder as the server has it."""
    url = database.as_part("ingest")
    return rejections.Recorder(
        lambda refused, counts: app._keep(url, refused, counts), door.BOX, lambda error, _: heard.append(type(error))
    )


def test_refusals_wait_for_their_turn_no_longer_than_a_while(database: Database) -> None:
    """Another process that holds the turn does not hold this one; what it could not write, it writes later."""
    heard: list[type[Exception]] = []

    async def run() -> None:
        with psycopg.connect(database.url) as other:
            other.execute(TURN)
            async with asyncio.timeout(30), recorder_for(database, heard) as recorder:
                recorder.refused(MISMATCH, REQUEST, b"{}")
                while not heard:
                    await asyncio.to_thread(lambda: None)
                other.rollback()

    asyncio.run(run())
    assert heard == [psycopg.errors.LockNotAvailable]
    assert [row["refused"] for row in log.rows(database, "intake.rejection_counts", "reason")] == [1]


def test_recorder_ends_though_postgres_says_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is frozen in the middle of a write is given up: it must not keep the program from stopping."""
    monkeypatch.setattr(app, "REFUSALS_SECONDS", 0.5)
    heard: list[type[Exception]] = []
    frozen: list[int] = []

    async def run() -> None:
        with psycopg.connect(database.url) as other:
            other.execute(TURN)
            async with recorder_for(database, heard) as recorder:
                recorder.refused(MISMATCH, REQUEST, b"{}")
                await asyncio.to_thread(until, lambda: log.value(database, WRITER))
                frozen.append(log.value(database, WRITER))
                os.kill(frozen[0], signal.SIGSTOP)

    try:
        asyncio.run(asyncio.wait_for(run(), 30))
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    assert heard


WAITING = (
    "SELECT max(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()"
)


@pytest.mark.parametrize("served_before", [True, False])
def test_server_starts_though_postgres_hangs_up_on_it(database: Database, tmp_path: Path, served_before: bool) -> None:
    """A Postgres that goes down just then has nothing against us; who never served hears of it all the same."""
    if served_before:
        (tmp_path / "spool").mkdir()
    with psycopg.connect(database.url) as other, ThreadPoolExecutor() as pool:
        other.execute("LOCK TABLE log.append_turn IN ACCESS EXCLUSIVE MODE")
        reached = pool.submit(app._reach_or_spool, database.as_part("ingest"), tmp_path / "spool")
        until(lambda: log.value(database, WAITING))
        log.value(database, "SELECT pg_terminate_backend(%s)", [log.value(database, WAITING)])
        with nullcontext() if served_before else pytest.raises(psycopg.errors.AdminShutdown):
            reached.result()
