"""What a report is asked, and how rows fall into its groups. Local days are worked out here on their own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from calls import instants
from calls.instants import Instant

Row: TypeAlias = dict[str, Any]
Group: TypeAlias = tuple[str | None, ...]

COLUMNS = {"day": "day", "week": "week", "connection": "connection_id", "number": "number"}
"""Breakdown -> its column, in the order in which rows are sorted."""

_TIMES = ("day", "week")

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Asked:
    """The local dates from ``first`` up to, without, ``end``, broken down ``by`` some of COLUMNS, in that order."""

    first: date
    end: date
    zone: str = "UTC"
    by: tuple[str, ...] = ()

    def day(self, at: Instant) -> date:
        """Give the date that the zone's clocks show."""
        return instants.to_datetime(at).astimezone(ZoneInfo(self.zone)).date()

    def holds(self, at: Instant) -> bool:
        """Tell whether an instant lies in the period."""
        return self.first <= self.day(at) < self.end

    def by_day(self, begin: Instant, end: Instant) -> Iterator[tuple[Instant, int]]:
        """Cut time at local midnights within the period: where each piece begins, and how long it is."""
        while begin < end:
            tomorrow = datetime.combine(self.day(begin) + timedelta(1), time(), ZoneInfo(self.zone))
            until = min(end, instants.from_datetime(tomorrow))
            if self.holds(begin):
                yield begin, until - begin
            begin = until

    def group(self, at: Instant, of: Any) -> Group:
        """Give the group of something that happened then on a leg."""
        day = self.day(at)
        values = {
            "day": day.isoformat(),
            "week": (day - timedelta(day.weekday())).isoformat(),
            "connection": of.connection_id,
            "number": of.number,
        }
        return tuple(values[name] for name in self.by)

    def grouped(self, items: Iterable[tuple[Instant, Any, _Item]]) -> dict[Group, list[_Item]]:
        """Sort items (when, on which leg, what) into groups; by time alone each has its own, also an empty one."""
        groups: dict[Group, list[_Item]] = {group: [] for group in self._always()}
        for at, of, item in items:
            if self.holds(at):
                groups.setdefault(self.group(at, of), []).append(item)
        return {group: groups[group] for group in sorted(groups, key=last_if_none)}

    def named(self, group: Group) -> Row:
        """Give the columns that name a group."""
        return {COLUMNS[name]: value for name, value in zip(self.by, group, strict=True)}

    def _always(self) -> set[Group]:
        if any(name not in _TIMES for name in self.by):
            return set()
        days = (self.first + timedelta(n) for n in range((self.end - self.first).days))
        values = ({"day": day, "week": day - timedelta(day.weekday())} for day in days)
        return {tuple(value[name].isoformat() for name in self.by) for value in values}


def last_if_none(values: Iterable[Any]) -> list[tuple[bool, Any]]:
    """Order values with None after all others."""
    return [(value is None, 0 if value is None else value) for value in values]
