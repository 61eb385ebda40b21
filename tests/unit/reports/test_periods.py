"""What a relative period is about: whole local days that are over when the run is due."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import periods
from reports.schedule_errors import ScheduleRefused


def said(period: str, due_at: str, zone: str = "UTC") -> str:
    """Give a period as text."""
    first, end = periods.dates(period, zone, datetime.fromisoformat(due_at))
    return f"{first} {end}"


@pytest.mark.parametrize(
    ("period", "due_at", "expected"),
    [
        ("yesterday", "2026-03-01T06:00Z", "2026-02-28 2026-03-01"),
        ("last-week", "2026-11-25T06:00Z", "2026-11-16 2026-11-23"),
        ("last-week", "2026-11-23T00:00Z", "2026-11-16 2026-11-23"),
        ("last-month", "2026-03-31T06:00Z", "2026-02-01 2026-03-01"),
        ("last-month", "2026-01-01T06:00Z", "2025-12-01 2026-01-01"),
        ("last-quarter", "2026-02-10T06:00Z", "2025-10-01 2026-01-01"),
        ("last-quarter", "2026-12-31T06:00Z", "2026-07-01 2026-10-01"),
        ("month-to-date", "2026-11-25T06:00Z", "2026-11-01 2026-11-25"),
        ("month-to-date", "2026-11-01T06:00Z", "2026-10-01 2026-11-01"),
        ("week-to-date", "2026-11-25T06:00Z", "2026-11-23 2026-11-25"),
        ("week-to-date", "2026-11-23T06:00Z", "2026-11-16 2026-11-23"),
        ("previous-7-days", "2026-11-25T06:00Z", "2026-11-18 2026-11-25"),
        ("previous-366-days", "2026-11-25T06:00Z", "2025-11-24 2026-11-25"),
    ],
)
def test_period_is_of_dates_before_the_due_day(period: str, due_at: str, expected: str) -> None:
    """Weeks begin on Monday; to date is up to yesterday, and on the first day all of the one before."""
    assert said(period, due_at) == expected


def test_day_is_the_one_that_the_zones_clock_shows() -> None:
    """At one moment it is another day in New York than on Lord Howe."""
    assert said("yesterday", "2026-11-25T02:00Z", "America/New_York") == "2026-11-23 2026-11-24"
    assert said("yesterday", "2026-11-25T02:00Z", "Australia/Lord_Howe") == "2026-11-24 2026-11-25"


@given(
    st.sampled_from([*periods.PERIODS, "previous-1-days", "previous-31-days"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 given a zone here
    st.sampled_from(["UTC", "Europe/London", "Pacific/Apia"]),
)
def test_no_period_is_empty_or_reaches_the_due_day(period: str, due_at: datetime, zone: str) -> None:
    """It ends at the latest with yesterday, and has a day at least."""
    first, end = periods.dates(period, zone, due_at)
    assert first < end
    assert end <= (due_at + timedelta(hours=14)).date()
    assert date(1999, 1, 1) < first


@pytest.mark.parametrize(
    "period", ["", "today", "previous-0-days", "previous-367-days", "previous-٣-days", "last_week", "Yesterday"]
)
def test_other_period_is_refused_with_those_there_are(period: str) -> None:
    """The sentence names them."""
    with pytest.raises(ScheduleRefused, match="last-month") as refused:
        periods.dates(period, "UTC", datetime(2026, 11, 25, tzinfo=UTC))
    assert refused.value.reason == "period_unknown"
