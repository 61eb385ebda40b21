"""The worker's sealer in a thread, over a real Postgres: when it seals, what it says, and what does not end it."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

import store.sealing
from callaudit import alarms, sealer
from store import heartbeats, signing
from tests.acceptance.home import until
from tests.conftest import Database
from tests.integration.store import log, seals
from tests.unit.store import made

SOON = sealer.Pace(seal_seconds=0.05, look_seconds=0.02)


@dataclass(frozen=True, slots=True)
class Sealing:
    """A sealer that runs, and what it has logged."""

    logged: list[Any]

    def said(self, event: str) -> list[Any]:
        """Give what it said of one kind."""
        return [entry for entry in self.logged if entry["event"] == event]


@contextmanager
def sealing(database: Database, folder: Path, pace: sealer.Pace = SOON) -> Generator[Sealing]:
    """Seal during the block."""
    with capture_logs() as logged, sealer.running(
        database.as_part("worker"), signing.Folder(folder), threading.Event(), pace
    ):  # fmt: skip
        yield Sealing(logged)
    assert not [thread for thread in threading.enumerate() if thread.name == "seal"]


def append(database: Database, *numbers: int) -> None:
    """Append events as ingest does."""
    with log.appender(database) as appender:
        log.kept(appender.append([made.entry(number) for number in numbers]))


def sealed_size(database: Database) -> int:
    """Give the size that was sealed last."""
    return log.value(database, "SELECT coalesce(max(size), 0) FROM log.checkpoints")


def beat(database: Database) -> heartbeats.Beat | None:
    """Give what the sealer said last of itself."""
    with psycopg.connect(database.as_part("worker")) as connection:
        return heartbeats.latest(connection).get("seal")


def test_events_are_sealed_as_they_come(database: Database, tmp_path: Path) -> None:
    """Each is under a checkpoint soon, the sealer says how far it is, and at its end that it left nothing behind."""
    with sealing(database, tmp_path) as run:
        for number in range(3):
            append(database, number)
            until(lambda number=number: sealed_size(database) == number + 1)
        until(lambda: (found := beat(database)) and found.position == 3 and not found.oldest_waiting)
        assert run.logged == []
    found = beat(database)
    assert found is not None
    assert (found.position, found.stopped) == (3, True)
    assert seals.sealed(database, tmp_path) == [1, 2, 3]


def test_events_that_come_within_the_interval_are_sealed_together_and_at_the_end(
    database: Database, tmp_path: Path
) -> None:
    """A checkpoint every ten seconds is enough while it runs; what is left is sealed when it stops."""
    append(database, 0)
    with sealing(database, tmp_path, sealer.Pace(seal_seconds=3_600, look_seconds=0.02)):
        until(lambda: sealed_size(database) == 1)
        append(database, 1, 2)
        until(lambda: (found := beat(database)) and found.oldest_waiting)
        assert sealed_size(database) == 1
    assert seals.sealed(database, tmp_path) == [1, 3]


def test_idle_log_gets_an_event_that_says_so(database: Database, tmp_path: Path) -> None:
    """A checkpoint over nothing new would prove nothing of the time since the one before."""
    append(database, 0)
    with sealing(database, tmp_path, sealer.Pace(0.05, timedelta(seconds=0.3), 0.02)):
        until(lambda: sealed_size(database) >= 3)
    idle = [row for row in log.rows(database) if row["event_type"] == "log.idle"]
    assert [row["source"] for row in idle] == ["system"] * len(idle)
    assert [row["position"] for row in idle] == list(range(1, len(idle) + 1))
    assert seals.sealed(database, tmp_path)[-1] == len(idle) + 1


def test_idle_event_of_two_sealers_is_there_once(database: Database, tmp_path: Path) -> None:
    """Both find the same silence; it happened once."""
    append(database, 0)
    pace = sealer.Pace(0.05, timedelta(seconds=0.5), 0.02)
    with capture_logs(), sealing(database, tmp_path, pace):
        other = threading.Event()
        with sealer.running(database.as_part("worker"), signing.Folder(tmp_path), other, pace):
            until(lambda: sealed_size(database) >= 3)
    bodies = [row["body"] for row in log.rows(database) if row["event_type"] == "log.idle"]
    assert len(set(bodies)) == len(bodies)


def test_refusal_is_said_once_and_is_over_when_its_cause_is(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sealer that refuses says why and is not alive for others; the key put back, it goes on by itself."""
    tries: list[store.sealing.Sealer] = []
    seal = store.sealing.Sealer.seal
    monkeypatch.setattr(store.sealing.Sealer, "seal", lambda self: tries.append(self) or seal(self))
    append(database, 0)
    seals.seal(database, tmp_path)
    key = (tmp_path / "checkpoint.key").read_bytes()
    (tmp_path / "checkpoint.key").unlink()
    append(database, 1)
    with sealing(database, tmp_path) as run:
        before = len(tries)
        until(lambda: len(tries) > before + 3)
        (refused,) = run.said("not_sealed")
        assert (refused["reason"], refused["log_level"]) == ("checkpoint_key_missing", "error")
        assert beat(database) is None
        assert sealed_size(database) == 1
        (tmp_path / "checkpoint.key").write_bytes(key)
        until(lambda: sealed_size(database) == 2)
        until(lambda: beat(database))
    assert [entry["event"] for entry in run.logged] == ["not_sealed", "sealing_again"]


def test_refusal_is_not_over_because_another_sealer_has_the_turn(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who got no turn has found nothing out: the alarm stays until a look at the log succeeds."""
    gave_way: list[None] = []
    seal = store.sealing.Sealer.seal
    monkeypatch.setattr(store.sealing.Sealer, "seal", lambda self: seal(self) or gave_way.append(None))
    append(database, 0)
    seals.seal(database, tmp_path)
    (tmp_path / "checkpoint.key").rename(tmp_path / "away")
    with sealing(database, tmp_path) as run:
        until(lambda: run.said("not_sealed"))
        with psycopg.connect(database.url) as other:
            other.execute("LOCK TABLE log.seal_turn IN EXCLUSIVE MODE")
            until(lambda: gave_way)
            assert run.said("sealing_again") == []
            assert beat(database) is None
        (tmp_path / "away").rename(tmp_path / "checkpoint.key")
        until(lambda: run.said("sealing_again"))


def test_refusal_is_said_again_after_a_while(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at the log later finds it too."""
    monkeypatch.setattr(alarms, "SAY_AGAIN_SECONDS", 0.1)
    append(database, 0)
    seals.seal(database, tmp_path)
    (tmp_path / "checkpoint.key").unlink()
    with sealing(database, tmp_path) as run:
        until(lambda: len(run.said("not_sealed")) >= 3)


def test_sealer_goes_on_when_its_connection_is_lost(database: Database, tmp_path: Path) -> None:
    """It says so, begins another stretch of life, and seals what came meanwhile."""
    with sealing(database, tmp_path) as run:
        append(database, 0)
        until(lambda: sealed_size(database) == 1)
        until(lambda: beat(database))
        first = beat(database)
        assert first is not None
        assert log.value(
            database,
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'callaudit sealer' AND datname = current_database()",
        )
        append(database, 1)
        until(lambda: sealed_size(database) == 2)
        until(lambda: (found := beat(database)) and found.since > first.since)
    assert [entry["event"] for entry in run.logged] == ["not_sealed", "sealing_again"]
    assert run.logged[0]["reason"] == "database_lost"
