"""What was answered 200 is in the log exactly once, whatever was killed, stopped or taken away, and whenever."""

import contextlib
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

import migrations
from callaudit import postgres
from store import heartbeats
from tests.acceptance import home as homes
from tests.acceptance import server, storm
from tests.conftest import Database

pytestmark = pytest.mark.heavy

ANSWER_SECONDS_MAX = 2.0
EMBEDDED = "callaudit"


@dataclass(frozen=True, slots=True)
class Site:
    """Everything in one, in a home and on a port of its own, started again when a test says so."""

    home: Path
    url: str

    def start(self, stack: contextlib.ExitStack) -> None:
        """Run ``up`` until the stack is left, or somebody kills it; return when it takes webhooks."""
        given = homes.environment(self.home, TELNYX_PUBLIC_KEY=server.KEY.public)
        port = self.url.rpartition(":")[2]
        stack.enter_context(server.started(["up", "--port", port, "--workers", "2"], given, self.home))
        homes.until(self.is_ready)

    def is_ready(self) -> bool:
        """Say whether webhooks are taken."""
        return server.is_ready(self.url)

    def is_recovered(self) -> bool:
        """Say whether nothing waits any more, in no spool and for no projection."""
        try:
            return storm.drained(self.database, self.home)
        except psycopg.OperationalError:
            return False

    def is_whole(self, answered: set[int]) -> None:
        """See that nothing that was answered is lost."""
        is_whole(self.database, homes.environment(self.home), self.home, answered)

    @property
    def database(self) -> Database:
        """The database of the home, while it runs."""
        host = self.home / "postgres" / "run"
        return Database(f"postgresql://callaudit@/{EMBEDDED}?host={str(host).replace('/', '%2F')}&port=5432")


def is_whole(database: Database, given: Mapping[str, str], home: Path, answered: set[int]) -> None:
    """See that what was answered is there once, that the log verifies, and that read models equal a rebuild."""
    storm.stored_once(database, answered)
    for command in (["log", "verify", "--json"], ["rebuild", "--check"]):
        checked = server.run(command, given, home)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture
def site(short_path: Path) -> Site:
    """A home of its own."""
    return Site(short_path, f"http://127.0.0.1:{free_port()}")


def free_port() -> int:
    """Give a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _serve(site: Site) -> list[int]:
    return _of(site, " callaudit serve")


def _worker(site: Site) -> list[int]:
    return _of(site, " callaudit worker")


def _postgres(site: Site) -> list[int]:
    return _of(site, "/postgres -D ")


def _any(site: Site) -> list[int]:
    return [pid for victims in (_serve, _worker, _postgres) for pid in victims(site)]


def _of(site: Site, words: str) -> list[int]:
    return [pid for pid, said in homes.family(site.home).items() if words in f" {said} "]


@pytest.mark.parametrize("victims", [_serve, _worker, _postgres, _any], ids=lambda victims: victims.__name__.strip("_"))
def test_nothing_is_lost_when_processes_are_killed(
    site: Site, victims: Callable[[Site], list[int]], full: bool
) -> None:
    """Killed at random moments under load, one after the other and again before they are well."""
    chance = random.Random(victims.__name__)
    seconds = 60 if full else 6
    kills = 0
    with contextlib.ExitStack() as stack:
        site.start(stack)
        with storm.load(site.url) as sending:
            ends_at = time.monotonic() + seconds
            while time.monotonic() < ends_at:
                if chance.random() < 0.7:  # else it is not well yet
                    homes.until(site.is_ready)
                time.sleep(chance.uniform(0.01, 0.8))
                if living := victims(site):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(chance.choice(living), signal.SIGKILL)
                    kills += 1
        homes.until(site.is_ready)
        homes.until(site.is_recovered)
        site.is_whole(sending.answered)
    assert kills > seconds / 6
    assert len(sending.answered) > 5 * seconds


def test_nothing_is_lost_when_everything_is_killed_at_once(site: Site, full: bool) -> None:
    """Again and again, at a random moment under load: what comes next finds all that was answered, and goes on."""
    chance = random.Random(1)
    answered: set[int] = set()
    for _ in range(25 if full else 3):
        with contextlib.ExitStack() as stack:
            site.start(stack)
            with storm.load(site.url, first=1_000_000 * len(answered)) as sending:
                time.sleep(chance.uniform(0.1, 2.0))
                sending.end()
                for pid in homes.family(site.home):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                sending.give_up()
            answered |= sending.answered
    with contextlib.ExitStack() as stack:
        site.start(stack)
        homes.until(site.is_recovered)
        site.is_whole(answered)


@contextlib.contextmanager
def stopped_postgres(home: Path, cluster: contextlib.ExitStack, how: str) -> Generator[None]:
    """Let Postgres be silent, or gone, during the block."""
    if how == "shutdown":
        cluster.close()
        yield
        cluster.enter_context(postgres.embedded(home))
        return
    stopped = [pid for pid, said in homes.family(home).items() if "postgres" in said]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    yield
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("how", ["SIGSTOP", "shutdown"])
def test_every_answer_comes_in_time_while_postgres_is_stopped(short_path: Path, how: str, full: bool) -> None:
    """Within two seconds, and 200: silent or gone, the spool takes what Postgres does not, and that is no outage."""
    home = short_path / "home"
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(contextlib.ExitStack())
        database = Database(_created(cluster.enter_context(postgres.embedded(short_path / "cluster"))))
        site = stack.enter_context(server.serving(database, home))
        stack.enter_context(server.working(database, home))
        with storm.load(site.url, senders=4, pause=0.02) as sending:
            homes.until(lambda: len(sending.answered) > 20 and storm.is_projecting(database))
            with stopped_postgres(short_path / "cluster", cluster, how):
                time.sleep(30 if full else 8)
            before = len(sending.answered)
            homes.until(lambda: len(sending.answered) > before + 20)
        assert set(sending.statuses) == {200}, (sending.refusals, sending.slowest)
        assert sending.slowest < ANSWER_SECONDS_MAX
        homes.until(lambda: storm.drained(database, home))
        is_whole(database, server.environment(database, home), home, sending.answered)
        with psycopg.connect(database.url) as connection:
            assert heartbeats.gaps(connection, datetime.now(UTC) + timedelta(hours=1)) == []


def test_server_that_is_killed_while_postgres_is_stopped_is_spoken_for_by_the_next(short_path: Path) -> None:
    """What it answered is in the log; the time in which it could answer is no outage, the time without it is one."""
    home, port = short_path / "home", free_port()
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(contextlib.ExitStack())
        database = Database(_created(cluster.enter_context(postgres.embedded(short_path / "cluster"))))
        stack.enter_context(server.working(database, home))
        with server.serving(database, home, ["--port", str(port)]) as site:
            homes.until(lambda: storm.is_projecting(database))
            with stopped_postgres(short_path / "cluster", cluster, "shutdown"):
                with storm.load(site.url, senders=2, pause=0.05) as sending:
                    time.sleep(7)
                died_at = datetime.now(UTC)
                site.process.kill()
                time.sleep(7)
        with server.serving(database, home, ["--port", str(port)]):
            homes.until(lambda: storm.drained(database, home))
            homes.until(lambda: storm.outages(database))
            is_whole(database, server.environment(database, home), home, sending.answered)
        ((begins, ends),) = storm.outages(database)
    assert abs((begins - died_at).total_seconds()) < 3
    assert 6 < (ends - begins).total_seconds() < 20


def _created(running: postgres.Running) -> str:
    with psycopg.connect(running.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE storm TEMPLATE template0")
    url = running.url(dbname="storm")
    migrations.upgrade(url)
    return url
