"""Appending to a real Postgres, over partition borders, against other writers and with entries it refuses."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors as postgres_errors

from store import append, errors, leaf, merkle, statements
from store.entry import Entry, Kept
from tests.conftest import Database
from tests.integration.store import log
from tests.unit.store import made

PARTITION = 64  # positions, in the database of `small_partitions`


def test_append_gives_positions_without_gaps_in_the_order_given(database: Database) -> None:
    """New entries get the next positions, batch after batch, in the order of each batch."""
    with log.appender(database) as appender:
        first = log.kept(appender.append([made.entry(n) for n in (3, 1, 2)]))
        second = log.kept(appender.append([made.entry(n) for n in (9, 0)]))

    assert [kept.position for kept in first + second] == [0, 1, 2, 3, 4]
    assert log.event_ids(database) == ["event-3", "event-1", "event-2", "event-9", "event-0"]


def test_append_of_nothing_stores_nothing(database: Database) -> None:
    """An empty batch is no error."""
    with log.appender(database) as appender:
        assert appender.append([]) == []

    assert log.event_ids(database) == []


def test_equal_events_are_stored_once_when_one_batch_holds_them_twice(database: Database) -> None:
    """The first of equal entries becomes the event, the others its redeliveries."""
    with log.appender(database) as appender:
        kept = log.kept(appender.append([made.entry(1), made.entry(2), made.entry(1), made.entry(1)]))

    assert kept == [
        Kept(0, redelivered=False),
        Kept(1, redelivered=False),
        Kept(0, redelivered=True),
        Kept(0, redelivered=True),
    ]
    assert log.event_ids(database) == ["event-1", "event-2"]
    assert [row["position"] for row in log.rows(database, "log.redeliveries")] == [0, 0]


def test_equal_events_are_stored_once_when_they_come_in_different_batches(database: Database) -> None:
    """A known event becomes a redelivery wherever it stands in a later batch, also of another writer."""
    with log.appender(database) as one, log.appender(database, "worker") as other:
        one.append([made.entry(n) for n in range(3)])
        kept = log.kept(other.append([made.entry(3), made.entry(1), made.entry(4)]))

    assert kept == [Kept(3, redelivered=False), Kept(1, redelivered=True), Kept(4, redelivered=False)]
    assert log.event_ids(database) == [f"event-{n}" for n in range(5)]


def test_a_redelivery_is_kept_as_it_came(database: Database) -> None:
    """Its own time, attempt, bytes, signature and seal are kept beside the event's."""
    again = made.entry(
        1,
        received_us=made.RECEIVED_US + 5,
        attempt=2,
        body=b"again",
        signature=b"t" * 64,
        signed_timestamp="7",
        key_id="other",
        masked=True,
        sealed_body=b"sealed",
    )
    with log.appender(database) as appender:
        appender.append([made.entry(1), again])

    (row,) = log.rows(database, "log.redeliveries")
    assert row["received_at"].microsecond == 5
    assert (row["attempt"], row["body"], row["signature"]) == (2, b"again", b"t" * 64)
    assert (row["signed_timestamp"], row["key_id"]) == ("7", "other")
    assert (row["masked"], row["sealed_body"]) == (True, b"sealed")
    (event,) = log.rows(database)
    assert (event["body"], event["signature"]) == (made.entry(1).body, made.entry(1).signature)


def test_one_id_with_two_contents_is_stored_twice(database: Database) -> None:
    """An id conflict is no redelivery: both events are evidence."""
    with log.appender(database) as appender:
        kept = log.kept(appender.append([made.entry(1), made.entry(1, data_hash=b"x" * 32)]))

    assert kept == [Kept(0, redelivered=False), Kept(1, redelivered=False)]
    assert log.event_ids(database) == ["event-1", "event-1"]


