"""The restatement of a report: what it said when it was issued, what it says today, and why.

Every row that differs is explained by the facts that changed in its group: calls are added up, so a row can only
differ by what changed of them.
"""

import bisect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg

from calls import instants
from reports import as_of, calendar, changes, content, engines, evidence, issuing, registry, rerun
from reports.as_of import AsOf
from reports.calendar import Segment
from reports.changes import Change, Days, Fold
from reports.issuing import Log
from reports.rerun import Input
from reports.runs import Run
from store import heartbeats, read

_KEYS = ("day", "week", "connection_id", "number", "call_session_id", "call_leg_id")
"""Columns of reports that say which calls a row is about."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that is not what it was; ``because`` numbers the changes of calls in its group."""

    then: Mapping[str, Any] | None
    now: Mapping[str, Any] | None
    because: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Restatement:
    """What came of it. ``as_issued``: what was worked out for then is what was issued.

    ``inputs`` are what is not here that it was made with; where that is the log itself, nothing can be said.
    """

    then: AsOf | None
    now: AsOf | None
    as_issued: bool
    inputs: tuple[Input, ...]
    rows: tuple[RowChange, ...]
    changes: tuple[Change, ...]

    @property
    def unexplained(self) -> int:
        """Count the rows that differ and no change explains; there must be none."""
        return sum(not row.because for row in self.rows)


def compare(of: Mapping[str, Any], log: Log) -> Restatement:
    """Compare a manifest's report with today's. Raises AsOfFailed."""
    absent, then = tuple(rerun.absent(of, log)), rerun.when(of)
    if absent or then is None:
        return Restatement(then, None, as_issued=False, inputs=absent, rows=(), changes=())
    with psycopg.connect(log.url, autocommit=True) as connection:
        heard = heartbeats.heard_until(connection, instants.to_datetime(log.now()))
        now = AsOf(read.head(connection) + 1, max(then.instant, instants.from_datetime(heard)))
        with _folded(log, then) as old, _folded(log, now) as new:
            return _compared(of, connection, (then, old), (now, new))


def _folded(log: Log, when: AsOf) -> Any:
    return as_of.folder(log.url, when, processes=log.processes, progress=log.progress)


def _compared(
    of: Mapping[str, Any], connection: psycopg.Connection[Any], then: tuple[AsOf, Path], now: tuple[AsOf, Path]
) -> Restatement:
    asked = rerun.asked(of)
    issued, today = (_run(asked, connection, *each) for each in (then, now))
    segments = calendar.segments(asked.period)
    tables = _tables(of["report"])
    before, after = Fold(then[1], then[0].position), Fold(now[1], now[0].position)
    found = changes.between(connection, before, after, tables, _days(segments, issued))
    return Restatement(
        then=then[0],
        now=now[0],
        as_issued=content.sha256(issued) == of["content_sha256"],
        inputs=(),
        rows=tuple(_explained(issued, today, found, segments)),
        changes=tuple(found),
    )


def _run(asked: issuing.Asked, connection: psycopg.Connection[Any], when: AsOf, folder: Path) -> Run:
    with engines.DuckDB.from_files(folder, when.position) as engine:
        return asked.of(engine, evidence.inputs(connection, when, asked.period))


def _tables(report: str) -> set[str]:
    """Give the facts that a report reads."""
    return {*re.findall(r"\bfacts\.(\w+)", registry.find(report).sql)} - {"log_position"}


def _days(segments: Sequence[Segment], run: Run) -> Days:
    """Give the UTC days that figures may come from."""
    weeks = 0 if run.trend is None else 7 * 13
    if not segments:  # a zone may have skipped every day of a period
        return Days(0, -1)
    return Days(segments[0].utc_day - weeks, segments[-1].utc_day)


def _explained(issued: Run, today: Run, found: Sequence[Change], segments: Sequence[Segment]) -> Iterator[RowChange]:
    places = [_places(change, segments) for change in found]
    for then, now in _differing(content.records(issued.frame), content.records(today.frame), _key_columns(issued)):
        row = now or then or {}
        keys = {name: row[name] for name in _KEYS if name in row}
        because = tuple(n for n, at in enumerate(places) if all(row[name] in at[name] for name in keys))
        yield RowChange(then, now, because)


def _key_columns(run: Run) -> list[str]:
    """Give the columns whose texts tell the rows of a report apart."""
    return [column.name for column in run.columns if column.kind.name == "TEXT"]


def _differing(
    then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], key_columns: Sequence[str]
) -> Iterator[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]:
    def keyed(rows: Sequence[Mapping[str, Any]]) -> dict[Any, Mapping[str, Any]]:
        counted: dict[Any, int] = {}
        made: dict[Any, Mapping[str, Any]] = {}
        for row in rows:
            key = tuple(row[name] for name in key_columns)
            counted[key] = counted.get(key, -1) + 1
            made[*key, counted[key]] = row
        return made

    before, after = keyed(then), keyed(now)
    for key in (*before, *(key for key in after if key not in before)):
        if before.get(key) != after.get(key):
            yield before.get(key), after.get(key)


def _places(change: Change, segments: Sequence[Segment]) -> dict[str, set[Any]]:
    """Give the values of key columns under which a fact counts, or counted."""
    rows = [row for row in (change.then, change.now) if row is not None]
    days = {day for row in rows for day in _local_days(row, segments)}
    places = {name: {row.get(name) for row in rows} for name in _KEYS}
    weeks = {str(date.fromisoformat(day) - timedelta(date.fromisoformat(day).weekday())) for day in days}
    return places | {"day": days, "week": weeks}


def _local_days(row: Mapping[str, Any], segments: Sequence[Segment]) -> Iterator[str]:
    starts = [segment.start_us for segment in segments]
    moments = [row.get("at_us"), row.get("start_us"), None if row.get("end_us") is None else row["end_us"] - 1]
    for moment in (moment for moment in moments if moment is not None):
        place = bisect.bisect_right(starts, moment) - 1
        if place >= 0 and moment < segments[place].end_us:
            yield segments[place].day
