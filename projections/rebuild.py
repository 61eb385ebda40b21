"""Rebuild: fold the whole log again beside the live read models, show what differs, then apply the difference.

Readers never see an empty table, and live projection goes on until the very end:

1. scratch tables of the same shape are made in schema ``rebuild``;
2. several processes read the log up to a position and register its events with their sessions; policies and outages
   are kept, too, and judge what is folded next;
3. several processes fold all sessions as of one instant into the scratch tables;
4. with the projector paused (its progress row is locked), what waits is folded on the live side, and what came or
   fell due meanwhile is registered and folded again in scratch, from the log as before: live rows are never trusted;
5. the differences are counted, and applied to the live tables, in the same transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from calls import instants, records
from calls.event import Event
from calls.instants import Instant
from calls.policy import DEFAULT, Policy
from projections import circumstances, folding, pool, project, sessions, write
from projections.columns import COLUMNS, key
from projections.pool import PROCESSES_DEFAULT, Progress
from store import read, statements

EVENTS_PER_TASK = 5_000
SESSIONS_PER_FOLD = 1_000
SHARES = 16
"""Sessions are folded in this many shares, by a hash of their ids: enough for progress and for even work."""

EXAMPLES_MAX = 10

BOOKKEEPING = {
    "session_events": ("call_session_id", "position"),
    "leg_sessions": ("call_leg_id", "call_session_id"),
    "sessionless_events": ("call_leg_id", "position"),
    "policies": ("version", "position", "in_force_at", "sha256", "document"),
    "outages": ("position", "began_at", "ended_at", "reason"),
}
"""Tables of the projector's own and their columns, rebuilt and compared with the rest."""

_KEYS = {"policies": ("version",), "outages": ("position",)}
"""Of those, the ones whose rows are told apart by less than all columns."""

