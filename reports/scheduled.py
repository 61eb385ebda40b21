"""Runs of schedules: a row for each due time, taken by one worker at a time, and attempted until it is delivered.

A run is pinned by its first attempt to a position of the log and an instant, so that a later one gives the same files.
The row is held locked while it is attempted: what a worker leaves by dying is free at once. That a run is delivered
once rests on neither: it rests on destinations to which files are added by due time and never replaced.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

import psycopg
from psycopg.rows import class_row

from reports import due, periods, schedules
from reports.errors import ReportRefused
from reports.schedule_errors import RunFailed, ScheduleRefused
from reports.schedules import Schedule
from store import statements

_Failed: TypeAlias = RunFailed | ReportRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRun:
    """One due time of a schedule, and what became of it; ``period_to`` is the day after the last one."""

    schedule: str
    due_at: datetime
    report: str
    period_from: date
    period_to: date
    state: str
    attempts: int
    next_attempt_at: datetime | None
    log_position: int | None
    as_of: datetime | None
    evidence: Mapping[str, Any] | None
    started_at: datetime | None
    finished_at: datetime | None
    reason: str | None
    detail: str | None
    manifest_sha256: str | None
    files: Sequence[str]


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a run is asked as of: every event before log ``position``, an instant, and the evidence of then."""

    position: int | None
    as_of: datetime
    evidence: Mapping[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Produced:
    """What was delivered: where the files are, the manifest's hash, and the log position of the figures."""

    files: Sequence[str]
    manifest_sha256: str
    position: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How schedules stand. ``waiting_since`` is the oldest due time that waits: none does where it is still to come.

    ``failed`` runs are tried again; ``given_up`` are those of the last day.
    """

    waiting_since: datetime | None
    failed: int
    given_up: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How many due times of a schedule get their rows at once, how often a run is attempted, and what it waits between.

    ``planned_max`` bounds a transaction, not what is caught up: the due times beyond it get theirs at the next call.
    """

    planned_max: int = 1_000
    attempts_max: int = 12
    first_wait: timedelta = timedelta(minutes=1)
    longest_wait: timedelta = timedelta(hours=4)

    def wait(self, attempts: int) -> timedelta:
        """Say how long to wait after so many attempts: twice as long each time."""
        return min(self.longest_wait, self.first_wait * 2 ** min(attempts - 1, 30))


@dataclass(frozen=True, slots=True)
class Means:
    """How runs are made: the clock, what pins one, and what produces and delivers one.

    ``produce`` may raise RunFailed or ReportRefused. Called again with the same pin it MUST deliver nothing twice.
    """

    now: Callable[[], datetime]
    pin: Callable[[Schedule, datetime], Pinned]
    produce: Callable[[Schedule, datetime, Pinned], Produced]
    pace: Pace = Pace()


def plan(connection: psycopg.Connection[Any], means: Means) -> Iterator[tuple[str, ReportRefused | None]]:
    """Give due times their rows; of each schedule that was due its name, and why it could not be planned.

    One that missed more than ``planned_max`` stays due, from the first that has no row yet. Attempt what waits, then
    call again: other schedules wait for so many runs of it, not for all of them. What a worker left of a schedule that
    was removed meanwhile is given up.
    """
    schedules.give_up_orphans(connection, means.now())
    name: str | None = ""
    while name is not None:
        name, refusal = _plan_next(connection, name, means)
        if name is not None:
            yield name, refusal


def attempt(
    connection: psycopg.Connection[Any], means: Means, *, schedule: str | None = None, due_at: datetime | None = None
) -> ScheduledRun | None:
    """Take the run that has waited longest, or one by name, and see it through; None: there is none to take."""
    taken, refused = _take(connection, means, schedule, due_at)
    if taken is None or taken.state != "running":
        return taken
    with connection.transaction():
        held = {"schedule": taken.schedule, "due_at": taken.due_at, "attempts": taken.attempts}
        if connection.execute(statements.load("reports", "hold_run"), held).fetchone() is None:
            return None
        if refused is not None:
            return _end(connection, taken, means, failed=refused)
        return _see_through(connection, means, taken)


def order(connection: psycopg.Connection[Any], name: str, due_at: datetime, now: datetime) -> None:
    """Have a due time run from now on, also one that was given up. Raises ScheduleRefused."""
    schedule = schedules.find(connection, name)
    if due_at > now:
        raise ScheduleRefused("due_refused", "a due time that is still to come cannot be run yet")
    if due_at < schedule.created_at.replace(microsecond=0):
        raise ScheduleRefused("due_refused", f"{name} was added later: use `report run` for what was before it")
    if due_at.microsecond:
        raise ScheduleRefused("due_refused", "a due time is a whole second")
    first, end = periods.dates(schedule.period, schedule.zone, due_at)
    given = {"schedule": name, "report": schedule.report, "due_at": due_at, "now": now}
    text = statements.load("reports", "order_run")
    try:
        ordered = connection.execute(text, {**given, "period_from": first, "period_to": end}).rowcount
    except psycopg.errors.LockNotAvailable:  # held by its attempt
        raise in_progress(name) from None
    if not ordered:
        (known,) = listed(connection, name, due_at=due_at)
        if known.state == "delivered":
            raise ScheduleRefused("run_delivered", f"{name} was delivered for that due time: it is not run twice")
        raise in_progress(name)


def listed(
    connection: psycopg.Connection[Any], schedule: str | None = None, *, due_at: datetime | None = None, limit: int = 1
) -> list[ScheduledRun]:
    """Give the latest runs of all schedules, or of one, or of one due time; the latest first."""
    given = {"schedule": schedule, "due_at": due_at, "limit": limit}
    return _runs(connection, "list_runs", given)


def look(connection: psycopg.Connection[Any]) -> Standing:
    """See how schedules stand; the role of a server that is watched is enough."""
    with connection.cursor(row_factory=class_row(Standing)) as cursor:
        (found,) = cursor.execute(statements.load("reports", "schedules_standing")).fetchall()
    return found


def in_progress(name: str) -> ScheduleRefused:
    """Make the refusal of a run that another worker is at."""
    return ScheduleRefused("run_in_progress", f"a worker is running {name} for that due time now")


def _plan_next(
    connection: psycopg.Connection[Any], after: str, means: Means
) -> tuple[str | None, ReportRefused | None]:
    now = means.now()
    with connection.transaction(), connection.cursor(row_factory=class_row(Schedule)) as cursor:
        text = statements.load("reports", "schedule_to_plan")
        schedule = cursor.execute(text, {"now": now, "after": after}).fetchone()
        if schedule is None:
            return None, None
        try:
            _plan(connection, schedule, now, means.pace.planned_max)
        except ReportRefused as refusal:  # a zone that tzdata gave up, say: it stays due, and the others go on
            return schedule.schedule, refusal
    return schedule.schedule, None


def _plan(connection: psycopg.Connection[Any], schedule: Schedule, now: datetime, planned_max: int) -> None:
    missed = due.due(schedule.cron, schedule.zone, schedule.planned_until, now)
    first = list(itertools.islice(missed, planned_max))  # a year of minutes would be half a million
    spans = [periods.dates(schedule.period, schedule.zone, each) for each in first]
    planned = {
        "due_at": first,
        "period_from": [begins for begins, _ in spans],
        "period_to": [end for _, end in spans],
    }
    named = {"schedule": schedule.schedule, "report": schedule.report}
    connection.execute(statements.load("reports", "plan_runs"), named | planned)
    until = first[-1] if len(first) == planned_max else now
    upcoming = due.upcoming(schedule.cron, schedule.zone, until)
    given = {"schedule": schedule.schedule, "until": until, "next_due_at": upcoming}
    connection.execute(statements.load("reports", "set_planned"), given)


def _take(
    connection: psycopg.Connection[Any], means: Means, schedule: str | None, due_at: datetime | None
) -> tuple[ScheduledRun | None, _Failed | None]:
    """Take a run and pin it, or give it up where its workers died too often; with why it could not be pinned."""
    now = means.now()
    with connection.transaction():
        found = _runs(connection, "run_to_take", {"now": now, "schedule": schedule, "due_at": due_at})
        if not found:
            return None, None
        (waiting,) = found
        if waiting.state == "running" and waiting.attempts >= means.pace.attempts_max:
            why = RunFailed("worker_died", "the worker ended in the midst of each attempt")
            return _end(connection, waiting, means, failed=why), None
        pinned, refused = _pinned(connection, waiting, means)
        # As json, not jsonb: what stands above the figures keeps its order, and so the files their bytes.
        found = None if pinned is None or pinned.evidence is None else json.dumps(pinned.evidence)
        named = {"schedule": waiting.schedule, "due_at": waiting.due_at, "now": now, "evidence": found}
        given = {"log_position": pinned and pinned.position, "as_of": pinned and pinned.as_of}
        (begun,) = _runs(connection, "begin_attempt", named | given)
    return begun, refused


def _pinned(
    connection: psycopg.Connection[Any], waiting: ScheduledRun, means: Means
) -> tuple[Pinned | None, _Failed | None]:
    """Give what a run was pinned to, or pin it; where that is refused the attempt fails, and the next one pins it."""
    if waiting.as_of is not None:
        return Pinned(waiting.log_position, waiting.as_of, waiting.evidence), None
    try:
        schedule = schedules.find(connection, waiting.schedule)
        return means.pin(schedule, waiting.due_at.astimezone(UTC)), None
    except Exception as error:  # noqa: BLE001  one schedule's trouble is not the others'
        return None, _failure(error)


def _see_through(connection: psycopg.Connection[Any], means: Means, run: ScheduledRun) -> ScheduledRun:
    assert run.as_of is not None, "an attempt begins with its pin"
    try:
        schedule = schedules.find(connection, run.schedule)
        produced = means.produce(
            schedule, run.due_at.astimezone(UTC), Pinned(run.log_position, run.as_of, run.evidence)
        )
    except Exception as error:  # noqa: BLE001  as above
        return _end(connection, run, means, failed=_failure(error))
    return _end(connection, run, means, produced=produced)


def _failure(error: Exception) -> _Failed:
    """Say why an attempt failed; a message that is not ours may hold anything."""
    if isinstance(error, (RunFailed, ReportRefused)):
        return error
    if isinstance(error, psycopg.Error):
        return RunFailed("database_lost", "the database could not be read")
    return RunFailed("report_failed", f"the report could not be made: {type(error).__name__}")


def _end(
    connection: psycopg.Connection[Any],
    run: ScheduledRun,
    means: Means,
    *,
    produced: Produced | None = None,
    failed: _Failed | None = None,
) -> ScheduledRun:
    now = means.now()
    if failed is not None and _is_gone(connection, run):
        failed = RunFailed("schedule_removed", f"{run.schedule} was removed meanwhile")
    last = run.attempts >= means.pace.attempts_max or (failed is not None and failed.reason == "schedule_removed")
    waits = failed is not None and not last
    became = {
        "state": "delivered" if produced else "failed" if waits else "given_up",
        "next_attempt_at": now + means.pace.wait(run.attempts) if waits else None,
        "reason": failed.reason if failed else None,
        "detail": str(failed) if failed else None,
        "manifest_sha256": produced.manifest_sha256 if produced else None,
        "files": list(produced.files) if produced else [],
        "log_position": produced.position if produced else None,
    }
    (ended,) = _runs(connection, "finish_run", {**became, "schedule": run.schedule, "due_at": run.due_at, "now": now})
    return ended


def _is_gone(connection: psycopg.Connection[Any], run: ScheduledRun) -> bool:
    """Tell whether the schedule that a run is of was removed; one of that name that was added since is another."""
    try:
        schedule = schedules.find(connection, run.schedule)
    except ScheduleRefused:
        return True
    return schedule.created_at.replace(microsecond=0) > run.due_at


def _runs(connection: psycopg.Connection[Any], statement: str, given: dict[str, Any]) -> list[ScheduledRun]:
    with connection.cursor(row_factory=class_row(ScheduledRun)) as cursor:
        return cursor.execute(statements.load("reports", statement), given).fetchall()
