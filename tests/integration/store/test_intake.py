"""The way in: the log while it answers in time, else the spool; what was answered is in the log once, come what may."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import conninfo, sql

from store import heartbeats, intake, spool
from store.entry import Entry, Kept, Spooled
from store.errors import SpoolUnavailable
from store.intake import Intake
from store.observer import Observer
from store.spool import Contents, Stretch
from tests.conftest import Database
from tests.integration.store import log as kept
from tests.unit.store import made

DEADLINE_SECONDS = 30


@dataclass
class Heard(Observer):
    """What an observer heard."""

    changes: list[str] = field(default_factory=list[str])
    held: Contents | None = None
    alarm: bool = False
    moved: int = 0

    def log_away(self, why: str) -> None:
        """Remember that; there always is a reason."""
        assert why
        self.changes.append("away")

    def log_back(self) -> None:
        """Remember that."""
        self.changes.append("back")

    def set_aside(self, event_id: str | None, why: str) -> None:
        """Remember which; there always is a reason."""
        assert why
        self.changes.append(f"set aside {event_id}")

    def drained(self, entries: int) -> None:
        """Count them."""
        self.moved += entries

    def left_behind(self, path: Path, rows: int) -> None:
        """Remember how many; the file is there."""
        assert path.exists()
        self.changes.append(f"left {rows}")

    def spool_holds(self, contents: Contents, *, alarm: bool) -> None:
        """Remember the last."""
        self.held, self.alarm = contents, alarm


@dataclass
class Place:
    """A database that can be taken away, and a directory for spools."""

    database: Database
    directory: Path
    heard: Heard = field(default_factory=Heard)

    @asynccontextmanager
    async def open(self, **given: Any) -> AsyncGenerator[Intake]:
        """Take entries in during the block."""
        url = self.database.as_part("ingest")
        async with Intake(url, self.directory, lambda: time.time_ns() // 1_000, observer=self.heard, **given) as opened:
            yield opened

    def allow_connections(self, *, allow: bool) -> None:
        """Let Postgres go away from this database, or come back."""
        name = str(conninfo.conninfo_to_dict(self.database.url)["dbname"])
        postgres = conninfo.make_conninfo(self.database.url, dbname="postgres")
        with psycopg.connect(postgres, autocommit=True) as admin:
            allowed = sql.SQL("true" if allow else "false")
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(name), allowed))
            if not allow:
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    @property
    def stored(self) -> list[str | None]:
        """What the log holds, each once."""
        return kept.event_ids(self.database)


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    """A fresh one."""
    return Place(database, tmp_path / "spool")


def on_loop(test: Callable[[Place], Awaitable[None]]) -> Callable[[Place], None]:
    """Run an async test in an event loop of its own; one that waits in vain fails."""

    def run(place: Place) -> None:
        asyncio.run(asyncio.wait_for(test(place), 2 * DEADLINE_SECONDS))

    run.__name__, run.__doc__ = test.__name__, test.__doc__  # pyright: ignore[reportAttributeAccessIssue]
    return run


def entry(number: int) -> Entry:
    """Give an entry that a request of its own brings."""
    return made.entry(number, delivery_id=uuid4())


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    ends_at = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.02)


@on_loop
async def test_entry_goes_to_the_log_while_that_answers(place: Place) -> None:
    """Nothing is spooled, nothing is left on disk, and the process said until when it took webhooks."""
    async with place.open() as opened:
        assert opened.path == "log"
        assert await opened.put(entry(0)) == Kept(0, redelivered=False)
        assert await opened.put(entry(0)) == Kept(0, redelivered=True)
    assert list(place.directory.iterdir()) == []
    assert place.heard.changes == []
    (beat,) = kept.rows(place.database, "intake.heartbeats", "since")
    assert (beat["duty"], beat["stopped"], beat["oldest_waiting"]) == ("ingest", True, None)


@on_loop
async def test_entry_goes_to_the_spool_while_postgres_is_away(place: Place) -> None:
    """It is answered at once, and in the log in its order when Postgres is back, with its own time."""
    async with place.open() as opened:
        await opened.put(entry(0))
        place.allow_connections(allow=False)
        for number in range(1, 20):
            assert await opened.put(entry(number)) == Spooled(number)
        assert opened.path == "spool"
        place.allow_connections(allow=True)
        await until(lambda: opened.path == "log" and place.heard.moved == 19)
        assert await opened.put(entry(20)) == Kept(20, redelivered=False)
    assert place.stored == [f"event-{number}" for number in range(21)]
    assert kept.entry_of(kept.rows(place.database)[7]).received_us == made.entry(7).received_us
    assert place.heard.changes == ["away", "back"]
    assert list(place.directory.iterdir()) == []


@on_loop
async def test_slow_commit_is_not_waited_for_and_happens_all_the_same(place: Place) -> None:
    """The answer comes within two seconds; the delivery that arrives twice, by commit and by spool, is there once."""
    entries = [entry(number) for number in range(5)]
    with psycopg.connect(place.database.as_part("worker")) as holder:
        holder.execute("LOCK TABLE log.append_turn IN EXCLUSIVE MODE")
        async with place.open() as opened:
            began = time.monotonic()
            where = await asyncio.gather(*map(opened.put, entries))
            assert time.monotonic() - began < 1.9
            assert all(isinstance(each, Spooled) for each in where)
            holder.rollback()
            await until(lambda: place.heard.moved == 5)
    assert sorted(map(str, place.stored)) == [f"event-{number}" for number in range(5)]
    assert kept.rows(place.database, "log.redeliveries") == []


@on_loop
async def test_another_delivery_of_a_spooled_event_is_a_redelivery(place: Place) -> None:
    """The provider repeated it: that is kept beside the event, whichever came first into the log."""
    async with place.open() as opened:
        await opened.put(entry(0))
        place.allow_connections(allow=False)
        assert isinstance(await opened.put(entry(0)), Spooled)
        assert isinstance(await opened.put(entry(1)), Spooled)
        assert isinstance(await opened.put(entry(1)), Spooled)
        place.allow_connections(allow=True)
        await until(lambda: place.heard.moved == 3)
    assert place.stored == ["event-0", "event-1"]
    assert [row["position"] for row in kept.rows(place.database, "log.redeliveries")] == [0, 1]


@on_loop
async def test_what_a_process_left_is_taken_over_by_the_next(place: Place) -> None:
    """It stopped while Postgres was away; the next one brings its entries and says until when it had been alive."""
    async with place.open() as opened:
        await opened.put(entry(0))
        place.allow_connections(allow=False)
        assert isinstance(await opened.put(entry(1)), Spooled)
        await until(lambda: place.heard.held is not None and place.heard.held.rows == 1)
    assert place.heard.changes == ["away", "left 1"]
    place.allow_connections(allow=True)

    async with place.open() as opened:
        await until(lambda: place.heard.moved == 1)
        assert await opened.put(entry(2)) == Kept(2, redelivered=False)
    assert place.stored == ["event-0", "event-1", "event-2"]
    assert list(place.directory.iterdir()) == []
    beats = kept.rows(place.database, "intake.heartbeats", "since")
    assert [(beat["stopped"], beat["oldest_waiting"]) for beat in beats] == [(True, None)] * 2


@on_loop
async def test_entry_that_the_log_never_takes_is_set_aside_and_shown(place: Place) -> None:
    """It is answered, delays nobody, and stays in the spool with its reason."""
    async with place.open() as opened:
        bad = made.entry(0, data_hash=b"too short", delivery_id=uuid4())
        assert isinstance(await opened.put(bad), Spooled)
        assert await opened.put(entry(1)) == Kept(0, redelivered=False)
        await until(lambda: "set aside event-0" in place.heard.changes)
    (left,) = spool.all_in(place.directory)
    assert left.refused() == [(1, "CheckViolation", "event-0")]
    assert left.contents().rows == 0
    left.close()


@on_loop
async def test_entry_is_refused_where_neither_log_nor_spool_can_take_it(place: Place) -> None:
    """The spool is full and Postgres away: SpoolUnavailable, no path, no sign of life; both heal by themselves."""
    async with place.open(spool_bytes_max=100_000) as opened:
        await opened.put(entry(0))
        place.allow_connections(allow=False)
        taken = 0
        with contextlib.suppress(SpoolUnavailable):
            while taken < 1_000:
                await opened.put(made.entry(taken + 1, body=bytes(10_000), delivery_id=uuid4()))
                taken += 1
        assert 3 < taken < 10
        await until(lambda: place.heard.alarm)
        place.allow_connections(allow=True)
        await until(lambda: place.heard.moved == taken and opened.path == "log")
        assert await opened.put(entry(taken + 1)) == Kept(taken + 1, redelivered=False)
        await until(lambda: not place.heard.alarm)
    assert place.stored == [f"event-{number}" for number in range(taken + 2)]


@on_loop
async def test_spool_that_cannot_be_made_costs_nothing_while_the_log_answers(place: Place) -> None:
    """A slow log is then waited for as long as there is time."""
    place.directory.write_text("a file is where the directory should be")
    async with place.open() as opened:
        assert opened.path == "log"
        with psycopg.connect(place.database.as_part("worker")) as holder:
            holder.execute("LOCK TABLE log.append_turn IN EXCLUSIVE MODE")
            putting = asyncio.create_task(opened.put(entry(0)))
            await asyncio.sleep(intake.LOG_SECONDS + 0.05)
            holder.rollback()
        assert await putting == Kept(0, redelivered=False)
        place.allow_connections(allow=False)
        with pytest.raises(SpoolUnavailable):
            await opened.put(entry(1))
        assert opened.path is None
        place.allow_connections(allow=True)


@on_loop
async def test_process_whose_loop_hangs_is_not_alive(place: Place) -> None:
    """The thread could go on saying so; but nobody is answered, and another stretch begins afterwards."""
    async with place.open() as opened:
        await opened.put(entry(0))
        await until(lambda: kept.rows(place.database, "intake.heartbeats", "since"))
        time.sleep(heartbeats.BEAT_SECONDS * 6)  # noqa: ASYNC251  hanging is what is tested
        await until(lambda: len(kept.rows(place.database, "intake.heartbeats", "since")) == 2)
    first, second = kept.rows(place.database, "intake.heartbeats", "since")
    assert (second["since"] - first["alive_at"]).total_seconds() > 2


@on_loop
async def test_log_takes_what_comes_while_the_spool_is_drained(place: Place) -> None:
    """Postgres is back: nobody waits for what the spool still holds, however full its disk."""
    async with place.open(spool_bytes_max=40 * 2**20) as opened:
        await opened.put(entry(0))
        place.allow_connections(allow=False)
        for first in range(1, 3_001, 50):
            some = [made.entry(first + n, body=bytes(8_000), delivery_id=uuid4()) for n in range(50)]
            await asyncio.gather(*map(opened.put, some))
        place.allow_connections(allow=True)
        await until(lambda: opened.path == "log")
        assert place.heard.moved < 3_000
        assert isinstance(await opened.put(entry(5_000)), Kept)
        assert place.heard.moved < 3_000
        await until(lambda: place.heard.moved == 3_000)
    assert len(place.stored) == 3_002


@on_loop
async def test_process_that_can_append_nowhere_is_not_alive(place: Place) -> None:
    """Postgres answers, but gives no append turn, and there is no spool: a stretch ends, however well it can say so."""
    place.directory.write_text("a file is where the directory should be")
    async with place.open() as opened:
        await opened.put(entry(0))
        await until(lambda: kept.rows(place.database, "intake.heartbeats", "since"))
        with psycopg.connect(place.database.as_part("worker")) as holder:
            holder.execute("LOCK TABLE log.append_turn IN EXCLUSIVE MODE")
            await until(lambda: opened.path is None)
            holder.rollback()
        await until(lambda: len(kept.rows(place.database, "intake.heartbeats", "since")) == 2)


@on_loop
async def test_spool_of_a_dead_process_is_spoken_for_until_it_is_drained(place: Place) -> None:
    """What waits in it holds judgement back, its time is no outage, and in the end nothing of it is left."""
    dead, now_us = uuid4(), time.time_ns() // 1_000
    left = spool.create(place.directory, dead)
    left.append([entry(0), made.entry(1, data_hash=b"too short", delivery_id=uuid4())])
    left.note_alive(Stretch(now_us - 60_000_000, now_us - 5_000_000))
    left.release(keep=True)
    async with place.open():
        await until(lambda: place.heard.moved == 1)
        await until(lambda: not list(place.directory.glob(f"{dead}.sqlite")))
    assert [path.name for path in place.directory.iterdir()] == [f"{dead}.aside"]
    rows = {row["process"]: row for row in kept.rows(place.database, "intake.heartbeats", "since")}
    assert (rows[dead]["stopped"], rows[dead]["oldest_waiting"]) == (True, None)
    assert (rows[dead]["alive_at"] - rows[dead]["since"]).total_seconds() == 55
    assert len(rows) == 2