def test_redeliveries_are_kept_whole_up_to_twenty_and_then_counted(database: Database) -> None:
    """The twenty-first delivery beside the first only makes a number grow, within a batch and across batches."""
    with log.appender(database) as appender:
        appender.append([made.entry(1)] * 13)
        appender.append([made.entry(1)] * 13)
        appender.append([made.entry(1)])

    assert len(log.rows(database, "log.redeliveries")) == append.REDELIVERIES_KEPT_MAX == 20
    assert log.rows(database, "intake.redelivery_counts") == [{"position": 0, "deliveries": 6}]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.integers(0, 40), max_size=90), max_size=4), fresh=st.booleans())
def test_each_event_is_stored_once_whatever_the_batches(
    small_partitions: Database, batches: Sequence[Sequence[int]], fresh: bool
) -> None:
    """Random batches with repetitions, over partition borders, agree with a dictionary."""
    known = {name: position for position, name in enumerate(log.event_ids(small_partitions))}
    offset = len(known) * 1_000 if fresh else 0  # else: mostly events that earlier examples stored
    with log.appender(small_partitions) as appender:
        for numbers in batches:
            kept = log.kept(appender.append([made.entry(offset + number) for number in numbers]))
            for number, each in zip(numbers, kept, strict=True):
                redelivered = f"event-{offset + number}" in known
                position = known.setdefault(f"event-{offset + number}", len(known))
                assert each == Kept(position, redelivered)

    assert log.event_ids(small_partitions) == list(known)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(made.entries(), min_size=1, max_size=6))
def test_the_stored_leaf_hash_is_that_of_the_row(database: Database, entries: Sequence[Entry]) -> None:
    """Whatever an entry says, the row says the same, and its leaf hash can be computed from it."""
    before = len(log.rows(database))
    with log.appender(database) as appender:
        kept = log.kept(appender.append(entries))

    stored = {row["position"]: row for row in log.rows(database)}
    for entry, each in zip(entries, kept, strict=True):
        if not each.redelivered:
            row = stored[each.position]
            assert log.entry_of(row) == replace(entry, attempt=None)
            assert merkle.leaf_hash(leaf.encode(log.entry_of(row), row["salt"])) == row["leaf_hash"]
    assert len({row["salt"] for row in stored.values()}) == len(stored) >= before


@pytest.mark.parametrize(
    "fields",
    [
        {"event_id": "nul\0"},
        {"call_leg_id": "\ud800"},
        {"event_type": "x" * 10 + "\0"},
        {"occurred_us": 253_402_300_800_000_000},
        {"occurred_us": -(10**18)},
        {"occurred_us": 2**63},
        {"occurred_us": 10**40},
    ],
    ids=["nul", "lone surrogate", "nul in type", "year 10000", "before year 1", "beyond bigint", "beyond numbers"],
)
def test_an_entry_that_postgres_refuses_is_stored_alone_without_its_columns(
    database: Database, fields: dict[str, object]
) -> None:
    """The others of its batch are stored as they are; the one keeps its bytes and says why it stands apart."""
    batch = [made.entry(n) for n in range(10)]
    batch[6] = made.entry(6, **fields)
    with log.appender(database) as appender:
        kept = log.kept(appender.append(batch))

    assert [each.position for each in kept] == list(range(10))
    stored = log.rows(database)
    assert [row["quarantined"] for row in stored] == [None] * 6 + ["refused_by_database"] + [None] * 3
    assert (stored[6]["body"], stored[6]["event_id"], stored[6]["occurred_at"]) == (batch[6].body, None, None)
    assert [row["event_id"] for row in stored if row["position"] != 6] == [f"event-{n}" for n in range(10) if n != 6]


def test_an_entry_that_nothing_can_make_storable_is_refused_alone(database: Database) -> None:
    """What is wrong with an entry beyond its optional columns is said of it, and the others are stored."""
    with log.appender(database) as appender:
        outcomes = appender.append([made.entry(1), made.entry(2, source="nobody"), made.entry(3)])

    assert [outcomes[0], outcomes[2]] == [Kept(0, redelivered=False), Kept(1, redelivered=False)]
    assert isinstance(outcomes[1], errors.EntryRefused)
    assert log.event_ids(database) == ["event-1", "event-3"]


