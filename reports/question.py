"""What is asked of a report: a period and a breakdown, as the small tables its SQL joins.

``calendar`` (day, week, hour, utc_day, start_us, end_us) places instants in local days; ``asked`` is one row: 0 and 1
that say which columns make the groups, the bounds of the period, and by how much an event must be late to be counted
so; ``tagged`` gives each set of tags its value. So one SQL text serves every breakdown. ``day``, ``week`` and ``hour``
are null where the report is not broken down so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import orjson
import pandas as pd

from projections import log_counts
from reports import calendar
from reports.arrow import DAY, TEXT, WHOLE, Table, pa
from reports.calendar import Period, Segment
from reports.errors import GroupingUnknown

KEYS = {
    "day": "day",
    "week": "week",
    "hour": "hour",
    "connection": "connection_id",
    "number": "number",
    "tag": "tag",
}
"""Breakdown -> its column, in the order in which rows are sorted."""

KEY_COLUMNS = list(KEYS.values())

TOTAL = "total"
"""The breakdown into a single group, and what ``by`` says alone."""

TAG = "tag:"
"""Before the name of a tag: ``tag:desk``."""

TREND_WEEKS = 13

_CALENDAR = pa.schema({"day": TEXT, "week": TEXT, "hour": TEXT, "utc_day": DAY, "start_us": WHOLE, "end_us": WHOLE})
_TAGGED = pa.schema({"tags": TEXT, "value": TEXT})
_OF_CALLS = ("connection", "number", "tag")
_TIMES = ["day", "week", "hour"]


@dataclass(frozen=True, slots=True)
class Question:
    """A period and the breakdowns asked for, in the order of KEYS; a tag is written ``tag:NAME``."""

    period: Period
    by: tuple[str, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Give the keys of KEYS that are asked for."""
        return tuple(_kind(name) for name in self.by)

    @property
    def columns(self) -> tuple[str, ...]:
        """Give the columns that name a group."""
        return tuple(KEYS[kind] for kind in self.kinds)

    @property
    def tag(self) -> str | None:
        """Give the name of the tag that is asked for."""
        return next((name.removeprefix(TAG) for name in self.by if name.startswith(TAG)), None)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Give the period's time, in as small pieces as are asked for."""
        return calendar.segments(self.period, hourly="hour" in self.kinds)

    def frames(self, tag_sets: Iterable[str] = ()) -> dict[str, Table]:
        """Give the tables that the SQL of every report knows. ``tag_sets`` are the sets of tags there are, as JSON."""
        segments = self.segments
        asked = {f"by_{kind}": int(kind in self.kinds) for kind in KEYS}
        asked |= {"late_us": log_counts.LATE_US}
        # A zone that skipped the whole period has no instant in it.
        asked |= {"start_us": min((each.start_us for each in segments), default=0)}
        asked |= {"end_us": max((each.end_us for each in segments), default=0)}
        tagged = [{"tags": tags, "value": tag_value(orjson.loads(tags), self.tag or "")} for tags in tag_sets]
        return {
            "calendar": pa.Table.from_pylist(self._calendar(segments), schema=_CALENDAR),
            "asked": pa.table({name: pa.array([value], WHOLE) for name, value in asked.items()}),
            "tagged": pa.Table.from_pylist(tagged, schema=_TAGGED),
        }

    def groups(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give the groups to show: the one total, each day, week, hour of the period, or those of calls there are."""
        if any(kind in _OF_CALLS for kind in self.kinds):
            return rows[KEY_COLUMNS].drop_duplicates(ignore_index=True)
        # A day that a zone skipped has its row, though it has no hour.
        times = self.segments if "hour" in self.kinds else [Segment(day, 0, 0, 0) for day in self.period.days]
        shown = dict.fromkeys(tuple(self._times(each).values()) for each in times)
        groups = pd.DataFrame(list(shown), columns=_TIMES, dtype="str")
        return groups.reindex(columns=KEY_COLUMNS).astype("str")

    def trend(self) -> "Question":
        """Give the question for the weeks up to the one that the period ends in, week by week."""
        last = date.fromisoformat(week_of((self.period.end - timedelta(1)).isoformat()))
        first = max(last - timedelta(weeks=TREND_WEEKS - 1), calendar.FIRST)
        return Question(Period(first, self.period.end, self.period.zone), ("week",))

    def _calendar(self, segments: Iterable[Segment]) -> list[dict[str, str | int | None]]:
        return [each._asdict() | self._times(each) for each in segments]

    def _times(self, segment: Segment) -> dict[str, str | None]:
        told = {"day": segment.day, "week": week_of(segment.day), "hour": segment.hour}
        return {name: told[name] if name in self.kinds else None for name in _TIMES}


def keyed(rows: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of a report's SQL with every key column; one it does not know is empty."""
    missing = {name: pd.Series(None, index=rows.index, dtype="str") for name in KEY_COLUMNS if name not in rows}
    return rows.assign(**missing)


def week_of(day: str) -> str:
    """Give the Monday of a date's ISO week."""
    given = date.fromisoformat(day)
    return (given - timedelta(given.weekday())).isoformat()


def tag_value(tags: Sequence[str], name: str) -> str | None:
    """Give what a set of tags says of ``name``: itself where it is one, or what follows ``name:`` or ``name=``.

    Several values are sorted and joined with a comma; None where it says nothing.
    """
    values = {name for tag in tags if tag == name}
    values |= {tag[len(name) + 1 :] for tag in tags if tag.startswith((f"{name}:", f"{name}="))}
    return ", ".join(sorted(values)) or None


def breakdown(by: str | Iterable[str], allowed: Iterable[str] = tuple(KEYS)) -> tuple[str, ...]:
    """Read ``"total"``, ``"day"``, ``"connection,day"``, ``"tag:desk"`` or a list of such.

    Raises GroupingUnknown, also for what is not among ``allowed``.
    """
    given = by.split(",") if isinstance(by, str) else list(by)
    names = {name.strip() for name in given} - {TOTAL}
    known = [kind for kind in KEYS if kind in allowed]
    if unknown := sorted(name for name in names if _kind(name) not in known):
        choices = ", ".join((TOTAL, *(kind if kind != "tag" else f"{TAG}NAME" for kind in known)))
        raise GroupingUnknown(f"this report cannot be broken down by {', '.join(unknown)!r}; by {choices}")
    if len({_kind(name) for name in names}) < len(names):
        raise GroupingUnknown("a report is broken down by one tag at a time")
    return tuple(sorted(names, key=lambda name: known.index(_kind(name))))


def _kind(name: str) -> str:
    """Tell which of KEYS a breakdown is; a tag without a name is none."""
    if name.startswith(TAG) and name != TAG:
        return "tag"
    return "" if name == "tag" else name
