"""Periods that move with the day: which local dates a schedule's run is about, from when it is due.

All of them end before the local day on which the run is due, so that they hold whole days that are over.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

from reports import calendar
from reports.schedule_errors import ScheduleRefused

DAYS_MAX = 366

_DAY = timedelta(days=1)
_PREVIOUS = re.compile(r"previous-([1-9]\d{0,2})-days", re.ASCII)


def _last_week(today: date) -> tuple[date, date]:
    monday = today - timedelta(days=today.weekday())
    return monday - timedelta(days=7), monday


def _last_month(today: date) -> tuple[date, date]:
    return _first_of_month(_first_of_month(today) - _DAY), _first_of_month(today)


def _last_quarter(today: date) -> tuple[date, date]:
    first = date(today.year, today.month - (today.month - 1) % 3, 1)
    before = first - _DAY
    return date(before.year, before.month - 2, 1), first


def _week_to_date(today: date) -> tuple[date, date]:
    yesterday = today - _DAY
    return yesterday - timedelta(days=yesterday.weekday()), today


def _first_of_month(day: date) -> date:
    return day.replace(day=1)


PERIODS: Mapping[str, Callable[[date], tuple[date, date]]] = {
    "yesterday": lambda today: (today - _DAY, today),
    "last-week": _last_week,
    "last-month": _last_month,
    "last-quarter": _last_quarter,
    "week-to-date": _week_to_date,
    "month-to-date": lambda today: (_first_of_month(today - _DAY), today),
}
"""Name -> from the local day on which a run is due, the first date and the one after the last.

A week begins on Monday. ``to-date`` is the week or month that yesterday was in, so it is never empty.
"""


def dates(period: str, zone: str, due_at: datetime) -> tuple[date, date]:
    """Give the first local date and the one after the last. Raises ScheduleRefused (period_unknown), PeriodRefused."""
    today = due_at.astimezone(calendar.zone_of(zone)).date()
    previous = _PREVIOUS.fullmatch(period)
    if previous is not None and int(previous[1]) <= DAYS_MAX:
        return today - timedelta(days=int(previous[1])), today
    if period not in PERIODS:
        known = ", ".join((*PERIODS, f"previous-N-days (N up to {DAYS_MAX})"))
        raise ScheduleRefused("period_unknown", f"there is no period {period!r}; there are {known}")
    return PERIODS[period](today)
