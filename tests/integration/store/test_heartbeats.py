"""Heartbeats: when somebody could take webhooks, when nobody could, and until when calls may be judged."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from store import heartbeats, outages, system
from store.heartbeats import Beat, Gap
from tests.conftest import Database
from tests.integration.store import log as kept

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Give the time so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def stretch(process: int, since: float, until: float, **fields: object) -> Beat:
    """Give a stretch of time in which a process could take webhooks."""
    return Beat(process=UUID(int=process), duty="ingest", since=at(since), alive_at=at(until), **fields)  # pyright: ignore[reportArgumentType]


def gaps_of(
    database: Database, *stretches: Beat, now: float = 10_000, settled: bool = True
) -> list[tuple[float, float]]:
    """Write the stretches down and give the outages that follow, in seconds after noon."""
    with psycopg.connect(database.as_part("ingest"), autocommit=True) as connection:
        for each in stretches:
            heartbeats.beat(connection, each)
            if settled:
                heartbeats.settle(connection, each.process)
        found = heartbeats.gaps(connection, at(now))
    return [((gap.begins - NOON).total_seconds(), (gap.ends - NOON).total_seconds()) for gap in found]


@pytest.mark.parametrize(
    ("stretches", "found"),
    [
        ([], []),
        ([(1, 0, 100)], []),
        ([(1, 0, 100), (2, 105, 200)], []),
        ([(1, 0, 100), (2, 106, 200)], [(100, 106)]),
        ([(1, 0, 100), (2, 50, 300), (1, 200, 400)], []),
        ([(1, 0, 1000), (2, 100, 200), (3, 300, 400)], []),
        ([(1, 0, 100), (2, 300, 400), (3, 600, 700), (1, 90, 350)], [(400, 600)]),
        ([(1, 0, 100), (1, 110, 200), (1, 220, 300)], [(100, 110), (200, 220)]),
    ],
)
def test_outage_is_time_in_which_nobody_could_take_webhooks(
    database: Database, stretches: list[tuple[int, float, float]], found: list[tuple[float, float]]
) -> None:
    """Processes stand in for each other; five seconds are none, since the provider repeats for a minute."""
    assert gaps_of(database, *(stretch(*each) for each in stretches)) == found


def test_gap_is_judged_when_others_had_time_to_speak(database: Database) -> None:
    """A process that only lost Postgres says a little later that it was there all along."""
    assert gaps_of(database, stretch(1, 0, 100), stretch(2, 300, 301), now=310) == []
    assert gaps_of(database, stretch(1, 0, 320), now=330) == []


def test_gap_waits_for_a_process_that_may_have_stood_in_it(database: Database) -> None:
    """It fell silent before and has not been spoken for: it may have been there, cut off from Postgres alone."""
    stretches = stretch(1, 0, 100), stretch(2, 300, 400), stretch(3, 600, 700)
    assert gaps_of(database, *stretches, settled=False) == []
    assert gaps_of(database, stretches[0]) == [(100, 300)]
    assert gaps_of(database, stretches[1]) == [(100, 300), (400, 600)]


def test_beat_makes_a_stretch_longer_and_never_shorter(database: Database) -> None:
    """A clock that was set back takes nothing away."""
    assert gaps_of(database, stretch(1, 0, 200), stretch(1, 0, 100), stretch(2, 206, 300)) == [(200, 206)]


def test_the_same_gap_is_one_outage_in_the_log(database: Database) -> None:
    """However often it is found, by whichever worker; it says from when to when."""
    gap = Gap(at(100), at(160))
    with kept.appender(database, "worker") as appender:
        first = appender.append(outages.found([gap], 1))
        again = appender.append(outages.found([gap], 2))
    assert [each.position for each in kept.kept([*first, *again])] == [0, 0]
    (row,) = kept.rows(database)
    assert (row["source"], row["event_type"], row["occurred_at"]) == ("system", system.OUTAGE, at(100))
    assert b'"from":"2026-03-01T12:01:40.000000Z","to":"2026-03-01T12:02:40.000000Z"' in row["body"]
    assert kept.rows(database, "log.redeliveries") == []


@pytest.mark.parametrize(
    ("gap", "reason"),
    [(Gap(at(1), at(1)), "why"), (Gap(at(2), at(1)), "why"), (Gap(at(1), at(99)), "why"), (Gap(at(1), at(2)), " ")],
)
def test_outage_that_makes_no_sense_is_refused(gap: Gap, reason: str) -> None:
    """One that ends before it begins or after now, or without a reason."""
    with pytest.raises(outages.OutageRefused):
        outages.declared(gap, reason, at(50))


def test_nothing_is_judged_later_than_what_still_waits(database: Database) -> None:
    """The oldest event in any spool holds judgement back, a process's newest stretch counts, and nobody else's beat."""
    with psycopg.connect(database.as_part("worker"), autocommit=True) as connection:
        assert heartbeats.heard_until(connection, at(1)) == at(1)
        heartbeats.beat(connection, stretch(1, 0, 100, oldest_waiting=at(40)))
        heartbeats.beat(connection, stretch(2, 0, 100))
        assert heartbeats.heard_until(connection, at(100)) == at(40)
        heartbeats.beat(connection, stretch(1, 90, 100, oldest_waiting=at(70)))
        assert heartbeats.heard_until(connection, at(100)) == at(70)
        heartbeats.settle(connection, UUID(int=1))
        assert heartbeats.heard_until(connection, at(100)) == at(100)


def test_nothing_is_judged_while_nobody_listens(database: Database) -> None:
    """Silence after the last sign of life proves nothing."""
    with psycopg.connect(database.as_part("worker"), autocommit=True) as connection:
        heartbeats.beat(connection, stretch(1, 0, 100, stopped=True))
        heartbeats.beat(connection, Beat(process=UUID(int=9), duty="seal", since=at(0), alive_at=at(500)))
        assert heartbeats.heard_until(connection, at(104)) == at(104)
        assert heartbeats.heard_until(connection, at(1_000)) == at(100)
        heartbeats.beat(connection, stretch(2, 990, 1_000))
        assert heartbeats.heard_until(connection, at(1_000)) == at(1_000)


def test_process_that_fell_silent_holds_judgement_back(database: Database) -> None:
    """It may be cut off from Postgres alone, and have answered since; who speaks for it, or an operator, ends that."""
    with psycopg.connect(database.as_part("worker"), autocommit=True) as connection:
        for process in (1, 2, 3):
            heartbeats.beat(connection, stretch(process, 0, 100 * process))
        heartbeats.beat(connection, stretch(4, 0, 1_000))
        assert heartbeats.heard_until(connection, at(1_000)) == at(100)
        heartbeats.settle(connection, UUID(int=1))
        assert heartbeats.heard_until(connection, at(1_000)) == at(200)
        heartbeats.beat(connection, stretch(2, 0, 999))
        assert heartbeats.heard_until(connection, at(1_000)) == at(300)
        assert heartbeats.give_up_waiting(connection, Gap(at(250), at(350)), at(1_000)) == 1
        assert heartbeats.heard_until(connection, at(1_000)) == at(1_000)


def test_declared_outage_ends_the_wait_for_a_spool_that_is_gone(database: Database) -> None:
    """Only for what was taken in that time, and only for processes that are gone."""
    with psycopg.connect(database.as_part("worker"), autocommit=True) as connection:
        heartbeats.beat(connection, stretch(1, 0, 100, oldest_waiting=at(40)))
        heartbeats.beat(connection, stretch(2, 0, 500, oldest_waiting=at(450)))
        assert heartbeats.give_up_waiting(connection, Gap(at(50), at(100)), at(500)) == 0
        assert heartbeats.give_up_waiting(connection, Gap(at(0), at(500)), at(500)) == 1
        assert heartbeats.heard_until(connection, at(500)) == at(450)
        latest = heartbeats.latest(connection)
    assert latest["ingest"].process == UUID(int=2)
