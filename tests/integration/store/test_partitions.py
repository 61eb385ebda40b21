"""The partitions of the log: each as guarded as the log itself, made ahead, and only the last one touched."""

import threading
from typing import Any

import psycopg
import pytest

from store import append, statements
from tests.conftest import Database
from tests.integration.store import log
from tests.unit.store import made

PARTITION = 64  # positions, in the database of `small_partitions`


def test_every_partition_has_the_trigger_and_its_check(small_partitions: Database) -> None:
    """A partition made later is as immutable as the first, and holds its own positions only."""
    with log.appender(small_partitions) as appender:
        appender.append([made.entry(n) for n in range(PARTITION * 6)])

    with psycopg.connect(small_partitions.url) as connection:
        rows = connection.execute(_GUARDS).fetchall()
    assert len(rows) == _partitions(small_partitions) >= 8
    for number, (name, trigger, enabled, on, checks) in enumerate(rows):
        assert name == f"events_{number:06d}"
        assert (trigger, enabled) == ("append_only", "A")
        assert on == TRUNCATE + UPDATE + DELETE + BEFORE
        assert f'CHECK ((("position" >= {number * PARTITION}) AND ("position" < {(number + 1) * PARTITION})))' in checks
        assert any("source" in check for check in checks)
        assert any("octet_length(leaf_hash) = 32" in check for check in checks)


def test_making_partitions_again_makes_none(small_partitions: Database) -> None:
    """Writers that start together ask for the same partitions, and one makes them."""
    with psycopg.connect(small_partitions.as_part("ingest")) as connection:
        ask = statements.load("store", "ensure_partitions")
        ends = [connection.execute(ask, {"upto": PARTITION * 4}).fetchone() for _ in range(2)]

    assert ends == [(PARTITION * 7,)] * 2
    assert _partitions(small_partitions) == 7


def test_two_writers_at_a_border_make_its_partitions_once(small_partitions: Database) -> None:
    """The second waits for the first, and then finds what it was about to make."""
    ask = statements.load("store", "ensure_partitions")
    ends: list[Any] = []
    with (
        psycopg.connect(small_partitions.as_part("worker"), autocommit=True) as other,
        psycopg.connect(small_partitions.as_part("ingest")) as one,  # left first, so that nobody waits for it
    ):
        ends.append(one.execute(ask, {"upto": PARTITION * 4}).fetchone())
        second = threading.Thread(target=lambda: ends.append(other.execute(ask, {"upto": PARTITION * 4}).fetchone()))
        second.start()
        log.until_waited_for(small_partitions, "log.events", second)
        one.commit()
        second.join()

    assert ends == [(PARTITION * 7,)] * 2
    assert _partitions(small_partitions) == 7


@pytest.mark.parametrize("part", ["analyst", "auditor"])
def test_only_writers_make_partitions(small_partitions: Database, part: str) -> None:
    """Who reads cannot make the log grow."""
    with (
        psycopg.connect(small_partitions.as_part(part)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statements.load("store", "ensure_partitions"), {"upto": 0})


def test_no_reader_can_keep_writers_from_making_partitions(small_partitions: Database) -> None:
    """An analyst who takes every lock within reach, advisory ones too, delays no event."""
    with psycopg.connect(small_partitions.as_part("analyst")) as analyst, log.appender(small_partitions) as appender:
        analyst.execute("SELECT pg_advisory_lock(hashtext('log.ensure_partitions'))")
        appender.append([made.entry(n) for n in range(PARTITION * 6)])

    assert len(log.event_ids(small_partitions)) == PARTITION * 6


def test_a_long_reader_does_not_keep_writers_from_making_partitions(small_partitions: Database) -> None:
    """An open transaction that has read the whole log is not waited for, nor are writers made to wait."""
    with psycopg.connect(small_partitions.as_part("auditor")) as reader, log.appender(small_partitions) as appender:
        reader.execute("SELECT count(*) FROM log.events")
        appender.append([made.entry(n) for n in range(PARTITION * 6)])

    assert len(log.event_ids(small_partitions)) == PARTITION * 6


def test_claiming_positions_reads_the_last_partitions_alone(small_partitions: Database) -> None:
    """However long the log, a batch looks at the end of it, and at both tables by their indexes."""
    with append.connect(small_partitions.as_part("ingest"), application_name="test") as connection:
        append.Appender(connection).append([made.entry(n) for n in range(PARTITION * 20 + 5)])
        key = made.entry(10**6).key
        plan = _plan(
            connection,
            "claim_positions",
            {"hint": PARTITION * 20 + 4, "occurred_us": [key[0]], "keys": [key[1]]},
        )

    read = {node["Relation Name"] for node in plan if "Relation Name" in node}
    assert read == {"event_keys", "events_000020", "events_000021", "events_000022"}
    assert "Seq Scan" not in {node["Node Type"] for node in plan}
    assert {node.get("Index Name") for node in plan} >= {"event_seen_once", "events_000020_pkey"}


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [("read_since", {"first": 70, "end": 80}), ("read_at", {"positions": [70, 75]})],
)
def test_reading_by_position_reads_those_partitions_alone(
    small_partitions: Database, statement: str, parameters: dict[str, Any]
) -> None:
    """A projector that is near the head does not open the whole history."""
    with log.appender(small_partitions) as appender:
        appender.append([made.entry(n) for n in range(PARTITION * 4)])
    with psycopg.connect(small_partitions.as_part("worker")) as connection:
        plan = _plan(connection, statement, parameters)

    assert {node["Relation Name"] for node in plan if "Relation Name" in node} == {"events_000001"}


def _partitions(database: Database) -> int:
    return log.value(database, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'log.events'::regclass")


def _plan(connection: psycopg.Connection[Any], statement: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Give all nodes of a statement's plan for these very values."""
    row = connection.execute("EXPLAIN (FORMAT JSON) " + statements.load("store", statement), parameters).fetchone()
    assert row is not None
    nodes: list[dict[str, Any]] = []
    left = [each["Plan"] for each in row[0]]
    while left:
        node = left.pop()
        nodes.append(node)
        left += node.get("Plans", [])
    return nodes


BEFORE, DELETE, UPDATE, TRUNCATE = 2, 8, 16, 32
"""Bits of ``pg_trigger.tgtype``; without 1 the trigger is for statements, so that it also speaks up for no row."""

_GUARDS = """
    SELECT made.relname, guard.tgname, guard.tgenabled, guard.tgtype,
           (SELECT array_agg(pg_get_constraintdef(oid)) FROM pg_constraint
            WHERE conrelid = made.oid AND contype = 'c')
    FROM pg_inherits
    JOIN pg_class AS made ON made.oid = inhrelid
    LEFT JOIN pg_trigger AS guard ON guard.tgrelid = made.oid AND NOT guard.tgisinternal
    WHERE inhparent = 'log.events'::regclass
    ORDER BY made.relname
"""
