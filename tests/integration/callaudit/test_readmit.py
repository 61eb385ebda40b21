"""Readmitting, as ingest's own role: once each, whatever ends it, and with how they came in on the record."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest

from callaudit import readmit
from ingest import keys, readmission
from ingest.readmission import Readmitted, StillRefused
from store import append, rejections
from store.entry import Entry
from store.rejections import Rejection
from tests.conftest import Database
from tests.integration.store import log
from tests.unit.ingest import door

RULES = readmission.Rules(public_keys=keys.public_keys(f"late={door.PUBLIC_KEY}"), tolerance_seconds=300)
RECEIVED = datetime.fromtimestamp(door.NOW_SECONDS, UTC)
TRUSTED, READMITTED = "key.trusted", "log.readmitted"


def body(number: int) -> bytes:
    """Give the body of an event."""
    return door.EVENT.replace(b"event-1", b"event-%d" % number)


def refused(number: int, **fields: Any) -> Rejection:
    """Give a refused delivery that Telnyx signed with the key that was not configured."""
    said: dict[str, Any] = {
        "received_at": RECEIVED + timedelta(seconds=number),
        "remote_address": "192.0.2.7",
        "network": "192.0.2.7",
        "reason": "signature_mismatch",
        "body": body(number),
        "body_bytes": len(body(number)),
        "content_type": "application/json",
        "signed_timestamp": str(door.NOW_SECONDS),
        "signature": door.signature(b"%d" % door.NOW_SECONDS, body(number)),
    }
    return Rejection(**{**said, **fields})


@pytest.fixture
def intake(database: Database) -> Database:
    """A database in which five genuine deliveries were refused, and three others."""
    others = [
        refused(90, signature=door.signature(b"0", b"")),
        refused(91, body=None, signature=None),
        refused(92, reason="timestamp_outside_tolerance"),
    ]
    with psycopg.connect(database.as_part("ingest"), autocommit=True) as connection:
        rejections.keep(connection, [refused(1), others[0], *map(refused, (2, 3)), *others[1:], *map(refused, (4, 5))])
    return database


def run(database: Database, *, dry_run: bool = False) -> list[Readmitted | StillRefused]:
    """Readmit."""
    with append.connect(database.as_part("ingest"), application_name="test") as connection:
        done = readmit.Readmission(connection, RULES, door.BOX, 5).run(dry_run=dry_run)
        return [each for portion in done for each in portion]


def names(outcomes: list[Readmitted | StillRefused]) -> list[str | None]:
    """Give the event ids of what was readmitted."""
    return [each.entry.event_id for each in outcomes if isinstance(each, Readmitted)]


def stored(database: Database) -> list[str]:
    """Give what the log holds, in order: the ids of webhooks, the types of what the program said itself."""
    log.event_ids(database)  # has seen that positions are gapless and each event is there once
    return [row["event_id"] if row["source"] == "webhook" else row["event_type"] for row in log.rows(database)]


EVENTS = [f"event-{number}" for number in range(1, 6)]


def test_what_proves_genuine_is_appended_with_its_time_after_the_event_that_says_so(intake: Database) -> None:
    """The log tells which key it is, that they were readmitted and why they had been refused, then the deliveries."""
    outcomes = run(intake)
    assert names(outcomes) == EVENTS
    assert [each.reason for each in outcomes if isinstance(each, StillRefused)] == [
        "signature_mismatch",
        "bytes_not_kept",
    ]
    assert stored(intake) == [TRUSTED, READMITTED, *EVENTS]
    _, said, *webhooks = log.rows(intake)
    assert [row["received_at"] for row in webhooks] == [RECEIVED + timedelta(seconds=n) for n in range(1, 6)]
    told = orjson.loads(said["body"])["data"]["payload"]["deliveries"]
    assert [each["event_id"] for each in told] == EVENTS
    assert [each["delivery_id"] for each in told] == [str(row["delivery_id"]) for row in webhooks]
    marked = {
        row["rejection_id"]
        for row in log.rows(intake, "intake.rejections", "rejection_id")
        if row["readmitted_at"] is not None
    }
    assert marked == {each["rejection_id"] for each in told}


def test_entry_that_the_log_refuses_is_named_and_the_rest_is_readmitted(intake: Database) -> None:
    """One that can never be stored stays where it is, and out of the event that says what came in."""
    with psycopg.connect(intake.url) as connection:
        connection.execute(
            "ALTER TABLE log.events"
            " ADD CHECK (source = 'system' OR position(convert_to('event-3', 'UTF8') IN body) = 0)"
        )
    outcomes = run(intake)
    rest = [name for name in EVENTS if name != "event-3"]
    assert names(outcomes) == rest
    (left,) = [each for each in outcomes if isinstance(each, StillRefused) and each.reason == "entry_refused"]
    assert left.held.body == body(3)
    assert stored(intake) == [TRUSTED, READMITTED, *rest]
    told = orjson.loads(log.rows(intake)[1]["body"])["data"]["payload"]["deliveries"]
    assert [each["event_id"] for each in told] == rest
    assert [each.reason for each in run(intake) if isinstance(each, StillRefused)].count("entry_refused") == 1


def test_running_again_appends_nothing(intake: Database) -> None:
    """What was readmitted is not looked at again."""
    run(intake)
    before = stored(intake)
    assert names(run(intake)) == []
    assert stored(intake) == before
    assert log.rows(intake, "log.redeliveries", "redelivery_id") == []


def test_dry_run_says_what_would_be_readmitted_and_changes_nothing(intake: Database) -> None:
    """The same judgement, and no trace."""
    assert names(run(intake, dry_run=True)) == EVENTS
    assert stored(intake) == []
    assert {row["readmitted_at"] for row in log.rows(intake, "intake.rejections", "rejection_id")} == {None}


def test_what_ends_it_in_between_leaves_all_of_a_portion_or_nothing(
    intake: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second portion fails after its deliveries are written; running again brings the rest, once."""
    monkeypatch.setattr(readmit, "PORTION", 3)
    marks: list[int] = []
    mark = rejections.mark_readmitted

    def fail_at_second(connection: psycopg.Connection[Any], rejection_ids: list[int]) -> None:
        marks.append(len(rejection_ids))
        if len(marks) == 2:
            raise KeyboardInterrupt
        mark(connection, rejection_ids)

    monkeypatch.setattr(rejections, "mark_readmitted", fail_at_second)
    with pytest.raises(KeyboardInterrupt):
        run(intake)
    assert stored(intake) == [TRUSTED, READMITTED, "event-1", "event-2"]
    assert names(run(intake)) == ["event-3", "event-4", "event-5"]
    assert [each for each in stored(intake) if each != READMITTED] == [TRUSTED, *EVENTS]
    assert log.rows(intake, "log.redeliveries", "redelivery_id") == []


