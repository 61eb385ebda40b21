"""What changed of calls between two folds of the log, fact by fact, and what changed it.

The fold is a pure function of a session's events, the policies, the outages and the clock. So whatever is not the same
has one of four causes: an event of the session at a later position, a policy or an outage put on the record later, or
time alone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import psycopg

from calls import instants
from calls.event import Event
from projections import circumstances, folding, project
from projections.circumstances import Applied, Declared, Outages
from store import read

Fact = Mapping[str, Any]
Leg = tuple[str | None, str | None]

_ANSWERS = ("call.answered", "call.bridged")

KINDS = ("event", "policy", "outage", "time", "count")


_MEMBERS = "SELECT call_session_id, position FROM members SEMI JOIN asked USING (call_session_id)"

# A session may owe an event of its leg to one that another session is named by.
_OF_LEGS = """
    SELECT leg.call_session_id, other.position
    FROM (
        SELECT DISTINCT call_session_id, call_leg_id FROM named WHERE call_leg_id IS NOT NULL
        UNION SELECT call_session_id, call_session_id FROM asked
    ) AS leg
    SEMI JOIN asked USING (call_session_id)
    JOIN named AS other ON other.call_leg_id = leg.call_leg_id
    WHERE other.position >= $1
"""


@dataclass(frozen=True, slots=True)
class Cause:
    """What changed something: ``position`` is that of the event in the log; None of ``time``.

    ``count``: deliveries beyond the first and refusals are counted beside the log, so that is all there is.

    ``what`` is the event's type; ``received_at`` when it was received, ISO 8601.
    """

    kind: str
    position: int | None = None
    event_id: str | None = None
    what: str | None = None
    received_at: str | None = None


class Field(NamedTuple):
    """A value that changed."""

    name: str
    then: Any
    now: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that is not what it was; of a call, or (without session) of the log itself.

    ``then`` or ``now`` is None where there was none, or is none any more.
    """

    table: str
    call_session_id: str | None
    call_leg_id: str | None
    then: Fact | None
    now: Fact | None
    causes: tuple[Cause, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """Give the values that changed, or all that came or went."""
        names = (self.now or self.then or {}).keys()
        values = (Field(name, (self.then or {}).get(name), (self.now or {}).get(name)) for name in names)
        return tuple(field for field in values if field.then != field.now)


class Days(NamedTuple):
    """The UTC days in which facts count."""

    first: int
    last: int


Where = Days | frozenset[str]
"""The days, or the sessions, whose facts are compared."""


class Fold(NamedTuple):
    """The folder of a fold, and the position below which the log was folded."""

    folder: Path
    position: int


def between(
    connection: psycopg.Connection[Any], then: Fold, now: Fold, tables: Iterable[str], where: Where
) -> list[Change]:
    """Give the facts of ``tables`` that differ between two folds, each with what changed it.

    Those of some days, or those of some sessions whenever they were.
    """
    differing = [change for table in sorted(tables) for change in _differing(then.folder, now.folder, table, where)]
    sessions = {change.call_session_id for change in differing if change.call_session_id is not None}
    causes = _causes(connection, now, then.position, sessions) if sessions else {}
    of_log = _events_of_log(connection, differing)
    return [
        replace(change, causes=of_log(change) if change.call_session_id is None else causes[change.call_session_id])
        for change in differing
    ]


def _events_of_log(
    connection: psycopg.Connection[Any], differing: Sequence[Change]
) -> Callable[[Change], tuple[Cause, ...]]:
    """Give what says which event a fact of the log itself is: one that came, or that was declared."""
    places = {"log_events": "event", "outages": "outage"}
    wanted = sorted({_position(change) for change in differing if change.table in places})
    events = {row.position: project.from_stored(row) for row in read.at(connection, wanted)}

    def cause(change: Change) -> tuple[Cause, ...]:
        event = events.get(_position(change)) if change.table in places else None
        return (Cause("count"),) if event is None else (_of(places[change.table], event),)

    return cause


def _position(change: Change) -> int:
    return (change.now or change.then or {})["position"]


def _differing(then: Path, now: Path, table: str, where: Where) -> Iterator[Change]:
    gone, new = _rows(then, now, table, where), _rows(now, then, table, where)
    for leg in sorted(gone.keys() | new.keys(), key=str):
        for before, after in _paired(gone.get(leg, []), new.get(leg, [])):
            yield Change(table, leg[0], leg[1], before, after, ())


def _rows(these: Path, those: Path, table: str, where: Where) -> dict[Leg, list[Fact]]:
    """Give the rows that are in one folder and not in the other, by leg."""
    placed, given = "SELECT * FROM read_parquet($1) WHERE call_session_id IN (SELECT unnest($3::text[]))", [[*where]]
    if isinstance(where, Days):
        # A leg that was answered on an earlier day may have talked on into these.
        given = [0 if table == "coverage" else where.first, where.last]
        placed = "SELECT * FROM read_parquet($1) WHERE utc_day BETWEEN $3 AND $4"
    query = f"{placed} EXCEPT ALL {placed.replace('$1', '$2')}"
    with duckdb.connect() as database:
        files = [str(folder / f"{table}-*.parquet") for folder in (these, those)]
        answer: Any = database.sql(query, params=[*files, *given])
        found: list[Fact] = answer.to_arrow_table().to_pylist()
    rows: dict[Leg, list[Fact]] = defaultdict(list)
    for row in sorted(found, key=lambda row: (row.get("seq") or 0, str(row))):
        rows[row.get("call_session_id"), row.get("call_leg_id")].append(row)
    return rows


def _paired(gone: Sequence[Fact], new: Sequence[Fact]) -> Iterator[tuple[Fact | None, Fact | None]]:
    """Pair what was with what is: by number where rows have one, else in order."""
    groups = sorted({row.get("seq") or 0 for row in (*gone, *new)})
    for seq in groups:
        before, after = ([row for row in rows if (row.get("seq") or 0) == seq] for rows in (gone, new))
        for number in range(max(len(before), len(after))):
            yield (_at(before, number), _at(after, number))


def _at(rows: Sequence[Fact], number: int) -> Fact | None:
    return rows[number] if number < len(rows) else None


def _causes(
    connection: psycopg.Connection[Any], now: Fold, since: int, sessions: set[str]
) -> dict[str, tuple[Cause, ...]]:
    """Say for each session what of the log from ``since`` on concerns it; time alone where nothing does."""
    later, members = _later(now.folder, since, sessions)
    said = [project.from_stored(row) for row in read.system(connection, 0, now.position)]
    put_later = [event for event in said if event.position >= since]
    positions = sorted({position for its in later.values() for position in its})
    events = {row.position: project.from_stored(row) for row in read.at(connection, positions)}
    judged = _judged(connection, members, said, put_later)
    found: dict[str, tuple[Cause, ...]] = {}
    for session in sessions:
        own = [_of("event", events[position]) for position in sorted(later.get(session, []))]
        found[session] = (*own, *judged.get(session, ())) or (Cause("time"),)
    return found


def _later(now: Path, since: int, sessions: set[str]) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Give later positions of the sessions' events and of their legs' others; and all positions of each session."""
    with duckdb.connect(now / "members.duckdb", read_only=True) as database:
        database.execute("CREATE TEMP TABLE asked AS SELECT unnest($1::text[]) AS call_session_id", [sorted(sessions)])
        members = _lists(database, _MEMBERS)
        later = _lists(database, _OF_LEGS, [since])
    for session, positions in members.items():
        later.setdefault(session, []).extend(position for position in positions if position >= since)
    return {session: sorted(set(positions)) for session, positions in later.items()}, members


def _lists(database: duckdb.DuckDBPyConnection, query: str, given: Sequence[int] = ()) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for session, position in database.execute(query, list(given)).fetchall():
        found[session].append(position)
    return found


def _judged(
    connection: psycopg.Connection[Any],
    members: Mapping[str, Sequence[int]],
    said: Sequence[Event],
    put_later: Sequence[Event],
) -> dict[str, list[Cause]]:
    """Say which policies and outages that were put on the record later concern which sessions."""
    by_position = {event.position: event for event in put_later}
    policies = [each for each in circumstances.applied(said) if each.position in by_position]
    outages = circumstances.declared(put_later)
    if not policies and not outages:
        return {}
    loaded = folding.loaded(connection, members)
    return {
        session: [
            *(_of("policy", by_position[each.position]) for each in policies if _judges(each, policies, events)),
            *(_of("outage", by_position[each.position]) for each in outages if _meets(each, events)),
        ]
        for session, events in loaded.items()
    }


def _judges(version: Applied, versions: Sequence[Applied], events: Sequence[Event]) -> bool:
    """Tell whether a version may judge a leg of the session: it was in force when that could be answered or began.

    No later one was. A leg is judged by its answer, else by its first event.
    """
    timed = [(event.occurred_at, event) for event in events if event.occurred_at is not None]
    begun = {event.call_leg_id: at for at, event in sorted(timed, key=lambda each: each[0], reverse=True)}
    moments = [*begun.values(), *(at for at, event in timed if event.kind in _ANSWERS)]
    later = [each.in_force_at for each in versions if each.version > version.version]
    return any(version.in_force_at <= at and not any(other <= at for other in later) for at in moments)


def _meets(outage: Declared, events: Sequence[Event]) -> bool:
    return bool(Outages([(outage.began_at, outage.ended_at)]).meeting(events))


def _of(kind: str, event: Event) -> Cause:
    return Cause(kind, event.position, event.event_id, event.event_type, instants.to_text(event.received_at))
