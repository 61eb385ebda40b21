"""Fold the log below a position into files of facts, in several processes and within bounded memory.

1. each process reads ranges of the log and writes down which sessions and legs its events name;
2. events are handed to their sessions, as the projector does, and the sessions to shares by a hash of their ids;
3. each process folds shares, some sessions at a time, into one Parquet file of each kind of fact.

A session that cannot be folded is named, and the others go on: a report must come out whatever one call is.

Nothing of the live read models is used. Only positions and names are gathered in one place, on disk where there are
many.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from calls import fold
from calls.event import Event
from calls.instants import Instant
from calls.policy import Judge
from calls.records import CallRecord
from projections import circumstances, folding, pool, project
from projections.circumstances import Outages
from projections.pool import Progress
from reports import facts, log_refold
from reports.arrow import TEXT, WHOLE, pa, parquet
from reports.errors import AsOfFailed
from store import read

EVENTS_PER_TASK = 5_000
SESSIONS_PER_FOLD = 500
SHARES = 16
"""Enough for progress and for even work."""

GATHERING_MEMORY = "1GB"

_UNFOLDED = pa.schema({"call_session_id": TEXT, "error": TEXT})
_NAMED = pa.schema({"call_session_id": TEXT, "call_leg_id": TEXT, "position": WHOLE})

# An event that names only a leg belongs to every session that the leg's other events name, else to the leg's own id.
_MEMBERS = """
    CREATE TABLE members AS
    WITH link AS (
        SELECT DISTINCT call_leg_id, call_session_id FROM named
        WHERE call_leg_id IS NOT NULL AND call_session_id IS NOT NULL
    )
    SELECT DISTINCT
        coalesce(named.call_session_id, link.call_session_id, named.call_leg_id) AS call_session_id,
        position
    FROM named LEFT JOIN link ON named.call_session_id IS NULL AND named.call_leg_id = link.call_leg_id
    WHERE position IS NOT NULL -- else it only says which leg is of which session
"""
_SHARE = """
    SELECT call_session_id, list(position ORDER BY position) AS positions
    FROM members
    WHERE hash(call_session_id) % {shares} = {share}
    GROUP BY call_session_id
    ORDER BY call_session_id
