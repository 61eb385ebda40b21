"""A log to project, the clock it is projected by, and what must then stand in the tables.

``expected`` is the oracle: it sorts events to sessions and folds them in a few plain lines of its own.
"""

import dataclasses
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
import psycopg
from psycopg.rows import dict_row

from calls import fold, instants, policy_file, stored
from calls.event import Event
from calls.instants import Instant
from calls.policies import Policies, Version
from calls.policy import DEFAULT, Policy
from calls.records import TABLES
from ingest import deliveries
from ingest.strongbox import Strongbox
from projections import project
from store import append, policies, system
from store.entry import Entry, Kept
from tests.conftest import Database

Tables = dict[str, list[dict[str, Any]]]

EXACT_MAX = 2**53
"""Integers beyond this, which no instant here is, may be floats that jsonb has written out."""

_SEALED_BY = Strongbox(bytes(32))


@dataclass(slots=True)
class Clock:
    """A clock that goes only when it is told to."""

    now: Instant

    def __call__(self) -> Instant:
        """Read it."""
        return self.now


def write(database: Database, events: Iterable[Event]) -> list[int]:
    """Store events as the bytes they came in, in the order given; gives their positions."""
    return write_bodies(database, [(body(event), event.received_at) for event in events])


def write_bodies(database: Database, bodies: Iterable[tuple[bytes, Instant]]) -> list[int]:
    """Store deliveries, each with its receive time, as ingest would."""
    entries = [
        deliveries.entry(
            deliveries.Delivery(
                delivery_id=uuid4(),
                body=body,
                content_type="application/json",
                received_us=received_at,
                signed_timestamp="0",
                signature=bytes(64),
                key_id="test",
            ),
            _SEALED_BY,
        )
        for body, received_at in bodies
    ]
    with append.connect(database.as_part("ingest"), application_name="test") as connection:
        kept = [each for each in append.Appender(connection).append(entries) if isinstance(each, Kept)]
    assert len(kept) == len(entries)
    return [each.position for each in kept]


def say(database: Database, *entries: Entry) -> list[int]:
    """Put system events on the record, as the worker does; gives their positions."""
    with append.connect(database.as_part("worker"), application_name="test") as connection:
        kept = [each for each in append.Appender(connection).append(list(entries)) if isinstance(each, Kept)]
    assert len(kept) == len(entries)
    return [each.position for each in kept]


def policy(document: str, at: Instant) -> Entry:
    """Make the event of a policy that is in force from an instant on."""
    return policies.applied(document, None, instants.to_datetime(at))


def outage(begins: Instant, ends: Instant) -> Entry:
    """Make the event of an outage."""
    said = {"from": instants.to_text(begins), "to": instants.to_text(ends)}
    return system.event(system.OUTAGE, said, ends, occurred_us=begins)


def body(event: Event, **replaced: str | None) -> bytes:
    """Give the bytes an event came in; ``replaced`` are other values of fields its payload has."""
    data = orjson.loads(event.canonical)
    data["payload"] |= {name: value for name, value in replaced.items() if data["payload"].get(name) is not None}
    return orjson.dumps({"data": data})


def projector(database: Database, clock: Callable[[], Instant], **options: Any) -> project.Projector:
    """Make a projector as the worker's role; whoever asks closes its connection."""
    return project.Projector(project.connect(database.as_part("worker")), clock, **options)


def projected(database: Database, as_of: Instant) -> Tables:
    """Project all that is there, and give the tables."""
    made = projector(database, Clock(as_of), events_per_step=1_000_000)
    with made.connection:
        made.step()
    return tables(database)


def project_in_random_steps(database: Database, bodies: Sequence[tuple[bytes, Instant]], clock: Clock) -> None:
    """Let deliveries arrive in random batches, projecting in between; the clock ends a second later."""
    rng = random.Random(len(bodies))
    made, start = projector(database, clock, events_per_step=90), 0
    with made.connection:
        while start < len(bodies):
            size = rng.randrange(1, 120)
            write_bodies(database, bodies[start : start + size])
            start += size
            if rng.random() < 0.7:
                made.step()
        made.catch_up()
        clock.now += instants.SECOND
        made.catch_up()


def events(database: Database) -> list[Event]:
    """Read the log back."""
    with psycopg.connect(database.url) as connection:
        rows = connection.execute("SELECT position, source, received_at, body FROM log.events ORDER BY 1").fetchall()
    return [stored.event(position, source, instants.from_datetime(at), bytes_) for position, source, at, bytes_ in rows]


def sessions(log: Sequence[Event]) -> dict[str, list[Event]]:
    """Sort events to sessions: to the one named, else to all of their leg, else to the leg itself."""
    of_leg: dict[str, set[str]] = defaultdict(set)
    for event in log:
        if event.call_session_id and event.call_leg_id:
            of_leg[event.call_leg_id].add(event.call_session_id)
    sorted_: dict[str, list[Event]] = defaultdict(list)
    for event in log:
        named = {event.call_session_id} if event.call_session_id else of_leg.get(event.call_leg_id or "")
        for session in named or ({event.call_leg_id} if event.call_leg_id else ()):
            sorted_[session or ""].append(event)
    return sorted_