@pytest.mark.parametrize("size", [1, 5, 33, 64, 65, 64 * 5 + 1])
def test_appends_run_over_partition_borders(small_partitions: Database, size: int) -> None:
    """Batches of any size, also larger than several partitions, go into a log of many."""
    with log.appender(small_partitions) as appender:
        for first in range(0, PARTITION * 7, size):
            appender.append([made.entry(n) for n in range(first, first + size)])

    stored = log.event_ids(small_partitions)
    assert stored == [f"event-{n}" for n in range(len(stored))]
    assert len(stored) >= PARTITION * 7


def test_two_writers_that_know_of_old_partitions_only_both_go_on(small_partitions: Database) -> None:
    """A writer whose log was made longer by another finds its place beyond the partitions it knew."""
    with log.appender(small_partitions) as one, log.appender(small_partitions) as other:
        one.append([made.entry(n) for n in range(PARTITION * 6)])
        other.append([made.entry(n) for n in range(PARTITION * 6, PARTITION * 12)])
        one.append([made.entry(n) for n in range(PARTITION * 12, PARTITION * 18)])
        kept = log.kept(other.append([made.entry(PARTITION * 18), made.entry(0)]))

    assert kept == [Kept(PARTITION * 18, redelivered=False), Kept(0, redelivered=True)]
    assert len(log.event_ids(small_partitions)) == PARTITION * 18 + 1


def test_a_writer_that_knows_of_full_partitions_only_sets_no_entry_apart(small_partitions: Database) -> None:
    """A lone entry that finds no partition is stored as it is once there is one, not taken for a refused one."""
    with log.appender(small_partitions) as one, log.appender(small_partitions) as other:
        other.append([made.entry(0)])
        one.append([made.entry(n) for n in range(1, PARTITION * 3)])
        one.append([made.entry(n) for n in range(PARTITION * 3, PARTITION * 5)])
        made_so_far = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'log.events'::regclass"
        assert log.value(small_partitions, made_so_far) == 5

        assert other.append([made.entry(PARTITION * 5)]) == [Kept(PARTITION * 5, redelivered=False)]

    assert log.event_ids(small_partitions) == [f"event-{n}" for n in range(PARTITION * 5 + 1)]


def test_a_writer_behind_a_long_log_still_sets_one_refused_entry_apart(small_partitions: Database) -> None:
    """Missing partitions and a refused entry in the same batch are told apart."""
    with log.appender(small_partitions) as one, log.appender(small_partitions) as other:
        one.append([made.entry(n) for n in range(PARTITION * 6)])
        other.append([made.entry(1_000), made.entry(1_001, event_id="\0"), made.entry(1_002)])

    assert [row["quarantined"] for row in log.rows(small_partitions)[-3:]] == [None, "refused_by_database", None]


def test_writers_at_once_leave_no_gap_and_store_each_event_once(small_partitions: Database) -> None:
    """Four writers, half of whose events are the others' too, share one log."""
    done: dict[int, list[Kept]] = {}

    def write(writer: int) -> None:
        with log.appender(small_partitions) as appender:
            done[writer] = []
            for first in range(0, 200, 20):
                shared = [made.entry(n) for n in range(first, first + 10)]
                own = [made.entry(10_000 * (writer + 1) + n) for n in range(first, first + 10)]
                done[writer] += log.kept(appender.append(shared + own))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    stored = log.event_ids(small_partitions)
    assert len(stored) == len(set(stored)) == 100 + 4 * 100
    assert sum(not kept.redelivered for each in done.values() for kept in each) == len(stored)


