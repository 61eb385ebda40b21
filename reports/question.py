"""What is asked of a report: a period and a breakdown, as the two small tables its SQL joins.

``calendar`` (day, utc_day, start_us, end_us) places instants in local days; ``asked`` is one row of 0 and 1
that says which columns make the groups. So one SQL text serves every breakdown.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from reports import calendar
from reports.arrow import DAY, TEXT, WHOLE, Table, pa
from reports.calendar import Period
from reports.errors import GroupingUnknown

KEYS = {"day": "day", "connection": "connection_id"}
"""Breakdown -> its column, in the order in which rows are sorted."""

KEY_COLUMNS = list(KEYS.values())

TOTAL = "total"
"""The breakdown into a single group, and what ``by`` says alone."""

_CALENDAR = pa.schema({"day": TEXT, "utc_day": DAY, "start_us": WHOLE, "end_us": WHOLE})


@dataclass(frozen=True, slots=True)
class Question:
    """A period and the breakdowns asked for, in the order of KEYS."""

    period: Period
    by: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Give the columns that name a group."""
        return tuple(KEYS[name] for name in self.by)

    def frames(self) -> dict[str, Table]:
        """Give the tables that the SQL of every report knows."""
        rows = [segment._asdict() for segment in calendar.segments(self.period)]
        flags = {f"by_{name}": pa.array([int(name in self.by)], WHOLE) for name in KEYS}
        return {"calendar": pa.Table.from_pylist(rows, schema=_CALENDAR), "asked": pa.table(flags)}

    def groups(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give the groups to show: the one total, every day of the period, or the connections there are."""
        if "connection" in self.by:
            return rows[KEY_COLUMNS].drop_duplicates(ignore_index=True)
        days = self.period.days if self.by else (None,)
        return pd.DataFrame({"day": days, "connection_id": None}, dtype="str")


def breakdown(by: str | Iterable[str]) -> tuple[str, ...]:
    """Read ``"total"``, ``"day"``, ``"connection"``, ``"connection,day"`` or a list of them.

    Raises GroupingUnknown.
    """
    given = by.split(",") if isinstance(by, str) else list(by)
    names = {name.strip() for name in given} - {TOTAL}
    if unknown := sorted(names - KEYS.keys()):
        known = ", ".join((TOTAL, *KEYS))
        raise GroupingUnknown(f"a report cannot be broken down by {', '.join(unknown)!r}; by {known}")
    return tuple(name for name in KEYS if name in names)