def expected(log: Sequence[Event], as_of: Instant, policy: Policy = DEFAULT) -> Tables:
    """Give what the tables must hold once the log is projected."""
    judge, outages = judging(log, policy), [(begins, ends) for _, begins, ends, _ in outages_of(log)]
    records = [fold.fold_with_history(its, as_of, judge, outages=outages) for its in sessions(log).values()]
    rows = {name: [asdict(row) for record in records for row in getattr(record, name)] for name in TABLES}
    return {name: _in_order(map(_plain, found)) for name, found in rows.items()}


def judging(log: Sequence[Event], built_in: Policy = DEFAULT) -> Policies:
    """Give what the log says that calls are judged by; texts that cannot be read judge nobody."""
    versions: list[Version] = []
    for version, _, in_force_at, digest, document in policies_of(log):
        try:
            content = policy_file.read(document)
        except policy_file.PolicyRefused:
            continue
        if digest == policies.digest(document):
            versions.append(Version(version, in_force_at, content))
    return Policies(tuple(versions), built_in)


def policies_of(log: Sequence[Event]) -> list[tuple[int, int, Instant, str, str]]:
    """Give the rows that calls.policies must hold."""
    applied = [event for event in log if (event.source, event.event_type) == ("system", "policy.applied")]
    return [
        (number, event.position, event.occurred_at or 0, event.payload["sha256"], event.payload["document"])
        for number, event in enumerate(applied, 1)
    ]


def outages_of(log: Sequence[Event]) -> list[tuple[int, Instant, Instant, str | None]]:
    """Give the rows that calls.outages must hold."""
    return [
        (event.position, instants.parse(said["from"]) or 0, instants.parse(said["to"]) or 0, said.get("reason"))
        for event in log
        for said in (event.payload,)
        if (event.source, event.event_type) == ("system", "ingest.outage")
    ]


def kept(database: Database) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Give the rows of calls.policies and calls.outages, with instants as integers."""
    with psycopg.connect(database.url) as connection:
        found = [connection.execute(f"TABLE calls.{name} ORDER BY 1".encode()) for name in ("policies", "outages")]
        plain = [
            [
                tuple(instants.from_datetime(value) if isinstance(value, datetime) else value for value in row)
                for row in rows
            ]
            for rows in found
        ]
    return plain[0], plain[1]


def tables(database: Database, starts_with: str = "") -> Tables:
    """Give all rows of all read models, or those of the sessions whose ids start so."""
    with psycopg.connect(database.url) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return {
            name: _in_order(
                map(
                    _plain,
                    cursor.execute(
                        f"SELECT {_columns(name)} FROM calls.{name} WHERE starts_with(call_session_id, %s)".encode(),  # noqa: S608 our own names
                        [starts_with],
                    ),
                )
            )
            for name in TABLES
        }


def _columns(name: str) -> str:
    """Name the columns of a read model; those that the database makes of them are not the projector's."""
    return ", ".join(field.name for field in dataclasses.fields(TABLES[name]))


def bookkeeping(database: Database) -> dict[str, list[Any]]:
    """Give what the projector keeps for itself."""
    names = ("progress", "session_events", "leg_sessions", "sessionless_events", "reviews")
    with psycopg.connect(database.url) as connection:
        return {name: sorted(connection.execute(f"TABLE calls.{name}".encode()).fetchall()) for name in names}


def versions(database: Database) -> dict[tuple[str, ...], tuple[str, str]]:
    """Give where each row is and which transaction wrote it; both change when the row is written again."""
    with psycopg.connect(database.url) as connection:
        return {
            (name, row): (place, transaction)
            for name in TABLES
            for row, place, transaction in connection.execute(
                f"SELECT to_jsonb(it)::text, it.ctid::text, it.xmin::text FROM calls.{name} AS it".encode()  # noqa: S608
            )
        }


def without(rows: Tables, *columns: str) -> Tables:
    """Leave columns out, of whatever table has them."""
    return {
        name: _in_order({key: value for key, value in row.items() if key not in columns} for row in found)
        for name, found in rows.items()
    }


def value(database: Database, query: str) -> Any:
    """Give the one value a query gives."""
    with psycopg.connect(database.url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def projected_position(database: Database) -> int:
    """Give the first position the tables may not show yet."""
    with psycopg.connect(database.url) as connection:
        return project.projected_position(connection)


def invisible(database: Database) -> list[int]:
    """Give positions before the projected one whose events name a leg or session and are on no timeline."""
    query = """
        SELECT position FROM log.events
        WHERE position < %s AND (call_session_id IS NOT NULL OR call_leg_id IS NOT NULL)
        EXCEPT SELECT position FROM calls.timeline
    """
    with psycopg.connect(database.url) as connection:
        return [position for (position,) in connection.execute(query, [projected_position(database)])]


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give instants as integers and sequences as lists, wherever the row comes from."""
    return {name: _plain_value(value) for name, value in row.items()}


def _plain_value(value: Any) -> Any:
    """Give one value so; numbers in JSON as floats, since jsonb gives 1e+22 back as an integer."""
    match value:
        case datetime():
            return instants.from_datetime(value)
        case list() | tuple():
            return [_plain_value(each) for each in value]
        case dict():
            return {name: _plain_value(each) for name, each in value.items()}
        case int() if abs(value) > EXACT_MAX:
            return float(value)
        case _:
            return value


def _in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: repr(sorted(row.items())))
