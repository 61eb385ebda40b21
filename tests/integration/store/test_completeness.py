"""Whether the log can hold everything is a verdict of its own: from heartbeats, outages, spools and refusals."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from store import heartbeats, system, verify
from store.completeness import Completeness
from store.heartbeats import Beat
from tests.conftest import Database
from tests.integration.store import log, sealed
from tests.unit.store import made

NOW = datetime.now(UTC)


def stretch(process: int, since: float, until: float, **fields: Any) -> Beat:
    """Give a stretch of ingest, in minutes before now, of a process that has stopped in good order."""
    since_at, alive_at = (NOW - timedelta(minutes=minutes) for minutes in (since, until))
    given = {"stopped": True, **fields}
    return Beat(process=UUID(int=process), duty="ingest", since=since_at, alive_at=alive_at, **given)


def judged(database: Database, *beats: Beat, since: int = 0) -> Completeness:
    """Say who was there, and verify."""
    with psycopg.connect(database.as_part("ingest")) as connection:
        for each in beats:
            heartbeats.beat(connection, each)
    with psycopg.connect(database.as_part("auditor")) as connection:
        return verify.verify(connection, sealed.given(telnyx_keys=[sealed.telnyx_key()]), since=since).completeness


def test_time_without_heartbeat_is_unknown(database: Database) -> None:
    """Nobody says that webhooks could be taken, nor that they could not."""
    assert judged(database).verdict == "unknown"


@pytest.mark.parametrize(
    "beats",
    [
        [stretch(1, 60, 0)],
        [stretch(1, 60, 30), stretch(1, 29.95, 0)],
        [stretch(1, 60, 20), stretch(2, 30, 0)],
        [stretch(1, 60, 0), stretch(2, 50, 40)],
    ],
    ids=[
        "one",
        "a break that repeats bridge",
        "one after the other",
        "one beside the other",
    ],
)
def test_time_that_somebody_covers_is_complete(database: Database, beats: list[Beat]) -> None:
    """From the first sign of life to the last."""
    found = judged(database, *beats)
    assert found.verdict == "complete"
    assert (found.begins, found.ends) == (NOW - timedelta(minutes=60), NOW)


def test_spool_of_a_living_process_is_on_its_way(database: Database) -> None:
    """What waits there is appended in a moment."""
    alive = stretch(1, 60, -60, oldest_waiting=NOW)
    assert judged(database, alive).verdict == "complete"


def test_break_in_the_heartbeats_is_incomplete(database: Database) -> None:
    """It is counted, and is none of a later period."""
    found = judged(database, stretch(1, 60, 40), stretch(2, 30, 0), stretch(3, 90, 80))
    assert (found.verdict, found.gaps) == ("incomplete", 2)


def test_spool_of_a_process_that_is_gone_is_incomplete(database: Database) -> None:
    """What it answered is not in the log; when it is, nothing waits any more."""
    waiting = NOW - timedelta(minutes=31)
    found = judged(database, stretch(1, 60, 30, oldest_waiting=waiting), stretch(2, 60, 0))
    assert (found.verdict, found.waiting_since) == ("incomplete", waiting)
    with psycopg.connect(database.as_part("ingest")) as connection:
        heartbeats.settle(connection, UUID(int=1))
    assert judged(database).verdict == "complete"


def test_process_that_fell_silent_is_incomplete(database: Database) -> None:
    """It may have answered since, cut off from Postgres alone, until somebody speaks for it."""
    found = judged(database, stretch(1, 60, 30, stopped=False), stretch(2, 60, 0))
    assert (found.verdict, found.waiting_since) == ("incomplete", NOW - timedelta(minutes=30))
    with psycopg.connect(database.as_part("ingest")) as connection:
        heartbeats.settle(connection, UUID(int=1))
    assert judged(database).verdict == "complete"


def test_outage_on_record_is_incomplete(database: Database) -> None:
    """Though nobody's heartbeat tells of it."""
    with log.appender(database) as appender:
        appender.append([system.event(system.OUTAGE, {"from": "then", "to": "later"}, made.RECEIVED_US)])
    found = judged(database, stretch(1, 60, 0))
    assert (found.verdict, found.outages) == ("incomplete", 1)


REFUSED = """
    INSERT INTO intake.rejections (received_at, remote_address, reason, body, body_bytes, sealed_body, signed_timestamp,
        signature)
    VALUES (now(), '192.0.2.1', 'signature_mismatch', %s, 1, %s, %s, %s)
"""


@pytest.mark.parametrize("is_sealed", [False, True])
def test_refused_delivery_that_a_known_key_signed_is_incomplete(database: Database, is_sealed: bool) -> None:
    """It is evidence, and not in the log; what anybody else made up changes nothing."""
    body = b'{"data":{}}'
    genuine = sealed.TELNYX.signature(sealed.SIGNED_AT, body)
    forged = sealed.STRANGER.signature(sealed.SIGNED_AT, body)
    kept = (b"***", sealed.BOX.seal(body)) if is_sealed else (body, None)
    with psycopg.connect(database.url) as connection:
        connection.execute(REFUSED, [*kept, sealed.SIGNED_AT, forged])
        connection.execute(REFUSED, [*kept, sealed.SIGNED_AT, "no base64"])
    assert judged(database, stretch(1, 60, 0)).verdict == "complete"
    with psycopg.connect(database.url) as connection:
        connection.execute(REFUSED, [*kept, sealed.SIGNED_AT, genuine])
    found = judged(database)
    assert (found.verdict, found.readmissible) == ("incomplete", 1)
    with psycopg.connect(database.url) as connection:
        connection.execute("UPDATE intake.rejections SET readmitted_at = now()")
    assert judged(database).verdict == "complete"


def test_integrity_does_not_depend_on_completeness(database: Database) -> None:
    """An intact log may be incomplete, and says both."""
    with psycopg.connect(database.as_part("ingest")) as connection:
        heartbeats.beat(connection, stretch(1, 60, 50))
        heartbeats.beat(connection, stretch(1, 30, 0))
    with psycopg.connect(database.as_part("auditor")) as connection:
        verdict = verify.verify(connection, sealed.given())
    assert verdict.first_wrong is None
    assert verdict.completeness.verdict == "incomplete"