def test_two_at_once_readmit_each_delivery_once(intake: Database) -> None:
    """Who comes second waits for the first, and then has nothing left to do or to say."""
    waiting = threading.Thread(target=run, args=(intake,))
    with append.connect(intake.as_part("ingest"), application_name="test") as connection:
        with connection.transaction():
            ids = [row["rejection_id"] for row in log.rows(intake, "intake.rejections", "rejection_id")]
            rejections.claim_held(connection, ids)
            waiting.start()
            _until_somebody_waits(intake, waiting)
            rejections.mark_readmitted(connection, ids)
        waiting.join()
    assert stored(intake) == []


def test_event_that_came_in_another_way_meanwhile_becomes_a_redelivery(intake: Database) -> None:
    """Telnyx's failover may have brought it: it is in the log once, and that it came twice is known."""
    outcome = readmission.judge(_held(intake)[0], RULES, door.BOX)
    assert isinstance(outcome, Readmitted)
    with log.appender(intake) as appender:
        log.kept(appender.append([_another_delivery(outcome)]))
    assert names(run(intake)) == EVENTS
    assert stored(intake) == ["event-1", TRUSTED, READMITTED, *EVENTS[1:]]
    (again,) = log.rows(intake, "log.redeliveries", "redelivery_id")
    assert (again["position"], again["delivery_id"]) == (0, outcome.entry.delivery_id)


def _held(database: Database) -> list[rejections.Held]:
    with psycopg.connect(database.as_part("ingest")) as connection:
        return rejections.held(connection, 0, 1)


def _another_delivery(readmitted: Readmitted) -> Entry:
    return replace(readmitted.entry, delivery_id=uuid4())


def _until_somebody_waits(database: Database, waiting: threading.Thread) -> None:
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"
    while log.value(database, waits) == 0:
        assert waiting.is_alive()