SCRATCH = (*records.TABLES, *BOOKKEEPING, "reviews")


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of one table that the live tables have and the rebuilt ones have not (``gone``), and the reverse (``new``).

    A row that changed counts in both. ``examples`` are the keys of some of them.
    """

    table: str
    gone: int
    new: int
    examples: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class _Task:
    """One piece of work for a process: a range of positions to register, or a share of the sessions to fold."""

    url: str
    first: int
    end: int
    as_of: Instant
    policy: Policy


class RebuildFailed(Exception):
    """The rebuild could not be done; the live tables are as they were."""

    reason = "rebuild_failed"


def rebuild(  # noqa: PLR0913  by keyword
    url: str,
    now: Callable[[], Instant],
    *,
    processes: int = PROCESSES_DEFAULT,
    policy: Policy = DEFAULT,
    apply: bool = True,
    progress: Progress | None = None,
) -> tuple[Difference, ...]:
    """Rebuild the read models at ``url`` (the worker's) and give what differed, table by table.

    With ``apply`` False nothing is changed: the answer says what a rebuild would change. (Events that wait to be
    projected are, as the worker would do in a moment, so that they are no difference.)
    """
    with project.connect(url) as connection:
        connection.execute("SET lock_timeout = '60s'")  # unlike a projector, it waits for a step that takes long
        _be_alone(connection)
        _make_scratch(connection)
        end, as_of = read.head(connection) + 1, now()
        ranges = [
            _Task(url, at, min(at + EVENTS_PER_TASK, end), as_of, policy) for at in range(0, end, EVENTS_PER_TASK)
        ]
        shares = [_Task(url, share, SHARES, as_of, policy) for share in range(SHARES)]
        _in_processes(_register, ranges, processes, progress, "events")
        _adopt(connection)
        _take_in(connection, end)
        _in_processes(_fold, shares, processes, progress, "sessions")
        projector = project.Projector(connection, now, policy)
        projector.catch_up()  # so that little is left to do while others wait
        with connection.transaction(), connection.cursor(binary=True) as cursor:
            position, as_of = project.lock(cursor), now()
            projector.fold_waiting(cursor, as_of)
            _follow(cursor, end, position, as_of, policy)
            differences = tuple(_difference(cursor, name) for name in (*records.TABLES, *BOOKKEEPING))
            if apply:
                for difference in differences:
                    _apply(cursor, difference)
                cursor.execute(_sql("rebuild_apply_reviews"))
        _drop_scratch(connection)
    return differences


def _be_alone(connection: psycopg.Connection[Any]) -> None:
    """Hold, as long as the connection lasts, the lock of the one rebuild: two would share the scratch tables."""
    row = connection.execute("SELECT pg_try_advisory_lock(hashtext('callaudit rebuild'))").fetchone()
    if row != (True,):
        raise RebuildFailed("another rebuild is at work")


def _in_processes(
    work: Callable[[_Task], int], tasks: Sequence[_Task], count: int, progress: Progress | None, what: str
) -> None:
    try:
        pool.run(work, tasks, count, progress, what)
    except pool.ProcessFailed as error:
        raise RebuildFailed(f"a process of the rebuild failed: {error.error}") from error


def _register(task: _Task) -> int:
    with psycopg.connect(task.url) as connection, connection.cursor(binary=True) as cursor:
        return len(_register_range(cursor, task.first, task.end))


def _register_range(cursor: psycopg.Cursor[Any], first: int, end: int) -> list[Event]:
    """Register events with the sessions they name, and remember those that name only a leg."""
    events = folding.events_of(cursor.connection, first, end)
    named = folding.named(events)
    _copy(cursor, "session_events", named.sessions)
    _copy(cursor, "sessionless_events", named.lone_legs)
    legs, sessions = zip(*sorted(named.links), strict=True) if named.links else ((), ())
    cursor.execute(_sql("rebuild_link_legs"), {"legs": list(legs), "sessions": list(sessions)})
    return events


def _adopt(connection: psycopg.Connection[Any]) -> None:
    connection.execute(_sql("rebuild_adopt"), {"legs": None})
    connection.execute("ANALYZE rebuild.session_events")


def _take_in(connection: psycopg.Connection[Any], end: int) -> None:
    """Keep, in scratch, what the log says of policies and outages before a position."""
    with connection.transaction(), connection.cursor(binary=True) as cursor:
        circumstances.take_in(cursor, map(project.from_stored, read.system(connection, 0, end)), "rebuild")


def _fold(task: _Task) -> int:
    folded, after = 0, ""
    with psycopg.connect(task.url) as connection, connection.cursor(binary=True) as cursor:
        while True:
            which = {"after": after, "share": task.first, "shares": task.end, "limit": SESSIONS_PER_FOLD}
            cursor.execute(_sql("rebuild_sessions"), which)
            members: dict[str, list[int]] = dict(cursor.fetchall())
            if not members:
                return folded
            _fold_into_scratch(cursor, members, task.as_of, task.policy)
            connection.commit()
            folded += len(members)
            after = next(reversed(members))  # the last in the database's own order


def _fold_into_scratch(
    cursor: psycopg.Cursor[Any], members: Mapping[str, Sequence[int]], as_of: Instant, policy: Policy
) -> None:
    loaded = folding.loaded(cursor.connection, members)
    folded = project.fold_all(cursor, loaded, as_of, policy, "rebuild")
    for name, rows in write.gather(folded.values()).items():
        if rows:
            write.copy_rows(cursor, sql.Identifier("rebuild", name), name, rows)
    cursor.execute(_sql("rebuild_add_reviews"), project.reviews(folded))


def _follow(cursor: psycopg.Cursor[Any], since: int, position: int, as_of: Instant, policy: Policy) -> None:
    """Take in what came since the processes looked, and fold again what that or time alone has changed."""
    events: list[Event] = []
    for first in range(since, position, EVENTS_PER_TASK):
        events += _register_range(cursor, first, min(first + EVENTS_PER_TASK, position))
    legs = list({alias for event in events for alias in sessions.aliases_of(event)})
    cursor.execute(_sql("rebuild_disown"), {"legs": legs})
    disowned = {session for (session,) in cursor}
    cursor.execute(_sql("rebuild_adopt"), {"legs": legs})
    cursor.execute(_sql("rebuild_moved"), {"since": since, "legs": legs, "as_of": instants.to_datetime(as_of)})
    moved = disowned.union(session for (session,) in cursor)
    moved = sorted(moved.union(circumstances.take_in(cursor, events, "rebuild").concerned))
    for name in (*records.TABLES, "reviews"):
        delete = sql.SQL("DELETE FROM {} WHERE call_session_id = ANY(%s)").format(sql.Identifier("rebuild", name))
        cursor.execute(delete, [moved])
    for start in range(0, len(moved), SESSIONS_PER_FOLD):
        cursor.execute(_sql("rebuild_positions"), {"sessions": moved[start : start + SESSIONS_PER_FOLD]})
        _fold_into_scratch(cursor, dict(cursor.fetchall()), as_of, policy)


def _difference(cursor: psycopg.Cursor[Any], name: str) -> Difference:
    live, rebuilt = sql.Identifier("calls", name), sql.Identifier("rebuild", name)
    gone = _keep_except(cursor, name, "gone", live, rebuilt)
    new = _keep_except(cursor, name, "new", rebuilt, live)
    examples: set[tuple[Any, ...]] = set()
    for kept in ("gone", "new"):
        key = sql.SQL(", ").join(map(sql.Identifier, _key(name)))
        query = sql.SQL("SELECT {key} FROM {kept} ORDER BY {key} LIMIT {limit}")
        cursor.execute(query.format(key=key, kept=sql.Identifier(f"{kept}_{name}"), limit=sql.Literal(EXAMPLES_MAX)))
        examples.update(cursor.fetchall())
    return Difference(name, gone, new, tuple(sorted(examples, key=str)[:EXAMPLES_MAX]))


def _keep_except(
    cursor: psycopg.Cursor[Any], name: str, kept: str, these: sql.Identifier, those: sql.Identifier
) -> int:
    """Keep the rows that are in ``these`` and not in ``those`` until the transaction ends; give their number."""
    query = sql.SQL(
        "CREATE TEMP TABLE {kept} ON COMMIT DROP AS SELECT {columns} FROM {these} EXCEPT SELECT {columns} FROM {those}"
    )
    columns = _column_list(name)
    cursor.execute(query.format(kept=sql.Identifier(f"{kept}_{name}"), columns=columns, these=these, those=those))
    return cursor.rowcount


def _apply(cursor: psycopg.Cursor[Any], difference: Difference) -> None:
    name = difference.table
    if difference.gone:
        cursor.execute(
            sql.SQL("DELETE FROM {live} AS live USING {gone} AS gone WHERE {same}").format(
                live=sql.Identifier("calls", name), gone=sql.Identifier(f"gone_{name}"), same=_same_row(name)
            )
        )
    if difference.new:
        cursor.execute(
            sql.SQL("INSERT INTO {live} ({columns}) SELECT {columns} FROM {new}").format(
                live=sql.Identifier("calls", name),
                new=sql.Identifier(f"new_{name}"),
                columns=_column_list(name),
            )
        )


def _same_row(name: str) -> sql.Composed:
    if name not in BOOKKEEPING:
        return write.same_row(name)
    return sql.SQL(" AND ").join(sql.SQL("live.{0} = gone.{0}").format(sql.Identifier(column)) for column in _key(name))


def _key(name: str) -> tuple[str, ...]:
    return _KEYS.get(name) or BOOKKEEPING.get(name) or key(name)


def _column_list(name: str) -> sql.Composed:
    names = BOOKKEEPING.get(name) or tuple(column.name for column in COLUMNS[name])
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _make_scratch(connection: psycopg.Connection[Any]) -> None:
    _drop_scratch(connection)
    for name in SCRATCH:
        # Unlogged: what a crash leaves of a rebuild is made again. Only bookkeeping needs its keys here.
        like = "LIKE calls.{name}" if name in records.TABLES else "LIKE calls.{name} INCLUDING INDEXES"
        connection.execute(
            sql.SQL("CREATE UNLOGGED TABLE rebuild.{name} (" + like + ")").format(name=sql.Identifier(name))
        )


def _drop_scratch(connection: psycopg.Connection[Any]) -> None:
    for name in SCRATCH:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS rebuild.{}").format(sql.Identifier(name)))


def _copy(cursor: psycopg.Cursor[Any], name: str, rows: Iterable[tuple[Any, ...]]) -> None:
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier("rebuild", name))
    with cursor.copy(statement) as copy:
        copy.set_types(["text", "int8"])
        for row in rows:
            copy.write_row(row)


def _sql(name: str) -> Any:
    return statements.load("projections", name)