def test_two_writers_without_the_append_turn_take_the_same_positions(database: Database) -> None:
    """What the turn prevents: both read the same head, and one of two good batches is lost to the other."""
    claim = statements.load("store", "claim_positions")
    with psycopg.connect(database.as_part("ingest")) as one, psycopg.connect(database.as_part("ingest")) as other:
        taken = [
            writer.execute(claim, {"hint": 0, "occurred_us": [n], "keys": [bytes([n]) * 16]}).fetchall()
            for n, writer in enumerate((one, other))
        ]
        assert [rows[0][2] for rows in taken] == [0, 0]

        one.execute(_EVENT, {"position": 0})
        one.commit()
        with pytest.raises(postgres_errors.UniqueViolation):
            other.execute(_EVENT, {"position": 0})


def test_positions_without_the_append_turn_appear_behind_a_readers_back(database: Database) -> None:
    """What the turn prevents: numbers given before the commit let a reader pass an event that comes later."""
    with psycopg.connect(database.as_part("ingest")) as one, psycopg.connect(database.as_part("ingest")) as other:
        one.execute(_EVENT, {"position": 0})  # numbered first, as a sequence would, and committed last
        other.execute(_EVENT, {"position": 1})
        other.commit()
        assert log.value(database, "SELECT array_agg(position) FROM log.events") == [1]
        one.commit()

    assert log.value(database, "SELECT array_agg(position ORDER BY position) FROM log.events") == [0, 1]


def test_a_writer_waits_for_its_turn_and_then_numbers_after_the_other(database: Database) -> None:
    """With the turn the second writer sees the head that the first one leaves."""
    turn = statements.load("store", "take_append_turn")
    with psycopg.connect(database.as_part("ingest")) as holder, log.appender(database) as appender:
        holder.execute(turn)
        holder.execute(_EVENT, {"position": 0})
        waiting = threading.Thread(target=appender.append, args=([made.entry(1)],))
        waiting.start()
        log.until_waited_for(database, "log.append_turn", waiting)
        holder.commit()
        waiting.join()

    assert [row["event_id"] for row in log.rows(database)] == [None, "event-1"]


def test_append_says_so_when_the_turn_is_not_to_be_had(database: Database) -> None:
    """A stuck writer costs the others a second each, not their events: nothing is stored, a later try works."""
    with psycopg.connect(database.as_part("worker")) as holder, log.appender(database) as appender:
        holder.execute(statements.load("store", "take_append_turn"))
        outcomes = appender.append([made.entry(1), made.entry(2)])
        assert [type(outcome) for outcome in outcomes] == [errors.LogUnavailable] * 2
        holder.rollback()

        assert appender.append([made.entry(1)]) == [Kept(0, redelivered=False)]


def test_append_says_so_when_the_connection_is_lost(database: Database) -> None:
    """A lost server is LogUnavailable, not a psycopg error."""
    connection = append.connect(database.as_part("ingest"), application_name="to be ended")
    appender = append.Appender(connection)
    log.value(
        database,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'to be ended' AND datname = current_database()",
    )
    outcomes = appender.append([made.entry(1), made.entry(2)])
    assert [type(outcome) for outcome in outcomes] == [errors.LogUnavailable] * 2
    appender.close()

    assert log.event_ids(database) == []


def test_abort_ends_an_append_that_waits(database: Database) -> None:
    """Another thread can cut the line of an append that gets no answer; later, and when closed, it does nothing."""
    outcomes: list[Kept | errors.StoreError] = []
    with psycopg.connect(database.as_part("worker")) as holder, log.appender(database) as appender:
        holder.execute(statements.load("store", "take_append_turn"))
        waiting = threading.Thread(target=lambda: outcomes.extend(appender.append([made.entry(1)])))
        waiting.start()
        log.until_waited_for(database, "log.append_turn", waiting)
        appender.abort()
        waiting.join()
        appender.abort()
        appender.close()
        appender.abort()

    assert [type(outcome) for outcome in outcomes] == [errors.LogUnavailable]
    assert log.event_ids(database) == []


_EVENT = """
    INSERT INTO log.events (position, data_hash, source, received_at, body, masked, salt, leaf_hash)
    VALUES (%(position)s, sha256(''), 'webhook', now(), '', false, '', sha256(''))
"""
