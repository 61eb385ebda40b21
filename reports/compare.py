"""The restatement of a report: what it said when it was issued, what it says today, and why.

Every row that differs is explained by the facts that changed in its group: calls are added up, so a row can only
differ by what changed of them.
"""

import bisect
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import psycopg

from calls import instants
from reports import as_of, changes, content, engines, evidence, issuing, registry, rerun
from reports.as_of import AsOf
from reports.calendar import Segment
from reports.changes import Change, Days, Fold
from reports.issuing import Log
from reports.question import KEY_COLUMNS, Question, tag_value, week_of
from reports.rerun import Input
from reports.runs import Run
from store import heartbeats, read

_LEG = ("call_session_id", "call_leg_id")
_KEYS = (*KEY_COLUMNS, *_LEG)
"""Columns of reports that say which calls a row is about."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that is not what it was; ``because`` numbers the changes of calls in its group.

    ``part`` is ``report``, or ``trend`` for a row of the weeks up to the period's end.
    """

    part: str
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
    parts = [_Part("report", issued.question, issued.frame, today.frame, _key_columns(issued))]
    if issued.trend is not None and today.trend is not None:
        parts.append(_Part("trend", issued.question.trend(), issued.trend, today.trend, ["week"]))
    sessions = parts[0].sessions
    days = Days(min(part.days.first for part in parts), max(part.days.last for part in parts))
    before, after = Fold(then[1], then[0].position), Fold(now[1], now[0].position)
    found = changes.between(connection, before, after, _tables(of["report"]), sessions or days)
    found = [change for change in found if any(part.has(change) for part in parts)]
    return Restatement(
        then=then[0],
        now=now[0],
        as_issued=content.sha256(issued) == of["content_sha256"],
        inputs=(),
        rows=tuple(row for part in parts for row in part.explained(found)),
        changes=tuple(found),
    )


def _run(asked: issuing.Asked, connection: psycopg.Connection[Any], when: AsOf, folder: Path) -> Run:
    with engines.DuckDB.from_files(folder, when.position) as engine:
        return asked.of(engine, evidence.inputs(connection, when, asked.period))


def _tables(report: str) -> set[str]:
    """Give the facts that a report reads."""
    return {*re.findall(r"\bfacts\.(\w+)", registry.find(report).sql)} - {"log_position"}


class _Part:
    """What there is to compare of a run: its rows, or those of its trend."""

    def __init__(
        self, name: str, question: Question, then: pd.DataFrame, now: pd.DataFrame, key_columns: list[str]
    ) -> None:
        self._name, self._question, self._key_columns = name, question, key_columns
        self._then, self._now = content.records(then), content.records(now)
        self._segments = question.segments

    @property
    def days(self) -> Days:
        """Give the UTC days that figures may come from."""
        if not self._segments:  # a zone may have skipped every day of a period
            return Days(0, -1)
        return Days(self._segments[0].utc_day, self._segments[-1].utc_day)

    @property
    def sessions(self) -> frozenset[str]:
        """Give the sessions that a list of legs speaks of, whose facts may lie anywhere; of groups none."""
        listed = [*self._then, *self._now] if self._key_columns == [*_LEG] else []
        return frozenset(row["call_session_id"] for row in listed)

    def has(self, change: Change) -> bool:
        """Tell whether a fact lies, or lay, in the period; in a list of legs, whether it is of one of their calls."""
        if self._key_columns == [*_LEG]:
            return change.call_session_id in self.sessions
        return any(True for row in _sides(change) for _ in _within(row, self._segments))

    def explained(self, found: Sequence[Change]) -> Iterator[RowChange]:
        """Give the rows that differ, each with the changes in its group."""
        places = [self._places(change) for change in found]
        for then, now in _differing(self._then, self._now, self._key_columns):
            row = now or then or {}
            because = (n for n, at in enumerate(places) if all(row[key] in at[key] for key in at.keys() & row.keys()))
            yield RowChange(self._name, then, now, tuple(because))

    def _places(self, change: Change) -> dict[str, set[Any]]:
        """Give the values of key columns under which a fact counts, or counted; none where it may be any."""
        rows = _sides(change)
        if self._key_columns == [*_LEG]:
            of_leg = {name: {row.get(name) for row in rows} for name in _LEG}
            return {name: values for name, values in of_leg.items() if None not in values}
        within = [segment for row in rows for segment in _within(row, self._segments)]
        places = {name: {row[name] for row in rows} for name in _KEYS if all(name in row for row in rows)}
        if self._question.tag is not None and all("tags" in row for row in rows):
            places["tag"] = {tag_value(orjson.loads(row["tags"] or "[]"), self._question.tag) for row in rows}
        places |= {"day": {each.day for each in within}, "week": {week_of(each.day) for each in within}}
        return places | {"hour": {each.hour for each in within}}


def _sides(change: Change) -> list[Mapping[str, Any]]:
    return [row for row in (change.then, change.now) if row is not None]


def _within(row: Mapping[str, Any], segments: Sequence[Segment]) -> Iterator[Segment]:
    """Give the segments that a fact lies in; coverage lies wherever the leg talked."""
    begins = row["start_us"] if row.get("at_us") is None else row["at_us"]
    ends = row["end_us"] - 1 if row.get("end_us") is not None else begins + (row.get("talk_us") or 0)
    first = bisect.bisect_right([segment.end_us for segment in segments], begins)
    yield from itertools.takewhile(lambda segment: segment.start_us <= ends, segments[first:])


def _key_columns(run: Run) -> list[str]:
    """Give the columns whose texts tell the rows of a report apart; in a list of legs, the leg."""
    texts = [column.name for column in run.columns if column.kind.name == "TEXT"]
    return [*_LEG] if {*_LEG} <= {*texts} else texts


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
