"""How the log stands, seen by the role that takes webhooks."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg

from store import heartbeats, standing
from store.heartbeats import SILENT_AFTER, Beat
from tests.conftest import Database
from tests.integration.store import log
from tests.unit.store import made

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def seal(database: Database, size: int) -> None:
    """Put a checkpoint there, whatever it says."""
    with psycopg.connect(database.as_part("worker"), autocommit=True) as worker:
        columns = "INSERT INTO log.checkpoints (size, origin, note, sealed_at)"
        worker.execute(f"{columns} VALUES (%s, 'origin', 'note', %s)", [size, NOW])


def look(database: Database) -> standing.Standing:
    """Look as ingest."""
    with psycopg.connect(database.as_part("ingest"), autocommit=True) as ingest:
        return standing.look(ingest)


def test_positions_are_those_of_the_next_event(small_partitions: Database) -> None:
    """An empty log is at 0 and sealed up to 0; over several partitions the head is found from what is sealed."""
    assert look(small_partitions) == standing.Standing(position=0, sealed=0, beats={})
    with log.appender(small_partitions) as appender:
        appender.append([made.entry(number) for number in range(150)])
    assert look(small_partitions) == standing.Standing(position=150, sealed=0, beats={})
    for size in (70, 150, 90):
        seal(small_partitions, size)
        assert look(small_partitions) == standing.Standing(position=150, sealed=size, beats={})


def test_newest_beat_of_each_duty_counts(database: Database) -> None:
    """A worker that took over from a silent one is the one that is heard."""
    beats = [
        Beat(process=uuid4(), duty="seal", since=NOW - SILENT_AFTER, alive_at=NOW),
        Beat(process=uuid4(), duty="seal", since=NOW - 2 * SILENT_AFTER, alive_at=NOW - SILENT_AFTER, position=1),
        Beat(process=uuid4(), duty="project", since=NOW - SILENT_AFTER, alive_at=NOW, position=3, oldest_waiting=NOW),
    ]
    with psycopg.connect(database.as_part("worker"), autocommit=True) as worker:
        for beat in beats:
            heartbeats.beat(worker, beat)
    assert look(database).beats == {"seal": beats[0], "project": beats[2]}


def test_silence_begins_after_five_seconds_or_with_a_stop() -> None:
    """One beat that comes late is no alarm; who says that it stops is believed at once."""
    beat = Beat(process=uuid4(), duty="seal", since=NOW, alive_at=NOW)
    heard = standing.Standing(position=0, sealed=0, beats={"seal": beat})
    assert heard.silent_since("seal", NOW + SILENT_AFTER) is None
    assert heard.silent_since("seal", NOW + SILENT_AFTER + timedelta(microseconds=1)) == NOW
    stopped = Beat(process=uuid4(), duty="seal", since=NOW, alive_at=NOW, stopped=True)
    assert standing.Standing(position=0, sealed=0, beats={"seal": stopped}).silent_since("seal", NOW) == NOW
