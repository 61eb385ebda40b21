"""When a schedule is due: a cron expression read in an IANA zone, whatever that zone's clocks do.

An expression that leaves some hours out names local times, and each of them is due once: where the clock skips it, at
the moment of the skip (times that one skip leaves out are one moment), where it is repeated, the first time. An
expression of every hour runs in real time: whenever the zone's clock shows a time that it names.
"""

import bisect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from reports import calendar
from reports.schedule_errors import ScheduleRefused

FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")

_LENGTH_MAX = 200
_SHIFT = timedelta(days=1)
"""The furthest that any zone's clock was ever moved at once."""


def check(expression: str, zone: str) -> None:
    """Raise ScheduleRefused (cron_refused) or PeriodRefused (zone_unknown) for what names no time."""
    if upcoming(expression, zone, datetime(2000, 1, 1, tzinfo=UTC)) is None:
        raise _refused(f"{expression!r} names no time that any calendar has")


def due(expression: str, zone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """Give the instants after ``after`` up to and with ``until`` at which it is due, UTC, in order, each once.

    Raises ScheduleRefused (cron_refused), PeriodRefused (zone_unknown).
    """
    for instant in _from(expression, zone, after):
        if instant > until:
            return
        yield instant


def upcoming(expression: str, zone: str, after: datetime) -> datetime | None:
    """Give the first due time after ``after``; None: there is none in the next fifty years. Raises as ``due``."""
    return next(_from(expression, zone, after), None)


def _from(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    clock = calendar.zone_of(zone)
    # Any clock of no zone: what the local time means in the zone is for us to say, not for the library.
    begins = after.astimezone(clock).replace(tzinfo=None, microsecond=0) - _SHIFT
    named = _named(expression, begins)
    instants = _real(named, clock) if _every_hour(named) else (_first(local, clock) for local in named)
    last = after
    for instant in instants:
        if instant > last:
            yield instant
            last = instant


def _named(expression: str, after: datetime) -> CronSim:
    fields = expression.split()
    if len(fields) != len(FIELDS) or len(expression) > _LENGTH_MAX:
        raise _refused(f"{expression[:_LENGTH_MAX]!r} has not the five fields {', '.join(FIELDS)}")
    try:
        return CronSim(expression, after)
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        found = fields[FIELDS.index(field)] if field in FIELDS else expression
        raise _refused(f"the {field} {found!r} of a cron expression cannot be read") from error


def _every_hour(named: CronSim) -> bool:
    return len(named.hours) == 24


def _first(local: datetime, clock: ZoneInfo) -> datetime:
    """Give the first instant at which the clock shows ``local`` or something later."""
    instant = local.replace(tzinfo=clock).astimezone(UTC)
    if _shown(instant, clock) == local:
        return instant
    return _skip(local.replace(tzinfo=clock, fold=1).astimezone(UTC), instant, clock)


def _skip(before: datetime, after: datetime, clock: ZoneInfo) -> datetime:
    """Find the moment in which the clock was put on: after ``before``, at the latest ``after``."""
    seconds = range(int((after - before).total_seconds()) + 1)
    offset = before.astimezone(clock).utcoffset()
    moved = bisect.bisect_left(
        seconds, 1, key=lambda second: (before + timedelta(seconds=second)).astimezone(clock).utcoffset() != offset
    )
    return before + timedelta(seconds=moved)


def _real(named: Iterator[datetime], clock: ZoneInfo) -> Iterator[datetime]:
    """Give each instant at which the clock shows a named time, in order of time.

    Times of the second showing come later than those of the first that follow them; so they wait for their turn.
    """
    repeated: list[datetime] = []
    for local in named:
        first, second = (local.replace(tzinfo=clock, fold=fold).astimezone(UTC) for fold in (0, 1))
        if _shown(first, clock) != local:
            continue
        while repeated and repeated[0] < first:
            yield repeated.pop(0)
        yield first
        if second != first:
            repeated.append(second)


def _shown(instant: datetime, clock: ZoneInfo) -> datetime:
    return instant.astimezone(clock).replace(tzinfo=None)


def _refused(sentence: str) -> ScheduleRefused:
    return ScheduleRefused("cron_refused", sentence)