"""


@dataclass(frozen=True, slots=True)
class _Task:
    """One piece of work for a process: a range of positions to read, or a share of the sessions to fold."""

    url: str
    folder: Path
    first: int
    end: int
    as_of: Instant
    judge: Judge
    outages: Outages


def refold(  # noqa: PLR0913  by keyword
    url: str,
    position: int,
    as_of: Instant,
    folder: Path,
    *,
    processes: int = pool.PROCESSES_DEFAULT,
    progress: Progress | None = None,
) -> None:
    """Write the facts of the events below ``position``, as of then, into ``folder``. Raises AsOfFailed."""
    with psycopg.connect(url) as connection:
        said = [project.from_stored(row) for row in read.system(connection, 0, position)]
    declared = circumstances.declared(said)
    outages = Outages((each.began_at, each.ended_at) for each in declared)
    common = (as_of, circumstances.judges(circumstances.applied(said)), outages)
    ranges = [
        _Task(url, folder, at, min(at + EVENTS_PER_TASK, position), *common)
        for at in range(0, position, EVENTS_PER_TASK)
    ]
    shares = [_Task(url, folder, share, SHARES, *common) for share in range(SHARES)]
    processes = min(processes, max(1, len(ranges)))  # a small log is folded before a process has begun
    try:
        pool.run(_register, ranges, processes, progress, "events")
        _gather(folder)
        pool.run(_fold, shares, processes, progress, "sessions")
    except pool.ProcessFailed as error:
        raise AsOfFailed(f"the log could not be folded as of then: {error.error}") from error
    with psycopg.connect(url) as connection:
        log_refold.write(folder, connection, position, as_of, declared)


def unfolded(folder: Path) -> list[tuple[str, str]]:
    """Give the sessions that could not be folded into ``folder``, by name, each with what went wrong."""
    tables = [parquet.read_table(path) for path in folder.glob("unfolded-*.parquet")]
    return sorted((row["call_session_id"], row["error"]) for table in tables for row in table.to_pylist())


def _register(task: _Task) -> int:
    """Write down which sessions and legs the events of a range name."""
    with psycopg.connect(task.url) as connection:
        events = folding.events_of(connection, task.first, task.end)
        parquet.write_table(
            log_refold.logged(connection, task.first, task.end), task.folder / f"logged-{task.first}.parquet"
        )
    named = folding.named(events)
    rows = [{"call_session_id": session, "call_leg_id": None, "position": at} for session, at in named.sessions]
    rows += [{"call_session_id": None, "call_leg_id": alias, "position": at} for alias, at in named.lone_legs]
    rows += [{"call_session_id": session, "call_leg_id": alias, "position": None} for alias, session in named.links]
    parquet.write_table(pa.Table.from_pylist(rows, schema=_NAMED), task.folder / f"named-{task.first}.parquet")
    return len(events)


def _gather(folder: Path) -> None:
    """Hand the events to their sessions, and the sessions to the shares."""
    if not any(folder.glob("named-*.parquet")):
        parquet.write_table(_NAMED.empty_table(), folder / "named-0.parquet")
    with duckdb.connect(folder / "members.duckdb") as database:
        database.execute(f"SET memory_limit = '{GATHERING_MEMORY}'")
        database.read_parquet(str(folder / "named-*.parquet")).create("named")
        database.execute(_MEMBERS)
        for share in range(SHARES):
            of_share = database.sql(_SHARE.format(shares=SHARES, share=share))
            of_share.write_parquet(str(folder / f"share-{share}.parquet"), row_group_size=2048)


def _fold(task: _Task) -> int:
    """Fold the sessions of a share and write their facts down."""
    written, folded = _Files(task.folder, task.first), 0
    unfolded: list[dict[str, str]] = []
    with psycopg.connect(task.url, autocommit=True) as connection:
        for members in _members(task.folder / f"share-{task.first}.parquet"):
            loaded = folding.loaded(connection, members)
            written.add(list(_records(task, loaded, unfolded)))
            folded += len(members)
    written.close()
    named = pa.Table.from_pylist(unfolded, schema=_UNFOLDED)
    parquet.write_table(named, task.folder / f"unfolded-{task.first}.parquet")
    return folded


def _records(
    task: _Task, loaded: Mapping[str, Sequence[Event]], unfolded: list[dict[str, str]]
) -> Iterator[CallRecord]:
    for session, events in loaded.items():
        try:
            yield _record(task, events)
        except Exception as error:  # noqa: BLE001  whatever it is, it is this session's alone
            unfolded.append({"call_session_id": session, "error": type(error).__name__})


def _record(task: _Task, events: Sequence[Event]) -> CallRecord:
    return fold.fold_with_history(events, task.as_of, task.judge, outages=task.outages.meeting(events))


def _members(path: Path) -> Iterator[Mapping[str, Sequence[int]]]:
    for batch in parquet.ParquetFile(path).iter_batches(SESSIONS_PER_FOLD):
        columns = batch.to_pydict()
        yield dict(zip(columns["call_session_id"], columns["positions"], strict=True))


class _Files:
    """One Parquet file a kind of fact."""

    def __init__(self, folder: Path, share: int) -> None:
        self._writers: dict[str, Any] = {
            name: parquet.ParquetWriter(folder / f"{name}-{share}.parquet", table.schema)
            for name, table in facts.from_records((), None).items()
            if name != "log_position"
        }

    def add(self, records: Sequence[CallRecord]) -> None:
        tables = facts.from_records(records, None)
        for name, writer in self._writers.items():
            writer.write_table(tables[name])

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
