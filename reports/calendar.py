"""A report's period: local dates in an IANA zone, as segments of UTC time that any engine can join on.

A local day is the set of instants at which that zone's clocks show that date: 23, 24, 24.5 or 25 hours,
nothing where a zone skipped the date, two pieces where the clock fell back over midnight. Zones come only
from the ``tzdata`` package, never from the machine: the same program always means the same hours.
"""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cache
from importlib import resources
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

import tzdata

from calls import instants
from reports.errors import PeriodRefused

TZDATA_VERSION: str = tzdata.IANA_VERSION

FIRST, _END = date(1970, 1, 1), date(2200, 1, 1)
_SECOND_US = 1_000_000
_DAY_S = 86_400
_HOUR_S = 3_600
# How far apart offsets are compared: a change that is undone within it would be missed; no zone has had one.
_STEP_S = 6 * 3_600
_MARGIN = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Period:
    """The local dates from ``first`` up to, without, ``end`` in ``zone``."""

    first: date
    end: date
    zone: str

    @property
    def days(self) -> tuple[str, ...]:
        """Give the dates of the period, ISO 8601, skipped ones included."""
        return tuple((self.first + timedelta(n)).isoformat() for n in range((self.end - self.first).days))


class Segment(NamedTuple):
    """The half-open microseconds ``[start_us, end_us)`` of one local day that lie in one UTC day.

    ``hour`` is the local hour with its offset from UTC, ``14 +01:00``, where the day is cut into those.
    """

    day: str
    utc_day: int
    start_us: int
    end_us: int
    hour: str | None = None


def period(from_: date | str, to: date | str, zone: str) -> Period:
    """Check a period. Raises PeriodRefused: zone_unknown, date_refused, period_empty, period_out_of_range."""
    first, end = _date(from_), _date(to)
    if zone not in _zone_names():
        raise PeriodRefused("zone_unknown", f"{zone!r} is no IANA time zone of tzdata {TZDATA_VERSION}")
    if first >= end:
        raise PeriodRefused("period_empty", f"the period must end after it begins, not {first} to {end}")
    if first < FIRST or end > _END:
        raise PeriodRefused("period_out_of_range", f"the period must lie between {FIRST} and {_END}")
    return Period(first, end, zone)


def zone_of(name: str) -> ZoneInfo:
    """Give the clock of an IANA zone, as tzdata has it. Raises PeriodRefused: zone_unknown."""
    if name not in _zone_names():
        raise PeriodRefused("zone_unknown", f"{name!r} is no IANA time zone of tzdata {TZDATA_VERSION}")
    return _load(name)


def segments(asked: Period, *, hourly: bool = False) -> tuple[Segment, ...]:
    """Give the period's time, each instant in exactly one segment, in order of time; ``hourly``, hour by hour.

    An hour that the clock shows twice is two: they differ in their offset from UTC.
    """
    days = frozenset(asked.days)
    pieces = [piece for piece in _pieces(asked, hourly=hourly) if piece.day in days]
    # A change of the clock within a day leaves two adjacent pieces; together they are one segment.
    joined = (list(group) for _, group in groupby(pieces, key=lambda piece: (piece.day, piece.utc_day, piece.hour)))
    return tuple(segment for group in joined for segment in _join(group))


def local_text(instant_us: int, zone: str) -> str:
    """Write an instant as the zone's clocks showed it: ISO 8601, microseconds, with its offset from UTC."""
    return instants.to_datetime(instant_us).astimezone(_load(zone)).isoformat(timespec="microseconds")


def _join(pieces: list[Segment]) -> Iterator[Segment]:
    current = pieces[0]
    for piece in pieces[1:]:
        if piece.start_us != current.end_us:
            yield current
            current = piece
        else:
            current = current._replace(end_us=piece.end_us)
    yield current


def _pieces(asked: Period, *, hourly: bool) -> Iterator[Segment]:
    step = _HOUR_S if hourly else _DAY_S
    begin, end = (_midnight_s(asked.first - _MARGIN), _midnight_s(asked.end + _MARGIN))
    for start, stop, offset in _stretches(_load(asked.zone), begin, end):
        at = start
        while at < stop:
            local_end = at + step - (at + offset) % step
            utc_midnight = at + _DAY_S - at % _DAY_S
            until = min(stop, local_end, utc_midnight)
            local = datetime.fromtimestamp(at, timezone(timedelta(seconds=offset)))
            hour = _hour_text(local) if hourly else None
            yield Segment(local.date().isoformat(), at // _DAY_S, at * _SECOND_US, until * _SECOND_US, hour)
            at = until


def _hour_text(local: datetime) -> str:
    return f"{local:%H} {local.isoformat()[19:]}"


def _stretches(zone: ZoneInfo, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Cut ``[begin, end)`` (seconds) where the zone's offset changes: (start, end, offset)."""
    start, offset = begin, _offset(zone, begin)
    for probe in range(begin + _STEP_S, end + 1, _STEP_S):
        while _offset(zone, probe) != offset:
            change = _change(zone, max(start, probe - _STEP_S), probe, offset)
            yield start, change, offset
            start, offset = change, _offset(zone, change)
    yield start, end, offset


def _change(zone: ZoneInfo, before: int, after: int, offset: int) -> int:
    seconds = range(before, after)
    place = bisect.bisect_left(seconds, 1, key=lambda second: int(_offset(zone, second) != offset))
    return before + place


def _offset(zone: ZoneInfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset()
    assert offset is not None, "a ZoneInfo always knows its offset"
    return round(offset.total_seconds())


def _midnight_s(day: date) -> int:
    return (day - FIRST).days * _DAY_S


def _date(given: object) -> date:
    if type(given) is date:
        return given
    try:
        day = date.fromisoformat(str(given))
    except ValueError:
        day = None
    # The standard library also reads 20261001 and 2026-W40-4; a period is written in one way.
    if day is None or day.isoformat() != given:
        raise PeriodRefused("date_refused", f"{given!r} is no date like 2026-10-31")
    return day


@cache
def _zone_names() -> frozenset[str]:
    names = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(names.split())


@cache
def _load(name: str) -> ZoneInfo:
    # from_file reads this file alone; ZoneInfo(name) would look at the machine's own tables first.
    with resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
